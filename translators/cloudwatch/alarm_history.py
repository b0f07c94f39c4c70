"""What happened to alarms, in AWS's words.

Source: conformance/recorded, alarm_controls, alarm_signals and alarm_idempotence; alarm histories that users showed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from backend.domain.alarm_actions import ActionFault
from backend.domain.alarms import HistoryItem, HistoryKind
from translators.cloudwatch.composite_words import Place, reason

_MOST_DATA: Final = 4095
_MOST_SUMMARY: Final = 255


def told(item: HistoryItem, place: Place) -> dict[str, Any]:
    """One AlarmHistoryItem."""
    summary, data = item.summary, item.data
    if item.kind is HistoryKind.ACTION and not summary:
        summary, data = _action(json.loads(data))
    elif item.kind is HistoryKind.STATE and item.composite:
        data = _state(item.alarm, json.loads(data), place)
    if len(data) > _MOST_DATA:
        data = _text({"version": "1.0"})
    return {
        "AlarmName": item.alarm,
        "AlarmType": "CompositeAlarm" if item.composite else "MetricAlarm",
        "Timestamp": item.at,
        "HistoryItemType": str(item.kind),
        "HistorySummary": summary[:_MOST_SUMMARY],
        "HistoryData": data,
    }


def _text(told: Mapping[str, Any]) -> str:
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False)


def _state(name: str, facts: dict[str, Any], place: Place) -> str:
    """Of composite alarms states are kept with facts in the place of reasons."""
    for which in ("oldState", "newState"):
        of = facts[which]
        if (because := of.pop("because", None)) is not None:
            words, data = reason(name, {"state": of["stateValue"], "because": because}, place)
            of |= {"stateReason": words, "stateReasonData": json.loads(data or "{}")}
    return _text(facts)


def _action(facts: Mapping[str, Any]) -> tuple[str, str]:
    """In words, and as a JSON text."""
    fault, action = facts["fault"], facts["action"]
    words = None if fault is None else _FAULTS[fault["kind"]](fault, action)
    told = {
        "actionState": "Succeeded" if fault is None else "Failed",
        "stateUpdateTimestamp": facts["updated_at"] // 1000,
        "notificationResource": action,
        "publishedMessage": None,
        "error": words,
    }
    return f"Successfully executed action {action}" if words is None else words, _text(told)


def _not_executed(_fault: Mapping[str, Any], action: str) -> str:
    return f"Failed to execute action {action}"  # unsourced


def _no_step(fault: Mapping[str, Any], _action: str) -> str:
    """Source: alarm histories that users showed (DFE-Digital #58, mapbox/watchbot #187)."""
    points = ", ".join(str(float(point)) for point in fault["points"])
    return (
        f"Failed to execute AutoScaling action: No step adjustment found for metric value [{points}]"
        f" and breach threshold {float(fault['threshold'])}"
    )


_UNSAFE: Final = "Skipping autoscaling action: Scaling deemed unsafe: Error parsing monitor data for ALARM"
_FAULTS: Final[Mapping[str, Callable[[Mapping[str, Any], str], str]]] = {
    ActionFault.UNREACHED: _not_executed,
    ActionFault.NO_POLICY: _not_executed,
    ActionFault.NO_POINTS: lambda *_: "Failed to execute AutoScaling action: Metric data points must be provided",
    ActionFault.STALE: lambda fault, _: f"{_UNSAFE}: {fault['at']}",  # what follows the colon is unsourced
    ActionFault.NO_STEP: _no_step,
    # unsourced, as is what follows
    ActionFault.NO_SERVER: lambda _, action: f"Failed to execute action {action}: the instance does not exist",
    ActionFault.PROTECTED: lambda _, action: f"Failed to execute action {action}: the instance is protected",
    ActionFault.REFUSED: lambda fault, action: f"Failed to execute action {action}: {fault['why']}",
    ActionFault.OVERTAKEN: lambda _, action: f"Failed to execute action {action}: the alarm changed before it was done",
    ActionFault.UNKNOWN: lambda _, action: f"Failed to execute action {action}: its outcome is unknown",
}
