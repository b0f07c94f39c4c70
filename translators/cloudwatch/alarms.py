"""Alarms: put, set by hand, switched, listed and deleted, and what happened to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from backend.domain.alarms import Alarm, AlarmState, HistoryKind
from backend.domain.composites import ChildrenMissing, SuppressorMissing
from backend.services.alarms import AlarmQuery, HistoryQuery
from translators import arns, paging
from translators.cloudwatch import alarm_history, composite_words
from translators.cloudwatch.alarm_words import for_history, told, wanted
from translators.cloudwatch.errors import combination, validation
from translators.cloudwatch.listing import named
from translators.errors import AWSError
from translators.registry import Call, Result, operation

_PAGE: Final = 50
_METRIC: Final = "MetricAlarm"
_COMPOSITE: Final = "CompositeAlarm"


@operation("cloudwatch", "PutMetricAlarm")
def put(call: Call) -> Result:
    call.backend.alarms.put(call.scope, wanted(call.params, call.region), _describing(call))
    return {}


@operation("cloudwatch", "PutCompositeAlarm")
def put_composite(call: Call) -> Result:
    asked = composite_words.wanted(call.params, _place(call))
    try:
        call.backend.alarms.put(call.scope, asked, _describing(call))
    except ChildrenMissing as missing:
        every = ", ".join(arns.alarm(*_place(call), name) for name in missing.names)
        words = f"Could not save the composite alarm as alarms [{every}] in the alarm rule do not exist"
        raise validation(words) from missing
    except SuppressorMissing as missing:  # unsourced
        arn = arns.alarm(*_place(call), missing.name)
        words = f"Could not save the composite alarm as the alarm [{arn}] in ActionsSuppressor does not exist"
        raise validation(words) from missing
    return {}


@operation("cloudwatch", "DeleteAlarms")
def delete(call: Call) -> Result:
    call.backend.alarms.remove(call.scope, call.params["AlarmNames"], _describing(call))
    return {}


@operation("cloudwatch", "SetAlarmState")
def set_state(call: Call) -> Result:
    params = call.params
    state = AlarmState(params["StateValue"])
    call.backend.alarms.set_state(
        call.scope, params["AlarmName"], state, params["StateReason"], params.get("StateReasonData")
    )  # fmt: skip
    return {}


@operation("cloudwatch", "EnableAlarmActions")
def enable(call: Call) -> Result:
    call.backend.alarms.enable(call.scope, call.params["AlarmNames"], enabled=True, describe=_describing(call))
    return {}


@operation("cloudwatch", "DisableAlarmActions")
def disable(call: Call) -> Result:
    call.backend.alarms.enable(call.scope, call.params["AlarmNames"], enabled=False, describe=_describing(call))
    return {}


@operation("cloudwatch", "DescribeAlarms")
def describe(call: Call) -> Result:
    """Source: conformance/recorded alarm_controls: without types metric alarms alone, and three lists always."""
    params = call.params
    answer: dict[str, Any] = {"CompositeAlarms": [], "LogAlarms": [], "MetricAlarms": []}
    relative = _relative(params)
    kinds = set(params.get("AlarmTypes") or [_METRIC]) & {_METRIC, _COMPOSITE}
    if not kinds and relative is None:
        return answer
    state, limit = params.get("StateValue"), params.get("MaxRecords") or _PAGE
    query = AlarmQuery(
        params.get("AlarmNames") or (),
        params.get("AlarmNamePrefix"),
        None if state is None else AlarmState(state),
        params.get("ActionPrefix"),
        composite=None if len(kinds) > 1 else _COMPOSITE in kinds,
    )
    after = None
    if token := params.get("NextToken"):
        after = paging.decode(token, call.operation, paging.binding(call), "cloudwatch")
    if relative is None:
        page = call.backend.alarms.page(call.scope, query, limit, after)
    else:
        related = call.backend.alarms.children if relative == _CHILDREN else call.backend.alarms.parents
        page = related(call.scope, params[relative], limit, after)
    more = {}
    if page.marker is not None:
        more["NextToken"] = paging.encode(call.operation, page.marker, paging.binding(call))
    for alarm in page.items:
        if alarm.composite is None:
            answer["MetricAlarms"].append(_told(call, alarm))
        else:
            whole = composite_words.told(alarm, _place(call))
            answer["CompositeAlarms"].append(whole if relative is None else _of_relatives(whole, relative))
    if relative is not None:
        answer["MetricAlarms"] = [_of_relatives(each, relative) for each in answer["MetricAlarms"]]
    return {**answer, **more}


def _relative(params: Mapping[str, Any]) -> str | None:
    """Which relatives of an alarm are asked for, None where none are.

    Raises:
        AWSError: something else is asked for, too.

    Source: the model, DescribeAlarms: no other parameter but MaxRecords and NextToken stands beside them.
    """
    asked = [each for each in (_CHILDREN, _PARENTS) if params.get(each) is not None]
    if not asked:
        return None
    others = [each for each in _CHOOSING if params.get(each)] + asked[1:]
    if others:
        raise combination(f"{asked[0]} cannot be specified with {', '.join(others)}")  # unsourced
    return asked[0]


def _of_relatives(told: Mapping[str, Any], relative: str) -> Mapping[str, Any]:
    """What is told of relatives of an alarm. Source: the model, ChildrenOfAlarmName and ParentsOfAlarmName."""
    names = ("AlarmName", "AlarmArn", "StateValue", "StateUpdatedTimestamp") if relative == _CHILDREN else ()
    return {name: told[name] for name in (names or ("AlarmName", "AlarmArn"))}


_CHILDREN: Final = "ChildrenOfAlarmName"
_PARENTS: Final = "ParentsOfAlarmName"
_CHOOSING: Final = ("AlarmNames", "AlarmNamePrefix", "AlarmTypes", "StateValue", "ActionPrefix")


@operation("cloudwatch", "DescribeAlarmsForMetric")
def describe_of_metric(call: Call) -> Result:
    """Source: conformance/recorded alarm_controls: statistic, period and unit count where they are given."""
    params = call.params
    statistic = params.get("Statistic") or params.get("ExtendedStatistic")
    found = []
    for alarm in call.backend.alarms.of_metric(call.scope, named(params)):
        stat = alarm.rule.stat
        assert stat is not None
        asked = ((statistic, stat.statistic), (params.get("Period"), stat.period), (params.get("Unit"), stat.unit))
        if all(wish is None or wish == own for wish, own in asked):
            found.append(alarm)
    return {"MetricAlarms": [_told(call, alarm) for alarm in found]}


@operation("cloudwatch", "DescribeAlarmHistory")
def describe_history(call: Call) -> Result:
    params = call.params
    kinds = set(params.get("AlarmTypes") or [_METRIC]) & {_METRIC, _COMPOSITE}
    if not kinds:
        return {"AlarmHistoryItems": []}
    kind = params.get("HistoryItemType")
    if params.get("AlarmContributorId") is not None or (kind is not None and kind not in set(HistoryKind)):
        return {"AlarmHistoryItems": []}  # no alarm has contributors here
    query = HistoryQuery(
        params.get("AlarmName"),
        None if kind is None else HistoryKind(kind),
        None if len(kinds) > 1 else _COMPOSITE in kinds,
        params.get("StartDate"),
        params.get("EndDate"),
        params.get("ScanBy") == "TimestampAscending",
    )
    after = None
    if token := params.get("NextToken"):
        try:
            marker = paging.decode(token, call.operation, paging.binding(call), "cloudwatch")
        except AWSError as refusal:  # Source: conformance/recorded alarm_controls.history-invalid-token
            raise AWSError("InvalidNextToken", f"Invalid NextToken : {token}") from refusal
        at, _, last = marker.partition(".")
        after = (int(at), last)
    page = call.backend.alarms.history(call.scope, query, params.get("MaxRecords") or _PAGE * 2, after)
    more = {}
    if page.marker is not None:
        more["NextToken"] = paging.encode(call.operation, page.marker, paging.binding(call))
    return {"AlarmHistoryItems": [alarm_history.told(item, _place(call)) for item in page.items], **more}


def _told(call: Call, alarm: Alarm) -> Mapping[str, Any]:
    return told(alarm, call.region, call.account_id)


def _describing(call: Call) -> Callable[[Alarm], Mapping[str, Any]]:
    def describe(alarm: Alarm) -> Mapping[str, Any]:
        if alarm.composite is not None:
            return composite_words.for_history(alarm, _place(call))
        return for_history(alarm, call.region, call.account_id)

    return describe


def _place(call: Call) -> tuple[str, str]:
    return call.region, call.account_id
