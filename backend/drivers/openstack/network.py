"""The network port on Neutron."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from backend.clock import Clock
from backend.domain.scope import Scope
from backend.drivers.network import Network, SecurityGroup, Subnet
from backend.drivers.openstack.declines import told
from backend.drivers.openstack.kept import Kept
from backend.drivers.openstack.layout import Layout, Placement
from backend.drivers.openstack.rest import NETWORK, Rest
from backend.drivers.openstack.settings import OpenStackSettings
from backend.drivers.openstack.zones import Zones

_FRESH = timedelta(seconds=1)
_NOW = timedelta()
_PAGE = 1000
_LAID_OUT = ("/networks", "/subnets", "/routers", "/security-groups", "/security-group-rules")
"""What a layout is made of, by how the paths of Neutron begin."""


class OpenStackNetworking:
    """Networks, subnets and groups as a project sees them; ``layout`` is what the driver's other parts use."""

    def __init__(self, rest: Rest, clock: Clock, settings: OpenStackSettings, zones: Zones) -> None:
        self._rest = rest
        self._settings = settings
        self._zones = zones
        self._layouts: Kept[Scope, Layout] = Kept(clock, self._ask)
        rest.watch(self._written)

    def networks(self, scope: Scope) -> Sequence[Network]:
        return self.layout(scope, _FRESH).networks

    def subnets(self, scope: Scope) -> Sequence[Subnet]:
        layout = self.layout(scope, _FRESH)
        used, served = self._used(scope) if layout.placements else (Counter[str](), Counter[str]())
        return [replace(each.subnet, free_addresses=_left(each, used, served)) for each in layout.placements]

    def security_groups(self, scope: Scope) -> Sequence[SecurityGroup]:
        return self.layout(scope, _FRESH).groups

    def layout(self, scope: Scope, age: timedelta) -> Layout:
        """The project's layout, no older than ``age``. Raises CloudUnavailable, NotAuthorized, Refused."""
        return self._layouts.get(scope, age)

    def _written(self, scope: Scope | None, service: str, path: str) -> None:
        """What was changed from here is told at once; ports and addresses are no part of a layout."""
        if scope is not None and service == NETWORK and path.startswith(_LAID_OUT):
            self._layouts.drop(scope)

    def placement(self, scope: Scope, subnet_id: str) -> Placement | None:
        """A subnet, which may have come since its project's layout was asked for."""
        for age in (self._settings.layout_age, _NOW):
            found = self.layout(scope, age).by_id.get(subnet_id)
            if found is not None:
                return found
        return None

    def _ask(self, scope: Scope) -> Layout:
        rest = self._rest
        with told():
            return Layout.of(
                rest.listing(scope, NETWORK, "/networks", "networks"),
                rest.listing(scope, NETWORK, "/subnets", "subnets"),
                rest.listing(scope, NETWORK, "/security-groups", "security_groups"),
                self._zones.names(scope),
                scope,
                self._settings,
            )

    def _used(self, scope: Scope) -> tuple[Counter[str], Counter[str]]:
        """Addresses in use by subnet, and those of them that are the network's own (its router's, its DHCP's).

        As far as the project sees: ports of others on shared networks are not told.
        """
        asked = {"fields": ["id", "fixed_ips", "device_owner"], "limit": _PAGE}
        used, served = Counter[str](), Counter[str]()
        with told():
            for port in self._rest.listing(scope, NETWORK, "/ports", "ports", asked):
                found = [address["subnet_id"] for address in port.get("fixed_ips") or ()]
                used.update(found)
                if str(port.get("device_owner") or "").startswith("network:"):
                    served.update(found)
        return used, served


def _left(placement: Placement, used: Counter[str], served: Counter[str]) -> int:
    """How many addresses a subnet has left; of one that was made here AWS's number, which counts servers alone."""
    taken = used[placement.real_id] - (served[placement.real_id] if placement.subnet.made else 0)
    return max(0, placement.subnet.free_addresses - taken)
