"""A lifecycle hook's members both ways: what a request says of it, and what is told. Refuses what no hook may be."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.domain.hooks import Hook, HookRequest, Result, Transition, needs_role
from translators.autoscaling.errors import validation

TRANSITIONS: Final[Mapping[str, Transition]] = {
    "autoscaling:EC2_INSTANCE_LAUNCHING": Transition.LAUNCHING,
    "autoscaling:EC2_INSTANCE_TERMINATING": Transition.TERMINATING,
}
_WORDS: Final = {transition: word for word, transition in TRANSITIONS.items()}
_HEARTBEAT: Final = (30, 7200)
_MOST_AT_CREATION: Final = 5
_ARN: Final = re.compile(r"arn:[^:]+:[^:]+:[^:]*:[^:]*:.+", re.DOTALL)
_SERVICES: Final = frozenset({"sqs", "sns", "lambda"})


def request_of(params: Mapping[str, Any]) -> HookRequest:
    """What a request says of a hook.

    Raises:
        AWSError: a value that no hook may have.

    Source: badmintoncryer/cdk-preflight, whose rules were measured on the real service.
    """
    heartbeat: int | None = params.get("HeartbeatTimeout")
    least, most = _HEARTBEAT
    if heartbeat is not None and not least <= heartbeat <= most:
        raise validation(f"HeartbeatTimeout must be between {least} and {most} seconds")
    target, role = params.get("NotificationTargetARN"), params.get("RoleARN")
    _check_target(target, role)
    return HookRequest(
        name=params["LifecycleHookName"],
        transition=_transition(params.get("LifecycleTransition")),
        heartbeat_seconds=heartbeat,
        default_result=result_of(params.get("DefaultResult"), "DefaultResult"),
        target=target,
        role=role,
        metadata=params.get("NotificationMetadata"),
    )


def _transition(word: str | None) -> Transition | None:
    if word is not None and word not in TRANSITIONS:
        raise validation(f"'LifecycleTransition' must be one of: {', '.join(TRANSITIONS)}")
    return None if word is None else TRANSITIONS[word]


def result_of(word: str | None, member: str) -> Result | None:
    """The result of that name.

    Raises:
        AWSError: there is none.
    """
    if word is not None and word not in set(Result):
        raise validation(f"'{member}' must be one of: {', '.join(Result)}")
    return None if word is None else Result(word)


def _check_target(target: str | None, role: str | None) -> None:
    if not target:
        if role:
            raise validation("'NotificationTargetARN' parameter required when 'RoleARN' parameter is specified")
        return
    if not _ARN.fullmatch(target) or target.split(":")[2] not in _SERVICES:
        raise validation("'NotificationTargetARN' must be a valid ARN")
    if role and not needs_role(target):
        raise validation(
            "'RoleARN' parameter should not be specified when 'NotificationTargetARN' is a Lambda function"
        )


def at_creation(given: Sequence[Mapping[str, Any]]) -> tuple[HookRequest, ...]:
    """The hooks that a new group is to have.

    Raises:
        AWSError: there are too many, two have one name, or they name different targets or roles.
    """
    if len(given) > _MOST_AT_CREATION:
        raise validation(f"You cannot specify more than {_MOST_AT_CREATION} hooks")
    names: set[str] = set()
    for each in given:
        if each["LifecycleHookName"] in names:
            raise validation(f"Multiple lifecycle hooks found for name '{each['LifecycleHookName']}'")
        names.add(each["LifecycleHookName"])
    found = tuple(map(request_of, given))
    if len({(each.target, each.role) for each in found if each.target}) > 1:
        # unsourced
        raise validation("All lifecycle hooks of a group must have the same NotificationTargetARN and RoleARN")
    return found


def told(hook: Hook, group: str) -> dict[str, Any]:
    """One LifecycleHook; target, role and metadata only where they were given."""
    given = {
        "NotificationTargetARN": hook.target,
        "RoleARN": hook.role,
        "NotificationMetadata": hook.metadata,
    }
    return {
        "LifecycleHookName": hook.name,
        "AutoScalingGroupName": group,
        "LifecycleTransition": _WORDS[hook.transition],
        "HeartbeatTimeout": hook.heartbeat_seconds,
        "GlobalTimeout": int(hook.longest.total_seconds()),
        "DefaultResult": str(hook.default_result),
        **{name: value for name, value in given.items() if value is not None},
    }
