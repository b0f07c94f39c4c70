"""Targets of target groups: registered, deregistered, and how they do."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.domain.balancers import TargetGroup
from backend.domain.traffic import MemberHealth, RegistrationState
from backend.services.target_groups import ToldTarget
from backend.services.traffic import Pool, PoolTarget
from translators import arns
from translators.elbv2 import errors, ids
from translators.registry import Call, Result, operation

_HEALTH: Final[Mapping[Any, tuple[str, str, str]]] = {
    MemberHealth.HEALTHY: ("healthy", "", ""),
    MemberHealth.UNHEALTHY: ("unhealthy", "Target.FailedHealthChecks", "Health checks failed"),
    MemberHealth.INITIAL: ("initial", "Elb.InitialHealthChecking", "Initial health checks in progress"),
    MemberHealth.UNKNOWN: ("unavailable", "Target.HealthCheckDisabled", "Health checks are disabled for this target"),
    RegistrationState.ADDING: ("initial", "Elb.RegistrationInProgress", "Target registration is in progress"),
    RegistrationState.DRAINING: (
        "draining",
        "Target.DeregistrationInProgress",
        "Target deregistration is in progress",
    ),
}
_NOT_IN_USE: Final = (
    "unused",
    "Target.NotInUse",
    "Target group is not configured to receive traffic from the load balancer",
)
_NOT_REGISTERED: Final = ("unused", "Target.NotRegistered", "Target is not registered to the target group")
_NO_OVERRIDE: Final = {
    "State": "no_override",
    "Reason": "AdministrativeOverride.NoOverride",
    "Description": "No override is currently active on target",
}
_MOST: Final = 1000


@operation("elbv2", "RegisterTargets")
def register_targets(call: Call) -> Result:
    group = ids.group_of(call, call.params["TargetGroupArn"])
    targets = _targets(call, group)
    call.backend.target_groups.register(call.scope, group.id, targets)
    return {}


@operation("elbv2", "DeregisterTargets")
def deregister_targets(call: Call) -> Result:
    group = ids.group_of(call, call.params["TargetGroupArn"])
    call.backend.target_groups.deregister(
        call.scope, group.id, [(each["Id"], each.get("Port")) for each in call.params["Targets"]]
    )
    return {}


@operation("elbv2", "DescribeTargetHealth")
def describe_target_health(call: Call) -> Result:
    short = arns.balancing_of("targetgroup", call.region, call.account_id, call.params["TargetGroupArn"])
    if short is None:
        raise errors.target_group_not_found()
    ours = [each for each in call.backend.target_groups.all(call.scope) if each.id == short]
    port: int
    if ours:
        found = call.backend.target_groups.health(call.scope, short)
        port = ours[0].port
        told = [_made(ours[0], each) for each in found]
    else:
        pool, targets = call.backend.traffic.targets(call.scope, short)
        port = pool.port
        told = [_health(pool, each) for each in targets]
    asked = call.params.get("Targets")
    return {"TargetHealthDescriptions": told if asked is None else _among(port, told, asked)}


def _targets(call: Call, group: TargetGroup) -> list[tuple[str, int | None]]:
    given: Sequence[Mapping[str, Any]] = call.params["Targets"]
    if not given or len(given) > _MOST:
        raise errors.validation(f"Between 1 and {_MOST} targets must be specified")  # unsourced
    found = []
    for each in given:
        name = each["Id"]
        if group.target_type == "ip":
            _check_address(name)
        elif arns.short_of(arns.INSTANCE, name) is None:
            raise errors.validation(f"Instance ID '{name[:64]}' is not valid")  # unsourced
        found.append((name, each.get("Port")))
    return found


def _check_address(name: str) -> None:
    """Source: Application Load Balancer User Guide, "Target type": addresses of the VPC, and private ones."""
    try:
        address = ipaddress.IPv4Address(name)
    except ValueError:
        raise errors.validation(f"The IP address '{name[:64]}' is not a valid IPv4 address") from None  # unsourced
    if not address.is_private or address.is_loopback or address.is_link_local:
        raise errors.validation(f"The IP address '{name}' is not within a VPC or a private range")  # unsourced


def _made(group: TargetGroup, target: ToldTarget) -> dict[str, Any]:
    if target.stopped:
        health = ("unused", "Target.InvalidState", f"Target is in the {target.stopped} state")
    elif target.doing is None:
        health = _NOT_IN_USE
    else:
        health = _HEALTH[target.doing]
    zone = {"AvailabilityZone": target.zone} if target.zone and group.target_type == "ip" else {}
    port = group.health_check.get("port", "traffic-port")
    checked = str(target.port) if port == "traffic-port" else str(port)
    told = _described(target.name, target.port, health)
    return {
        **told,
        "Target": {**told["Target"], **zone},
        "HealthCheckPort": checked,
        "AdministrativeOverride": _NO_OVERRIDE,
    }


def _health(pool: Pool, target: PoolTarget) -> dict[str, Any]:
    """One target; members that are no instance of a group go by their address."""
    serves = target.state is RegistrationState.DRAINING or bool(pool.balancer_ids)
    name = target.address if target.server is None else f"{arns.INSTANCE}-{target.server}"
    return _described(name, target.port, _HEALTH[target.state] if serves else _NOT_IN_USE)


def _described(name: str, port: int, health: tuple[str, str, str]) -> dict[str, Any]:
    state, reason, words = health
    told = {"State": state} if not reason else {"State": state, "Reason": reason, "Description": words}
    return {"Target": {"Id": name, "Port": port}, "HealthCheckPort": str(port), "TargetHealth": told}


def _among(own: int, told: Sequence[dict[str, Any]], asked: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What is told of those that are asked for; of one that is no target, that it is none."""
    found = []
    for target in asked:
        name, port = target["Id"], target.get("Port", own)
        here = [each for each in told if (each["Target"]["Id"], each["Target"]["Port"]) == (name, port)]
        found += here or [_described(name, port, _NOT_REGISTERED)]
    return found
