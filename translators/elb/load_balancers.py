"""Classic balancers as they are described, with their attributes, policies, tags and the health of instances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from backend.domain.traffic import MemberHealth
from backend.services import limits
from backend.services.balancers import tag_id
from backend.services.classic import CHECK, DRAINING, Whole
from translators import arns
from translators.elb import errors
from translators.elbv2 import listing
from translators.nouns import Asked, Members, Naming, Noun
from translators.registry import Call, Result, operation

_HOSTED_ZONE: Final = "ZCOPPICEBALANCING"
_DESYNC: Final = {"Key": "elb.http.desyncmitigationmode", "Value": "defensive"}
_MOST_TAGGED: Final = 20
_STATES: Final[Mapping[MemberHealth | None, tuple[str, str, str]]] = {
    MemberHealth.HEALTHY: ("InService", "N/A", "N/A"),
    MemberHealth.UNHEALTHY: (
        "OutOfService",
        "Instance",
        "Instance has failed at least the UnhealthyThreshold number of health checks consecutively.",
    ),
    MemberHealth.INITIAL: ("OutOfService", "ELB", "Instance registration is still in progress."),
    MemberHealth.UNKNOWN: ("InService", "N/A", "N/A"),
    None: ("OutOfService", "ELB", "Instance registration is still in progress."),
}
_NOT_REGISTERED: Final = "Instance is not currently registered with the LoadBalancer."


@dataclass(frozen=True, slots=True)
class _Told:
    whole: Whole
    dns_name: str
    group_name: str
    account: str

    @property
    def details(self) -> Mapping[str, Any]:
        return self.whole.balancer.details


def _balancers(call: Call, _: Asked) -> Iterable[_Told]:
    every = call.backend.classic_balancers.all(call.scope)
    names = {each.id: each.name for each in call.backend.catalog.security_groups(call.scope)} if every else {}
    for whole in every:
        balancer = whole.balancer
        name = next((names[each] for each in balancer.security_groups if each in names), "default")
        yield _Told(whole, call.backend.balancers.dns_name(call.scope, balancer), name, call.account_id)


def check_of(whole: Whole) -> dict[str, Any]:
    """A health check in AWS's words."""
    kept: Mapping[str, Any] = whole.balancer.details.get("check") or {}
    port = whole.fronts[0].instance_port if whole.fronts else 80
    check = {**CHECK, "target": f"TCP:{port}", **kept}
    return {
        "Target": check["target"],
        "Interval": check["interval"],
        "Timeout": check["timeout"],
        "UnhealthyThreshold": check["unhealthy"],
        "HealthyThreshold": check["healthy"],
    }


def _listeners(each: _Told) -> list[dict[str, Any]]:
    followed: Mapping[str, Sequence[str]] = each.details.get("followed", {})
    return [
        {
            "Listener": {
                "Protocol": front.protocol,
                "LoadBalancerPort": front.port,
                "InstanceProtocol": front.instance_protocol,
                "InstancePort": front.instance_port,
                **({"SSLCertificateId": front.certificate} if front.certificate else {}),
            },
            "PolicyNames": followed.get(str(front.port), []),
        }
        for front in each.whole.fronts
    ]


def _policies(each: _Told) -> dict[str, Any]:
    kept: Mapping[str, Mapping[str, Any]] = each.details.get("policies", {})
    app = [{"PolicyName": name, "CookieName": one["cookie"]} for name, one in kept.items() if one.get("cookie")]
    plain = [(name, one) for name, one in kept.items() if one["type"] == "lb_cookie"]
    return {
        "AppCookieStickinessPolicies": app,
        "LBCookieStickinessPolicies": [
            {"PolicyName": name, **({"CookieExpirationPeriod": one["seconds"]} if one.get("seconds") else {})}
            for name, one in plain
        ],
        "OtherPolicies": [],
    }


_MEMBERS: Final[Members[_Told]] = {
    "LoadBalancerName": lambda each: each.whole.balancer.name,
    "DNSName": lambda each: each.dns_name,
    "CanonicalHostedZoneName": lambda each: each.dns_name,
    "CanonicalHostedZoneNameID": _HOSTED_ZONE,
    "ListenerDescriptions": _listeners,
    "Policies": _policies,
    "BackendServerDescriptions": (),
    "AvailabilityZones": lambda each: each.whole.balancer.zones,
    "Subnets": lambda each: [arns.subnet_id(one) for one in each.whole.balancer.subnets],
    "VPCId": lambda each: arns.resource_id(arns.NETWORK, each.whole.balancer.network_id),
    "Instances": lambda each: [{"InstanceId": name} for name in each.whole.instances],
    "HealthCheck": lambda each: check_of(each.whole),
    "SourceSecurityGroup": lambda each: {"OwnerAlias": each.account, "GroupName": each.group_name},
    "SecurityGroups": lambda each: [
        arns.resource_id(arns.SECURITY_GROUP, one) for one in each.whole.balancer.security_groups
    ],
    "CreatedTime": lambda each: each.whole.balancer.created_at,
    "Scheme": lambda each: each.whole.balancer.scheme,
}
BALANCERS: Final = Noun(
    answer="LoadBalancerDescriptions",
    items=_balancers,
    members=_MEMBERS,
    namings=(
        Naming("LoadBalancerNames", lambda each: each.whole.balancer.name, lambda names: errors.not_found(names[0])),
    ),
    pages=listing.pages,
)
operation("elb", "DescribeLoadBalancers")(BALANCERS.describe)


def attributes_of(details: Mapping[str, Any]) -> dict[str, Any]:
    """All attributes, whether they were set or not."""
    draining = {"Enabled": False, "Timeout": 300, **(details.get(DRAINING) or {})}
    return {
        "CrossZoneLoadBalancing": {"Enabled": bool(details.get("cross_zone", False))},
        "AccessLog": {"Enabled": False},
        "ConnectionDraining": draining,
        "ConnectionSettings": {"IdleTimeout": details.get("idle", 60)},
        "AdditionalAttributes": [{**_DESYNC, "Value": details.get("desync", _DESYNC["Value"])}],
    }


@operation("elb", "DescribeLoadBalancerAttributes")
def describe_load_balancer_attributes(call: Call) -> Result:
    whole = call.backend.classic_balancers.get(call.scope, call.params["LoadBalancerName"])
    return {"LoadBalancerAttributes": attributes_of(whole.balancer.details)}


@operation("elb", "DescribeInstanceHealth")
def describe_instance_health(call: Call) -> Result:
    found = call.backend.classic_balancers.health(call.scope, call.params["LoadBalancerName"])
    asked = [each["InstanceId"] for each in call.params.get("Instances") or ()] or list(found)
    for name in asked:
        if arns.short_of(arns.INSTANCE, name) is None:
            raise errors.invalid_instance(name)
    return {"InstanceStates": [_state(name, found) for name in asked]}


def _state(name: str, found: Mapping[str, MemberHealth | None]) -> dict[str, str]:
    state, reason, words = _STATES[found[name]] if name in found else ("OutOfService", "Instance", _NOT_REGISTERED)
    return {"InstanceId": name, "State": state, "ReasonCode": reason, "Description": words}


@operation("elb", "DescribeTags")
def describe_tags(call: Call) -> Result:
    names = call.params["LoadBalancerNames"]
    if len(names) > _MOST_TAGGED:
        raise errors.validation(f"At most {_MOST_TAGGED} load balancers can be specified")  # unsourced
    ids = {name: tag_id(call.backend.classic_balancers.get(call.scope, name).balancer.id) for name in names}
    tags = call.backend.resource_tags.of(call.scope, list(ids.values()))
    return {
        "TagDescriptions": [
            {
                "LoadBalancerName": name,
                "Tags": [{"Key": key, "Value": value} for key, value in tags.get(each, {}).items()],
            }
            for name, each in ids.items()
        ]
    }


@operation("elb", "DescribeAccountLimits")
def describe_account_limits(call: Call) -> Result:
    told = {
        "classic-load-balancers": 20,
        "classic-listeners": limits.LISTENERS_OF_BALANCER,
        "classic-registered-instances": limits.TARGETS_OF_GROUP,
    }
    page, token = listing.pages(call, sorted(told.items()), lambda each: each[0])
    return {"Limits": [{"Name": name, "Max": str(most)} for name, most in page], **token}
