"""Plans of balancers in Octavia's words, and what of them it has no words for. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from backend.domain.identities import certificate_of
from backend.domain.security_policies import POLICIES
from backend.drivers.balancer_making import BlendPlan, ListenerPlan, Part, PoolPlan, RulePlan, blend_key
from backend.drivers.openstack import redirects
from backend.drivers.openstack.rest import Declined

Document = Mapping[str, Any]

MADE: Final = "coppice="
KEY: Final = "coppice-key="
DIGEST: Final = "coppice-is="
CHILDREN: Final = "coppice-parts="
CONDITIONS: Final = "coppice-if="
SHARE: Final = "coppice-share="
"""Of a blend: the key of a pool, and the weight of it."""
SECRETS: Final = "coppice-secrets"
"""Of a balancer that may have secrets: of others none are looked for."""

POOL_PROTOCOLS: Final = {"HTTP": "HTTP", "HTTPS": "HTTP", "TCP": "TCP", "UDP": "UDP"}
_LISTENERS: Final = {"HTTP": "HTTP", "HTTPS": "TERMINATED_HTTPS", "TCP": "TCP", "UDP": "UDP"}
_ALGORITHMS: Final = {"round_robin": "ROUND_ROBIN", "least_outstanding_requests": "LEAST_CONNECTIONS"}
_STICKINESS: Final = {"lb_cookie": "HTTP_COOKIE", "app_cookie": "APP_COOKIE", "source_ip": "SOURCE_IP"}
_FORWARDED: Final = {"X-Forwarded-For": "true", "X-Forwarded-Port": "true", "X-Forwarded-Proto": "true"}
_CODES: Final = re.compile(r"\d{3}(,\d{3})*|\d{3}-\d{3}")
_MOST_CODES: Final = 60
"""As many as the column of Octavia's database has room for."""
_LONGEST: Final = 255
_FIELDS: Final = {"path-pattern": "PATH", "host-header": "HOST_NAME", "http-header": "HEADER"}


def tagged(document: Document, prefix: str) -> str:
    """What a tag of that prefix says; empty where there is none."""
    found = (tag.removeprefix(prefix) for tag in document.get("tags") or () if tag.startswith(prefix))
    return next(found, "")


def is_busy(declined: Declined) -> bool:
    """Whether it is refused only while a change is under way: what is there twice is told with the same status."""
    return declined.status == 409 and "immutable" in declined.message.lower()


def lacks(part: Part) -> str | None:
    """What Octavia cannot give of a part, in AWS's words."""
    if isinstance(part, PoolPlan):
        return _lacks_of_pool(part)
    if isinstance(part, BlendPlan):
        return _lacks_of_blend(part)
    if isinstance(part, ListenerPlan):
        if part.protocol not in _LISTENERS:
            return NO_LISTENER.format(part.protocol)
        if any(each.startswith("arn:") and certificate_of(each) is None for each in part.certificates):
            return "Certificates of ACM are not supported in this cloud"
        action = json.loads(part.action)
        if action["type"] == "fixed-response" and action["config"].get("StatusCode") == "503":
            return None if "MessageBody" not in action["config"] else _NO_BODY
        return _lacks_of_forward(action) if action["type"] == "forward" else _NO_DEFAULT.format(action["type"])
    return _lacks_of_rule(part)


NO_LISTENER: Final = "Listeners with protocol {} are not supported in this cloud"
_NO_BODY: Final = "Fixed responses with a message body are not supported in this cloud"
_NO_DEFAULT: Final = "Default actions of type {} are not supported in this cloud"


def _lacks_of_pool(plan: PoolPlan) -> str | None:
    if plan.protocol not in POOL_PROTOCOLS:
        return f"Target groups with protocol {plan.protocol} are not supported in this cloud"
    if plan.monitor is not None and plan.monitor.codes and codes(plan.monitor.codes) is None:
        return f"The health check matcher '{plan.monitor.codes}' has too many codes for this cloud"
    if plan.algorithm not in _ALGORITHMS:
        return f"The load balancing algorithm '{plan.algorithm}' is not supported in this cloud"
    return None


def _lacks_of_blend(plan: BlendPlan) -> str | None:
    """Members of one pool are all spoken to and looked at in one way."""
    pools = [pool for pool, _ in plan.shares]
    for what, told in _BLENDED.items():
        if len({told(pool) for pool in pools}) > 1:
            return f"Forwarding to several weighted target groups with different {what} is not supported in this cloud"
    if not {each.protocol for each in pools} <= {"HTTP", "HTTPS"}:
        return "Forwarding to several weighted target groups is not supported in this cloud for network load balancers"
    return None


_BLENDED: Final[Mapping[str, Callable[[PoolPlan], object]]] = {
    "protocols": lambda pool: pool.protocol,
    "health checks": lambda pool: pool.monitor,
    "load balancing algorithms": lambda pool: pool.algorithm,
    "stickiness": lambda pool: (pool.stickiness, pool.cookie),
}
"""What the pools of a blend have to have in common."""


def _lacks_of_forward(action: Document) -> str | None:
    if not any(weight for _, weight in action["groups"]):
        return "Forwarding to target groups that all have the weight 0 is not supported in this cloud"
    return None


def _lacks_of_rule(plan: RulePlan) -> str | None:
    for each in json.loads(plan.conditions):
        if each["field"] not in _FIELDS:
            return f"Conditions on '{each['field']}' are not supported in this cloud"
    if any(len(rule["value"]) > _LONGEST for rule in rules(plan)):
        return "The values of a condition are too long for this cloud"
    action = json.loads(plan.action)
    if action["type"] == "forward":
        return _lacks_of_forward(action)
    if action["type"] == "fixed-response":
        plain = action["config"].get("StatusCode") == "403" and "MessageBody" not in action["config"]
        return None if plain else "Fixed responses other than an empty 403 are not supported in this cloud"
    return None if redirects.target(plan) is not None else redirects.NOT_TO_BE_HAD


def pool_of_blend(plan: BlendPlan) -> PoolPlan:
    """The pool that a blend is: like its pools, which are alike."""
    first = plan.shares[0][0]
    sticky = first.stickiness or ("lb_cookie" if plan.sticky else None)
    return replace(first, key=plan.key, name=plan.name, stickiness=sticky)


def shares_of(plan: BlendPlan) -> list[str]:
    """The tags that tell whose members a blend has."""
    return [f"{SHARE}{pool.key}:{weight}" for pool, weight in plan.shares]


def pool_body(plan: PoolPlan) -> dict[str, Any]:
    """A pool, but for what stays as it was made."""
    sticky: dict[str, Any] | None = None
    if plan.stickiness is not None:
        sticky = {"type": _STICKINESS[plan.stickiness]}
        if plan.stickiness == "app_cookie":
            sticky["cookie_name"] = plan.cookie
    return {
        "name": plan.name,
        "lb_algorithm": _ALGORITHMS[plan.algorithm],
        "session_persistence": sticky,
        **({"tls_enabled": True} if plan.protocol == "HTTPS" else {}),
    }


def monitor_body(plan: PoolPlan) -> dict[str, Any] | None:
    """A pool's monitor, None where nobody looks."""
    monitor = plan.monitor
    if monitor is None:
        return None
    body: dict[str, Any] = {
        "type": monitor.kind,
        "delay": monitor.interval_seconds,
        "timeout": monitor.timeout_seconds,
        "max_retries": monitor.rise,
        "max_retries_down": monitor.fall,
    }
    if monitor.path is not None:
        body |= {"url_path": monitor.path, "expected_codes": codes(monitor.codes or "200"), "http_method": "GET"}
    return body


def codes(matcher: str) -> str | None:
    """Status codes as Octavia takes them: a list or one range; a mix is spelt out. None where that is too long."""
    if _CODES.fullmatch(matcher):
        return matcher if len(matcher) <= _MOST_CODES + 4 else None
    found: list[str] = []
    for each in matcher.split(","):
        first, _, last = each.partition("-")
        found += map(str, range(int(first), int(last or first) + 1))
    told = ",".join(found)
    return told if len(told) <= _MOST_CODES + 4 else None


def listener_body(plan: ListenerPlan, pools: Mapping[str, str], references: Sequence[str] = ()) -> dict[str, Any]:
    """A listener. ``references``: to its certificates, the default one first."""
    action = json.loads(plan.action)
    body: dict[str, Any] = {
        "name": plan.name,
        "protocol": _LISTENERS[plan.protocol],
        "protocol_port": plan.port,
        "default_pool_id": _pool_of(plan, action, pools) if action["type"] == "forward" else None,
    }
    if plan.protocol in {"HTTP", "HTTPS"}:
        body["insert_headers"] = _FORWARDED
    if references:
        others = [each for each in references[1:] if each != references[0]]
        body |= {"default_tls_container_ref": references[0], "sni_container_refs": others}
        body |= _secured(plan.ssl_policy)
    if plan.idle_seconds is not None:
        body |= {"timeout_client_data": plan.idle_seconds * 1000, "timeout_member_data": plan.idle_seconds * 1000}
    return body


def _secured(policy: str | None) -> dict[str, Any]:
    """Protocols and ciphers of a security policy.

    The ciphers of TLS 1.3 are not told: HAProxy takes them from elsewhere, and those that it has anyway are the same.
    """
    if policy is None:
        return {}
    protocols, ciphers = POLICIES[policy]
    older = [each for each in ciphers if not each.startswith("TLS_")]
    return {"tls_versions": list(protocols), "tls_ciphers": ":".join(older) or None}


def references_of(listener: Document) -> list[str]:
    """What Octavia's listener takes its certificates from."""
    default = listener.get("default_tls_container_ref")
    return [*([default] if default else ()), *(listener.get("sni_container_refs") or ())]


def references_of_all(listeners: Iterable[Document]) -> list[str]:
    """What any of these takes its certificates from."""
    return [each for listener in listeners for each in references_of(listener)]


def policy_body(plan: RulePlan, pools: Mapping[str, str]) -> dict[str, Any]:
    """What a policy does with what it meets."""
    action = json.loads(plan.action)
    if action["type"] == "forward":
        return {"action": "REDIRECT_TO_POOL", "redirect_pool_id": _pool_of(plan, action, pools)}
    if action["type"] == "fixed-response":
        return {"action": "REJECT"}
    code = int(action["config"]["StatusCode"].removeprefix("HTTP_"))
    return {**(redirects.target(plan) or {}), "redirect_http_code": code}


def _pool_of(owner: ListenerPlan | RulePlan, action: Document, pools: Mapping[str, str]) -> str:
    chosen = [group for group, weight in action["groups"] if weight]
    return pools[chosen[0] if len(chosen) == 1 else blend_key(owner)]


def digest_of_conditions(plan: RulePlan) -> str:
    return hashlib.sha256(plan.conditions.encode()).hexdigest()[:16]


def rules(plan: RulePlan) -> list[dict[str, Any]]:
    """The rules of a policy, all of which must be met."""
    return [_rule(each) for each in json.loads(plan.conditions) if each["field"] in _FIELDS]


def _rule(condition: Document) -> dict[str, Any]:
    field, values = condition["field"], condition["values"]
    kind = {"type": _FIELDS[field]}
    if field == "path-pattern" and len(values) == 1:
        return {**kind, **_path(values[0])}
    pattern = "|".join(_pattern(value) for value in values)
    if field == "host-header":
        # Octavia compares names whatever their case, but with the port that clients may tell.
        return {**kind, "compare_type": "REGEX", "value": f"^({pattern})(:[0-9]+)?$"}
    key = {"key": condition["header"]} if field == "http-header" else {}
    return {**kind, **key, "compare_type": "REGEX", "value": f"^({pattern})$"}


def _path(value: str) -> dict[str, str]:
    inner = value.strip("*")
    if "?" not in value and "*" not in inner and inner:
        if inner == value:
            return {"compare_type": "EQUAL_TO", "value": value}
        if value == f"{inner}*":
            return {"compare_type": "STARTS_WITH", "value": inner}
        if value == f"*{inner}":
            return {"compare_type": "ENDS_WITH", "value": inner}
    return {"compare_type": "REGEX", "value": f"^({_pattern(value)})$"}


def _pattern(value: str) -> str:
    """A pattern with ``*`` and ``?`` as a regular expression."""
    return "".join(".*" if each == "*" else "." if each == "?" else re.escape(each) for each in value)
