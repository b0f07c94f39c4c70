"""The balancing port over the simulated state."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from sqlite3 import Connection

from backend.domain.scope import Scope
from backend.drivers.balancing import Balancer, Listener, Monitor, Pool, PoolMember, Target
from backend.drivers.installation import Installation, nobody
from backend.drivers.simulated import layout
from backend.drivers.simulated.faults import Call
from backend.drivers.simulated.pools import PoolRow, Pools
from backend.drivers.simulated.state import from_micros
from backend.drivers.simulated.world import World

_MONITORS = {"HTTP": "HTTP", "HTTPS": "HTTPS"}


class SimulatedBalancing:
    def __init__(self, world: World, pools: Pools, installation: Installation = nobody) -> None:
        self._world = world
        self._installation = installation
        self._pools = pools

    def pools(self, scope: Scope) -> Sequence[Pool]:
        return [self._pool(row) for row in self._rows("pools", scope)]

    def balancers(self, scope: Scope) -> Sequence[Balancer]:
        network = layout.default_network(scope, self._world.settings)
        subnet = layout.default_subnets(scope, self._world.settings)[0]
        return [
            Balancer(
                _balancer_id(row),
                row.name,
                f"198.51.100.{uuid.UUID(row.id).int % 254 + 1}",
                "active",
                from_micros(row.created_at),
                network.id,
                subnet.id,
            )
            for row in self._rows("balancers", scope)
            if row.served and row.balancer is None
        ]

    def listeners(self, scope: Scope) -> Sequence[Listener]:
        return [
            Listener(_part(row, "listener"), row.name, _balancer_id(row), row.protocol, row.port, row.id)
            for row in self._rows("listeners", scope)
            if row.served and row.balancer is None
        ]

    def members(self, scope: Scope, pool_id: str) -> Sequence[PoolMember]:
        with self._world.call(Call("members", scope)), self._world.state.reading() as connection:
            return self._pools.told(connection, self._pools.get(connection, scope, pool_id))

    def add_members(self, scope: Scope, pool_id: str, targets: Sequence[Target]) -> None:
        self._write("add_members", scope, pool_id, targets, self._pools.put)

    def drain_members(self, scope: Scope, pool_id: str, targets: Sequence[Target]) -> None:
        self._write("drain_members", scope, pool_id, targets, self._pools.drain)

    def remove_members(self, scope: Scope, pool_id: str, targets: Sequence[Target]) -> None:
        self._write("remove_members", scope, pool_id, targets, self._pools.remove)

    def _write(
        self,
        name: str,
        scope: Scope,
        pool_id: str,
        targets: Sequence[Target],
        act: Callable[[Connection, PoolRow, Target, str], None],
    ) -> None:
        call = Call(name, scope, count=len(targets))
        with self._world.call(call), self._world.state.writing() as connection:
            pool = self._pools.get(connection, scope, pool_id)
            for target in targets:
                act(connection, pool, target, self._installation())

    def _rows(self, name: str, scope: Scope) -> list[PoolRow]:
        with self._world.call(Call(name, scope)), self._world.state.reading() as connection:
            return self._pools.of(connection, scope)

    def _pool(self, row: PoolRow) -> Pool:
        kind = _MONITORS.get(row.protocol, "TCP")
        path, codes = ("/", "200") if kind != "TCP" else (None, None)
        return Pool(
            id=row.id,
            name=row.name,
            protocol=row.protocol,
            port=row.port,
            created_at=from_micros(row.created_at),
            algorithm="ROUND_ROBIN",
            balancer_ids=(_balancer_id(row),) if row.served else (),
            monitor=Monitor(kind, 5, 3, 2, 2, path, codes) if row.monitored else None,
            network_id=layout.default_network(row.scope, self._world.settings).id,
            made=row.balancer is not None,
        )


def _balancer_id(row: PoolRow) -> str:
    return row.balancer or _part(row, "balancer")


def _part(row: PoolRow, what: str) -> str:
    return str(uuid.uuid5(uuid.UUID(row.id), what))
