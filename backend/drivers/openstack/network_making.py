"""The port of networks that are made, on Neutron: a VPC is a router, a subnet a network with one subnet in it.

The router leads to the outside as soon as the VPC has a gateway, and with it all of its subnets: a project may not say
of a router that it shall not translate addresses, and routers know no routes of single subnets.

Source: Networking API v2.0, "Add extra routes to router" (extension ``extraroute-atomic``): what is there already is
added, and what is not there removed, without an error; a next hop is an address of a subnet that the router is in.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from backend.domain.scope import Scope
from backend.drivers.errors import Busy, CloudError, QuotaExceeded
from backend.drivers.installation import Installation
from backend.drivers.network_making import ExtraRoute, HeldAddress, MadeSubnet, NewSubnet
from backend.drivers.openstack import network_marks as marks
from backend.drivers.openstack.declines import told
from backend.drivers.openstack.outside import public_network
from backend.drivers.openstack.refusals import of_any, of_network_write
from backend.drivers.openstack.rest import NETWORK, Answer, Declined, Rest
from backend.drivers.openstack.settings import OpenStackSettings

_KEPT_BY_AWS: Final = 4
"""The first addresses of a subnet, which AWS gives to nobody: the router has one of them."""
_INTERFACES: Final = (
    "network:router_interface",
    "network:router_interface_distributed",
    "network:ha_router_replicated_interface",
)
_NETWORKS_AT_ONCE: Final = 50
"""Networks that one listing of ports names: its URL stays below what web servers take."""
_NAMED: Final = 3
"""Ports that an error names."""
_FIELDS: Final = ["id", "name", "description", "project_id"]
_HOLDERS: Final = ["id", "device_id", "fixed_ips"]
_GONE: Final = frozenset({"RouterNotFound", "NetworkNotFound", "SubnetNotFound"})
_APART: Final = frozenset({"RouterInterfaceNotFoundForSubnet", "RouterInterfaceNotFound"})
_JOINED: Final = "already has a port on subnet"


class OpenStackNetworkMaking:
    at_once = False

    def __init__(self, rest: Rest, settings: OpenStackSettings, installation: Installation) -> None:
        self._rest = rest
        self._settings = settings
        self._installation = installation

    def outward(self, scope: Scope) -> frozenset[str]:
        with told():
            asked = {"fields": ["id", "external_gateway_info"]}
            routers = self._rest.listing(scope, NETWORK, "/routers", "routers", asked)
            open_ = {each["id"] for each in routers if each.get("external_gateway_info")}
            asked = {"device_owner": [*_INTERFACES], "fields": ["id", "device_id", "network_id"]}
            ports = self._rest.listing(scope, NETWORK, "/ports", "ports", asked) if open_ else iter(())
            return frozenset(each["network_id"] for each in ports if each.get("device_id") in open_)

    def make_vpc(self, scope: Scope, token: str) -> str:
        asked = {"name": marks.name_of(token), "description": marks.of_vpc(self._installation())}
        return self._make(scope, "router", asked)

    def find_vpc(self, scope: Scope, token: str) -> str | None:
        return next(iter(self._found(scope, "routers", token)), None)

    def delete_vpc(self, scope: Scope, vpc: str) -> None:
        self._write(scope, "DELETE", f"/routers/{vpc}")

    def lead_out(self, scope: Scope, vpc: str, *, outside: bool) -> None:
        gateway = {"network_id": public_network(self._rest, self._settings, scope)} if outside else {}
        asked = {"router": {"external_gateway_info": gateway}}
        self._write(scope, "PUT", f"/routers/{vpc}", asked, missing=outside)

    def make_subnet(self, scope: Scope, token: str, new: NewSubnet, *, again: bool = False) -> MadeSubnet:
        zone = self._settings.zone_names(scope.region).to_cloud(new.zone)
        named = {"name": marks.name_of(token), "description": marks.of_network(self._installation(), new.vpc, zone)}
        known = self._found(scope, "networks", token) if again else []
        network = known[0] if known else self._make(scope, "network", named)
        inside = self._subnets(scope, network) if known else []
        if inside:
            return MadeSubnet(inside[0], network)
        block = ipaddress.IPv4Network(new.cidr)
        first, last = block.network_address + _KEPT_BY_AWS, block.broadcast_address - 1
        asked = {
            **named,
            "network_id": network,
            "ip_version": 4,
            "cidr": new.cidr,
            "gateway_ip": str(block.network_address + 1),
            "allocation_pools": [{"start": str(first), "end": str(last)}],
            "dns_nameservers": list(new.dns),
        }
        return MadeSubnet(self._make(scope, "subnet", asked), network)

    def find_subnet(self, scope: Scope, token: str) -> Sequence[str]:
        return self._found(scope, "networks", token)

    def join_subnet(self, scope: Scope, vpc: str, subnet: MadeSubnet) -> None:
        try:
            self._put(scope, f"/routers/{vpc}/add_router_interface", {"subnet_id": subnet.id})
        except Declined as declined:
            if _JOINED not in declined.message:
                raise _refusal(declined) from declined

    def occupied(self, scope: Scope, subnets: Collection[str]) -> bool:
        return any(self._occupants(scope, {"fixed_ips": f"subnet_id={subnet}"}) for subnet in subnets)

    def delete_subnet(self, scope: Scope, vpc: str, subnet: MadeSubnet) -> None:
        # Neutron takes a router out of a network that is in use, and what is there is cut off.
        inside = self._occupants(scope, {"network_id": subnet.network_id})
        if inside:
            raise Busy(f"network {subnet.network_id} has ports still: {', '.join(inside[:_NAMED])}")
        try:
            self._put(scope, f"/routers/{vpc}/remove_router_interface", {"subnet_id": subnet.id})
        except Declined as declined:
            if declined.kind not in _GONE | _APART:
                raise _refusal(declined) from declined
        try:
            self._write(scope, "DELETE", f"/networks/{subnet.network_id}")
        except Busy:
            self.join_subnet(scope, vpc, subnet)  # somebody was quicker
            raise

    def delete_networks(self, scope: Scope, networks: Sequence[str]) -> None:
        for network in networks:
            self._write(scope, "DELETE", f"/networks/{network}")

    def held_addresses(self, scope: Scope, subnets: Sequence[MadeSubnet]) -> Sequence[HeldAddress]:
        networks = sorted({each.network_id for each in subnets})
        found: list[HeldAddress] = []
        with told():
            for at in range(0, len(networks), _NETWORKS_AT_ONCE):
                asked = {"network_id": networks[at : at + _NETWORKS_AT_ONCE], "fields": _HOLDERS}
                for port in self._rest.listing(scope, NETWORK, "/ports", "ports", asked):
                    holder = str(port["id"]), str(port.get("device_id") or "")
                    found += [HeldAddress(str(each["ip_address"]), *holder) for each in port.get("fixed_ips") or ()]
        return found

    def extra_routes(self, scope: Scope, vpc: str) -> frozenset[ExtraRoute]:
        try:
            routes = self._rest.item(scope, NETWORK, f"/routers/{vpc}", "router").get("routes") or ()
        except Declined as declined:
            if declined.kind in _GONE:
                return frozenset()
            raise _refusal(declined) from declined
        return frozenset(ExtraRoute(str(each["destination"]), str(each["nexthop"])) for each in routes)

    def add_extra_routes(self, scope: Scope, vpc: str, routes: Collection[ExtraRoute]) -> None:
        try:
            self._put(scope, f"/routers/{vpc}/add_extraroutes", _routes(routes))
        except Declined as declined:
            full = of_network_write(declined, len(routes))
            raise (full if isinstance(full, QuotaExceeded) else _refusal(declined)) from declined

    def remove_extra_routes(self, scope: Scope, vpc: str, routes: Collection[ExtraRoute]) -> None:
        self._write(scope, "PUT", f"/routers/{vpc}/remove_extraroutes", _routes(routes))

    def set_dns(self, scope: Scope, subnet: MadeSubnet, dns: Sequence[str]) -> None:
        self._write(scope, "PUT", f"/subnets/{subnet.id}", {"subnet": {"dns_nameservers": list(dns)}}, missing=True)

    def _make(self, scope: Scope, noun: str, asked: Mapping[str, Any]) -> str:
        try:
            return str(self._rest.write(scope, NETWORK, "POST", f"/{noun}s", {noun: asked}).item(noun)["id"])
        except Declined as declined:
            raise of_network_write(declined, 1) from declined

    def _found(self, scope: Scope, nouns: str, token: str) -> list[str]:
        """Ids of what was made with a token, in the project itself."""
        with told():
            asked = {"name": marks.name_of(token), "fields": _FIELDS}
            listed = list(self._rest.listing(scope, NETWORK, f"/{nouns}", nouns, asked))
        own = [each for each in listed if each.get("project_id") == scope.project_id]
        return [str(each["id"]) for each in own if marks.is_of(each, self._installation(), token)]

    def _subnets(self, scope: Scope, network: str) -> list[str]:
        with told():
            asked = {"network_id": network, "fields": ["id", "network_id"]}
            listed = self._rest.listing(scope, NETWORK, "/subnets", "subnets", asked)
            return [str(each["id"]) for each in listed if each.get("network_id") == network]

    def _occupants(self, scope: Scope, where: Mapping[str, str]) -> list[str]:
        """What has ports there beside what serves the network; ids of ports with their owners."""
        with told():
            asked = {**where, "fields": ["id", "device_owner"]}
            listed = list(self._rest.listing(scope, NETWORK, "/ports", "ports", asked))
        owners = {str(each["id"]): str(each.get("device_owner") or "nobody") for each in listed}
        return [f"{port} of {owner}" for port, owner in owners.items() if not owner.startswith("network:")]

    def _put(self, scope: Scope, path: str, body: Mapping[str, Any]) -> Answer:
        return self._rest.write(scope, NETWORK, "PUT", path, body, repeat=True)

    def _write(
        self, scope: Scope, method: str, path: str, body: Mapping[str, Any] | None = None, *, missing: bool = False
    ) -> None:
        """Send a write that may be repeated.

        Args:
            missing: what is gone is a refusal.
        """
        try:
            self._rest.write(scope, NETWORK, method, path, body, repeat=True)
        except Declined as declined:
            if missing or declined.kind not in _GONE:
                raise _refusal(declined) from declined


def _routes(routes: Collection[ExtraRoute]) -> dict[str, Any]:
    listed = [{"destination": each.cidr, "nexthop": each.next_hop} for each in sorted(routes)]
    return {"router": {"routes": listed}}


def _refusal(declined: Declined) -> CloudError:
    """What is in use or being changed can be asked for again."""
    if declined.status == 409:
        return Busy(declined.message, request_id=declined.request_id)
    return of_any(declined)
