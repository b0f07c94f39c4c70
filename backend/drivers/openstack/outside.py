"""The network that is outside: where gateways lead to, and public addresses are from."""

from __future__ import annotations

from backend.domain.scope import Scope
from backend.drivers.errors import NetworkMissing
from backend.drivers.openstack.declines import told
from backend.drivers.openstack.rest import NETWORK, Rest
from backend.drivers.openstack.settings import OpenStackSettings


def public_network(rest: Rest, settings: OpenStackSettings, scope: Scope) -> str:
    """Its id: the one that is set, else the first of the external ones. Raises NetworkMissing."""
    wanted = settings.public_network
    with told():
        asked = {"router:external": True, "fields": ["id", "name", "router:external"]}
        listed = list(rest.listing(scope, NETWORK, "/networks", "networks", asked))
    outside = sorted(str(each["id"]) for each in listed if each.get("router:external"))
    named = [str(each["id"]) for each in listed if wanted and wanted in {each["id"], each.get("name")}]
    found = named or (outside if not wanted else [])
    if not found:
        raise NetworkMissing(wanted or "an external network")
    return found[0]
