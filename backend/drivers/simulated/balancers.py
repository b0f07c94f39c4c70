"""The port that makes balancers, over the simulated state: every kind of part is taken, and nothing is forwarded.

A tree takes one change at a time where the settings say how long a change lasts; otherwise all is done at once.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from ipaddress import IPv4Address
from sqlite3 import Connection

from backend.domain.scope import Scope
from backend.drivers.balancer_making import (
    BalancerPlan,
    Endpoint,
    Part,
    PartKind,
    PoolPlan,
    Present,
    RulePlan,
    Standing,
    Tree,
    digest_of,
)
from backend.drivers.errors import Busy, Refused
from backend.drivers.installation import Installation, nobody
from backend.drivers.simulated import layout, made_networks
from backend.drivers.simulated.addresses import take_private, take_this, usable
from backend.drivers.simulated.faults import Call
from backend.drivers.simulated.pools import Pools
from backend.drivers.simulated.state import add_to_counter, counter
from backend.drivers.simulated.world import World

_IMMUTABLE = "Load Balancer {} is immutable and cannot be updated."


def _port(balancer_id: str) -> str:
    """The id of the interface that a balancer listens on."""
    return str(uuid.uuid5(uuid.UUID(balancer_id), "port"))


class SimulatedBalancers:
    blends = False

    def __init__(self, world: World, pools: Pools, installation: Installation = nobody) -> None:
        self._world = world
        self._pools = pools
        self._installation = installation

    def lacks(self, scope: Scope, part: Part) -> str | None:
        """Nothing: what a part says is kept."""
        del scope, part
        return None

    def lacks_certificates(self, scope: Scope) -> str | None:
        """None: they are kept as they are told."""
        del scope
        return None

    def misplaced(self, scope: Scope, rules: Sequence[RulePlan]) -> tuple[RulePlan, RulePlan] | None:
        """None: rules of all kinds have one order."""
        del scope, rules
        return None

    def create(self, scope: Scope, plan: BalancerPlan) -> Tree:
        with self._world.call(Call("create_balancer", scope)), self._world.state.writing() as connection:
            own = self._installation()
            found = self._made(connection, scope, plan.key)
            if found is None:
                now = self._world.now()
                made = (
                    *(self._pools.new_id(connection), scope.project_id, scope.region, own, plan.key, plan.name),
                    *(plan.layer7, plan.subnet_id, digest_of(plan), self._until(), now),
                )
                connection.execute("INSERT INTO balancers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", made)
                found = made[0]
                self._settle(connection, scope, found, plan)
            tree = self._tree(connection, scope, found)
        assert tree is not None
        return tree

    def find(self, scope: Scope, key: str) -> Tree | None:
        with self._world.call(Call("find_balancer", scope)), self._world.state.reading() as connection:
            found = self._made(connection, scope, key)
            return None if found is None else self._tree(connection, scope, found)

    def twins(self, scope: Scope, key: str, balancer_id: str) -> Sequence[str]:
        with self._world.call(Call("twins", scope)), self._world.state.reading() as connection:
            return [each for each in self._all_made(connection, scope, key) if each != balancer_id]

    def tree(self, scope: Scope, balancer_id: str) -> Tree | None:
        with self._world.call(Call("tree", scope)), self._world.state.reading() as connection:
            return self._tree(connection, scope, balancer_id)

    def change(self, scope: Scope, balancer_id: str, plan: BalancerPlan) -> None:
        with self._world.call(Call("change_balancer", scope)), self._world.state.writing() as connection:
            self._claim(connection, scope, balancer_id)
            connection.execute("UPDATE balancers SET digest = ? WHERE id = ?", (digest_of(plan), balancer_id))

    def put(self, scope: Scope, tree: Tree, part: Part) -> str:
        with self._world.call(Call("put_part", scope)), self._world.state.writing() as connection:
            self._claim(connection, scope, tree.id)
            known = connection.execute(
                "SELECT id FROM balancer_parts WHERE balancer_id = ? AND kind = ? AND key = ?",
                (tree.id, part.kind, part.key),
            ).fetchone()
            identity = known[0] if known else self._new(connection, scope, tree, part)
            if isinstance(part, PoolPlan):
                connection.execute(
                    "UPDATE pools SET port = ?, monitored = ? WHERE id = ?",
                    (part.port, part.monitor is not None, identity),
                )
            values = (identity, tree.id, part.kind, part.key, digest_of(part), json.dumps(asdict(part)))
            connection.execute("INSERT OR REPLACE INTO balancer_parts VALUES (?, ?, ?, ?, ?, ?)", values)
            return str(identity)

    def remove(self, scope: Scope, tree: Tree, present: Present) -> None:
        with self._world.call(Call("remove_part", scope)), self._world.state.writing() as connection:
            self._claim(connection, scope, tree.id)
            self._drop(connection, "id = ? AND balancer_id = ?", present.id, tree.id)

    def follow(self, scope: Scope, tree: Tree) -> None:
        """There are no blends: nothing is forwarded."""

    def delete(self, scope: Scope, balancer_id: str) -> None:
        with self._world.call(Call("delete_balancer", scope)), self._world.state.writing() as connection:
            if self._tree(connection, scope, balancer_id) is None:
                return
            self._claim(connection, scope, balancer_id)
            self._drop(connection, "balancer_id = ?", balancer_id)
            connection.execute("DELETE FROM balancers WHERE id = ?", (balancer_id,))
            for (subnet,) in connection.execute("SELECT subnet_id FROM interfaces WHERE id = ?", (_port(balancer_id),)):
                add_to_counter(connection, f"subnet:{subnet}", -1)
            connection.execute("DELETE FROM interfaces WHERE id = ?", (_port(balancer_id),))

    def idle(self, scope: Scope, balancer_id: str) -> bool:
        """Nothing is forwarded, unless the settings say that something is."""
        with self._world.call(Call("idle", scope)):
            return not self._world.settings.open_connections

    def put_endpoints(self, scope: Scope, pool_id: str, endpoints: Sequence[Endpoint]) -> None:
        call = Call("put_endpoints", scope, count=len(endpoints))
        with self._world.call(call), self._world.state.writing() as connection:
            pool = self._pools.get(connection, scope, pool_id)
            for each in endpoints:
                if not self._pools.put_endpoint(connection, pool, each) and each.weight is not None:
                    self._pools.insert_endpoint(connection, pool, each)

    def remove_endpoints(self, scope: Scope, pool_id: str, endpoints: Sequence[Endpoint]) -> None:
        call = Call("remove_endpoints", scope, count=len(endpoints))
        with self._world.call(call), self._world.state.writing() as connection:
            pool = self._pools.get(connection, scope, pool_id)
            for each in endpoints:
                self._pools.remove_endpoint(connection, pool, each.address, each.port)

    def _made(self, connection: Connection, scope: Scope, key: str) -> str | None:
        """The id of what was made under a key."""
        return next(iter(self._all_made(connection, scope, key)), None)

    def _all_made(self, connection: Connection, scope: Scope, key: str) -> list[str]:
        found = connection.execute(
            "SELECT id FROM balancers WHERE project = ? AND region = ? AND installation = ? AND key = ?",
            (scope.project_id, scope.region, self._installation(), key),
        )
        return [str(identity) for (identity,) in found]

    def _new(self, connection: Connection, scope: Scope, tree: Tree, part: Part) -> str:
        if not isinstance(part, PoolPlan):
            return self._pools.new_id(connection)
        monitored = part.monitor is not None
        row = self._pools.create(
            scope, part.name, protocol=part.protocol, port=part.port, monitored=monitored, balancer=tree.id
        )
        return row.id

    def _drop(self, connection: Connection, where: str, *values: str) -> None:
        ids = connection.execute(f"SELECT id, kind FROM balancer_parts WHERE {where}", values).fetchall()  # noqa: S608 - constant conditions
        for identity, kind in ids:
            if kind == PartKind.POOL:
                connection.execute("DELETE FROM members WHERE pool_id = ?", (identity,))
                connection.execute("DELETE FROM pools WHERE id = ?", (identity,))
            connection.execute("DELETE FROM balancer_parts WHERE id = ?", (identity,))

    def _claim(self, connection: Connection, scope: Scope, balancer_id: str) -> None:
        """Begin a change; the tree takes no other until it is done."""
        tree = self._tree(connection, scope, balancer_id)
        if tree is None:
            raise Refused(f"loadbalancer {balancer_id} not found.")
        if tree.standing is Standing.PENDING:
            raise Busy(_IMMUTABLE.format(balancer_id))
        connection.execute("UPDATE balancers SET pending_until = ? WHERE id = ?", (self._until(), balancer_id))

    def _settle(self, connection: Connection, scope: Scope, balancer_id: str, plan: BalancerPlan) -> None:
        """Give it an address of its subnet, as far as there is one."""
        known = (*layout.default_subnets(scope, self._world.settings), *made_networks.subnets(connection, scope))
        subnet = next((each for each in known if each.id == plan.subnet_id), None)
        if subnet is None:
            return
        if plan.address is not None:
            number = take_this(connection, subnet.id, subnet.cidr, plan.address)
        else:
            first, last = usable(subnet.cidr)
            if counter(connection, f"subnet:{subnet.id}") > last - first:
                return
            (number,) = take_private(connection, subnet.id, subnet.cidr, 1)
        add_to_counter(connection, f"subnet:{subnet.id}", 1)
        port = _port(balancer_id)
        connection.execute(
            "INSERT INTO interfaces (id, project, region, token, subnet_id, address, mac, groups)"
            " VALUES (?, ?, ?, ?, ?, ?, '', '')",
            (port, scope.project_id, scope.region, port, subnet.id, number),
        )

    def _until(self) -> int:
        return self._world.now() + round(self._world.settings.balancer_seconds * 1e6)

    def _tree(self, connection: Connection, scope: Scope, balancer_id: str) -> Tree | None:
        found = connection.execute(
            "SELECT digest, pending_until FROM balancers WHERE id = ? AND project = ? AND region = ?",
            (balancer_id, scope.project_id, scope.region),
        ).fetchone()
        if found is None:
            return None
        digest, pending_until = found
        parts = connection.execute(
            "SELECT kind, key, id, digest FROM balancer_parts WHERE balancer_id = ? ORDER BY kind, key", (balancer_id,)
        )
        own = connection.execute("SELECT address FROM interfaces WHERE id = ?", (_port(balancer_id),)).fetchone()
        return Tree(
            balancer_id,
            str(IPv4Address(own[0])) if own else f"198.51.100.{uuid.UUID(balancer_id).int % 254 + 1}",
            Standing.PENDING if pending_until > self._world.now() else Standing.ACTIVE,
            digest,
            tuple(Present(PartKind(kind), key, identity, part) for kind, key, identity, part in parts),
            balancer_id if self._world.settings.late_addresses else None,
        )
