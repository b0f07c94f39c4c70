"""A composite alarm in AWS's words, both ways, and why it has its state.

Texts are recorded ones (conformance/recorded, alarm_composites and test_trigger_composite_alarm) or those that users
were told, unless marked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from backend.domain.alarms import Alarm, WantedAlarm, Watched
from backend.domain.composites import NOTHING_WATCHED, Composite, Suppressor
from translators import arns
from translators.cloudwatch import alarm_rules
from translators.cloudwatch.alarm_words import common, wanted_actions
from translators.cloudwatch.errors import validation

_ARN: Final = re.compile(r"arn:aws[a-z-]*:cloudwatch:([a-z0-9-]*):([0-9]*):alarm:(.*)", re.DOTALL)
_MOST_DATA: Final = 4000
"""Characters. Source: the model, StateReasonData."""
_PERIODS: Final = ("ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod")
Place = tuple[str, str]
"""Region and account."""


def wanted(params: Mapping[str, Any], place: Place) -> WantedAlarm:
    """The composite alarm that a request asks for.

    Raises:
        AWSError: its rule is none, or a member is not what it may be.
    """
    if params.get("ActionConfiguration") is not None:
        raise validation("ActionConfiguration is not supported by this service.")  # unsourced
    tree, children = alarm_rules.parsed(params["AlarmRule"], lambda given: _named(given, place))
    composite = Composite(params["AlarmRule"], tree, children, _suppressor(params, place))
    ok, alarm, insufficient = wanted_actions(params, {"sns"})
    enabled = params.get("ActionsEnabled")
    return WantedAlarm(
        name=params["AlarmName"],
        watched=Watched.of(NOTHING_WATCHED),
        description=params.get("AlarmDescription"),
        enabled=True if enabled is None else enabled,
        ok_actions=ok,
        alarm_actions=alarm,
        insufficient_actions=insufficient,
        tags={each["Key"]: each["Value"] for each in params.get("Tags") or ()},
        composite=composite.document(),
    )


def _named(given: str, place: Place) -> str:
    """The name of an alarm that is named by its ARN, or so. Raises AWSError."""
    found = _ARN.fullmatch(given)
    if found is None:
        return given
    region, account = place
    if found[1] != region:
        raise alarm_rules.refusal(f"Wrong ARN region, it was {found[1]} but {region} was expected instead")
    if found[2] != account:
        raise validation("A composite alarm cannot have a child relation with alarms from another AWS account")
    return found[3]


def _suppressor(params: Mapping[str, Any], place: Place) -> Suppressor | None:
    given, periods = params.get("ActionsSuppressor"), [params.get(each) for each in _PERIODS]
    if given is None:
        if any(each is not None for each in periods):  # unsourced
            raise validation(f"{_PERIODS[0]} and {_PERIODS[1]} require ActionsSuppressor to be specified.")
        return None
    for member, period in zip(_PERIODS, periods, strict=True):
        if period is None:
            raise validation(f"{member} is required when ActionsSuppressor is specified.")  # unsourced
        if period < 0:
            raise validation(f"{member} must not be negative")  # unsourced
    wait, extension = (timedelta(seconds=each or 0) for each in periods)
    return Suppressor(_named(given, place), given, wait, extension)


def told(alarm: Alarm, place: Place) -> dict[str, Any]:
    """One CompositeAlarm. What was not given is not told. Source: conformance/recorded, shapes of DescribeAlarms."""
    composite = Composite.of(alarm.composite or {})
    members = {**common(alarm, *place), "AlarmRule": composite.text, **_suppressor_told(composite)}
    members["StateReason"], members["StateReasonData"] = reason(alarm.name, _facts(alarm), place)
    members |= holder_told(None if alarm.holder is None else str(alarm.holder))
    return {name: value for name, value in members.items() if value is not None}


def holder_told(holder: str | None) -> dict[str, Any]:
    """What holds the actions of an alarm back, as members of it. Source: User Guide, and alarm_composites."""
    if holder is None:
        return {}
    return {"ActionsSuppressedBy": holder, "ActionsSuppressedReason": f"Actions suppressed by {holder}"}


def _suppressor_told(composite: Composite) -> dict[str, Any]:
    held = composite.suppressor
    if held is None:
        return {}
    periods = (int(each.total_seconds()) for each in (held.wait, held.extension))
    return {"ActionsSuppressor": held.given, **dict(zip(_PERIODS, periods, strict=True))}


def rule_told(document: Mapping[str, Any]) -> dict[str, Any]:
    """The rule, and what holds actions back, as events tell them: in words that begin small."""
    composite = Composite.of(document)
    members = {"AlarmRule": composite.text, **_suppressor_told(composite)}
    return {name[0].lower() + name[1:]: value for name, value in members.items()}


def _facts(alarm: Alarm) -> dict[str, Any]:
    return {
        "state": str(alarm.state),
        "reason": alarm.reason,
        "data": alarm.reason_data,
        "because": alarm.because,
    }


def reason(name: str, standing: Mapping[str, Any], place: Place) -> tuple[str, str | None]:
    """Why an alarm is in a state, in words and as a JSON text.

    Args:
        standing: state, and why: reason and data, or because.

    Source: conformance/recorded, and of an update a state that a user's check showed (check_cloudwatch of Icinga).
    """
    because = standing.get("because")
    if because is None:
        return standing["reason"], standing["data"]
    by = because["by"]
    own = arns.alarm(*place, name)
    match because["why"]:
        case "changed" if by:
            at = _at(by[0]["at"]) or datetime.fromtimestamp(0, UTC)
            child = arns.alarm(*place, by[0]["name"])
            words = f"{child} transitioned to {by[0]['state']} at {at:%A %d %B, %Y %H:%M:%S} UTC"
        case "created":
            words = f"{own} was created and its alarm rule evaluates to {standing['state']}"
        case _:
            words = f"{own} was updated and its new alarm rule evaluates to {standing['state']}"
    return words, _data(by, place)


def triggering(because: Mapping[str, Any] | None, place: Place) -> list[dict[str, Any]]:
    """The alarms that made a state what it is: their ARNs, with their states."""
    return [_child(each, place) for each in (because or {}).get("by", ())]


def _child(each: Mapping[str, Any], place: Place) -> dict[str, Any]:
    at = _at(each["at"])
    since = {} if at is None else {"timestamp": stamp(at)}
    return {"arn": arns.alarm(*place, each["name"]), "state": {"value": each["state"], **since}}


def _data(by: list[Mapping[str, Any]], place: Place) -> str:
    """As many of those that made it so as there is room for."""
    told, size = [], len('{"triggeringAlarms":[]}')
    for each in by:
        child = json.dumps(_child(each, place), separators=(",", ":"))
        size += len(child) + 1
        if size > _MOST_DATA:
            break
        told.append(child)
    return f'{{"triggeringAlarms":[{",".join(told)}]}}'


def _at(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}+0000"


def for_history(alarm: Alarm, place: Place) -> dict[str, Any]:
    """A composite alarm as its history tells it. Source: conformance/recorded alarm_idempotence."""
    found = {name[0].lower() + name[1:]: value for name, value in told(alarm, place).items()}
    found = {name: stamp(value) if isinstance(value, datetime) else value for name, value in found.items()}
    for name in ("stateReason", "stateReasonData", "stateTransitionedTimestamp"):
        found.pop(name, None)
    return {**found, "okactions": found.pop("oKActions"), "childStates": []}
