"""Target groups as they are described: those that are made here, and pools that the cloud has otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from backend.domain.balancers import DELAY, TargetGroup
from backend.drivers.balancing import Monitor
from backend.services.traffic import Pool
from translators import arns
from translators.elbv2 import errors, ids, listing
from translators.elbv2.load_balancers import PROTOCOLS, balancer_arns, made
from translators.nouns import Asked, Members, Noun
from translators.registry import Call

_CHECKS: Final = {"HTTP": "HTTP", "HTTPS": "HTTPS", "TLS-HELLO": "TLS"}
_ALGORITHMS: Final = {"LEAST_CONNECTIONS": "least_outstanding_requests"}
_STICKINESS: Final = {"SOURCE_IP": "source_ip", "APP_COOKIE": "app_cookie"}


@dataclass(frozen=True, slots=True)
class Told:
    """A target group as it is told, wherever it was made: ``group`` of ours, or a ``pool`` of the cloud.

    Attributes:
        delay_seconds: how long members of the cloud's own pools drain.
    """

    arn: str
    balancer_arns: Sequence[str]
    group: TargetGroup | None = None
    pool: Pool | None = None
    delay_seconds: int = 0

    @property
    def name(self) -> str:
        return arns.balancing_name(self._either.name)

    @property
    def protocol(self) -> str:
        return self.group.protocol if self.group else PROTOCOLS.get(self._either.protocol, "TCP")

    @property
    def http(self) -> bool:
        return self.protocol in {"HTTP", "HTTPS"}

    @property
    def port(self) -> int:
        return self._either.port

    @property
    def network_id(self) -> str | None:
        return self._either.network_id

    @property
    def check(self) -> Mapping[str, Any]:
        """Its health check, see TargetGroup."""
        if self.group is not None:
            return self.group.health_check
        return _check_of(None if self.pool is None else self.pool.monitor)

    @property
    def target_type(self) -> str:
        return self.group.target_type if self.group else "instance"

    @property
    def _either(self) -> TargetGroup | Pool:
        found = self.group or self.pool
        assert found is not None
        return found

    def attributes(self, of: Callable[[TargetGroup], dict[str, str]]) -> dict[str, str]:
        """All attributes; of the cloud's own pools those that it tells."""
        if self.group is not None:
            return of(self.group)
        pool = self.pool
        assert pool is not None
        return {
            DELAY: str(self.delay_seconds),
            "load_balancing.algorithm.type": _ALGORITHMS.get(pool.algorithm, "round_robin"),
            "stickiness.enabled": str(pool.persistence is not None).lower(),
            "stickiness.type": _STICKINESS.get(pool.persistence or "", "lb_cookie"),
        }


def told(call: Call, group: TargetGroup, balancers: Mapping[str, str]) -> Told:
    """A group that is made here; ``balancers``: ARNs by id."""
    serving = [arn for balancer_id, arn in balancers.items() if balancer_id == group.balancer_id]
    return Told(ids.group_arn(call, group), serving, group)


def _groups(call: Call, asked: Asked) -> Iterable[Told]:
    ours = {each.id: ids.balancer_arn(call, each) for each in made(call)}
    found = [told(call, each, ours) for each in call.backend.target_groups.all(call.scope)]
    balancer = call.params.get("LoadBalancerArn")
    names = {"TargetGroupArns": {each.arn for each in found}, "Names": {each.name for each in found}}
    if (balancer in ours.values()) or (not balancer and listing.all_named(asked, names)):
        return found
    adopted = balancer_arns(call)
    if balancer is not None and balancer not in adopted.values():
        raise errors.load_balancer_not_found()
    delay = int(call.backend.traffic.deregistration.total_seconds())
    for pool in call.backend.traffic.pools(call.scope):
        serving = [adopted[each] for each in pool.balancer_ids if each in adopted]
        arn = arns.target_group(call.region, call.account_id, pool.id, pool.name)
        found.append(Told(arn, serving, None, pool, delay))
    return sorted(found, key=lambda each: (each.name, each.arn))


def _check_groups(call: Call) -> None:
    if sum(bool(call.params.get(member)) for member in ("TargetGroupArns", "Names", "LoadBalancerArn")) > 1:
        raise errors.validation(
            "You cannot specify more than one of load balancer ARN, target group ARNs and target group names"
        )


def _of_balancer(call: Call, group: Told) -> bool:
    balancer = call.params.get("LoadBalancerArn")
    return not balancer or balancer in group.balancer_arns


def _check_of(monitor: Monitor | None) -> Mapping[str, Any]:
    if monitor is None:
        return {"enabled": False}
    return {
        "enabled": True,
        "protocol": _CHECKS.get(monitor.kind, "TCP"),
        "interval": monitor.interval_seconds,
        "timeout": monitor.timeout_seconds,
        "healthy": monitor.rise,
        "unhealthy": monitor.fall,
        "path": monitor.path,
        "codes": monitor.codes,
    }


def _of_check(name: str) -> Callable[[Told], Any]:
    return lambda group: group.check.get(name)


_MEMBERS: Final[Members[Told]] = {
    "TargetGroupArn": lambda group: group.arn,
    "TargetGroupName": lambda group: group.name,
    "Protocol": lambda group: group.protocol,
    "ProtocolVersion": lambda group: "HTTP1" if group.http else None,
    "Port": lambda group: group.port,
    "VpcId": lambda group: None if group.network_id is None else arns.resource_id(arns.NETWORK, group.network_id),
    "HealthCheckEnabled": lambda group: bool(group.check.get("enabled", True)),
    "HealthCheckPort": lambda group: group.check.get("port", "traffic-port"),
    "HealthCheckProtocol": _of_check("protocol"),
    "HealthCheckIntervalSeconds": _of_check("interval"),
    "HealthCheckTimeoutSeconds": _of_check("timeout"),
    "HealthyThresholdCount": _of_check("healthy"),
    "UnhealthyThresholdCount": _of_check("unhealthy"),
    "HealthCheckPath": _of_check("path"),
    "Matcher": lambda group: None if group.check.get("codes") is None else {"HttpCode": group.check["codes"]},
    "LoadBalancerArns": lambda group: group.balancer_arns,
    "TargetType": lambda group: group.target_type,
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
