"""Pools of load balancers in the state: who made them is the operator; members come and go through the port.

A pool that has traffic has a balancer and a listener of its own, whose ids are made from the pool's.
"""

from __future__ import annotations

import ipaddress
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from backend.domain.node import ServerStatus
from backend.domain.scope import Scope
from backend.domain.traffic import MemberHealth
from backend.drivers.balancer_making import Endpoint
from backend.drivers.balancing import PoolMember, Target
from backend.drivers.errors import PoolNotFound
from backend.drivers.simulated.servers import Row
from backend.drivers.simulated.state import add_to_counter, counter
from backend.drivers.simulated.timeline import present
from backend.drivers.simulated.world import World

_COLUMNS = "id, project, region, name, protocol, port, monitored, served, created_at, balancer"
_OWN = "pool_id = ? AND address = ? AND port = ? AND owner = ? AND (installation IS NULL OR installation = ?)"
_NOBODY = "{} is no member of pool {}."


class PoolRow(NamedTuple):
    """One pool as stored.

    Attributes:
        monitored: somebody looks after its members' health.
        served: it has a balancer.
        balancer: the one that it was made with, through the port; None where an operator made the pool.
    """

    id: str
    project: str
    region: str
    name: str
    protocol: str
    port: int
    monitored: bool
    served: bool
    created_at: int
    balancer: str | None = None

    @property
    def scope(self) -> Scope:
        return Scope(self.project, self.region)


class MemberRow(NamedTuple):
    """One member as stored. ``verdict``: what an operator says of its health, before anything else."""

    id: str
    pool_id: str
    address: str
    port: int
    weight: int
    owner: str | None
    installation: str | None
    added_at: int
    verdict: str | None
    monitor_port: int | None = None


class Pools:
    """Makes and ends pools, and judges members, past faults and the project's own calls.

    A pool is named by its id or by its name where no other has it, a member by its address or its server's id
    (``i-...`` or the cloud's own). Each method that takes them raises PoolNotFound where there is none.
    """

    def __init__(self, world: World, origin: uuid.UUID) -> None:
        self._world = world
        self._origin = origin

    def create(
        self,
        scope: Scope,
        name: str,
        *,
        protocol: str = "HTTP",
        port: int = 80,
        monitored: bool = True,
        served: bool = True,
        balancer: str | None = None,
    ) -> PoolRow:
        with self._world.state.writing() as connection:
            identity, now = self.new_id(connection), self._world.now()
            made = PoolRow(
                identity, scope.project_id, scope.region, name, protocol, port, monitored, served, now, balancer
            )
            connection.execute(f"INSERT INTO pools ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", made)  # noqa: S608 - constant columns
        return made

    def delete(self, pool: str) -> None:
        """With its members."""
        with self._world.state.writing() as connection:
            found = self.named(connection, pool)
            connection.execute("DELETE FROM members WHERE pool_id = ?", (found.id,))
            connection.execute("DELETE FROM pools WHERE id = ?", (found.id,))

    def all(self) -> Sequence[PoolRow]:
        """Every pool of every project, oldest first."""
        with self._world.state.reading() as connection:
            return list(_rows(connection, "ORDER BY rowid", ()))

    def members(self, pool: str) -> Sequence[PoolMember]:
        with self._world.state.reading() as connection:
            return self.told(connection, self.named(connection, pool))

    def add_foreign(self, pool: str, address: str, port: int) -> None:
        """A member that no node of anybody stands for."""
        with self._world.state.writing() as connection:
            self._insert(connection, self.named(connection, pool), address, port)

    def take_out(self, pool: str, address: str) -> None:
        """Whoever's members are at that address are gone."""
        with self._world.state.writing() as connection:
            found = self.named(connection, pool)
            connection.execute("DELETE FROM members WHERE pool_id = ? AND address = ?", (found.id, address))

    def judge(self, pool: str, member: str, verdict: MemberHealth | None) -> None:
        """Its monitor says so from now on, whatever the server does; None lets the server speak again."""
        with self._world.state.writing() as connection:
            found = self.named(connection, pool)
            address = self._address(connection, member)
            changed = connection.execute(
                "UPDATE members SET verdict = ? WHERE pool_id = ? AND address = ?", (verdict, found.id, address)
            ).rowcount
        if not changed:
            raise PoolNotFound(_NOBODY.format(member, found.name))

    # what the port does, within the caller's connection

    def of(self, connection: sqlite3.Connection, scope: Scope) -> list[PoolRow]:
        where = "WHERE project = ? AND region = ? ORDER BY name, id"
        return list(_rows(connection, where, (scope.project_id, scope.region)))

    def get(self, connection: sqlite3.Connection, scope: Scope, pool_id: str) -> PoolRow:
        where = "WHERE id = ? AND project = ? AND region = ?"
        found = next(_rows(connection, where, (pool_id, scope.project_id, scope.region)), None)
        if found is None:
            raise PoolNotFound(f"Pool {pool_id} not found.")
        return found

    def named(self, connection: sqlite3.Connection, pool: str) -> PoolRow:
        found = list(_rows(connection, "WHERE id = ? OR name = ? LIMIT 2", (pool, pool)))
        if len(found) != 1:
            raise PoolNotFound(f"{'More than one pool has' if found else 'No pool has'} the name or id {pool}.")
        return found[0]

    def told(self, connection: sqlite3.Connection, pool: PoolRow) -> list[PoolMember]:
        """Its members as they are now, in the order they came."""
        now = self._world.now()
        return [
            PoolMember(
                row.id,
                row.address,
                row.port,
                row.weight,
                self._health(connection, pool, row, now),
                row.owner,
                row.installation,
                provisioning_status="ACTIVE",
                monitor_port=row.monitor_port,
            )
            for row in _members(connection, pool)
        ]

    def put(self, connection: sqlite3.Connection, pool: PoolRow, target: Target, installation: str) -> None:
        key = (pool.id, target.address, target.port)
        known = connection.execute(
            "UPDATE members SET weight = 1, owner = ?, installation = ?, monitor_port = ?"
            " WHERE pool_id = ? AND address = ? AND port = ?",
            (target.owner, installation or None, target.monitor_port, *key),
        ).rowcount
        if known:
            return
        made_for = target.owner, installation or None
        self._insert(connection, pool, target.address, target.port, made_for, target.monitor_port)

    @staticmethod
    def drain(connection: sqlite3.Connection, pool: PoolRow, target: Target, installation: str) -> None:
        connection.execute(
            f"UPDATE members SET weight = 0 WHERE {_OWN}",  # noqa: S608 - constant conditions
            (pool.id, target.address, target.port, target.owner, installation),
        )

    @staticmethod
    def remove(connection: sqlite3.Connection, pool: PoolRow, target: Target, installation: str) -> None:
        connection.execute(
            f"DELETE FROM members WHERE {_OWN}",  # noqa: S608 - constant conditions
            (pool.id, target.address, target.port, target.owner, installation),
        )

    def _insert(  # noqa: PLR0917 - what a member is made of
        self,
        connection: sqlite3.Connection,
        pool: PoolRow,
        address: str,
        port: int,
        made_for: tuple[str | None, str | None] = (None, None),
        monitor_port: int | None = None,
    ) -> None:
        """``made_for``: the node, and the installation whose node it is."""
        connection.execute(
            "INSERT INTO members (id, pool_id, address, port, weight, owner, installation, added_at, monitor_port)"
            " VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?)",
            (self.new_id(connection), pool.id, address, port, *made_for, self._world.now(), monitor_port),
        )

    def new_id(self, connection: sqlite3.Connection) -> str:
        """An id that this state never gave before."""
        add_to_counter(connection, "objects", 1)
        return str(uuid.uuid5(self._origin, f"object/{counter(connection, 'objects')}"))

    @staticmethod
    def put_endpoint(connection: sqlite3.Connection, pool: PoolRow, each: Endpoint) -> bool:
        """Give a member its weight and port of health, whoever's it is; whether there is one."""
        return bool(
            connection.execute(
                "UPDATE members SET weight = coalesce(?, weight), monitor_port = coalesce(?, monitor_port)"
                " WHERE pool_id = ? AND address = ? AND port = ?",
                (each.weight, each.monitor_port, pool.id, each.address, each.port),
            ).rowcount
        )

    @staticmethod
    def remove_endpoint(connection: sqlite3.Connection, pool: PoolRow, address: str, port: int) -> None:
        """Take a member out that is nobody's."""
        connection.execute(
            "DELETE FROM members WHERE pool_id = ? AND address = ? AND port = ? AND owner IS NULL",
            (pool.id, address, port),
        )

    def insert_endpoint(self, connection: sqlite3.Connection, pool: PoolRow, each: Endpoint) -> None:
        self._insert(connection, pool, each.address, each.port, monitor_port=each.monitor_port)

    def _health(self, connection: sqlite3.Connection, pool: PoolRow, row: MemberRow, now: int) -> MemberHealth:
        """As a monitor would find it: a server that runs answers, as soon as it was asked often enough."""
        if not pool.monitored:
            return MemberHealth.UNKNOWN
        if row.verdict is not None:
            return MemberHealth(row.verdict)
        server = self._world.servers.at(connection, pool.scope, int(ipaddress.IPv4Address(row.address)), now)
        status = None if server is None else present(server.move, now)
        since = row.added_at if status is None else max(row.added_at, status.since)
        if now - since < round(self._world.settings.monitor_seconds * 1e6):
            return MemberHealth.INITIAL
        runs = status is not None and status.status is ServerStatus.ACTIVE
        return MemberHealth.HEALTHY if runs else MemberHealth.UNHEALTHY

    def _address(self, connection: sqlite3.Connection, member: str) -> str:
        server: Row | None = self._world.servers.find_abbreviated(connection, member) if "." not in member else None
        return member if server is None else str(ipaddress.IPv4Address(server.address))


def _rows(connection: sqlite3.Connection, where: str, values: tuple[str, ...]) -> Iterator[PoolRow]:
    found = connection.execute(f"SELECT {_COLUMNS} FROM pools {where}", values)  # noqa: S608 - constant clauses
    return map(PoolRow._make, found)


def _members(connection: sqlite3.Connection, pool: PoolRow) -> list[MemberRow]:
    query = (
        "SELECT id, pool_id, address, port, weight, owner, installation, added_at, verdict, monitor_port"
        " FROM members WHERE pool_id = ? ORDER BY rowid"
    )
    return [MemberRow(*row) for row in connection.execute(query, (pool.id,))]
