"""The ports for public addresses and made interfaces, on Neutron: floating addresses and ports of their own.

What is made carries a token in its description, by which it is found; only what carries this installation's is ended.
Nova lets go of a port some moments after it took the request, and Neutron lets nobody delete one that a server has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.clock import Clock
from backend.domain.ids import short_id
from backend.domain.scope import Scope
from backend.drivers.address_making import NewInterface, Port, PublicAddress
from backend.drivers.errors import (
    AddressTaken,
    AddressUnfit,
    Busy,
    CloudError,
    NetworkMissing,
    NoAddresses,
    NotAuthorized,
    OutcomeUnknown,
    SecurityGroupNotFound,
    SubnetNotFound,
)
from backend.drivers.installation import Installation
from backend.drivers.openstack.busy import until_done, when_at_rest
from backend.drivers.openstack.declines import told
from backend.drivers.openstack.network import OpenStackNetworking
from backend.drivers.openstack.outside import public_network
from backend.drivers.openstack.refusals import of_any, of_network_write, of_server
from backend.drivers.openstack.rest import COMPUTE, NETWORK, Declined, Rest
from backend.drivers.openstack.server_ports import birth_port, checked_pairs
from backend.drivers.openstack.settings import OpenStackSettings

_UNFIT: Final = frozenset({"InvalidIpForSubnet", "InvalidIpForNetwork"})
_TAKEN: Final = frozenset({"IpAddressInUse", "IpAddressAlreadyAllocated"})
_NO_WAY: Final = "ExternalGatewayForFloatingIPNotFound"
_PAUSES: Final = (0.2, 0.5, 1.0, 2.0, 3.0)
"""Between looks at a port that a server is to let go of."""


class Addresses:
    """Both ports."""

    def __init__(
        self,
        rest: Rest,
        clock: Clock,
        settings: OpenStackSettings,
        networking: OpenStackNetworking,
        installation: Installation,
    ) -> None:
        self._rest = rest
        self._clock = clock
        self._settings = settings
        self._networking = networking
        self._installation = installation

    def allocate_address(self, scope: Scope, token: str) -> PublicAddress:
        asked = {
            "floatingip": {
                "floating_network_id": public_network(self._rest, self._settings, scope),
                "description": self._mark(token),
            }
        }
        try:
            made = self._rest.write(scope, NETWORK, "POST", "/floatingips", asked).item("floatingip")
        except Declined as declined:
            raise of_network_write(declined, 1) from declined
        return PublicAddress(str(made["id"]), str(made["floating_ip_address"]))

    def find_address(self, scope: Scope, token: str) -> PublicAddress | None:
        found = self._marked(scope, "floatingips", token)
        return None if found is None else PublicAddress(str(found["id"]), str(found["floating_ip_address"]))

    def release_address(self, scope: Scope, address_id: str) -> None:
        self._delete(scope, f"/floatingips/{address_id}", "FloatingIPNotFound")

    def bind_address(
        self, scope: Scope, address_id: str, *, server_id: str | None = None, interface_id: str | None = None
    ) -> None:
        port = interface_id or str(birth_port(self._rest, scope, server_id or "")["id"])
        self._lead(scope, address_id, port)

    def unbind_address(self, scope: Scope, address_id: str) -> None:
        self._lead(scope, address_id, None)

    def create_interface(self, scope: Scope, token: str, new: NewInterface) -> Port:
        known = self._marked(scope, "ports", token)
        if known is not None:
            return _port(known)
        placement = self._networking.placement(scope, new.subnet_id)
        if placement is None:
            raise SubnetNotFound(short_id(new.subnet_id))
        fixed = {"subnet_id": placement.real_id}
        body: dict[str, Any] = {
            "network_id": placement.network_id or placement.subnet.network_id,
            "fixed_ips": [fixed | ({"ip_address": new.address} if new.address else {})],
            "description": self._mark(token),
            "security_groups": list(new.group_ids),
        }
        try:
            made = self._rest.write(scope, NETWORK, "POST", "/ports", {"port": body}).item("port")
        except Declined as declined:
            raise _of_port(declined, new) from declined
        return _port(made)

    def find_interface(self, scope: Scope, token: str) -> str | None:
        found = self._marked(scope, "ports", token)
        return None if found is None else str(found["id"])

    def delete_interface(self, scope: Scope, interface_id: str) -> None:
        refused: list[NotAuthorized] = []

        def is_gone() -> bool:
            try:
                self._delete(scope, f"/ports/{interface_id}", "PortNotFound")
            except NotAuthorized as error:
                if self.holder(scope, interface_id) is None:
                    raise
                refused.append(error)
                return False
            return True

        if not until_done(self._clock, _PAUSES, is_gone):
            raise Busy(f"a server has port {interface_id} still") from refused[-1]

    def change_interface(
        self,
        scope: Scope,
        interface_id: str,
        *,
        group_ids: Sequence[str] | None = None,
        source_dest_check: bool | None = None,
    ) -> None:
        body: dict[str, Any] = {}
        if group_ids is not None:
            body["security_groups"] = list(group_ids)
        try:
            if source_dest_check is not None:
                port = self._rest.read(scope, NETWORK, f"/ports/{interface_id}")["port"]
                body |= checked_pairs(port, check=source_dest_check)
            if body:
                self._rest.write(scope, NETWORK, "PUT", f"/ports/{interface_id}", {"port": body}, repeat=True)
        except Declined as declined:
            raise _of_port(declined, NewInterface("", group_ids=tuple(group_ids or ()))) from declined

    def holder(self, scope: Scope, interface_id: str) -> str | None:
        try:
            return self._rest.item(scope, NETWORK, f"/ports/{interface_id}", "port").get("device_id") or None
        except Declined as declined:
            if declined.kind == "PortNotFound":
                return None
            raise of_any(declined) from declined

    def attach_interface(self, scope: Scope, interface_id: str, server_id: str) -> None:
        asked = {"interfaceAttachment": {"port_id": interface_id}}

        def ask() -> None:
            try:
                self._rest.write(scope, COMPUTE, "POST", f"/servers/{server_id}/os-interface", asked)
            except Declined as declined:
                raise of_server(declined, server_id) from declined

        when_at_rest(self._clock, ask)

    def detach_interface(self, scope: Scope, interface_id: str, server_id: str) -> None:
        path = f"/servers/{server_id}/os-interface/{interface_id}"

        def ask() -> None:
            try:
                self._rest.write(scope, COMPUTE, "DELETE", path, repeat=True)
            except Declined as declined:
                if declined.status != 404:
                    raise of_server(declined, server_id) from declined

        when_at_rest(self._clock, ask)
        if not until_done(self._clock, _PAUSES, lambda: self.holder(scope, interface_id) is None):
            raise OutcomeUnknown(f"server {server_id} has port {interface_id} still")

    def _lead(self, scope: Scope, address_id: str, port: str | None) -> None:
        asked = {"floatingip": {"port_id": port}}
        try:
            self._rest.write(scope, NETWORK, "PUT", f"/floatingips/{address_id}", asked, repeat=True)
        except Declined as declined:
            if declined.kind == _NO_WAY:
                raise NetworkMissing(declined.message, request_id=declined.request_id) from declined
            if port is None and declined.kind == "FloatingIPNotFound":
                return
            raise of_any(declined) from declined

    def _marked(self, scope: Scope, nouns: str, token: str) -> Mapping[str, Any] | None:
        mark = self._mark(token)
        with told():
            listed = self._rest.listing(scope, NETWORK, f"/{nouns}", nouns, {"description": mark})
            return next((each for each in listed if each.get("description") == mark), None)

    def _mark(self, token: str) -> str:
        return f"coppice:{self._installation()}:{token}"

    def _delete(self, scope: Scope, path: str, gone: str) -> None:
        try:
            self._rest.write(scope, NETWORK, "DELETE", path, repeat=True)
        except Declined as declined:
            if declined.kind != gone:
                raise of_any(declined) from declined


def _port(document: Mapping[str, Any]) -> Port:
    (fixed, *_) = document["fixed_ips"]
    return Port(str(document["id"]), str(fixed["ip_address"]), str(document["mac_address"]))


def _of_port(declined: Declined, new: NewInterface) -> CloudError:
    request_id = declined.request_id
    if declined.kind == "IpAddressGenerationFailure":
        return NoAddresses(short_id(new.subnet_id), request_id=request_id)
    if declined.kind in _TAKEN:
        return AddressTaken(new.address or declined.message, request_id=request_id)
    if declined.kind in _UNFIT:
        return AddressUnfit(new.address or declined.message, request_id=request_id)
    if declined.kind == "SecurityGroupNotFound":
        named = next((group for group in new.group_ids if group in declined.message), "")
        return SecurityGroupNotFound(short_id(named), request_id=request_id)
    return of_network_write(declined, 1)
