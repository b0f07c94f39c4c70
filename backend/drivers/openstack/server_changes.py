"""Nova's servers changed while they are there, the ports of Neutron's that they are on, and their consoles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.domain import options
from backend.domain.scope import Scope
from backend.drivers.errors import ServerNotFound, Unsupported
from backend.drivers.openstack import metadata as notes
from backend.drivers.openstack.declines import told
from backend.drivers.openstack.refusals import of_server
from backend.drivers.openstack.rest import COMPUTE, NETWORK, Declined, Rest

_LINES: Final = 1000
_MOST: Final = 64 * 1024
_ANYWHERE: Final = [{"ip_address": "0.0.0.0/0"}]


class OpenStackServerChanging:
    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def set_options(self, scope: Scope, server_id: str, values: Mapping[str, Any]) -> None:
        if "source_check" in values:
            # Source: Networking API v2.0, "Allowed address pairs": 0.0.0.0/0 lets a port send from any address.
            self._put_ports(scope, server_id, {"allowed_address_pairs": [] if values["source_check"] else _ANYWHERE})
        items = {notes.OPTION + name: word for name, word in options.words(values).items()}
        self._write(scope, server_id, "/metadata", {"metadata": items}, repeat=True)

    def set_groups(self, scope: Scope, server_id: str, groups: Sequence[str]) -> None:
        self._put_ports(scope, server_id, {"security_groups": list(groups)})

    def set_flavor(self, scope: Scope, server_id: str, flavor: str) -> None:
        # Nova asks for each resize to be confirmed before the server can be started: nobody would be there to do it.
        raise Unsupported("InstanceType of an instance that is there")

    def set_user_data(self, scope: Scope, server_id: str, user_data: str | None) -> None:
        # Nova takes other user data with a rebuild alone, which loses the disk.
        raise Unsupported("UserData of an instance that is there")

    def console(self, scope: Scope, server_id: str) -> str:
        answer = self._write(scope, server_id, "/action", {"os-getConsoleOutput": {"length": _LINES}}, repeat=True)
        text = (answer or {}).get("output")
        return text[-_MOST:] if isinstance(text, str) else ""

    def _write(
        self, scope: Scope, server_id: str, path: str, body: Mapping[str, Any], *, repeat: bool
    ) -> Mapping[str, Any] | None:
        try:
            return self._rest.write(scope, COMPUTE, "POST", f"/servers/{server_id}{path}", body, repeat=repeat).body
        except Declined as declined:
            raise of_server(declined, server_id) from declined

    def _put_ports(self, scope: Scope, server_id: str, port: Mapping[str, Any]) -> None:
        with told():
            asked = {"device_id": server_id, "fields": ["id", "device_id"]}
            ports = [*self._rest.listing(scope, NETWORK, "/ports", "ports", asked)]
            own = [each["id"] for each in ports if each.get("device_id") == server_id]
            if not own:
                raise ServerNotFound(f"Instance {server_id} has no port.")
            for port_id in own:
                self._rest.write(scope, NETWORK, "PUT", f"/ports/{port_id}", {"port": dict(port)}, repeat=True)
