"""Policies of classic balancers: what makes clients stick to an instance. Others are told to be missing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from backend.domain import balancer_findings
from translators.elb.errors import invalid_configuration, validation
from translators.errors import AWSError
from translators.registry import Call, Result, operation

_TYPES: Final = {"lb_cookie": "LBCookieStickinessPolicyType", "app_cookie": "AppCookieStickinessPolicyType"}
_MOST: Final = 100
_COOKIE: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,255}")


@operation("elb", "CreateLBCookieStickinessPolicy")
def create_lb_cookie_stickiness_policy(call: Call) -> Result:
    seconds = call.params.get("CookieExpirationPeriod")
    if seconds is not None and seconds < 0:
        raise validation("CookieExpirationPeriod must not be negative")  # unsourced
    return _create(call, {"type": "lb_cookie", **({"seconds": seconds} if seconds else {})})


@operation("elb", "CreateAppCookieStickinessPolicy")
def create_app_cookie_stickiness_policy(call: Call) -> Result:
    return _create(call, {"type": "app_cookie", "cookie": _cookie(call.params["CookieName"])})


@operation("elb", "CreateLoadBalancerPolicy")
def create_load_balancer_policy(call: Call) -> Result:
    kind = call.params["PolicyTypeName"]
    given = {
        each.get("AttributeName"): each.get("AttributeValue") for each in call.params.get("PolicyAttributes") or ()
    }
    if kind == _TYPES["lb_cookie"]:
        seconds = str(given.get("CookieExpirationPeriod") or "0")
        if not seconds.isdecimal() or len(seconds) > 12:
            raise validation("CookieExpirationPeriod must be a number")  # unsourced
        return _create(call, {"type": "lb_cookie", **({"seconds": int(seconds)} if int(seconds) else {})})
    if kind == _TYPES["app_cookie"] and given.get("CookieName"):
        return _create(call, {"type": "app_cookie", "cookie": _cookie(str(given["CookieName"]))})
    raise AWSError("PolicyTypeNotFound", f"Policy type {kind} is not supported")  # unsourced


@operation("elb", "DeleteLoadBalancerPolicy")
def delete_load_balancer_policy(call: Call) -> Result:
    name = call.params["PolicyName"]

    def change(kept: dict[str, Any]) -> dict[str, Any]:
        if any(name in followed for followed in kept.get("followed", {}).values()):
            raise balancer_findings.PolicyInUse(name)
        policies = {each: one for each, one in kept.get("policies", {}).items() if each != name}
        return {**kept, "policies": policies}

    call.backend.classic_balancers.configure(call.scope, call.params["LoadBalancerName"], change)
    return {}


@operation("elb", "SetLoadBalancerPoliciesOfListener")
def set_load_balancer_policies_of_listener(call: Call) -> Result:
    balancer, port, names = (call.params[each] for each in ("LoadBalancerName", "LoadBalancerPort", "PolicyNames"))
    fronts = {each.port: each for each in call.backend.classic_balancers.get(call.scope, balancer).fronts}
    if port not in fronts:
        raise balancer_findings.ListenerNotFound(str(port))
    if len(names) > 1 or (names and fronts[port].protocol not in {"HTTP", "HTTPS"}):
        raise invalid_configuration("One stickiness policy can be set, for HTTP and HTTPS listeners")  # unsourced

    def change(kept: dict[str, Any]) -> dict[str, Any]:
        for name in names:
            if name not in kept.get("policies", {}):
                raise balancer_findings.PolicyUnknown(name)
        return {**kept, "followed": {**kept.get("followed", {}), str(port): list(names)}}

    call.backend.classic_balancers.configure(call.scope, balancer, change)
    return {}


@operation("elb", "SetLoadBalancerPoliciesForBackendServer")
def set_load_balancer_policies_for_backend_server(call: Call) -> Result:
    call.backend.classic_balancers.get(call.scope, call.params["LoadBalancerName"])
    if call.params["PolicyNames"]:
        raise balancer_findings.PolicyUnknown(call.params["PolicyNames"][0])
    return {}


@operation("elb", "DescribeLoadBalancerPolicies")
def describe_load_balancer_policies(call: Call) -> Result:
    """Those of a balancer; samples of the service's own, which nobody could follow, are none."""
    name = call.params.get("LoadBalancerName")
    details = call.backend.classic_balancers.get(call.scope, name).balancer.details if name else {}
    kept: Mapping[str, Mapping[str, Any]] = details.get("policies", {})
    asked = call.params.get("PolicyNames") or list(kept)
    for each in asked:
        if each not in kept:
            raise balancer_findings.PolicyUnknown(each)
    return {"PolicyDescriptions": [_shown(each, kept[each]) for each in asked]}


def _cookie(name: str) -> str:
    """Source: RFC 6265, section 4.1.1: a cookie's name is a token."""
    if not _COOKIE.fullmatch(name):
        raise validation("CookieName must be a valid name of a cookie, of at most 255 characters")  # unsourced
    return name


def _create(call: Call, policy: Mapping[str, Any]) -> Result:
    name = call.params["PolicyName"]
    if not name or len(name) > 255:
        raise validation("PolicyName must have between 1 and 255 characters")  # unsourced

    def change(kept: dict[str, Any]) -> dict[str, Any]:
        policies = kept.get("policies", {})
        if policies.get(name, policy) != policy:
            raise balancer_findings.PolicyExists(name)
        if len(policies) >= _MOST:
            raise AWSError("TooManyPolicies", f"The quota of {_MOST} policies is used up")  # unsourced
        return {**kept, "policies": {**policies, name: policy}}

    call.backend.classic_balancers.configure(call.scope, call.params["LoadBalancerName"], change)
    return {}


def _shown(name: str, policy: Mapping[str, Any]) -> dict[str, Any]:
    if policy["type"] == "app_cookie":
        attribute = {"AttributeName": "CookieName", "AttributeValue": policy["cookie"]}
    else:
        attribute = {"AttributeName": "CookieExpirationPeriod", "AttributeValue": str(policy.get("seconds", 0))}
    return {
        "PolicyName": name,
        "PolicyTypeName": _TYPES[policy["type"]],
        "PolicyAttributeDescriptions": [attribute],
    }
