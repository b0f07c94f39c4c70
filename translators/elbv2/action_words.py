"""Actions and conditions of listeners and rules, from AWS's words to what is kept, and back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from translators.elbv2 import ids
from translators.elbv2.errors import validation
from translators.registry import Call

Document = Mapping[str, Any]

_CONFIGS: Final = {
    "path-pattern": "PathPatternConfig",
    "host-header": "HostHeaderConfig",
    "http-header": "HttpHeaderConfig",
    "query-string": "QueryStringConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "source-ip": "SourceIpConfig",
}
_PLAIN: Final = frozenset({"path-pattern", "host-header"})
"""Whose values may stand without their config, and are told in both places."""
_LONGEST_VALUE: Final = 128
_MOST_VALUES: Final = 5
_REDIRECT: Final = {
    "Protocol": "#{protocol}",
    "Port": "#{port}",
    "Host": "#{host}",
    "Path": "/#{path}",
    "Query": "#{query}",
}
_STATUS: Final = re.compile(r"[245]\d\d")
_MOST_GROUPS: Final = 5
_MOST_WEIGHT: Final = 999
_STICKY_SECONDS: Final = range(1, 604801)
_CONTENT_TYPES: Final = frozenset(
    {"text/plain", "text/css", "text/html", "application/javascript", "application/json", ""}
)


def read_actions(call: Call, given: Sequence[Document]) -> tuple[Document, ...]:
    """Actions as they are kept, in their order; the last one says what becomes of a request.

    Raises:
        AWSError: an action that is none, is not had here, or names no target group of this account.
    """
    if not given:
        raise validation("You must specify at least one action")  # unsourced
    if len(given) > 1:
        kinds = ", ".join(sorted({str(each.get("Type")) for each in given}))
        raise validation(f"Only one action is supported, and it must not need authentication: {kinds}")  # unsourced
    return tuple(_read(call, each) for each in given)


def _read(call: Call, given: Document) -> Document:
    kind = given.get("Type")
    order = {"order": given["Order"]} if "Order" in given else {}
    if kind == "forward":
        return {"type": kind, **_forward(call, given), **order}
    if kind == "redirect":
        return {"type": kind, "config": _redirect(given.get("RedirectConfig")), **order}
    if kind == "fixed-response":
        return {"type": kind, "config": _fixed(given.get("FixedResponseConfig")), **order}
    if kind in {"authenticate-oidc", "authenticate-cognito", "jwt-validation"}:
        raise validation(f"Actions of type '{kind}' are not supported")  # unsourced
    raise validation(f"Action type '{kind}' must be one of 'forward', 'redirect', 'fixed-response'")  # unsourced


def _forward(call: Call, given: Document) -> Document:
    config, alone = given.get("ForwardConfig"), given.get("TargetGroupArn")
    groups = (config or {}).get("TargetGroups") or ()
    if not groups and not alone:
        raise validation("A target group ARN must be specified")  # unsourced
    if groups and alone and [each["TargetGroupArn"] for each in groups] != [alone]:
        raise validation("TargetGroupArn and ForwardConfig must name the same target group")  # unsourced
    pairs = [(each["TargetGroupArn"], each.get("Weight", 1)) for each in groups] or [(str(alone), 1)]
    if len(pairs) > _MOST_GROUPS or len({arn for arn, _ in pairs}) < len(pairs):
        raise validation(f"An action can forward to at most {_MOST_GROUPS} different target groups")  # unsourced
    if any(not 0 <= weight <= _MOST_WEIGHT for _, weight in pairs):
        raise validation(f"The weight of a target group must be between 0 and {_MOST_WEIGHT}")  # unsourced
    sticky = (config or {}).get("TargetGroupStickinessConfig") or {}
    kept: dict[str, Any] = {"groups": [[ids.group_of(call, arn).id, weight] for arn, weight in pairs]}
    if sticky.get("Enabled") or sticky.get("DurationSeconds"):
        seconds = sticky.get("DurationSeconds", 0)
        if seconds not in _STICKY_SECONDS:
            raise validation("Target group stickiness duration must be between 1 and 604800 seconds")  # unsourced
        # How long it would last is told again while it is off, too: Terraform compares it.
        kept["stickiness"] = {"Enabled": bool(sticky.get("Enabled")), "DurationSeconds": seconds}
    return kept


def _redirect(given: Document | None) -> Document:
    if given is None or not given.get("StatusCode"):
        raise validation("A redirect action must have a RedirectConfig with a StatusCode")  # unsourced
    if given["StatusCode"] not in {"HTTP_301", "HTTP_302"}:
        raise validation("The StatusCode of a redirect must be 'HTTP_301' or 'HTTP_302'")  # unsourced
    config = {**_REDIRECT, **{name: value for name, value in given.items() if value}}
    if config["Protocol"] not in {"HTTP", "HTTPS", "#{protocol}"}:
        raise validation("The Protocol of a redirect must be 'HTTP', 'HTTPS' or '#{protocol}'")  # unsourced
    if not config["Path"].startswith("/"):
        raise validation("The Path parameter must begin with '/'")  # unsourced
    if all(config[name] == _REDIRECT[name] for name in ("Protocol", "Port", "Host", "Path")):
        # Source: Elastic Load Balancing API Reference, RedirectActionConfig (a redirect must change something).
        raise validation("The RedirectConfig values of the action would cause a redirect loop")  # unsourced
    return config


def _fixed(given: Document | None) -> Document:
    status = str((given or {}).get("StatusCode") or "")
    if given is None or not _STATUS.fullmatch(status):
        raise validation("The StatusCode of a fixed response must be 2XX, 4XX or 5XX")  # unsourced
    if given.get("ContentType", "") not in _CONTENT_TYPES:
        raise validation(f"The ContentType '{given['ContentType']}' is not supported")  # unsourced
    return {name: value for name, value in given.items() if value not in {None, ""}}


def show_actions(kept: Iterable[Document], group_arns: Mapping[str, str]) -> list[dict[str, Any]]:
    """Actions as AWS tells them; a forward to one group in both of its forms."""
    return [_shown(each, group_arns) for each in kept]


def _shown(each: Document, group_arns: Mapping[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = {"Type": each["type"]}
    if "order" in each:
        told["Order"] = each["order"]
    if each["type"] == "redirect":
        return {**told, "RedirectConfig": each["config"]}
    if each["type"] == "fixed-response":
        return {**told, "FixedResponseConfig": each["config"]}
    groups = [{"TargetGroupArn": group_arns.get(group, ""), "Weight": weight} for group, weight in each["groups"]]
    sticky = each.get("stickiness") or {"Enabled": False}
    if len(groups) == 1:
        told["TargetGroupArn"] = groups[0]["TargetGroupArn"]
    return {**told, "ForwardConfig": {"TargetGroups": groups, "TargetGroupStickinessConfig": sticky}}


def read_conditions(given: Sequence[Document]) -> tuple[Document, ...]:
    """Conditions as they are kept, by field.

    Raises:
        AWSError: a condition that is none.
    """
    if not given:
        raise validation("You must specify at least one condition")  # unsourced
    found = [_condition(each) for each in given]
    fields = [each["field"] for each in found]
    for once in ("path-pattern", "host-header", "http-request-method", "source-ip"):
        if fields.count(once) > 1:
            raise validation(f"A rule can only have one '{once}' condition")  # unsourced
    if sum(len(each["values"]) for each in found) > _MOST_VALUES:
        raise validation("A rule can have at most 5 condition values")  # unsourced
    return tuple(sorted(found, key=lambda each: str(each["field"])))


def _condition(given: Document) -> Document:
    field = given.get("Field") or ""
    if field not in _CONFIGS:
        known = "', '".join(_CONFIGS)
        raise validation(f"Condition field '{field}' must be one of '[{known}]'")  # unsourced
    if given.get("RegexValues") or (given.get(_CONFIGS[field]) or {}).get("RegexValues"):
        raise validation("Regular expressions in conditions are not supported")  # unsourced
    config = given.get(_CONFIGS[field]) or {}
    values = config.get("Values") or (given.get("Values") if field in _PLAIN else None) or []
    if not values:
        raise validation("A condition value must be specified")  # unsourced
    texts = [part for value in values for part in (value.values() if isinstance(value, Mapping) else [value])]
    if any(len(text) > _LONGEST_VALUE for text in texts):
        raise validation(f"Condition values may have at most {_LONGEST_VALUE} characters")  # unsourced
    kept = {"field": field, "values": list(values)}
    if field == "http-header":
        if not config.get("HttpHeaderName"):
            raise validation("An HTTP header name must be specified")  # unsourced
        kept["header"] = config["HttpHeaderName"]
    return kept


def show_conditions(kept: Iterable[Document]) -> list[dict[str, Any]]:
    """Conditions as AWS tells them."""
    return [_shown_condition(each) for each in kept]


def _shown_condition(each: Document) -> dict[str, Any]:
    field = each["field"]
    config: dict[str, Any] = {"Values": each["values"]}
    if "header" in each:
        config = {"HttpHeaderName": each["header"], **config}
    plain = {"Values": each["values"]} if field in _PLAIN else {}
    return {"Field": field, **plain, _CONFIGS[field]: config}
