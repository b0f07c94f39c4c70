"""The port that a server has from birth, and what a port of Neutron's may send that is not its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from backend.domain.scope import Scope
from backend.drivers.errors import ServerNotFound
from backend.drivers.openstack.declines import told
from backend.drivers.openstack.rest import NETWORK, Rest

_FIELDS: Final = ("id", "device_id", "description", "created_at", "allowed_address_pairs")
_ANYWHERE: Final = "0.0.0.0/0"


def birth_port(rest: Rest, scope: Scope, server_id: str) -> Mapping[str, Any]:
    """The first of its ports that was not made by itself: id and allowed_address_pairs. Raises ServerNotFound."""
    asked = {"device_id": server_id, "fields": list(_FIELDS)}
    with told():
        listed = [
            each
            for each in rest.listing(scope, NETWORK, "/ports", "ports", asked)
            if each.get("device_id") == server_id and not str(each.get("description") or "").startswith("coppice:")
        ]
    if not listed:
        raise ServerNotFound(f"server {server_id} has no port")
    return min(listed, key=lambda each: (each.get("created_at") or "", each["id"]))


def checked_pairs(port: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """The change of a port that has its source checked, or not: empty where nothing is to be changed.

    Source: Networking API v2.0, "Allowed address pairs": 0.0.0.0/0 lets a port send from any address. Other pairs are
    somebody's (an address that moves between servers, say) and stay.
    """
    here = list(port.get("allowed_address_pairs") or ())
    others = [pair for pair in here if pair.get("ip_address") != _ANYWHERE]
    if check:
        return {} if len(others) == len(here) else {"allowed_address_pairs": others}
    return {"allowed_address_pairs": [*here, {"ip_address": _ANYWHERE}]} if len(others) == len(here) else {}
