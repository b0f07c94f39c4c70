"""Servers of the simulated cloud changed while they are there, and what they write to their consoles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.domain.node import ServerStatus
from backend.domain.scope import Scope
from backend.drivers.errors import FlavorNotFound, SecurityGroupNotFound, ServerNotFound, ServerStateConflict
from backend.drivers.simulated import layout
from backend.drivers.simulated.faults import Call
from backend.drivers.simulated.servers import gone
from backend.drivers.simulated.timeline import present
from backend.drivers.simulated.world import World

_CONSOLE: Final = """[    0.000000] Linux version 6.1.0 (coppice) #1 SMP
[    0.000000] Command line: root=LABEL=cloudimg-rootfs ro console=tty1 console=ttyS0
[    1.204311] EXT4-fs (vda1): mounted filesystem with ordered data mode.
[    4.817702] cloud-init[612]: Cloud-init running 'modules:final'.
{host} login: """


class SimulatedServerChanging:
    def __init__(self, world: World) -> None:
        self._world = world
        self._servers = world.servers

    def set_options(self, scope: Scope, server_id: str, values: Mapping[str, Any]) -> None:
        self._change("set_options", scope, server_id, {"options": dict(values)})

    def set_groups(self, scope: Scope, server_id: str, groups: Sequence[str]) -> None:
        known = {group.id for group in self._world.projects.security_groups(scope)}
        for group in groups:
            if group not in known:
                raise SecurityGroupNotFound(f"Security group {group} not found.")
        self._change("set_groups", scope, server_id, {"security_group_ids": list(groups)})

    def set_flavor(self, scope: Scope, server_id: str, flavor: str) -> None:
        if self._world.flavors.named(flavor, layout.zone_names(scope.region, self._world.settings)) is None:
            raise FlavorNotFound(f"Flavor {flavor} could not be found.")
        self._change("set_flavor", scope, server_id, {"flavor": flavor}, stopped=True)

    def set_user_data(self, scope: Scope, server_id: str, user_data: str | None) -> None:
        self._change("set_user_data", scope, server_id, {"user_data": user_data}, stopped=True)

    def console(self, scope: Scope, server_id: str) -> str:
        with self._world.call(Call("console", scope, server=server_id)), self._world.state.reading() as connection:
            now = self._world.now()
            row = self._servers.find(connection, server_id, scope)
            if row is None or gone(row, now):
                raise ServerNotFound(f"Instance {server_id} could not be found.")
            server = self._servers.server(connection, row, now)
            booted = server.status not in {ServerStatus.BUILDING, ServerStatus.ERROR}
            return _CONSOLE.format(host=f"ip-{(server.private_address or '').replace('.', '-')}") if booted else ""

    def _change(
        self, name: str, scope: Scope, server_id: str, own: Mapping[str, Any], *, stopped: bool = False
    ) -> None:
        with self._world.call(Call(name, scope, server=server_id)), self._world.state.writing() as connection:
            now = self._world.now()
            row = self._servers.find(connection, server_id, scope)
            if row is None or gone(row, now):
                raise ServerNotFound(f"Instance {server_id} could not be found.")
            status = present(row.move, now).status
            if stopped and status is not ServerStatus.STOPPED:
                raise ServerStateConflict(f"Cannot '{name}' instance {row.id} while it is in status {status}")
            self._servers.change(connection, row, **own)
