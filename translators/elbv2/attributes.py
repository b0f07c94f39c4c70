"""Attributes of balancers, target groups and listeners: every one is told, whether it was set or not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.domain.balancers import DELAY, BalancerKind, BalancerListener, LoadBalancer, TargetGroup
from translators.elbv2 import ids
from translators.elbv2.errors import validation
from translators.elbv2.target_groups import GROUPS
from translators.errors import AWSError
from translators.registry import Call, Result, operation

# Source: Elastic Load Balancing API Reference, LoadBalancerAttribute, TargetGroupAttribute, ListenerAttribute.
_BOTH: Final = {
    "access_logs.s3.enabled": "false",
    "access_logs.s3.bucket": "",
    "access_logs.s3.prefix": "",
    "deletion_protection.enabled": "false",
    "zonal_shift.config.enabled": "false",
}
_APPLICATION: Final = {
    **_BOTH,
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.prefix": "",
    "health_check_logs.s3.enabled": "false",
    "health_check_logs.s3.bucket": "",
    "health_check_logs.s3.prefix": "",
    "idle_timeout.timeout_seconds": "60",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
}
_IGW: Final = "ipv6.deny_all_igw_traffic"
_NETWORK: Final = {
    **_BOTH,
    "dns_record.client_routing_policy": "any_availability_zone",
    "load_balancing.cross_zone.enabled": "false",
}
_GROUP: Final = {
    DELAY: "300",
    "stickiness.enabled": "false",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
}
_HTTP_GROUP: Final = {
    **_GROUP,
    "slow_start.duration_seconds": "0",
    "stickiness.type": "lb_cookie",
    "stickiness.lb_cookie.duration_seconds": "86400",
    "stickiness.app_cookie.cookie_name": "",
    "stickiness.app_cookie.duration_seconds": "86400",
    "load_balancing.algorithm.type": "round_robin",
    "load_balancing.algorithm.anomaly_mitigation": "off",
}
_PLAIN_GROUP: Final = {
    **_GROUP,
    "stickiness.type": "source_ip",
    "deregistration_delay.connection_termination.enabled": "false",
    "preserve_client_ip.enabled": "true",
    "proxy_protocol_v2.enabled": "false",
    "target_health_state.unhealthy.connection_termination.enabled": "true",
    "target_health_state.unhealthy.draining_interval_seconds": "0",
}
_HTTP_LISTENER: Final = {
    "routing.http.response.server.enabled": "true",
    **{
        f"routing.http.response.{name}.header_value": ""
        for name in (
            "strict_transport_security",
            "access_control_allow_origin",
            "access_control_allow_methods",
            "access_control_allow_headers",
            "access_control_allow_credentials",
            "access_control_expose_headers",
            "access_control_max_age",
            "content_security_policy",
            "x_content_type_options",
            "x_frame_options",
        )
    },
}
_PLAIN_LISTENER: Final = {"tcp.idle_timeout.seconds": "350"}

_CHOICES: Final[Mapping[str, frozenset[str]]] = {
    "routing.http.desync_mitigation_mode": frozenset({"monitor", "defensive", "strictest"}),
    "routing.http.xff_header_processing.mode": frozenset({"append", "preserve", "remove"}),
    "dns_record.client_routing_policy": frozenset(
        {"any_availability_zone", "availability_zone_affinity", "partial_availability_zone_affinity"}
    ),
    "load_balancing.algorithm.type": frozenset({"round_robin", "least_outstanding_requests"}),
    "load_balancing.algorithm.anomaly_mitigation": frozenset({"off"}),
    "stickiness.type": frozenset({"lb_cookie", "app_cookie", "source_ip"}),
}
_RANGES: Final[Mapping[str, range]] = {
    "idle_timeout.timeout_seconds": range(1, 4001),
    "client_keep_alive.seconds": range(60, 604801),
    DELAY: range(3601),
    "slow_start.duration_seconds": range(1),
    "stickiness.lb_cookie.duration_seconds": range(1, 604801),
    "stickiness.app_cookie.duration_seconds": range(1, 604801),
    "target_group_health.dns_failover.minimum_healthy_targets.count": range(1, 1001),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": range(1, 1001),
    "target_health_state.unhealthy.draining_interval_seconds": range(1),
    "tcp.idle_timeout.seconds": range(60, 6001),
}
_NEVER: Final = frozenset({"access_logs.s3.enabled", "connection_logs.s3.enabled", "health_check_logs.s3.enabled"})
"""Nothing here could do these: switched on they are refused, in the words that tools pass over."""
_COOKIE: Final = re.compile(r"(?!AWSALB)[!#$%&'*+.^_`|~0-9A-Za-z-]{0,255}")
"""Source: RFC 6265, section 4.1.1, and TargetGroupAttribute: names that begin with AWSALB are the service's."""
_NUMBER: Final = re.compile(r"[0-9]{1,7}")
_LONGEST: Final = 1024
_MOST: Final = 50


def of_balancer(balancer: LoadBalancer) -> dict[str, str]:
    """All attributes of a balancer."""
    if balancer.kind is BalancerKind.NETWORK:
        return {**_NETWORK, **balancer.attributes}
    igw = {_IGW: "true" if balancer.scheme == "internal" else "false"}
    return {**_APPLICATION, **igw, **balancer.attributes}


def of_group(group: TargetGroup) -> dict[str, str]:
    """All attributes of a target group."""
    defaults = _HTTP_GROUP if group.protocol in {"HTTP", "HTTPS"} else _PLAIN_GROUP
    return {**defaults, **group.attributes}


def of_listener(listener: BalancerListener) -> dict[str, str]:
    """All attributes of a listener."""
    if listener.protocol in {"HTTP", "HTTPS"}:
        return {**_HTTP_LISTENER, **listener.attributes}
    return {**(_PLAIN_LISTENER if listener.protocol == "TCP" else {}), **listener.attributes}


def changed(noun: str, known: Mapping[str, str], given: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Attributes that a request sets.

    Raises:
        AWSError: one of them is none of the thing's, is given twice, or has a value that it cannot have.
    """
    found: dict[str, str] = {}
    for each in given:
        key, value = each.get("Key") or "", each.get("Value") or ""
        if key not in known:
            raise validation(f"{noun} attribute key '{key}' is not recognized")  # unsourced
        if key in found:
            raise validation(f"{noun} attribute key '{key}' is specified more than once")  # unsourced
        if key in _NEVER and value == "true":
            raise validation(f"{noun} attribute key '{key}' is not supported")  # unsourced
        if not _fits(key, value, known[key]):
            raise validation(f"{noun} attribute '{key}' cannot have the value '{value[:64]}'")  # unsourced
        found[key] = value
    return found


def _fits(key: str, value: str, default: str) -> bool:
    if key in _CHOICES:
        return value in _CHOICES[key]
    if key in _RANGES:
        return _NUMBER.fullmatch(value) is not None and int(value) in _RANGES[key]
    if default in {"true", "false"}:
        return value in {"true", "false"}
    if key == "load_balancing.cross_zone.enabled":
        return value in {"true", "false", "use_load_balancer_configuration"}
    if default == "off":
        return value == "off" or (_NUMBER.fullmatch(value) is not None and 1 <= int(value) <= 100)
    return len(value) <= _LONGEST


def _answer(found: Mapping[str, str]) -> Result:
    return {"Attributes": [{"Key": key, "Value": value} for key, value in sorted(found.items())]}


@operation("elbv2", "DescribeLoadBalancerAttributes")
def describe_load_balancer_attributes(call: Call) -> Result:
    return _answer(of_balancer(ids.balancer_of(call, call.params["LoadBalancerArn"])))


@operation("elbv2", "ModifyLoadBalancerAttributes")
def modify_load_balancer_attributes(call: Call) -> Result:
    balancer = ids.balancer_of(call, call.params["LoadBalancerArn"])
    given = changed("Load balancer", of_balancer(balancer), _checked(call))
    return _answer(of_balancer(call.backend.balancers.change(call.scope, balancer.id, attributes=given)))


@operation("elbv2", "DescribeTargetGroupAttributes")
def describe_target_group_attributes(call: Call) -> Result:
    return _answer(GROUPS.of_ids(call, [call.params["TargetGroupArn"]])[0].attributes(of_group))


@operation("elbv2", "ModifyTargetGroupAttributes")
def modify_target_group_attributes(call: Call) -> Result:
    group = ids.group_of(call, call.params["TargetGroupArn"])
    given = changed("Target group", of_group(group), _checked(call))
    kept = {**group.attributes, **given}
    if kept.get("stickiness.type") == "source_ip" and group.protocol in {"HTTP", "HTTPS"}:
        raise AWSError(  # unsourced
            "InvalidConfigurationRequest",
            "Stickiness type 'source_ip' is not supported for HTTP and HTTPS target groups",
        )
    if kept.get("stickiness.type") == "app_cookie" and not kept.get("stickiness.app_cookie.cookie_name"):
        raise validation("You must set 'stickiness.app_cookie.cookie_name' when 'stickiness.type' is 'app_cookie'")
    if not _COOKIE.fullmatch(kept.get("stickiness.app_cookie.cookie_name", "")):
        raise validation(
            "Target group attribute 'stickiness.app_cookie.cookie_name' is no name of a cookie"
        )  # unsourced
    return _answer(of_group(call.backend.target_groups.change(call.scope, group.id, attributes=given)))


@operation("elbv2", "DescribeListenerAttributes")
def describe_listener_attributes(call: Call) -> Result:
    return _answer(of_listener(_listener(call)))


@operation("elbv2", "ModifyListenerAttributes")
def modify_listener_attributes(call: Call) -> Result:
    listener = _listener(call)
    given = changed("Listener", of_listener(listener), _checked(call))
    return _answer(of_listener(call.backend.listeners.change(call.scope, listener.id, attributes=given)))


def _listener(call: Call) -> BalancerListener:
    return call.backend.listeners.get(call.scope, ids.digits(call, "listener", call.params["ListenerArn"]))


def _checked(call: Call) -> Sequence[Mapping[str, Any]]:
    given: Sequence[Mapping[str, Any]] = call.params.get("Attributes") or ()
    if len(given) > _MOST:
        raise validation(f"At most {_MOST} attributes can be set at once")  # unsourced
    return given
