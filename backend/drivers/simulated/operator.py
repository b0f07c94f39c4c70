"""What happens to servers behind everybody's back: the hand of an operator, or of fate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backend.domain.node import Notice, ServerStatus
from backend.domain.scope import Scope
from backend.drivers.compute import Server
from backend.drivers.errors import ServerNotFound, VolumeNotFound
from backend.drivers.simulated.compute import SimulatedCompute
from backend.drivers.simulated.servers import Row, gone
from backend.drivers.simulated.timeline import moved, present
from backend.drivers.simulated.world import World


class Operator:
    """Acts on any project's server, past quotas, faults and the project's own calls.

    Servers are named by their cloud id or by the AWS-style id made from it (``i-...``). Each method raises
    ServerNotFound when there is no such server.
    """

    def __init__(self, world: World, compute: SimulatedCompute) -> None:
        self._world = world
        self._compute = compute

    def break_server(self, server: str, text: str = "The host has failed.") -> None:
        """It goes to ERROR at once, with that fault text."""
        self._put(server, ServerStatus.ERROR, fault=text)

    def stop(self, server: str) -> None:
        """It is shut down, as by its own operating system."""
        self._put(server, ServerStatus.STOPPING, then=ServerStatus.STOPPED, seconds=self._world.settings.stop_seconds)

    def start(self, server: str) -> None:
        self._put(server, ServerStatus.BUILDING, then=ServerStatus.ACTIVE, seconds=self._world.settings.start_seconds)

    def pause(self, server: str) -> None:
        self._put(server, ServerStatus.PAUSED)

    def lose_sight(self, server: str) -> None:
        """Its host does not report: the cloud tells UNKNOWN."""
        self._put(server, ServerStatus.UNKNOWN)

    def recover(self, server: str) -> None:
        """It is ACTIVE again, whatever it was."""
        self._put(server, ServerStatus.ACTIVE)

    def notify(self, server: str, notice: Notice | None) -> None:
        """It is told that the cloud will take it back, or, with None, that it will not."""
        with self._world.state.writing() as connection:
            row = self._find(server)
            now = self._world.now()
            self._world.servers.change(connection, row, notice=None if notice is None else str(notice))
            if row.move.change_at is None or row.move.change_at <= now:
                # It does what it did; that somebody touched it is told to who asks for changes.
                self._world.servers.move(connection, row, moved(row.move, now, present(row.move, now).status))

    def terminate(self, server: str) -> None:
        """It is deleted in the ordinary way, and told as DELETED afterwards."""
        with self._world.state.writing() as connection:
            self._compute.begin_deletion(connection, self._find(server), self._world.now())

    def reclaim(self, server: str) -> None:
        """The cloud takes a preemptible server back: it is deleted. Raises ServerNotFound where it is none."""
        with self._world.state.writing() as connection:
            row = self._find(server)
            if not self._world.servers.server(connection, row, self._world.now()).preemptible:
                raise ServerNotFound(f"Instance {server} is not preemptible.")
            self._compute.begin_deletion(connection, row, self._world.now())

    def vanish(self, server: str) -> None:
        """It is gone without a trace: no listing of changes ever tells."""
        with self._world.state.writing() as connection:
            self._world.servers.forget(connection, self._find(server))

    def break_volume(self, volume: str, *, broken: bool = True) -> None:
        """It is in error, or whole again. Raises VolumeNotFound."""
        with self._world.state.writing() as connection:
            for scope, found in self._world.volumes.everywhere(connection, self._world.now()):
                if volume in {found.id, f"vol-{found.short_id}"}:
                    self._world.volumes.save(connection, scope, replace(found, works=not broken))
                    return
        raise VolumeNotFound(f"Volume {volume} could not be found.")

    def leave_ports(self, scope: Scope, installation: str, ports: Sequence[str]) -> None:
        """Ports that an installation made for servers are left without any, as if made now."""
        with self._world.state.writing() as connection:
            rows = [(port, scope.project_id, scope.region, installation, self._world.now()) for port in ports]
            connection.executemany("INSERT OR REPLACE INTO loose_ports VALUES (?, ?, ?, ?, ?)", rows)

    def take_port(self, port: str) -> None:
        """A server has it again."""
        with self._world.state.writing() as connection:
            connection.execute("DELETE FROM loose_ports WHERE id = ?", (port,))

    def ports(self) -> Sequence[str]:
        """Every port that no server has."""
        with self._world.state.reading() as connection:
            return [row[0] for row in connection.execute("SELECT id FROM loose_ports ORDER BY id")]

    def servers(self) -> Sequence[tuple[Scope, Server]]:
        """Every server of every project that is not deleted, oldest first."""
        with self._world.state.reading() as connection:
            now = self._world.now()
            table = self._world.servers
            rows = table.everywhere(connection, now)
            return [(Scope(row.project, row.region), table.server(connection, row, now)) for row in rows]

    def scope_of(self, server: str) -> tuple[Scope, str]:
        """The project and region it belongs to, and its full id."""
        row = self._find(server)
        return Scope(row.project, row.region), row.id

    def _put(
        self,
        server: str,
        status: ServerStatus,
        *,
        then: ServerStatus | None = None,
        seconds: float = 0.0,
        fault: str | None = None,
    ) -> None:
        with self._world.state.writing() as connection:
            row = self._find(server)
            now = self._world.now()
            move = moved(row.move, now, status, then=then, after=round(seconds * 1e6), fault=fault)
            self._world.servers.move(connection, row, move)

    def _find(self, server: str) -> Row:
        with self._world.state.reading() as connection:
            row = self._world.servers.find_abbreviated(connection, server)
        if row is None or gone(row, self._world.now()):
            raise ServerNotFound(f"Instance {server} could not be found.")
        return row
