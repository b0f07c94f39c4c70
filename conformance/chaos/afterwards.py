"""What must hold when the faults are over: the invariants of the simulation, looked at from outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from backend.clock import SystemClock
from backend.domain.activity import Activity, ActivityKind, ActivityStatus
from backend.domain.ids import short_id
from backend.domain.node import COUNTED
from backend.domain.scope import Scope
from backend.drivers.compute import Server
from backend.drivers.simulated import SimulatedCloud
from backend.engine.kinds import KINDS
from backend.store import engines, rows, tables
from backend.store.session import Store
from conformance.chaos.customers import THERE, Customer, sides_of
from conformance.chaos.installation import Installation
from conformance.clients import client
from tests.simulation import invariants
from tests.simulation.invariants import HEALTH_CAUSES, Rest
from tests.simulation.rows import State
from tests.simulation.users import Kept
from tests.simulation.world import Violated


@dataclass
class Afterwards:
    """The database and the cloud of an installation, read past its gateways."""

    installation: Installation
    customers: Sequence[Customer]

    def __post_init__(self) -> None:
        self.store = Store(self.installation.database.url, SystemClock(), pool_size=1)
        self.cloud = SimulatedCloud.open(str(self.installation.cloud), SystemClock())

    def close(self) -> None:
        self.store.close()
        self.cloud.close()

    def at_rest(self) -> str:
        """Why it is not at rest yet; nothing where it is."""
        there = self._rest()
        try:
            for check in (invariants.no_leak, invariants.no_double, invariants.all_serve, invariants.detached_go_on):
                check(there)
            invariants.settled(there.now)
            _balanced(there.now)
            invariants.all_told(there.now, there.kept)
        except Violated as why:
            return str(why)
        return ""

    def check(self) -> None:
        """What is never excused by time."""
        there = self._rest()
        invariants.isolated(there)
        _bounds(there.now)
        _journal(there.now)
        self._no_needless_kill(there.now)
        self._all_told(there.now)

    def _rest(self) -> Rest:
        with self.store.read() as conn:
            found = {
                name: {row.id: value(row) for row in conn.execute(select(table))}
                for name, table, value in (
                    ("clusters", tables.clusters, rows.cluster_of),
                    ("nodes", tables.nodes, rows.node_of),
                    ("activities", tables.activities, rows.activity_of),
                )
            }
        servers: Sequence[tuple[Scope, Server]] = self.cloud.operator.servers()
        kept = Kept()
        kept.detached = _digits(customer.detached for customer in self.customers)
        kept.judged = _digits(customer.terminated for customer in self.customers)
        return Rest(State(**found), kept, servers)

    def _no_needless_kill(self, now: State) -> None:
        """Nobody harmed a server but by asking for its end: whoever is replaced for its health was needlessly killed."""
        asked = _digits(customer.terminated for customer in self.customers)
        for entry in now.activities.values():
            if HEALTH_CAUSES & {cause.kind for cause in entry.causes} and short_id(entry.server_id or "") not in asked:
                raise Violated("12 no needless kill", f"{entry}")

    def _all_told(self, now: State) -> None:
        missing = {one for customer in self.customers for one in customer.told} - set(now.activities)
        if missing:
            raise Violated("8 accepted is kept", f"answers named activities {sorted(missing)}")

    def broken_promises(self) -> list[str]:
        """Of each group and each gateway, what is told and was not promised."""
        found = [f"{customer.account}: {words}" for customer in self.customers for words in customer.broken]
        for account in self.installation.accounts:
            for number in range(len(self.installation.gateways)):
                asg = client(self.installation.access(account, number), "autoscaling", recorded=False, attempts=8)
                found += self._broken(account, asg)
        return found

    def _broken(self, account: str, asg: Any) -> list[str]:
        pages = asg.get_paginator("describe_auto_scaling_groups").paginate(IncludeInstances=False)
        groups: Mapping[str, Any] = {
            group["AutoScalingGroupName"]: group
            for page in pages
            for group in page["AutoScalingGroups"]
            if "Status" not in group
        }
        mine = [customer for customer in self.customers if customer.account == account]
        promised = {name: promise for customer in mine for name, promise in customer.promises.items()}
        found = [f"{account} {name}: nobody made it" for name in groups.keys() - promised.keys()]
        for name, promise in promised.items():
            told = sides_of(groups[name]) if name in groups else None
            found += [f"{account} {name}: {words}" for words in promise.holds(told)]
        return found

    def left(self) -> list[str]:
        """What engines that have ended in order still hold, and which of them are still told of."""
        with self.store.read() as conn:
            held = {kind.name: kind.leased.owned(conn) for kind in KINDS}
            told = [one.name for one in engines.all_of_them(conn)]
        return [f"{kind}: {owners}" for kind, owners in held.items() if owners] + told

    def groups(self) -> int:
        return sum(promise.sides[THERE] == {True} for each in self.customers for promise in each.promises.values())


def _digits(instances: Iterable[AbstractSet[str]]) -> set[str]:
    """Ids as the cloud's own are shortened to, of those that users know."""
    return {one.removeprefix("i-") for each in instances for one in each}


def _bounds(now: State) -> None:
    counted = Counter(node.cluster_id for node in now.nodes.values() if node.state in COUNTED)
    for cluster in now.clusters.values():
        spec = cluster.spec
        if not spec.minimum <= spec.desired <= spec.maximum or counted[cluster.id] > spec.maximum:
            raise Violated("3 bounds", f"{cluster.name}: {spec}, {counted[cluster.id]} nodes")


def _journal(now: State) -> None:
    """Each member has one launch that ended well, and no server was launched twice."""
    launched = Counter(
        entry.server_id
        for entry in now.activities.values()
        if entry.kind is ActivityKind.LAUNCH and entry.status is ActivityStatus.SUCCESSFUL
    )
    for node in now.nodes.values():
        if launched[node.server_id] != 1:
            raise Violated("7 journal", f"{launched[node.server_id]} launches of {node.server_id}")
    ended = Counter(
        _of(entry) for entry in now.activities.values() if entry.kind is ActivityKind.TERMINATE and entry.server_id
    )
    if twice := [server for server, number in ended.items() if number > 1]:
        raise Violated("7 journal", f"ended more than once: {twice}")


def _of(entry: Activity) -> str:
    return f"{entry.cluster_id} {entry.server_id}"


def _balanced(now: State) -> None:
    """Of groups whose zones nobody keeps from being evened out."""
    calm = {key: one for key, one in now.clusters.items() if "AZRebalance" not in one.suspended}
    invariants.balanced(State(calm, now.nodes, now.activities))
