"""Target groups, their attributes and their targets' health, as they are described."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.domain.traffic import MemberHealth, RegistrationState
from backend.services.traffic import Pool, PoolTarget
from translators import arns
from translators.elbv2 import errors
from translators.elbv2.listing import page
from translators.elbv2.load_balancers import PROTOCOLS, balancer_arns
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


@operation("elbv2", "DescribeTargetGroups")
def describe_target_groups(call: Call) -> Result:
    params = call.params
    wanted, names = params.get("TargetGroupArns") or (), params.get("Names") or ()
    balancer = params.get("LoadBalancerArn")
    if sum(map(bool, (wanted, names, balancer))) > 1:
        raise errors.validation(
            "You cannot specify more than one of load balancer ARN, target group ARNs and target group names"
        )
    balancers = balancer_arns(call)
    if balancer is not None and balancer not in balancers.values():
        raise errors.load_balancer_not_found()
    told = [_group(call, pool, balancers) for pool in call.backend.traffic.pools(call.scope)]
    for given, member in ((wanted, "TargetGroupArn"), (names, "TargetGroupName")):
        if set(given) - {each[member] for each in told}:
            raise errors.target_group_not_found()
        told = [each for each in told if not given or each[member] in given]
    return page(call, "TargetGroups", [each for each in told if not balancer or balancer in each["LoadBalancerArns"]])


@operation("elbv2", "DescribeTargetGroupAttributes")
def describe_target_group_attributes(call: Call) -> Result:
    pool = _pool(call)
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
    known = set(balancer_arns(call).values())
    groups = {
        arns.target_group(call.region, call.account_id, pool.id, pool.name)
        for pool in call.backend.traffic.pools(call.scope)
    }
    for arn in call.params["ResourceArns"]:
        if arn not in known | groups:
            raise errors.target_group_not_found() if ":targetgroup/" in arn else errors.load_balancer_not_found()
    return {"TagDescriptions": [{"ResourceArn": arn, "Tags": []} for arn in call.params["ResourceArns"]]}


def _short(call: Call) -> str:
    short = arns.balancing_of("targetgroup", call.region, call.account_id, call.params["TargetGroupArn"])
    if short is None:
        raise errors.target_group_not_found()
    return short


def _pool(call: Call) -> Pool:
    wanted = call.params["TargetGroupArn"]
    for pool in call.backend.traffic.pools(call.scope):
        if arns.target_group(call.region, call.account_id, pool.id, pool.name) == wanted:
            return pool
    raise errors.target_group_not_found()


def _group(call: Call, pool: Pool, balancers: Mapping[str, str]) -> dict[str, Any]:
    protocol = PROTOCOLS.get(pool.protocol, "TCP")
    told: dict[str, Any] = {
        "TargetGroupArn": arns.target_group(call.region, call.account_id, pool.id, pool.name),
        "TargetGroupName": arns.balancing_name(pool.name),
        "Protocol": protocol,
        "Port": pool.port,
        "HealthCheckEnabled": pool.monitor is not None,
        "HealthCheckPort": "traffic-port",
        "LoadBalancerArns": [balancers[each] for each in pool.balancer_ids if each in balancers],
        "TargetType": "instance",
        "IpAddressType": "ipv4",
    }
    if pool.network_id is not None:
        told["VpcId"] = arns.resource_id(arns.NETWORK, pool.network_id)
    if protocol in {"HTTP", "HTTPS"}:
        told["ProtocolVersion"] = "HTTP1"
    return told | _check(pool)


def _check(pool: Pool) -> dict[str, Any]:
    monitor = pool.monitor
    if monitor is None:
        return {}
    told: dict[str, Any] = {
        "HealthCheckProtocol": _CHECKS.get(monitor.kind, "TCP"),
        "HealthCheckIntervalSeconds": monitor.interval_seconds,
        "HealthCheckTimeoutSeconds": monitor.timeout_seconds,
        "HealthyThresholdCount": monitor.rise,
        "UnhealthyThresholdCount": monitor.fall,
    }
    if monitor.path is not None:
        told["HealthCheckPath"] = monitor.path
    if monitor.codes is not None:
        told["Matcher"] = {"HttpCode": monitor.codes}
    return told


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
