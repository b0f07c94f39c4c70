"""The network port over the simulated state: a default network with a subnet a zone, and what projects made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backend.domain.scope import Scope
from backend.drivers.network import Network, SecurityGroup, Subnet
from backend.drivers.simulated import layout, made_networks
from backend.drivers.simulated.faults import Call
from backend.drivers.simulated.state import counter
from backend.drivers.simulated.world import World


class SimulatedNetworking:
    def __init__(self, world: World) -> None:
        self._world = world
        self._settings = world.settings

    def networks(self, scope: Scope) -> Sequence[Network]:
        with self._world.call(Call("networks", scope)):
            with self._world.state.reading() as connection:
                made = made_networks.networks(connection, scope)
            return [layout.default_network(scope, self._settings), *made]

    def subnets(self, scope: Scope) -> Sequence[Subnet]:
        with self._world.call(Call("subnets", scope)), self._world.state.reading() as connection:
            # Servers that are gone count as held until a write settles them: they are taken off here.
            unsettled = dict(
                connection.execute(
                    "SELECT subnet_id, COUNT(*) FROM servers WHERE held = 1 AND gone_at <= ?"
                    " AND json_extract(own, '$.interface_id') IS NULL GROUP BY subnet_id",
                    (self._world.now(),),
                ).fetchall()
            )
            return [
                replace(
                    subnet,
                    free_addresses=subnet.free_addresses
                    - counter(connection, f"subnet:{subnet.id}")
                    + unsettled.get(subnet.id, 0),
                )
                for subnet in (
                    *layout.default_subnets(scope, self._settings),
                    *made_networks.subnets(connection, scope),
                )
            ]

    def security_groups(self, scope: Scope) -> Sequence[SecurityGroup]:
        with self._world.call(Call("security_groups", scope)):
            return self._world.projects.security_groups(scope)
