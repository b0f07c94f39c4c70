"""What hears of alarms is told: the body of a message, and what activities tell of the alarm that invoked them.

Source: conformance/recorded, cloudwatch, stackd sns_publications; activities as Netflix/edda #60 shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from backend.domain.alarms import Watched
from backend.domain.composites import Composite
from translators import arns
from translators.cloudwatch.composite_words import reason, triggering

_NAMES: Final[Mapping[str, str]] = {
    "us-east-1": "US East (N. Virginia)",
    "us-east-2": "US East (Ohio)",
    "us-west-1": "US West (N. California)",
    "us-west-2": "US West (Oregon)",
    "ca-central-1": "Canada (Central)",
    "eu-central-1": "EU (Frankfurt)",
    "eu-west-1": "EU (Ireland)",
    "eu-west-2": "EU (London)",
    "eu-west-3": "EU (Paris)",
    "eu-north-1": "EU (Stockholm)",
    "ap-northeast-1": "Asia Pacific (Tokyo)",
    "ap-southeast-1": "Asia Pacific (Singapore)",
    "ap-southeast-2": "Asia Pacific (Sydney)",
    "ap-south-1": "Asia Pacific (Mumbai)",
    "sa-east-1": "South America (Sao Paulo)",
}
"""Regions as messages call them; of others the name itself."""
_STATISTICS: Final = {"SampleCount": "SAMPLE_COUNT"}
_MOST: Final = 100


def body(facts: Mapping[str, Any], region: str, account: str) -> dict[str, Any]:
    """The body that a topic gets. ``facts``: those of store.alarm_changes."""
    place = region, account
    words, _ = reason(facts["alarm"], {**facts, "data": None}, place)
    told = {
        "AlarmName": facts["alarm"],
        "AlarmDescription": facts["description"],
        "AWSAccountId": account,
        "AlarmConfigurationUpdatedTimestamp": _stamp(facts["configured_at"]),
        "NewStateValue": facts["state"],
        "NewStateReason": words,
        "StateChangeTime": _stamp(facts["changed_at"]),
        "Region": _NAMES.get(region, region),
        "AlarmArn": arns.alarm(region, account, facts["alarm"]),
        "OldStateValue": facts["was"],
        "OKActions": facts["ok_actions"],
        "AlarmActions": facts["alarm_actions"],
        "InsufficientDataActions": facts["insufficient_actions"],
        "ActionExecutedAfterMuteWindow": False,
    }
    if facts.get("composite") is not None:
        return {**told, **_composite(facts, place)}
    watched = Watched.of(facts["watched"])
    told["Trigger"] = _trigger(watched)
    if watched.datapoints is not None:
        told["Trigger"]["DatapointsToAlarm"] = watched.datapoints
    return told


def _composite(facts: Mapping[str, Any], place: tuple[str, str]) -> dict[str, Any]:
    """What is told of a composite alarm in the place of what triggers others. Source: messages that users showed."""
    children = [
        {"Arn": each["arn"], "State": {name.capitalize(): value for name, value in each["state"].items()}}
        for each in triggering(facts.get("because"), place)
    ]
    return {"AlarmRule": Composite.of(facts["composite"]).text, "TriggeringChildren": children}


def subject(facts: Mapping[str, Any], region: str) -> str:
    return f'{facts["state"]}: "{facts["alarm"]}" in {_NAMES.get(region, region)}'[:_MOST]


def invoking(facts: Mapping[str, Any], region: str, account: str) -> dict[str, Any]:
    """One of InvokingAlarms."""
    trigger = _trigger(Watched.of(facts["watched"]))
    trigger.pop("Dimensions", None)
    return {
        "AlarmArn": arns.alarm(region, account, facts["alarm"]),
        "Trigger": trigger,
        "AlarmName": facts["alarm"],
        "AlarmDescription": facts["description"],
        "AWSAccountId": account,
        "OldStateValue": facts["was"],
        "Region": _NAMES.get(region, region),
        "NewStateValue": facts["state"],
        "AlarmConfigurationUpdatedTimestamp": facts["configured_at"] // 1000,
        "StateChangeTime": facts["changed_at"] // 1000,
    }


def _trigger(watched: Watched) -> dict[str, Any]:
    stat = watched.stat
    rule: dict[str, Any] = {
        "Period": watched.period,
        "EvaluationPeriods": watched.periods,
        "ComparisonOperator": str(watched.comparison),
        "Threshold": watched.threshold,
        "TreatMissingData": "" if watched.missing is None else str(watched.missing),
        "EvaluateLowSampleCountPercentile": "",
    }
    if watched.ignores_low_samples is not None:
        rule["EvaluateLowSampleCountPercentile"] = "ignore" if watched.ignores_low_samples else "evaluate"
    if stat is None:
        return {**rule, "Metrics": [{"Id": each.id, "Expression": each.expression} for each in watched.queries]}
    simple = stat.statistic in {"SampleCount", "Average", "Sum", "Minimum", "Maximum"}
    shown = _STATISTICS.get(stat.statistic, stat.statistic.upper()) if simple else stat.statistic
    return {
        "MetricName": stat.metric.name,
        "Namespace": stat.metric.namespace,
        "StatisticType": "Statistic" if simple else "ExtendedStatistic",
        "Statistic": shown,
        "Unit": stat.unit,
        "Dimensions": [{"value": value, "name": name} for name, value in stat.metric.dimensions],
        **rule,
    }


def _stamp(micros: int) -> str:
    at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}+0000"
