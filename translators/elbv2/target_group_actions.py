"""Target groups made, changed and deleted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from backend.domain import balancer_findings
from backend.domain.balancers import TargetGroup
from backend.services.target_groups import NewGroup
from translators import arns
from translators.elbv2 import errors, ids, tag_words
from translators.elbv2.load_balancer_actions import check_name
from translators.elbv2.load_balancers import made
from translators.elbv2.target_groups import GROUPS, told
from translators.errors import AWSError
from translators.registry import Call, Result, operation

_PROTOCOLS: Final = ("HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP")
_HTTP: Final = frozenset({"HTTP", "HTTPS"})
_TYPES: Final = ("instance", "ip")
_CHECKS: Final = frozenset({"HTTP", "HTTPS", "TCP"})
_CODES: Final = re.compile(r"[1-5]\d\d([,-][1-5]\d\d)*")
_LONGEST_CODES: Final = 255


@operation("elbv2", "CreateTargetGroup")
def create_target_group(call: Call) -> Result:
    params = call.params
    name = params["Name"]
    check_name("Target group", name)
    kind = params.get("TargetType") or "instance"
    if kind not in _TYPES:
        raise errors.validation(f"Target type '{kind}' must be one of '[{', '.join(_TYPES)}]'")  # unsourced
    protocol = params.get("Protocol") or ""
    if not protocol:
        raise errors.validation("A protocol must be specified")  # unsourced
    if protocol not in _PROTOCOLS:
        raise errors.validation(f"Protocol '{protocol}' must be one of '[{', '.join(_PROTOCOLS)}]'")  # unsourced
    if params.get("Port") is None:
        raise errors.validation("A port must be specified")  # unsourced
    if not params.get("VpcId"):
        raise errors.validation("A VPC ID must be specified")  # unsourced
    version = params.get("ProtocolVersion") or ""
    if version not in {"", "HTTP1"} or (version and protocol not in _HTTP):
        raise errors.validation(f"Protocol version '{version}' is not supported")  # unsourced
    if params.get("IpAddressType") not in {None, "", "ipv4"}:
        raise errors.validation(f"IP address type '{params['IpAddressType']}' is not supported")  # unsourced
    check = _checked({"port": "traffic-port", "enabled": True, **_defaults(protocol, params)}, params, protocol)
    if not _in_time(check, protocol):
        # Source: terraform-linters/tflint-ruleset-aws#404.
        raise errors.validation("Health check interval must be greater than the timeout.")
    wanted = NewGroup(
        name,
        protocol,
        params["Port"],
        _network(call, params["VpcId"]),
        kind,
        check,
        tag_words.checked(params.get("Tags") or ()),
    )
    created = call.backend.target_groups.create(call.scope, wanted)
    view = GROUPS.view(told(call, created, {}))
    del view["LoadBalancerArns"]  # as the real service's answer has it
    return {"TargetGroups": [view]}


@operation("elbv2", "ModifyTargetGroup")
def modify_target_group(call: Call) -> Result:
    group = ids.group_of(call, call.params["TargetGroupArn"])

    def checked(present: TargetGroup) -> Mapping[str, Any]:
        before = dict(present.health_check)
        protocol = call.params.get("HealthCheckProtocol") or before["protocol"]
        if protocol in _HTTP and before["protocol"] not in _HTTP:
            before |= {"path": "/", "codes": _codes(present.protocol)}
        check = _checked(before, call.params, present.protocol)
        if not _in_time(check, present.protocol):
            # Source: hashicorp/terraform-provider-aws#2366.
            words = f"Health check timeout '{check['timeout']}' must be smaller than the interval '{check['interval']}'"
            raise errors.validation(words)
        return {"health_check": check}

    changed = call.backend.target_groups.change(call.scope, group.id, checked)
    balancers = {each.id: ids.balancer_arn(call, each) for each in made(call)}
    return {"TargetGroups": [GROUPS.view(told(call, changed, balancers))]}


@operation("elbv2", "DeleteTargetGroup")
def delete_target_group(call: Call) -> Result:
    """One that is gone, or never was, is no fault."""
    arn = call.params["TargetGroupArn"]
    short = ids.digits(call, "targetgroup", arn)
    if not any(each.id == short for each in call.backend.target_groups.all(call.scope)) and any(
        arns.target_group(call.region, call.account_id, each.id, each.name) == arn
        for each in call.backend.traffic.pools(call.scope)
    ):
        raise AWSError(  # unsourced
            "OperationNotPermitted",
            f"Target group '{arn}' cannot be deleted because it was made with the cloud's own tools",
        )
    try:
        call.backend.target_groups.delete(call.scope, short)
    except balancer_findings.TargetGroupInUse as found:
        words = f"Target group '{arn}' is currently in use by a listener or a rule"
        raise AWSError("ResourceInUse", words) from found
    return {}


def _network(call: Call, name: str) -> str:
    """The cloud's id of a VPC."""
    short = arns.short_of(arns.NETWORK, name)
    for fresh in (False, True):
        for network in call.backend.catalog.networks(call.scope, fresh=fresh):
            if network.short_id == short:
                return network.id
    raise errors.validation(f"The VPC ID '{name}' is not found")  # unsourced


def _defaults(protocol: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """What a group's health check is where nothing is told.

    Source: Elastic Load Balancing API Reference, CreateTargetGroup; of HTTP groups the time-out is 5 as recorded.
    """
    http = protocol in _HTTP
    by = params.get("HealthCheckProtocol") or ("HTTP" if http else "TCP")
    found = {"protocol": by, "interval": 30, "timeout": 5 if http else 10, "healthy": 5, "unhealthy": 2}
    if not http and by == "HTTP":
        found["timeout"] = 6
    if by in _HTTP:
        found |= {"path": "/", "codes": _codes(protocol)}
    return found


def _codes(protocol: str) -> str:
    return "200" if protocol in _HTTP else "200-399"


_NAMES: Final = {
    "HealthCheckProtocol": "protocol",
    "HealthCheckPort": "port",
    "HealthCheckEnabled": "enabled",
    "HealthCheckIntervalSeconds": "interval",
    "HealthCheckTimeoutSeconds": "timeout",
    "HealthyThresholdCount": "healthy",
    "UnhealthyThresholdCount": "unhealthy",
    "HealthCheckPath": "path",
}


def _checked(before: Mapping[str, Any], params: Mapping[str, Any], protocol: str) -> dict[str, Any]:
    """A health check with what a request says of it; empty words say nothing.

    Raises:
        AWSError: it cannot be one.
    """
    check = dict(before)
    for member, name in _NAMES.items():
        if params.get(member) not in {None, ""}:
            check[name] = params[member]
    codes = (params.get("Matcher") or {}).get("HttpCode")
    if (params.get("Matcher") or {}).get("GrpcCode"):
        raise errors.validation("GRPC matchers are not supported")  # unsourced
    if codes:
        check["codes"] = codes
    if check["protocol"] not in _CHECKS or (check["protocol"] == "TCP" and protocol in _HTTP):
        raise errors.validation(f"Health check protocol '{check['protocol']}' is not supported")  # unsourced
    if check["protocol"] == "TCP":
        if params.get("HealthCheckPath"):
            raise errors.validation(
                "Health check path is not supported for health checks with protocol TCP"
            )  # unsourced
        if codes:
            raise errors.validation("A matcher is not supported for health checks with protocol TCP")  # unsourced
        check.pop("path", None)
        check.pop("codes", None)
    else:
        _check_http(check)
    port = str(check["port"])
    if port != "traffic-port" and not (port.isdecimal() and port.isascii() and 1 <= int(port[:6]) <= 65535):
        raise errors.validation(f"Health check port '{port[:20]}' must be in the range 1-65535")  # unsourced
    return check


def _in_time(check: Mapping[str, Any], protocol: str) -> bool:
    """Whether a check has ended when the next begins.

    Source: aws/aws-cdk#16446: in groups of network balancers the next may begin at that moment.
    """
    spare: int = check["interval"] - check["timeout"]
    return spare > 0 or (spare == 0 and protocol not in _HTTP)


def _check_http(check: Mapping[str, Any]) -> None:
    if not str(check["path"]).startswith("/"):
        raise errors.validation("Health check path must begin with a '/' character")  # unsourced
    if len(check["codes"]) > _LONGEST_CODES or not _CODES.fullmatch(check["codes"]):
        raise errors.validation(f"Health check matcher HTTP code '{check['codes'][:40]}' is invalid")  # unsourced
