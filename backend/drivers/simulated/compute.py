"""The compute port over the simulated state."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from backend.domain.node import ServerStatus
from backend.domain.profile import BlockDevice
from backend.domain.scope import Scope
from backend.drivers.compute import (
    Flavor,
    GroupPolicy,
    KeyPair,
    LoosePort,
    Quota,
    Server,
    ServerGroup,
    ServerRequest,
    Zone,
)
from backend.drivers.errors import ServerGroupNotFound, ServerNotFound, ServerStateConflict
from backend.drivers.installation import Installation, nobody
from backend.drivers.network import Subnet
from backend.drivers.simulated import layout
from backend.drivers.simulated.address_making import give
from backend.drivers.simulated.addresses import take_private, take_public, take_this
from backend.drivers.simulated.admission import Admission, Admitted
from backend.drivers.simulated.faults import Call, Effect
from backend.drivers.simulated.servers import REBOOTING, SWEEP, NewServer, Row, gone
from backend.drivers.simulated.state import from_micros, to_micros
from backend.drivers.simulated.timeline import moved, present
from backend.drivers.simulated.world import World
from backend.drivers.volumes import Kind, OwnDisk


class _Change(NamedTuple):
    """A move that a call asks for.

    Attributes:
        allowed: the statuses it starts from.
        first, then: the two it goes through.
        task: what is done, where both are the same.
        meanwhile: another move may be under way.
    """

    allowed: tuple[ServerStatus, ...]
    first: ServerStatus
    then: ServerStatus
    task: str | None = None
    meanwhile: bool = False


_BUILT = frozenset({ServerStatus.ACTIVE, ServerStatus.ERROR})
_REBOOTED_HARD = (ServerStatus.ACTIVE, ServerStatus.STOPPED, ServerStatus.PAUSED, ServerStatus.ERROR)
_REBUILT = (ServerStatus.ACTIVE, ServerStatus.STOPPED, ServerStatus.ERROR)


class _Boot(NamedTuple):
    """How a boot ends, and when; without a status it never does."""

    status: ServerStatus | None = None
    ends_at: int | None = None
    fault: str | None = None


class SimulatedCompute:
    """Servers whose boots and deletions take the clock's time.

    Args:
        installation: what is made for a cluster carries it.
    """

    def __init__(self, world: World, installation: Installation = nobody) -> None:
        self._world = world
        self._installation = installation
        self._state = world.state
        self._settings = world.settings
        self._faults = world.faults
        self._servers = world.servers
        self._groups = world.groups
        self._admission = Admission(world.settings, world.faults, world.projects, world.groups, world.flavors)

    def create(self, scope: Scope, request: ServerRequest, count: int) -> Sequence[Server]:
        if count < 1:
            raise ValueError(f"a create call makes at least one server, not {count}")
        call = Call("create", scope, zone=request.zone, flavor=request.flavor, image=request.image_id, count=count)
        with self._world.call(call), self._state.writing() as connection:
            now = self._world.now()
            self._servers.settle(connection, now)
            self._servers.purge(connection, now - _micros(self._settings.retention_seconds))
            admitted = self._admission.admit(connection, call, request, now)
            return self._make(connection, call, request, admitted, now)

    def get(self, scope: Scope, server_id: str) -> Server:
        with self._world.call(Call("get", scope, server=server_id)), self._state.reading() as connection:
            now = self._world.now()
            return self._servers.server(connection, self._standing(connection, scope, server_id, now), now)

    def list(self, scope: Scope) -> Sequence[Server]:
        call = Call("list", scope)
        with self._world.call(call), self._state.reading() as connection:
            as_of = self._as_of(call)
            rows = self._servers.standing(connection, scope, as_of)
            return self._told(connection, rows, as_of)

    def list_changed(self, scope: Scope, since: datetime, *, built: bool = False) -> Sequence[Server]:
        call = Call("list_changed", scope)
        with self._world.call(call), self._state.reading() as connection:
            as_of = self._as_of(call)
            rows = self._servers.touched(connection, scope, to_micros(since), as_of)
            changed = [server for server in self._told(connection, rows, as_of) if server.updated_at >= since]
            return [server for server in changed if server.status in _BUILT] if built else changed

    def on_host(self, scope: Scope, host: str) -> Sequence[str]:
        """Each zone is one host, of its name."""
        return [server.id for server in self.list(scope) if server.zone == host]

    def delete(self, scope: Scope, server_id: str) -> None:
        with self._world.call(Call("delete", scope, server=server_id)), self._state.writing() as connection:
            now = self._world.now()
            self._servers.settle(connection, now, SWEEP)
            row = self._standing(connection, scope, server_id, now)
            self.begin_deletion(connection, row, now)

    def start(self, scope: Scope, server_id: str) -> None:
        change = _Change((ServerStatus.STOPPED,), ServerStatus.BUILDING, ServerStatus.ACTIVE)
        self._change("start", scope, server_id, change, self._settings.start_seconds)

    def stop(self, scope: Scope, server_id: str) -> None:
        change = _Change((ServerStatus.ACTIVE, ServerStatus.ERROR), ServerStatus.STOPPING, ServerStatus.STOPPED)
        self._change("stop", scope, server_id, change, self._settings.stop_seconds)

    def reboot(self, scope: Scope, server_id: str, *, hard: bool = False) -> None:
        allowed = _REBOOTED_HARD if hard else (ServerStatus.ACTIVE,)
        change = _Change(allowed, ServerStatus.ACTIVE, ServerStatus.ACTIVE, REBOOTING, meanwhile=hard)
        self._change("reboot", scope, server_id, change, self._settings.reboot_seconds)

    def suspend(self, scope: Scope, server_id: str) -> None:
        change = _Change((ServerStatus.ACTIVE,), ServerStatus.ACTIVE, ServerStatus.PAUSED)
        self._change("suspend", scope, server_id, change, self._settings.suspend_seconds)

    def resume(self, scope: Scope, server_id: str) -> None:
        change = _Change((ServerStatus.PAUSED,), ServerStatus.BUILDING, ServerStatus.ACTIVE)
        self._change("resume", scope, server_id, change, self._settings.resume_seconds)

    def rebuild(self, scope: Scope, server_id: str, image_id: str | None = None, mark: str | None = None) -> None:
        call = Call("rebuild", scope, server=server_id, image=image_id)
        with self._world.call(call), self._state.writing() as connection:
            now = self._world.now()
            row = self._standing(connection, scope, server_id, now)
            server = self._servers.server(connection, row, now)
            stopped = server.status is ServerStatus.STOPPED
            then = ServerStatus.STOPPED if stopped else ServerStatus.ACTIVE
            change = _Change(_REBUILT, ServerStatus.BUILDING, then)
            self._check("rebuild", row, now, change)
            image = image_id or server.image_id or ""
            self._admission.flavor_runs_image(scope, server.flavor, image)
            if mark is not None and image == server.image_id:
                self._servers.change(connection, row, rebuild_mark=mark)
            self._servers.set_image(connection, row, image)
            self._move(connection, row, now, change, self._settings.rebuild_seconds)

    def adopt(self, scope: Scope, server_id: str, launch_id: str | None) -> None:
        with self._world.call(Call("adopt", scope, server=server_id)), self._state.writing() as connection:
            row = self._standing(connection, scope, server_id, self._world.now())
            self._servers.adopt(connection, row, launch_id, (self._installation() or None) if launch_id else None)

    def tag(self, scope: Scope, server_id: str, put: Mapping[str, str], remove: Sequence[str]) -> None:
        with self._world.call(Call("tag", scope, server=server_id)), self._state.writing() as connection:
            row = self._standing(connection, scope, server_id, self._world.now())
            self._servers.tag(connection, row, put, remove)

    def loose_ports(self, scope: Scope) -> Sequence[LoosePort]:
        """Servers make their ports themselves here: only an operator leaves some lying about."""
        with self._world.call(Call("loose_ports", scope)), self._state.reading() as connection:
            ours = (scope.project_id, scope.region, self._installation())
            query = (
                "SELECT id, made_at FROM loose_ports WHERE project = ? AND region = ? AND installation = ? ORDER BY id"
            )
            return [LoosePort(port, from_micros(at)) for port, at in connection.execute(query, ours)]

    def delete_ports(self, scope: Scope, ports: Sequence[str]) -> None:
        with self._world.call(Call("delete_ports", scope)), self._state.writing() as connection:
            ours = (scope.project_id, scope.region, self._installation())
            query = "DELETE FROM loose_ports WHERE project = ? AND region = ? AND installation = ? AND id = ?"
            connection.executemany(query, [(*ours, port) for port in ports])

    def server_groups(self, scope: Scope) -> Sequence[ServerGroup]:
        with self._world.call(Call("server_groups", scope)), self._state.reading() as connection:
            return self._groups.list(connection, scope, self._world.now())

    def create_server_group(
        self, scope: Scope, name: str, policy: GroupPolicy, partitions: int | None = None
    ) -> ServerGroup:
        with self._world.call(Call("create_server_group", scope)), self._state.writing() as connection:
            return self._groups.insert(connection, scope, name, policy, partitions)

    def delete_server_group(self, scope: Scope, group_id: str) -> None:
        with self._world.call(Call("delete_server_group", scope)), self._state.writing() as connection:
            if not self._groups.has(connection, scope, group_id):
                raise ServerGroupNotFound(group_id)
            self._groups.delete(connection, group_id)

    def flavors(self, scope: Scope) -> Sequence[Flavor]:
        with self._world.call(Call("flavors", scope)):
            return self._world.flavors.offered(layout.zone_names(scope.region, self._settings))

    def quotas(self, scope: Scope) -> Sequence[Quota]:
        with self._world.call(Call("quotas", scope)), self._state.writing() as connection:
            self._servers.settle(connection, self._world.now())
            return [Quota("instances", *self._admission.quota(connection, Call("create", scope)))]

    def key_pairs(self, scope: Scope) -> Sequence[KeyPair]:
        with self._world.call(Call("key_pairs", scope)):
            return self._world.projects.key_pairs(scope)

    def delete_key_pair(self, scope: Scope, name: str) -> None:
        with self._world.call(Call("delete_key_pair", scope)):
            self._world.projects.delete_key_pair(scope, name)

    def zones(self, scope: Scope) -> Sequence[Zone]:
        with self._world.call(Call("zones", scope)):
            zones = layout.zones(scope.region, self._settings)
            closed = {fault.where.zone for fault in self._faults.active() if fault.effect is Effect.CLOSE_ZONE}
            return [replace(zone, available=zone.name not in closed) for zone in zones]

    def begin_deletion(self, connection: sqlite3.Connection, row: Row, now: int) -> None:
        """Put a standing server into deletion; one that is in deletion already stays as it is."""
        if present(row.move, now).status is ServerStatus.DELETING:
            return
        takes = _micros(self._settings.delete_seconds)
        move = moved(row.move, now, ServerStatus.DELETING, then=ServerStatus.DELETED, after=takes)
        self._servers.move(connection, row, move, gone_at=now + takes)

    def _make(
        self, connection: sqlite3.Connection, call: Call, request: ServerRequest, admitted: Admitted, now: int
    ) -> Sequence[Server]:
        subnet = admitted.subnet
        usual = subnet.public_by_default or request.public_by_default
        public = usual if request.public_address is None else request.public_address
        at_once = public and not self._settings.late_addresses
        public_addresses: Sequence[int | None] = take_public(connection, call.count) if at_once else [None] * call.count
        resolved = replace(
            request, subnet_id=subnet.id, security_group_ids=admitted.security_group_ids, public_address=public
        )
        batch = self._servers.new_batch(connection, resolved, subnet.network_id, call.count, now)
        group, place = request.server_group, (request.zone, request.partition)
        partitions: Sequence[int | None] = (
            [None] * call.count if group is None else self._groups.spread(connection, group, place, call.count, now)
        )
        addresses = self._addresses(connection, call, request, batch.id, subnet, now)
        servers = []
        for position, boot in enumerate(self._boots(call, now)):
            server_id = self._servers.server_id(batch.id, position)
            goes = boot or _Boot(ServerStatus.ACTIVE, self._boot_end(server_id, now))
            servers.append(
                NewServer(server_id, addresses[position], public_addresses[position], *goes, partitions[position])
            )
        made = self._servers.insert(connection, batch, call.scope, servers, self._installation() or None)
        outliving = [disk for disk in request.block_devices if not disk.delete_on_termination and not disk.suppressed]
        if not outliving:
            return made
        self._keep_disks(connection, call, made, outliving, now)
        return [
            self._servers.server(connection, self._standing(connection, call.scope, each.id, now), now) for each in made
        ]

    def _addresses(  # noqa: PLR0917 - of what, where and when
        self,
        connection: sqlite3.Connection,
        call: Call,
        request: ServerRequest,
        batch: int,
        subnet: Subnet,
        now: int,
    ) -> Sequence[int]:
        """The private addresses of the servers of a batch."""
        if request.interface_id is not None:
            return [give(connection, call.scope, request.interface_id, self._servers.server_id(batch, 0), now)]
        if request.private_address is not None:
            return [take_this(connection, subnet.id, subnet.cidr, request.private_address)]
        return take_private(connection, subnet.id, subnet.cidr, call.count)

    def _keep_disks(
        self, connection: sqlite3.Connection, call: Call, made: Sequence[Server], disks: Sequence[BlockDevice], now: int
    ) -> None:
        """Make volumes of the disks that are to stay when their servers go."""
        image = self._world.projects.image(call.scope, call.image or "")
        for server in made:
            for disk in disks:
                if disk.ephemeral is not None:
                    continue
                size = disk.size_gib or (image.size_gib if image else 1)
                kind = Kind(disk.volume_type or (image.volume_type if image else "gp3"))
                own = OwnDisk(server.id, disk.device, size, kind, delete_on_termination=False)
                row = self._standing(connection, call.scope, server.id, now)
                self._world.volumes.realize(connection, call.scope, row, own, now)

    def _boots(self, call: Call, now: int) -> Sequence[_Boot | None]:
        """How the boots of a call's servers go where faults decide it, by position; None where all goes well."""
        boots: list[_Boot | None] = []
        usual = now + _micros(self._settings.boot_seconds)
        for fault in self._faults.meeting(call, Effect.BOOT_ERROR, Effect.BOOT_HANG, Effect.BOOT_SLOW):
            number = self._faults.spend(fault, call.count - len(boots))
            if fault.effect is Effect.BOOT_ERROR:
                boots += [_Boot(ServerStatus.ERROR, usual, fault.details["text"])] * number
            elif fault.effect is Effect.BOOT_HANG:
                boots += [_Boot()] * number
            else:
                boots += [_Boot(ServerStatus.ACTIVE, now + _micros(fault.details["seconds"]))] * number
        return boots + [None] * (call.count - len(boots))

    def _boot_end(self, server_id: str, now: int) -> int:
        spread = self._settings.boot_spread * int(server_id[-4:], 16) / 0xFFFF
        return now + _micros(self._settings.boot_seconds * (1 + spread))

    def _change(self, name: str, scope: Scope, server_id: str, change: _Change, seconds: float) -> None:
        with self._world.call(Call(name, scope, server=server_id)), self._state.writing() as connection:
            now = self._world.now()
            row = self._standing(connection, scope, server_id, now)
            self._check(name, row, now, change)
            self._move(connection, row, now, change, seconds)

    def _check(self, name: str, row: Row, now: int, change: _Change) -> None:
        status = present(row.move, now).status
        if status not in change.allowed:
            raise ServerStateConflict(f"Cannot '{name}' instance {row.id} while it is in vm_state {status}")
        if not change.meanwhile:
            self._servers.check_rest(row, name, now)

    def _move(self, connection: sqlite3.Connection, row: Row, now: int, change: _Change, seconds: float) -> None:
        move = moved(row.move, now, change.first, then=change.then, after=_micros(seconds))
        self._servers.move(connection, row, move, task=change.task)

    def _standing(self, connection: sqlite3.Connection, scope: Scope, server_id: str, now: int) -> Row:
        row = self._servers.find(connection, server_id, scope)
        if row is None or gone(row, now):
            raise ServerNotFound(f"Instance {server_id} could not be found.")
        return row

    def _told(self, connection: sqlite3.Connection, rows: Iterator[Row], as_of: int) -> Sequence[Server]:
        """The rows as servers; those made after that instant are not told yet."""
        return [
            self._servers.server(connection, row, as_of)
            for row in rows
            if self._servers.created_at(connection, row) <= as_of
        ]

    def _as_of(self, call: Call) -> int:
        lag = self._settings.listing_lag_seconds
        for fault in self._faults.meeting(call, Effect.STALE):
            lag = max(lag, fault.details["seconds"])
        return self._world.now() - _micros(lag)


def _micros(seconds: float) -> int:
    return round(seconds * 1_000_000)
