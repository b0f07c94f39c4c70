"""Alarms: put, set by hand, switched, listed and deleted, and what happened to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from backend.domain.alarms import Alarm, AlarmState, HistoryItem, HistoryKind
from backend.services.alarms import AlarmQuery, HistoryQuery
from translators import paging
from translators.cloudwatch.alarm_words import for_history, told, wanted
from translators.cloudwatch.listing import named
from translators.errors import AWSError
from translators.registry import Call, Result, operation

_PAGE: Final = 50
_METRIC: Final = "MetricAlarm"


@operation("cloudwatch", "PutMetricAlarm")
def put(call: Call) -> Result:
    call.backend.alarms.put(call.scope, wanted(call.params), _describing(call))
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
    kinds = params.get("AlarmTypes") or [_METRIC]
    relatives = params.get("ChildrenOfAlarmName"), params.get("ParentsOfAlarmName")
    if _METRIC not in kinds or any(each is not None for each in relatives):
        return answer
    state, limit = params.get("StateValue"), params.get("MaxRecords") or _PAGE
    query = AlarmQuery(
        params.get("AlarmNames") or (),
        params.get("AlarmNamePrefix"),
        None if state is None else AlarmState(state),
        params.get("ActionPrefix"),
    )
    after = None
    if token := params.get("NextToken"):
        after = paging.decode(token, call.operation, paging.binding(call), "cloudwatch")
    page = call.backend.alarms.page(call.scope, query, limit, after)
    more = {}
    if page.marker is not None:
        more["NextToken"] = paging.encode(call.operation, page.marker, paging.binding(call))
    return {**answer, "MetricAlarms": [_told(call, alarm) for alarm in page.items], **more}


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
    if params.get("AlarmTypes") and _METRIC not in params["AlarmTypes"]:
        return {"AlarmHistoryItems": []}
    kind = params.get("HistoryItemType")
    if params.get("AlarmContributorId") is not None or (kind is not None and kind not in set(HistoryKind)):
        return {"AlarmHistoryItems": []}  # no alarm has contributors here
    query = HistoryQuery(
        params.get("AlarmName"),
        None if kind is None else HistoryKind(kind),
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
    return {"AlarmHistoryItems": [_item(item) for item in page.items], **more}


def _told(call: Call, alarm: Alarm) -> Mapping[str, Any]:
    return told(alarm, call.region, call.account_id)


def _describing(call: Call) -> Any:
    return partial(for_history, region=call.region, account=call.account_id)


def _item(item: HistoryItem) -> dict[str, Any]:
    data = item.data
    if len(data) > _MOST_DATA:
        data = json.dumps({"version": "1.0"}, separators=(",", ":"))
    return {
        "AlarmName": item.alarm,
        "AlarmType": _METRIC,
        "Timestamp": item.at,
        "HistoryItemType": str(item.kind),
        "HistorySummary": item.summary,
        "HistoryData": data,
    }


_MOST_DATA: Final = 4095
