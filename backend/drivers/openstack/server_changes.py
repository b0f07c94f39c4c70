"""Nova's servers changed while they are there, the port of Neutron's that each has from birth, and their consoles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.domain import options
from backend.domain.scope import Scope
from backend.drivers.errors import Unsupported
from backend.drivers.openstack import metadata as notes
from backend.drivers.openstack.declines import told
from backend.drivers.openstack.refusals import of_server
from backend.drivers.openstack.rest import COMPUTE, NETWORK, Declined, Rest
from backend.drivers.openstack.server_ports import birth_port, checked_pairs

_LINES: Final = 1000
_MOST: Final = 64 * 1024


class OpenStackServerChanging:
    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def set_options(self, scope: Scope, server_id: str, values: Mapping[str, Any]) -> None:
        if "source_check" in values:
            port = birth_port(self._rest, scope, server_id)
            self._put_port(scope, port["id"], checked_pairs(port, check=values["source_check"]))
        items = {notes.OPTION + name: word for name, word in options.words(values).items()}
        self._write(scope, server_id, "/metadata", {"metadata": items}, repeat=True)

    def set_groups(self, scope: Scope, server_id: str, groups: Sequence[str]) -> None:
        port = birth_port(self._rest, scope, server_id)
        self._put_port(scope, port["id"], {"security_groups": list(groups)})

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

    def _put_port(self, scope: Scope, port_id: str, port: Mapping[str, Any]) -> None:
        if port:
            with told():
                self._rest.write(scope, NETWORK, "PUT", f"/ports/{port_id}", {"port": dict(port)}, repeat=True)
