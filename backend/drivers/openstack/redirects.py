"""Where redirects of AWS lead, in the words that Octavia has for it: an address, or what goes before the path. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from backend.drivers.balancer_making import RulePlan
from backend.drivers.balancer_plans import listens

NOT_TO_BE_HAD: Final = (
    "Redirects are supported in this cloud where Host is given, or a host-header of one name, and Path and Query end in"
    " '/#{path}' and are '#{query}', or hold no variables"
)
_PATH: Final = "/#{path}"
_QUERY: Final = "#{query}"
_USUAL_PORTS: Final = {"HTTP": "80", "HTTPS": "443"}


def target(plan: RulePlan) -> dict[str, str] | None:
    """Where a redirect leads; None where Octavia could not say it.

    Octavia sends to fixed addresses only, or puts something fixed before path and query. The protocol and the port of a
    request are those of its listener, and its host is known where the rule is for one alone.
    """
    config = _filled(json.loads(plan.action)["config"], _known(plan))
    host, protocol, port, path, query = (config[name] for name in ("Host", "Protocol", "Port", "Path", "Query"))
    protocol = protocol.upper()
    if "#{" in f"{host}{protocol}{port}" or protocol not in _USUAL_PORTS:
        return None
    front = f"{protocol.lower()}://{host}" + ("" if port == _USUAL_PORTS[protocol] else f":{port}")
    before = path.removesuffix(_PATH)
    if path.endswith(_PATH) and query == _QUERY and "#{" not in before:
        return {"action": "REDIRECT_PREFIX", "redirect_prefix": front + before}
    if "#{" in path or "#{" in query:
        return None
    return {"action": "REDIRECT_TO_URL", "redirect_url": f"{front}{path}" + (f"?{query}" if query else "")}


def _known(plan: RulePlan) -> Mapping[str, str]:
    """What variables stand for in each request that the rule is for."""
    protocol, port = listens(plan.listener_key)
    known = {"#{protocol}": protocol.lower(), "#{port}": str(port)}
    for each in json.loads(plan.conditions):
        values: list[str] = each["values"] if each["field"] == "host-header" else []
        if len(values) == 1 and not set(values[0]) & {"*", "?"}:
            known["#{host}"] = values[0]
    return known


def _filled(config: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name, text in config.items():
        for variable, value in known.items():
            text = text.replace(variable, value)  # noqa: PLW2901 - one variable after the other
        found[name] = text
    return found
