"""Target groups that are made here, and their targets: made, changed, registered, and how they do."""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from backend import errors
from backend.clock import Clock
from backend.domain import balancer_findings
from backend.domain.balancers import RegisteredTarget, TargetGroup, TargetState, new_digits, target_id
from backend.domain.ids import short_id
from backend.domain.node import ENDED_STATUSES, ServerStatus
from backend.domain.scope import Scope
from backend.domain.traffic import OUTGOING, MemberHealth, RegistrationState
from backend.drivers.balancer_plans import pool_plan
from backend.drivers.balancing import PoolMember
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.drivers.compute import Server
from backend.drivers.errors import PoolNotFound
from backend.services import limits
from backend.services.balancers import beside, check_parts, pull, tag_id
from backend.services.catalog import asking
from backend.services.traffic import TargetState as Doing
from backend.store import balancers, counting, resource_tags, traffic
from backend.store.balancers import BALANCERS, GROUPS, TARGETS
from backend.store.session import Connection, Store

_RUNS = frozenset({ServerStatus.ACTIVE, ServerStatus.BUILDING, ServerStatus.UNKNOWN})


@dataclass(frozen=True, slots=True)
class NewGroup:
    """A target group as it is asked for."""

    name: str
    protocol: str
    port: int
    network_id: str
    target_type: str
    health_check: Mapping[str, Any]
    tags: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)


Revise = Callable[[TargetGroup], Mapping[str, Any]]
"""Fields of a group by those that it has."""


@dataclass(frozen=True, slots=True)
class ToldTarget:
    """A target as it does.

    Attributes:
        name: ``i-...`` or an address.
        doing: its health, or that it comes or goes; None where no balancer refers to the group.
        stopped: why its instance can take no traffic: ``stopped``, ``terminated``; empty while it can.
    """

    name: str
    port: int
    doing: Doing | None
    zone: str | None = None
    stopped: str = ""


class TargetGroups:
    """Target groups by the 16 digits of their ARN."""

    def __init__(self, store: Store, cloud: Cloud, catalog: Catalog, clock: Clock) -> None:
        self._store = store
        self._cloud = cloud
        self._catalog = catalog
        self._clock = clock

    def all(self, scope: Scope) -> Sequence[TargetGroup]:
        """Those that are told, by name."""
        with self._store.read() as conn:
            found = GROUPS.all(conn, scope, classic=False)
        return sorted(found, key=lambda each: (each.name, each.id))

    def get(self, scope: Scope, group_id: str) -> TargetGroup:
        """Raises PoolNotFound."""
        with self._store.read() as conn:
            return known(conn, scope, group_id)

    def create(self, scope: Scope, wanted: NewGroup) -> TargetGroup:
        """Make a group; the same settings under the same name tell the one that is there.

        Raises:
            TargetGroupExists, LimitExceeded, BalancingLacks
        """
        made = TargetGroup(
            id=new_digits(str(uuid.uuid4())),
            name=wanted.name,
            protocol=wanted.protocol,
            port=wanted.port,
            network_id=wanted.network_id,
            target_type=wanted.target_type,
            created_at=self._clock.now(),
            health_check=wanted.health_check,
            attributes=wanted.attributes,
        )
        check_parts(self._cloud, scope, pool_plan(made))

        def work(conn: Connection) -> TargetGroup:
            kept = GROUPS.one(conn, scope, name=made.name)
            if kept is not None:
                if replace(kept, id=made.id, created_at=made.created_at, balancer_id=None, pool_id=None) != made:
                    raise balancer_findings.TargetGroupExists(made.name)
                return replace(kept, balancer_id=None)  # as AWS's answer has it
            count = partial(GROUPS.count, conn, scope, classic=False)
            counting.check(conn, scope, "target groups", limits.TARGET_GROUPS, count)
            GROUPS.add(conn, scope, made)
            resource_tags.put(conn, scope, tag_id(made.id), wanted.tags)
            return made

        return counting.transact(self._store, work)

    def change(self, scope: Scope, group_id: str, revise: Revise | None = None, **values: Any) -> TargetGroup:
        """Set fields of a group; attributes beside those that it has.

        Args:
            revise: asked for further fields while nobody else changes the group; it may refuse by raising.

        Raises:
            PoolNotFound, BalancingLacks
        """

        def work(conn: Connection) -> TargetGroup:
            found = self._held(conn, scope, group_id)
            whole = beside(found, values, revise)
            changed = replace(found, **whole)
            check_parts(self._cloud, scope, pool_plan(changed))
            GROUPS.change(conn, scope, group_id, **whole)
            return changed

        return self._store.transact(work)

    def delete(self, scope: Scope, group_id: str) -> None:
        """Delete a group that nothing refers to, with its targets; one that is gone is no fault.

        Raises:
            TargetGroupInUse
        """

        def work(conn: Connection) -> None:
            balancers.lock_groups(conn, scope, [group_id])  # who registers targets holds it, too: none come afterwards
            found = GROUPS.one(conn, scope, id=group_id, classic=False)
            if found is None:
                return
            if found.balancer_id is not None:
                raise balancer_findings.TargetGroupInUse(group_id)
            TARGETS.remove(conn, scope, group_id=group_id)
            resource_tags.remove(conn, scope, tag_id(group_id))
            if not GROUPS.remove(conn, scope, id=group_id, balancer_id=None):  # a listener may be quicker
                raise balancer_findings.TargetGroupInUse(group_id)

        self._store.transact(work)

    # targets -------------------------------------------------------------------------------------------------------

    def register(self, scope: Scope, group_id: str, targets: Sequence[tuple[str, int | None]]) -> None:
        """Let targets take traffic, each a name and a port (the group's own where none is told).

        Raises:
            PoolNotFound, LimitExceeded
            TargetsInvalid: instances that do not run.
            CloudNotReached, NotPermitted: the cloud could not be asked.
        """
        group = self.get(scope, group_id)
        servers = self._servers(scope) if group.target_type == "instance" else {}
        unknown = tuple(name for name, _ in targets if group.target_type == "instance" and name not in servers)
        if unknown:
            raise balancer_findings.TargetsInvalid(unknown, "unknown")
        idle = tuple(name for name in dict(targets) if name in servers and not _runs(servers[name]))
        if idle:
            raise balancer_findings.TargetsInvalid(idle, "running")
        zones = self._zones(scope, group) if group.target_type == "ip" else {}
        now = self._clock.now()
        made = {}
        for name, port in targets:
            server = servers.get(name)
            each = RegisteredTarget(
                id=target_id(group_id, name, port or group.port),
                group_id=group_id,
                name=name,
                port=port or group.port,
                address=name if server is None else server.private_address or "",
                state=TargetState.REGISTERED,
                created_at=now,
                zone=_zone(zones, name) if server is None else server.zone,
                server_id=None if server is None else server.id,
            )
            made[each.id] = each

        def work(conn: Connection) -> None:
            self._held(conn, scope, group_id)
            here = TARGETS.of(conn, scope, list(made))
            fresh = [each for each in made.values() if each.id not in here]
            if TARGETS.count(conn, scope, group_id=group_id) + len(fresh) > limits.TARGETS_OF_GROUP:
                raise errors.LimitExceeded("targets", limits.TARGETS_OF_GROUP)
            for each, target in here.items():
                balancers.registered_again(conn, scope, target, made[each].address, now)
            TARGETS.add(conn, scope, *fresh)

        self._store.transact(work)

    def deregister(self, scope: Scope, group_id: str, targets: Sequence[tuple[str, int | None]]) -> None:
        """Let targets drain, and then be none; those that are none are passed over. Raises PoolNotFound."""

        def work(conn: Connection) -> None:
            group = self._held(conn, scope, group_id)
            here = TARGETS.all(conn, scope, group_id=group_id)
            gone = [each for each in here if (each.name, each.port) in targets or (each.name, None) in targets]
            for each in gone:
                if group.pool_id is None:
                    TARGETS.remove(conn, scope, id=each.id)
                elif each.state is TargetState.REGISTERED:
                    until = self._clock.now() + group.delay
                    TARGETS.change(conn, scope, each.id, state=TargetState.DRAINING, until=until)

        self._store.transact(work)

    def health(self, scope: Scope, group_id: str) -> Sequence[ToldTarget]:
        """How all targets of a group do: those that were registered, and nodes of clusters.

        Raises:
            PoolNotFound
            CloudNotReached, NotPermitted: the cloud could not be asked.
        """
        with self._store.read() as conn:
            group = known(conn, scope, group_id)
            targets = TARGETS.all(conn, scope, group_id=group_id)
            registered = [each for each in traffic.of_pool(conn, group_id) if _shown(each.state)]
        members = self._members(scope, group)
        servers = self._servers(scope) if any(each.server_id for each in targets) else {}
        told = {}
        for each in registered:
            told[f"i-{short_id(each.server_id)}", each.port] = ToldTarget(
                f"i-{short_id(each.server_id)}",
                each.port,
                _doing(members, each.address, each.port, going=each.state in OUTGOING),
            )
        for one in (each for each in targets if not each.former):
            going = one.state is TargetState.DRAINING
            doing = _doing(members, one.address, one.port, going=going)
            stopped = "" if one.server_id is None or going else _stopped(servers.get(one.name))
            told[one.name, one.port] = ToldTarget(one.name, one.port, doing, one.zone, stopped)
        return list(told.values())

    def _members(self, scope: Scope, group: TargetGroup) -> Mapping[tuple[str, int], PoolMember] | None:
        """Of its pool, by address and port; None where no balancer refers to it."""
        if group.balancer_id is None:
            return None
        if group.pool_id is None:
            return {}
        with asking():
            try:
                found = self._cloud.balancing.members(scope, group.pool_id)
            except PoolNotFound:  # it is made anew
                return {}
        return {(each.address, each.port): each for each in found}

    def _servers(self, scope: Scope) -> Mapping[str, Server]:
        with asking():
            return {f"i-{each.short_id}": each for each in self._cloud.compute.list(scope)}

    def _zones(self, scope: Scope, group: TargetGroup) -> Mapping[ipaddress.IPv4Network, str]:
        """The zones of the subnets of a group's network, by their addresses."""
        with asking():
            return {
                ipaddress.IPv4Network(each.cidr): each.zone
                for each in self._catalog.subnets(scope)
                if each.network_id == group.network_id
            }

    def _held(self, conn: Connection, scope: Scope, group_id: str) -> TargetGroup:
        """A group that nobody else changes until the transaction ends; an engine looks after its balancer then.

        Raises:
            PoolNotFound
        """
        group = known(conn, scope, group_id)
        found = None if group.balancer_id is None else BALANCERS.one(conn, scope, id=group.balancer_id)
        if found is not None:  # whoever changes a group of a balancer has that alone, first
            pull(conn, found, self._clock)
        balancers.lock_groups(conn, scope, [group_id])
        return known(conn, scope, group_id)


def known(conn: Connection, scope: Scope, group_id: str) -> TargetGroup:
    """A group that is told. Raises PoolNotFound."""
    found = GROUPS.one(conn, scope, id=group_id, classic=False)
    if found is None:
        raise balancer_findings.PoolNotFound(group_id)
    return found


def _zone(zones: Mapping[ipaddress.IPv4Network, str], address: str) -> str:
    """Where an address is; outside of the network it is nowhere in particular, and told to be everywhere."""
    at = ipaddress.IPv4Address(address)
    return next((zone for network, zone in zones.items() if at in network), "all")


def _shown(state: RegistrationState) -> bool:
    return state is not RegistrationState.SKIPPED


def _runs(server: Server) -> bool:
    return server.status in _RUNS and server.private_address is not None


def _stopped(server: Server | None) -> str:
    if server is None or server.status in ENDED_STATUSES:
        return "terminated"
    return "" if server.status in _RUNS else "stopped"


def _doing(
    members: Mapping[tuple[str, int], PoolMember] | None, address: str, port: int, *, going: bool
) -> Doing | None:
    if going:
        return RegistrationState.DRAINING
    if members is None:
        return None
    found = members.get((address, port))
    if found is None:
        return RegistrationState.ADDING
    return RegistrationState.DRAINING if found.weight == 0 else MemberHealth(found.health)
