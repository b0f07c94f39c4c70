"""Targets of rules: what is told of what a rule means, and how."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from backend.domain import inputs
from backend.domain.rules import RuleTarget, rule_id, target_id
from translators.events.errors import bad_arn, checked_arn, validation
from translators.events.listing import on_default_bus, page
from translators.registry import Call, Result, operation

_KNOWN: Final = frozenset({"Id", "Arn", "RoleArn", "Input", "InputPath", "InputTransformer"})
_NONE_FAILED: Final[Result] = {"FailedEntryCount": 0, "FailedEntries": []}
_ACCOUNT: Final = 4
_REGION: Final = 3


@operation("events", "PutTargets")
def put(call: Call) -> Result:
    on_default_bus(call)
    name = call.params["Rule"]
    targets = {given["Id"]: _target(call, name, given) for given in call.params["Targets"]}
    call.backend.events.put_targets(call.scope, name, list(targets.values()))
    return _NONE_FAILED


def _target(call: Call, rule: str, given: Mapping[str, Any]) -> RuleTarget:
    """Raises AWSError where it says what cannot be done."""
    name = given["Id"]
    for member in sorted(given.keys() - _KNOWN):
        raise validation(f"{member} of target {name} is not supported by Coppice.")
    how = [member for member in ("Input", "InputPath", "InputTransformer") if given.get(member) is not None]
    if len(how) > 1:
        raise validation(f"Only one of Input, InputPath, or InputTransformer must be provided for target {name}.")
    arn = given["Arn"].split(":")
    if arn[0] == "arn" and arn[_REGION : _ACCOUNT + 1] != [call.region, call.account_id]:
        raise bad_arn(given["Arn"])
    owner = rule_id(call.scope, rule)
    transformer = given.get("InputTransformer") or {}
    _check_input(name, given.get("Input"))
    _check_paths(name, given.get("InputPath"), transformer)
    return RuleTarget(
        id=target_id(owner, name),
        rule_id=owner,
        target=name,
        arn=checked_arn(given["Arn"]),
        role=checked_arn(given["RoleArn"]) if given.get("RoleArn") else None,
        input=given.get("Input"),
        input_path=given.get("InputPath"),
        paths=transformer.get("InputPathsMap"),
        template=transformer.get("InputTemplate"),
    )


def _check_input(name: str, text: str | None) -> None:
    if text is None:
        return
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        raise validation(f"Input for target {name} is not a valid JSON text.") from None  # unsourced


def _check_paths(name: str, path: str | None, transformer: Mapping[str, Any]) -> None:
    if path is not None and not inputs.is_path(path):
        raise validation(f"InputPath for target {name} is invalid.")
    if not transformer:
        return
    paths: Mapping[str, str] = transformer.get("InputPathsMap") or {}
    for key, each in paths.items():
        if not inputs.is_path(each):
            raise validation(f"InputPathsMap for target {name} has an invalid path for {key}.")  # unsourced
    for place in inputs.places(transformer["InputTemplate"]):
        if place not in paths and place not in inputs.RESERVED:
            raise validation(f"InputTemplate for target {name} contains invalid placeholder {place}.")


@operation("events", "ListTargetsByRule")
def list_targets(call: Call) -> Result:
    on_default_bus(call)
    found = call.backend.events.targets(call.scope, call.params["Rule"])
    here, more = page(call, found, lambda each: each.target)
    return {"Targets": [_told(each) for each in here], **more}


def _told(target: RuleTarget) -> Mapping[str, Any]:
    told: dict[str, Any] = {"Id": target.target, "Arn": target.arn}
    optional = {"RoleArn": target.role, "Input": target.input, "InputPath": target.input_path}
    told |= {name: value for name, value in optional.items() if value is not None}
    if target.template is not None:
        paths = {} if target.paths is None else {"InputPathsMap": dict(target.paths)}
        told["InputTransformer"] = {**paths, "InputTemplate": target.template}
    return told


@operation("events", "ListRuleNamesByTarget")
def list_rule_names(call: Call) -> Result:
    on_default_bus(call)
    found = call.backend.events.telling(call.scope, call.params["TargetArn"])
    here, more = page(call, found, str)
    return {"RuleNames": list(here), **more}


@operation("events", "RemoveTargets")
def remove(call: Call) -> Result:
    on_default_bus(call)
    call.backend.events.remove_targets(call.scope, call.params["Rule"], call.params["Ids"])
    return _NONE_FAILED
