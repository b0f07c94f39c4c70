"""Target groups, their attributes and their targets' health, as they are described."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from backend.domain.traffic import MemberHealth, RegistrationState
from backend.drivers.balancing import Monitor
from backend.services.traffic import Pool, PoolTarget
from translators import arns
from translators.elbv2 import errors, listing
from translators.elbv2.load_balancers import BALANCERS, PROTOCOLS, balancer_arns
from translators.nouns import Asked, Members, Noun
from translators.registry import Call, Result, operation

_CHECKS: Final = {"HTTP": "HTTP", "HTTPS": "HTTPS", "TLS-HELLO": "TLS"}
_ALGORITHMS: Final = {"LEAST_CONNECTIONS": "least_outstanding_requests"}
_STICKINESS: Final = {"SOURCE_IP": "source_ip", "APP_COOKIE": "app_cookie"}
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


@dataclass(frozen=True, slots=True)
class _Group:
    pool: Pool
    call: Call
    balancer_arns: Sequence[str]

    @property
    def arn(self) -> str:
        return arns.target_group(self.call.region, self.call.account_id, self.pool.id, self.pool.name)

    @property
    def name(self) -> str:
        return arns.balancing_name(self.pool.name)

    @property
    def protocol(self) -> str:
        return PROTOCOLS.get(self.pool.protocol, "TCP")


def _groups(call: Call, _: Asked) -> Iterable[_Group]:
    balancers = balancer_arns(call)
    if (given := call.params.get("LoadBalancerArn")) is not None and given not in balancers.values():
        raise errors.load_balancer_not_found()
    for pool in call.backend.traffic.pools(call.scope):
        yield _Group(pool, call, [balancers[each] for each in pool.balancer_ids if each in balancers])


def _check_groups(call: Call) -> None:
    if sum(bool(call.params.get(member)) for member in ("TargetGroupArns", "Names", "LoadBalancerArn")) > 1:
        raise errors.validation(
            "You cannot specify more than one of load balancer ARN, target group ARNs and target group names"
        )


def _of_balancer(call: Call, group: _Group) -> bool:
    balancer = call.params.get("LoadBalancerArn")
    return not balancer or balancer in group.balancer_arns


def _check(value: Callable[[Monitor], Any]) -> Callable[[_Group], Any]:
    """What a pool's health check says, where it has one."""
    return lambda group: None if group.pool.monitor is None else value(group.pool.monitor)


_MEMBERS: Final[Members[_Group]] = {
    "TargetGroupArn": lambda group: group.arn,
    "TargetGroupName": lambda group: group.name,
    "Protocol": lambda group: group.protocol,
    "ProtocolVersion": lambda group: "HTTP1" if group.protocol in {"HTTP", "HTTPS"} else None,
    "Port": lambda group: group.pool.port,
    "VpcId": lambda group: (
        None if group.pool.network_id is None else arns.resource_id(arns.NETWORK, group.pool.network_id)
    ),
    "HealthCheckEnabled": lambda group: group.pool.monitor is not None,
    "HealthCheckPort": "traffic-port",
    "HealthCheckProtocol": _check(lambda monitor: _CHECKS.get(monitor.kind, "TCP")),
    "HealthCheckIntervalSeconds": _check(lambda monitor: monitor.interval_seconds),
    "HealthCheckTimeoutSeconds": _check(lambda monitor: monitor.timeout_seconds),
    "HealthyThresholdCount": _check(lambda monitor: monitor.rise),
    "UnhealthyThresholdCount": _check(lambda monitor: monitor.fall),
    "HealthCheckPath": _check(lambda monitor: monitor.path),
    "Matcher": _check(lambda monitor: None if monitor.codes is None else {"HttpCode": monitor.codes}),
    "LoadBalancerArns": lambda group: group.balancer_arns,
    "TargetType": "instance",
    "IpAddressType": "ipv4",
}
GROUPS: Final = Noun(
    answer="TargetGroups",
    items=_groups,
    members=_MEMBERS,
    namings=(
        listing.by_names("TargetGroupArns", lambda group: group.arn, errors.target_group_not_found),
        listing.by_names("Names", lambda group: group.name, errors.target_group_not_found),
    ),
    check=_check_groups,
    keeps=_of_balancer,
    pages=listing.pages,
)

listing.describes("DescribeTargetGroups", GROUPS)


@operation("elbv2", "DescribeTargetGroupAttributes")
def describe_target_group_attributes(call: Call) -> Result:
    pool = GROUPS.of_ids(call, [call.params["TargetGroupArn"]])[0].pool
    delay = int(call.backend.traffic.deregistration.total_seconds())
    attributes = {
        "deregistration_delay.timeout_seconds": str(delay),
        "load_balancing.algorithm.type": _ALGORITHMS.get(pool.algorithm, "round_robin"),
        "stickiness.enabled": str(pool.persistence is not None).lower(),
        "stickiness.type": _STICKINESS.get(pool.persistence or "", "lb_cookie"),
    }
    return {"Attributes": [{"Key": key, "Value": value} for key, value in attributes.items()]}


@operation("elbv2", "DescribeTargetHealth")
def describe_target_health(call: Call) -> Result:
    pool, targets = call.backend.traffic.targets(call.scope, _short(call))
    told = [_health(pool, each) for each in targets]
    asked = call.params.get("Targets")
    return {"TargetHealthDescriptions": told if asked is None else _among(pool, told, asked)}


@operation("elbv2", "DescribeTags")
def describe_tags(call: Call) -> Result:
    """Of what there is; the cloud's own tags have no values, so none are told."""
    asked = call.params["ResourceArns"]
    GROUPS.of_ids(call, [arn for arn in asked if ":targetgroup/" in arn])
    BALANCERS.of_ids(call, [arn for arn in asked if ":targetgroup/" not in arn])
    return {"TagDescriptions": [{"ResourceArn": arn, "Tags": []} for arn in asked]}


def _short(call: Call) -> str:
    short = arns.balancing_of("targetgroup", call.region, call.account_id, call.params["TargetGroupArn"])
    if short is None:
        raise errors.target_group_not_found()
    return short


def _health(pool: Pool, target: PoolTarget) -> dict[str, Any]:
    """One target; members that are no instance of a group go by their address."""
    serves = target.state is RegistrationState.DRAINING or bool(pool.balancer_ids)
    name = target.address if target.server is None else f"{arns.INSTANCE}-{target.server}"
    return _described(name, target.port, _HEALTH[target.state] if serves else _NOT_IN_USE)


def _described(name: str, port: int, health: tuple[str, str, str]) -> dict[str, Any]:
    state, reason, words = health
    told = {"State": state} if not reason else {"State": state, "Reason": reason, "Description": words}
    return {"Target": {"Id": name, "Port": port}, "HealthCheckPort": str(port), "TargetHealth": told}


def _among(pool: Pool, told: Sequence[dict[str, Any]], asked: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What is told of those that are asked for; of one that is no target, that it is none."""
    found = []
    for target in asked:
        name, port = target["Id"], target.get("Port", pool.port)
        here = [each for each in told if each["Target"] == {"Id": name, "Port": port}]
        found += here or [_described(name, port, _NOT_REGISTERED)]
    return found
