"""The ports of the cloud, each call held against what the rows allow at that moment."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from backend.domain.alarm_actions import ServerAct
from backend.domain.ids import short_id
from backend.domain.node import COOLING, WARM, WARMING, NodeState
from backend.domain.scope import Scope
from backend.domain.traffic import RegistrationState
from backend.drivers import terms
from backend.drivers.balancing import Balancing, Target
from backend.drivers.compute import Compute, Server, ServerRequest
from backend.store import clusters as clusters_store
from backend.store import nodes, tables, traffic
from backend.store.session import Connection

if TYPE_CHECKING:
    from tests.simulation.world import World


_n = tables.nodes.c
_c = tables.claimed_nodes.c
BEYOND = frozenset(
    {NodeState.TERMINATING_PROCEED, NodeState.WARMED_TERMINATING_PROCEED, NodeState.WARMED_PENDING_PROCEED}
)
"""Its pools were told, or patience with them had ended, before its hooks were asked, or it went on into the warm pool."""
LEAVING = frozenset({NodeState.TERMINATING, NodeState.TERMINATING_WAIT, NodeState.TERMINATING_PROCEED}) | COOLING


class Ledger:
    """The compute port: launches are held against the nodes claimed for them, deletions against those that serve."""

    def __init__(self, compute: Compute, world: World) -> None:
        self._compute = compute
        self._world = world
        self._claimed: dict[str, int] = {}
        self._asked: dict[str, tuple[Scope, ServerRequest, int]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._compute, name)

    def list(self, scope: Scope) -> Sequence[Server]:
        """A page of it may get lost."""
        told = self._compute.list(scope)
        if not self._world.omits or not self._world.chaos.on:
            return told
        rng = self._world.chaos.rng
        return [server for server in told if rng.random() >= self._world.omits]

    def delete(self, scope: Scope, server_id: str) -> None:
        """No server goes that a node needs, or that still takes traffic and whose pool could be told."""
        with self._for_alarm(scope, server_id, ServerAct.TERMINATE) as is_asked:
            if not is_asked:
                self._check_need(scope, server_id)
                self._check_members(scope, server_id)
            self._compute.delete(scope, server_id)

    def stop(self, scope: Scope, server_id: str) -> None:
        with self._for_alarm(scope, server_id, ServerAct.STOP) as is_asked:
            if not is_asked:
                self._check_power(server_id)
            self._compute.stop(scope, server_id)

    def start(self, scope: Scope, server_id: str) -> None:
        with self._for_alarm(scope, server_id, ServerAct.RECOVER):
            self._compute.start(scope, server_id)

    def reboot(self, scope: Scope, server_id: str, *, hard: bool = False) -> None:
        with self._for_alarm(scope, server_id, ServerAct.RECOVER if hard else ServerAct.REBOOT):
            self._compute.reboot(scope, server_id, hard=hard)

    def _for_alarm(self, scope: Scope, server_id: str, act: ServerAct) -> AbstractContextManager[bool]:
        """The block is a call for a server; whether an alarm asks for it."""
        guards = self._world.guards
        return contextlib.nullcontext(False) if guards is None else guards.doing(act, scope, server_id)

    def suspend(self, scope: Scope, server_id: str) -> None:
        self._check_power(server_id)
        self._compute.suspend(scope, server_id)

    def _check_power(self, server_id: str) -> None:
        """To be stopped is who is in the warm pool; whoever asks for more lost the lease and goes on, not knowing."""
        with self._world.store.watch() as conn:
            node = conn.execute(select(_n.state).where(_n.server_id == server_id)).first()
        if node is not None and node.state not in WARMING | WARM:
            self._world.doubted.add(short_id(server_id))

    def delete_ports(self, scope: Scope, ports: Sequence[str]) -> None:
        """None is asked for that a server has: the cloud itself would spare it, but only just."""
        had = set(ports) - set(self._world.simulated.operator.ports())
        if had:
            raise self._world.broke("12 needless kill", f"ports {sorted(had)} of {scope.project_id} have servers")
        self._compute.delete_ports(scope, ports)

    def _check_need(self, scope: Scope, server_id: str) -> None:
        """Gone may only what a leaving node has, or what carries a token that no node has or waits for."""
        with self._world.store.watch() as conn:
            node = conn.execute(select(_n.id, _n.state).where(_n.server_id == server_id)).first()
            token = self._world.token(server_id)
            waiting = conn.execute(select(_n.id).where(_n.launch_id == token, _n.server_id.is_(None))).first()
        if node is not None and node.state not in LEAVING:
            raise self._world.broke("12 needless kill", f"server {server_id} goes, its node {node.id} is {node.state}")
        if node is None and waiting is not None:
            raise self._world.broke("12 needless kill", f"server {server_id} goes, node {waiting.id} waits for it")
        if node is None and token is None and self._world.there(server_id):
            raise self._world.broke("12 needless kill", f"server {server_id} of {scope.project_id} is a user's own")

    def _check_members(self, scope: Scope, server_id: str) -> None:
        with self._world.store.watch() as conn:
            row = conn.execute(
                select(tables.nodes.c.id, tables.nodes.c.state, tables.nodes.c.state_at).where(
                    tables.nodes.c.server_id == server_id
                )
            ).first()
            registered = {
                each.pool_id
                for pool in self._world.simulated.pools.all()
                for each in traffic.of_pool(conn, pool.id)
                if row is not None and each.node_id == row.id and each.state is not RegistrationState.SKIPPED
            }
        settings = self._world.settings
        patience = settings.deregistration + settings.deregistration_patience
        if row is not None and row.state in BEYOND:
            return
        if row is None or self._world.clock.now() - row.state_at >= patience - self._world.slack:
            return
        for pool_id in registered:
            if any(member.owner == row.id for member in self._world.simulated.pools.members(pool_id)):
                raise self._world.broke(
                    "25 traffic", f"server {server_id} of {scope.project_id} is still in pool {pool_id}"
                )

    def create(self, scope: Scope, request: ServerRequest, count: int) -> Sequence[Server]:
        launch_id = request.launch_id
        if launch_id is None:
            return self._compute.create(scope, request, count)
        if not terms.held():
            self._compute.create(scope, request, count)
            raise self._world.broke("2 no double", f"launch {launch_id}: servers for what is held no more")
        self._asked[launch_id] = (scope, request, count)
        with self._world.store.watch() as conn:
            of_launch = select(func.count()).where(_n.launch_id == launch_id)
            waiting = conn.execute(of_launch).scalar_one()
            unserved = conn.execute(of_launch.where(_n.server_id.is_(None))).scalar_one()
            ever = conn.execute(select(func.count()).where(_c.launch_id == launch_id)).scalar_one()
        # A request may arrive when some of its nodes have been given up: what it makes for those is swept.
        claimed = max(self._claimed.setdefault(launch_id, waiting), ever)
        # None left, or none that waits: who claimed them lost the lease and goes on, not knowing; the sweep ends what it
        # makes.
        # A request that never arrived, or of whose servers nothing is left, may be made again; one that did may not.
        made = sum(server.launch_id == launch_id for _, server in self._world.simulated.operator.servers())
        if claimed and unserved and made + count > claimed:
            detail = f"launch {launch_id}: {made} + {count} servers for {claimed} nodes"
            raise self._world.broke("2 no double", detail)
        return self._compute.create(scope, request, count)

    def repeat(self, launch_id: str) -> None:
        """A launch that was asked for arrives only now."""
        self._compute.create(*self._asked[launch_id])


class Gate:
    """The balancing port, holding every removal against the draining before it."""

    def __init__(self, balancing: Balancing, world: World) -> None:
        self._balancing = balancing
        self._world = world
        self._drained: dict[tuple[str, str], datetime] = {}
        self._late: set[tuple[str, str | None]] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._balancing, name)

    def add_members(self, scope: Scope, pool_id: str, targets: Sequence[Target]) -> None:
        with self._world.store.watch() as conn:
            asked = {each.node_id: each.state for each in traffic.of_pool(conn, pool_id)}
        for target in targets:
            self._drained.pop((pool_id, target.owner), None)
            # Who asks for it lost the lease and goes on, not knowing; what it adds goes as it came.
            if asked.get(target.owner) is not RegistrationState.ADDING:
                self._late.add((pool_id, target.owner))
        try:
            self._balancing.add_members(scope, pool_id, targets)
        finally:
            with self._world.store.watch() as conn:
                asked = {each.node_id: each.state for each in traffic.of_pool(conn, pool_id)}
            self._late |= {(pool_id, one.owner) for one in targets if one.owner not in asked}

    def drain_members(self, scope: Scope, pool_id: str, targets: Sequence[Target]) -> None:
        try:
            self._balancing.drain_members(scope, pool_id, targets)
        finally:
            now = self._world.clock.now()
            here = {member.owner for member in self._world.simulated.pools.members(pool_id) if member.weight == 0}
            for target in targets:
                if target.owner in here:
                    self._drained.setdefault((pool_id, target.owner), now)
                else:  # what comes after this was asked for before it
                    self._late.add((pool_id, target.owner))

    def remove_members(self, scope: Scope, pool_id: str, targets: Sequence[Target]) -> None:
        with self._world.store.watch() as conn:
            for target in targets:
                self._check(conn, pool_id, target)
        self._balancing.remove_members(scope, pool_id, targets)

    def _check(self, conn: Connection, pool_id: str, target: Target) -> None:
        """Members of live nodes, whose servers nobody gave a reason to doubt, have been drained long enough."""
        node = nodes.get(conn, target.owner)
        registered = any(each.node_id == target.owner for each in traffic.of_pool(conn, pool_id))
        present = any(member.owner == target.owner for member in self._world.simulated.pools.members(pool_id))
        late = (pool_id, target.owner) in self._late
        if node is None or node.server_id is None or late or not registered or not present:
            return
        cluster = clusters_store.get_by_id(conn, node.cluster_id)
        if cluster is None or cluster.force_delete or short_id(node.server_id) in self._world.doubted:
            return
        drained_at = self._drained.get((pool_id, target.owner))
        wanted, patience = self._world.settings.deregistration, self._world.settings.deregistration_patience
        if node.state in BEYOND | WARM:
            return
        if self._world.clock.now() - node.state_at >= wanted + patience - self._world.slack:
            return  # its server may be gone: the pool could not be told for too long
        if drained_at is None or self._world.clock.now() - drained_at < wanted - self._world.slack:
            states = [str(each.state) for each in traffic.of_pool(conn, pool_id) if each.node_id == node.id]
            detail = f"node {node.id} ({node.state}, {states}) leaves pool {pool_id}, drained at {drained_at}"
            raise self._world.broke("25 traffic", detail)
