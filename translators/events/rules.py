"""Rules of the event bus: put, described, listed, switched, tagged, deleted; patterns tried on events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from backend.domain import patterns
from backend.domain.rules import Rule
from backend.services.events import RuleRequest
from translators.errors import AWSError
from translators.events.errors import DEFAULT_BUS, bad_arn, checked_arn, no_bus, validation
from translators.events.listing import on_default_bus, page
from translators.registry import Call, Result, operation

_ENABLED: Final = "ENABLED"
_DISABLED: Final = "DISABLED"
_EVENT_MEMBERS: Final = frozenset({"id", "source", "detail-type", "account", "region", "time"})


def arn_of(call: Call, name: str) -> str:
    """The ARN of a rule of the default bus."""
    return f"arn:aws:events:{call.region}:{call.account_id}:rule/{name}"


@operation("events", "PutRule")
def put(call: Call) -> Result:
    on_default_bus(call)
    params = call.params
    if params.get("ScheduleExpression"):
        raise validation("ScheduleExpression is not supported by Coppice: rules are of events alone.")
    if not params.get("EventPattern"):
        raise validation("Parameter(s) EventPattern or ScheduleExpression must be specified.")
    state = params.get("State") or _ENABLED
    if state not in {_ENABLED, _DISABLED}:
        raise validation(f"State {state} is not supported by Coppice: there is no trail of API calls.")
    rule = call.backend.events.put(
        call.scope,
        RuleRequest(
            name=params["Name"],
            pattern=params["EventPattern"],
            enabled=state == _ENABLED,
            description=params.get("Description") or None,
            role=checked_arn(params["RoleArn"]) if params.get("RoleArn") else None,
            tags={each["Key"]: each["Value"] for each in params.get("Tags") or ()},
        ),
    )
    return {"RuleArn": arn_of(call, rule.name)}


@operation("events", "DescribeRule")
def describe(call: Call) -> Result:
    on_default_bus(call)
    return {**_told(call, call.backend.events.get(call.scope, call.params["Name"])), "CreatedBy": call.account_id}


@operation("events", "ListRules")
def list_rules(call: Call) -> Result:
    on_default_bus(call)
    found = call.backend.events.list(call.scope, call.params.get("NamePrefix") or "")
    here, more = page(call, found, lambda rule: rule.name)
    return {"Rules": [_told(call, rule) for rule in here], **more}


def _told(call: Call, rule: Rule) -> Mapping[str, Any]:
    optional = {"Description": rule.description, "RoleArn": rule.role}
    return {
        "Name": rule.name,
        "Arn": arn_of(call, rule.name),
        "EventPattern": rule.pattern,
        "State": _ENABLED if rule.enabled else _DISABLED,
        "EventBusName": DEFAULT_BUS,
        **{name: value for name, value in optional.items() if value is not None},
    }


@operation("events", "EnableRule")
def enable(call: Call) -> Result:
    on_default_bus(call)
    call.backend.events.enable(call.scope, call.params["Name"], enabled=True)
    return {}


@operation("events", "DisableRule")
def disable(call: Call) -> Result:
    on_default_bus(call)
    call.backend.events.enable(call.scope, call.params["Name"], enabled=False)
    return {}


@operation("events", "DeleteRule")
def delete(call: Call) -> Result:
    """Force is for rules that another service manages, of which there is none."""
    on_default_bus(call)
    call.backend.events.delete(call.scope, call.params["Name"])
    return {}


@operation("events", "TagResource")
def tag(call: Call) -> Result:
    put = {each["Key"]: each["Value"] for each in call.params["Tags"]}
    call.backend.events.retag(call.scope, _tagged(call), put)
    return {}


@operation("events", "UntagResource")
def untag(call: Call) -> Result:
    call.backend.events.retag(call.scope, _tagged(call), {}, call.params["TagKeys"])
    return {}


@operation("events", "ListTagsForResource")
def list_tags(call: Call) -> Result:
    rule = call.backend.events.get(call.scope, _tagged(call))
    return {"Tags": [{"Key": key, "Value": value} for key, value in sorted(rule.tags.items())]}


def _tagged(call: Call) -> str:
    """The name of the rule that an ARN means.

    Raises:
        AWSError: it means no rule. Tags of buses are not kept: there is the one that nobody made.
    """
    arn: str = call.params["ResourceARN"]
    head, _, resource = arn.partition(f":{call.region}:{call.account_id}:")
    kind, _, name = resource.partition("/")
    if head != "arn:aws:events" or kind not in {"rule", "event-bus"} or not name:
        raise bad_arn(arn)
    if kind == "event-bus":
        raise no_bus(name) if name != DEFAULT_BUS else validation("Tags of event buses are not supported by Coppice.")
    bus, _, rule = name.rpartition("/")
    if bus:
        raise no_bus(bus)
    return rule


@operation("events", "TestEventPattern")
def try_pattern(call: Call) -> Result:
    pattern = patterns.compiled(call.params["EventPattern"])
    try:
        event = patterns.read(call.params["Event"])
    except ValueError:
        raise _bad_event() from None
    if not isinstance(event, dict) or not event.keys() >= _EVENT_MEMBERS:
        raise _bad_event()
    return {"Result": pattern.matches(event)}


def _bad_event() -> AWSError:
    return validation("Parameter Event is not valid.")
