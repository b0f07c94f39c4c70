"""What the event bus tells of alarms: that one changed its state, was made, written anew or deleted.

Source: conformance/recorded alarm_delivery; CloudWatch User Guide, "Alarm events and EventBridge".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from backend.domain.alarms import Watched
from backend.domain.ids import derived_uuid
from backend.domain.metric_queries import MetricStat, Query
from translators.cloudwatch.composite_words import Place, holder_told, reason, rule_told, stamp

SOURCE: Final = "aws.cloudwatch"
STATE_CHANGE: Final = "CloudWatch Alarm State Change"
CONFIGURATION_CHANGE: Final = "CloudWatch Alarm Configuration Change"


def changed(facts: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """The detail of a change of state. ``facts``: those of store.alarm_changes."""
    alarm = facts["event"]
    return {
        "alarmName": alarm["name"],
        "state": _state(alarm["name"], alarm["standing"], place),
        "previousState": _state(alarm["name"], facts["previous"], place),
        "configuration": {**_described(alarm), **_watched(alarm)},
    }


def configured(facts: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """The detail of an alarm that was made, written anew or deleted."""
    alarm, was = facts["event"], facts["was"]
    state = _state(alarm["name"], alarm["standing"], place)
    if facts["operation"] != "delete":  # the reason is told of what is gone alone
        state = {name: value for name, value in state.items() if name in {"value", "timestamp"}}
    return {
        "alarmName": alarm["name"],
        "operation": facts["operation"],
        "state": state,
        "configuration": _configuration(alarm),
        **({} if was is None else {"previousConfiguration": _configuration(was)}),
    }


def _state(name: str, standing: Mapping[str, Any], place: Place) -> dict[str, Any]:
    words, data = reason(name, standing, place)
    held = standing["held"]
    holder = None if held is None or held["was"] is None else held["by"]
    suppressed = {key[0].lower() + key[1:]: value for key, value in holder_told(holder).items()}
    return {
        **suppressed,
        "value": standing["state"],
        "reason": words,
        **({} if data is None else {"reasonData": data}),
        "timestamp": _instant(standing["at"]),
    }


def _instant(micros: int) -> str:
    return stamp(datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros))


def _described(alarm: Mapping[str, Any]) -> dict[str, Any]:
    return {} if alarm["description"] is None else {"description": alarm["description"]}


def _configuration(alarm: Mapping[str, Any]) -> dict[str, Any]:
    """Source: conformance/recorded alarm_delivery.events_configuration_update_0."""
    return {
        **_rule(alarm),
        **_watched(alarm),
        "alarmName": alarm["name"],
        **_described(alarm),
        "actionsEnabled": alarm["enabled"],
        "timestamp": _instant(alarm["configured_at"]),
        "okActions": alarm["ok_actions"],
        "alarmActions": alarm["alarm_actions"],
        "insufficientDataActions": alarm["insufficient_actions"],
    }


def _rule(alarm: Mapping[str, Any]) -> dict[str, Any]:
    if alarm["composite"] is not None:
        return {}
    watched = Watched.of(alarm["watched"])
    low = watched.ignores_low_samples
    members = {
        "evaluationPeriods": watched.periods,
        "datapointsToAlarm": watched.datapoints,
        "threshold": watched.threshold,
        "comparisonOperator": str(watched.comparison),
        "treatMissingData": watched.missing and str(watched.missing),
        "evaluateLowSampleCountPercentile": None if low is None else "ignore" if low else "evaluate",
    }
    return {name: value for name, value in members.items() if value is not None}


def _watched(alarm: Mapping[str, Any]) -> dict[str, Any]:
    if alarm["composite"] is not None:
        return rule_told(alarm["composite"])
    watched = Watched.of(alarm["watched"])
    if watched.stat is None:
        return {"metrics": [_query(each) for each in watched.queries]}
    # AWS makes the id up; ours is the same for the same alarm.
    own = derived_uuid("alarm-metric", alarm["name"])
    return {"metrics": [{"id": own, "metricStat": _stat(watched.stat), "returnData": True}]}


def _query(query: Query) -> dict[str, Any]:
    members = {
        "id": query.id,
        "expression": query.expression,
        "label": query.label,
        "period": query.period,
        "metricStat": None if query.stat is None else _stat(query.stat),
        "returnData": query.returned,
    }
    return {name: value for name, value in members.items() if value is not None}


def _stat(stat: MetricStat) -> dict[str, Any]:
    metric = {"namespace": stat.metric.namespace, "name": stat.metric.name, "dimensions": dict(stat.metric.dimensions)}
    unit = {} if stat.unit is None else {"unit": stat.unit}
    return {"metric": metric, "period": stat.period, "stat": stat.statistic, **unit}
