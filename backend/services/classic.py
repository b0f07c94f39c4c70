"""Classic balancers: listeners that name a port of instances, on the same trees as other balancers.

Each pair of protocol and port of instances is a target group that is told to nobody; instances are registered with the
balancer, and are members of all its pools. What else it has (health check, attributes, policies) is in its details.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from backend import errors
from backend.clock import Clock
from backend.domain import balancer_findings
from backend.domain.balancers import (
    DELAY,
    BalancerListener,
    LoadBalancer,
    RegisteredTarget,
    TargetGroup,
    TargetState,
    forwarded,
    new_digits,
    target_id,
)
from backend.domain.ids import short_id
from backend.domain.node import ServerStatus
from backend.domain.scope import Scope
from backend.domain.traffic import OUTGOING, MemberHealth
from backend.drivers.balancer_plans import listener_plan, pool_plan
from backend.drivers.cloud import Cloud
from backend.drivers.compute import Server
from backend.drivers.errors import PoolNotFound
from backend.services import limits
from backend.services.balancers import LoadBalancers, NewBalancer, Revise, check_parts, locked, present
from backend.services.catalog import asking
from backend.services.listeners import check_certificates
from backend.services.server_certificates import hold
from backend.store import balancers, traffic
from backend.store.balancers import BALANCERS, GROUPS, LISTENERS, TARGETS
from backend.store.session import Connection, Store

CHECK: Final = {"target": "", "interval": 30, "timeout": 5, "unhealthy": 2, "healthy": 10}
DRAINING: Final = "draining"
_RUNS: Final = frozenset({ServerStatus.ACTIVE, ServerStatus.BUILDING, ServerStatus.UNKNOWN})
_WORST: Final = (None, MemberHealth.UNHEALTHY, MemberHealth.INITIAL, MemberHealth.UNKNOWN, MemberHealth.HEALTHY)


@dataclass(frozen=True, slots=True)
class Front:
    """A listener of a classic balancer. ``certificate``: an ARN, empty for none."""

    protocol: str
    port: int
    instance_protocol: str
    instance_port: int
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class Whole:
    """A classic balancer with all that is told of it. ``instances``: names, in their order."""

    balancer: LoadBalancer
    fronts: Sequence[Front]
    instances: Sequence[str]


class ClassicBalancers:
    """Classic balancers by name."""

    def __init__(self, store: Store, cloud: Cloud, clock: Clock, every: LoadBalancers) -> None:
        self._store = store
        self._cloud = cloud
        self._clock = clock
        self._every = every

    def all(self, scope: Scope) -> Sequence[Whole]:
        """All of them, by name."""
        with self._store.read() as conn:
            found = [each for each in BALANCERS.all(conn, scope, family="classic") if not each.gone]
            return [self._whole(conn, scope, each) for each in sorted(found, key=lambda each: each.name)]

    def get(self, scope: Scope, name: str) -> Whole:
        """Raises BalancerNotFound."""
        with self._store.read() as conn:
            return self._whole(conn, scope, _named(conn, scope, name))

    def create(self, scope: Scope, wanted: NewBalancer, fronts: Sequence[Front]) -> LoadBalancer:
        """Make a balancer with its listeners, or nothing. Raises as LoadBalancers.create, and as ``listen``."""
        here: dict[int, Front] = {}
        for front in fronts:
            if here.setdefault(front.port, front) != front:
                raise balancer_findings.ListenerExists(front.port)
        if len(here) > limits.LISTENERS_OF_BALANCER:
            raise errors.LimitExceeded("listeners", limits.LISTENERS_OF_BALANCER)
        self._check_certificates(scope, fronts)
        planned = self._every.planned(wanted)
        for front in fronts:
            self._check_front(scope, planned, _group(planned.id, planned.network_id, front, planned.created_at), front)
        made = self._every.create(scope, wanted)
        self.listen(scope, wanted.name, fronts)
        return made

    def delete(self, scope: Scope, name: str) -> None:
        """One that is gone is no fault."""
        try:
            found = self.get(scope, name).balancer
        except balancer_findings.BalancerNotFound:
            return
        self._every.delete(scope, found.id)

    # listeners -------------------------------------------------------------------------------------------------------

    def listen(self, scope: Scope, name: str, fronts: Sequence[Front]) -> None:
        """Make listeners; one that is there as it is asked for is no fault.

        Raises:
            BalancerNotFound, ListenerExists, LimitExceeded, BalancingLacks, CertificateMissing
        """
        self._check_certificates(scope, fronts)

        def work(conn: Connection) -> None:
            balancer = self._locked(conn, scope, name)
            here = {each.port: each for each in self._fronts(conn, scope, balancer)}
            for front in fronts:
                if front.port in here:
                    if here[front.port] != front:
                        raise balancer_findings.ListenerExists(front.port)
                    continue
                if len(here) >= limits.LISTENERS_OF_BALANCER:
                    raise errors.LimitExceeded("listeners", limits.LISTENERS_OF_BALANCER)
                self._listen(conn, scope, balancer, front)
                here[front.port] = front

        self._store.transact(work)

    def close(self, scope: Scope, name: str, ports: Sequence[int]) -> None:
        """End listeners; those that are not there are passed over. Raises BalancerNotFound."""

        def work(conn: Connection) -> None:
            balancer = self._locked(conn, scope, name)
            LISTENERS.remove(conn, scope, balancer_id=balancer.id, port=list(ports))
            left = {group for each in self._listeners(conn, scope, balancer) for group in forwarded(each.actions)}
            for group in GROUPS.all(conn, scope, balancer_id=balancer.id, classic=True):
                if group.id not in left:
                    GROUPS.remove(conn, scope, id=group.id)

        self._store.transact(work)

    def certify(self, scope: Scope, name: str, port: int, certificate: str) -> None:
        """Give a listener another certificate.

        Raises:
            BalancerNotFound, ListenerNotFound, BalancingLacks, CertificateMissing
        """

        def work(conn: Connection) -> None:
            balancer = self._locked(conn, scope, name)
            found = LISTENERS.one(conn, scope, balancer_id=balancer.id, port=port)
            if found is None:
                raise balancer_findings.ListenerNotFound(str(port))
            check_parts(self._cloud, scope, listener_plan(balancer, replace(found, certificates=(certificate,))))
            hold(conn, scope, (certificate,))
            LISTENERS.change(conn, scope, found.id, certificates=(certificate,))

        self._store.transact(work)

    # what is in its details ------------------------------------------------------------------------------------------

    def configure(self, scope: Scope, name: str, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> LoadBalancer:
        """Set details (health check, attributes, policies) to what becomes of them; its pools follow.

        Raises:
            BalancerNotFound, and what ``change`` raises
        """

        def work(conn: Connection) -> LoadBalancer:
            balancer = self._locked(conn, scope, name)
            changed = replace(balancer, details=change(dict(balancer.details)))
            BALANCERS.change(conn, scope, balancer.id, details=changed.details, attributes=_attributes(changed))
            for group in GROUPS.all(conn, scope, balancer_id=balancer.id, classic=True):
                GROUPS.change(
                    conn,
                    scope,
                    group.id,
                    health_check=_check(changed, group.port),
                    attributes=self._group_attributes(conn, scope, changed, group.id),
                )
            return changed

        return self._store.transact(work)

    def change(self, scope: Scope, name: str, revise: Revise | None = None, **values: Any) -> LoadBalancer:
        """Set fields (subnets, security_groups) of a balancer, as LoadBalancers.change. Raises BalancerNotFound."""
        return self._every.change(scope, self.get(scope, name).balancer.id, revise, **values)

    # instances -------------------------------------------------------------------------------------------------------

    def register(self, scope: Scope, name: str, instances: Sequence[str]) -> Sequence[str]:
        """Let instances take traffic; all of them by name then.

        Raises:
            BalancerNotFound, LimitExceeded
            TargetsInvalid: some are no instances that run.
        """
        self.get(scope, name)
        servers = self._servers(scope)
        for what, fits in (("unknown", servers.__contains__), ("running", lambda each: _runs(servers[each]))):
            wrong = tuple(each for each in instances if not fits(each))
            if wrong:
                raise balancer_findings.TargetsInvalid(wrong, what)

        def work(conn: Connection) -> Sequence[str]:
            found = self._locked(conn, scope, name)
            every = TARGETS.all(conn, scope, group_id=found.id)
            here = {each.name: each for each in every if not each.former}
            fresh = [each for each in dict.fromkeys(instances) if each not in here]
            if len(here) + len(fresh) > limits.TARGETS_OF_GROUP:
                raise errors.LimitExceeded("targets", limits.TARGETS_OF_GROUP)
            for known, target in here.items():
                if known in instances:
                    address = servers[known].private_address or ""
                    balancers.registered_again(conn, scope, target, address, self._clock.now())
            TARGETS.add(conn, scope, *(self._target(found.id, servers[each]) for each in fresh))
            return self._whole(conn, scope, found).instances

        return self._store.transact(work)

    def deregister(self, scope: Scope, name: str, instances: Sequence[str]) -> Sequence[str]:
        """Let instances drain, and then be none; those that are left. Raises BalancerNotFound."""

        def work(conn: Connection) -> Sequence[str]:
            balancer = self._locked(conn, scope, name)
            until = self._clock.now() + max(
                (each.delay for each in GROUPS.all(conn, scope, balancer_id=balancer.id, classic=True)),
                default=timedelta(0),
            )
            for each in TARGETS.all(conn, scope, group_id=balancer.id):
                if each.name in instances and each.state is TargetState.REGISTERED:
                    TARGETS.change(conn, scope, each.id, state=TargetState.DRAINING, until=until)
            return self._whole(conn, scope, balancer).instances

        return self._store.transact(work)

    def health(self, scope: Scope, name: str) -> Mapping[str, MemberHealth | None]:
        """The worst that its pools say of each instance; None of one that some pool has not yet.

        Raises:
            BalancerNotFound
            CloudNotReached, NotPermitted: the cloud could not be asked.
        """
        with self._store.read() as conn:
            whole = self._whole(conn, scope, _named(conn, scope, name))
            groups = GROUPS.all(conn, scope, balancer_id=whole.balancer.id, classic=True)
            targets = TARGETS.all(conn, scope, group_id=whole.balancer.id)
            address = {each.name: each.address for each in targets if not each.former}
            for one in traffic.of_pool(conn, whole.balancer.id):
                address[f"i-{short_id(one.server_id)}"] = one.address
        pools: list[Mapping[str, MemberHealth]] = []
        with asking():
            for group in groups:
                try:
                    members = self._cloud.balancing.members(scope, group.pool_id) if group.pool_id else ()
                except PoolNotFound:
                    members = ()
                pools.append({each.address: each.health for each in members if each.port == group.port})
        return {
            each: min((pool.get(address.get(each, "")) for pool in pools), key=_WORST.index, default=None)
            for each in whole.instances
        }

    # ---------------------------------------------------------------------------------------------------------------

    def _whole(self, conn: Connection, scope: Scope, balancer: LoadBalancer) -> Whole:
        names = [
            each.name for each in TARGETS.all(conn, scope, group_id=balancer.id) if each.state is TargetState.REGISTERED
        ]
        names += [
            f"i-{short_id(each.server_id)}" for each in traffic.of_pool(conn, balancer.id) if each.state not in OUTGOING
        ]
        return Whole(balancer, self._fronts(conn, scope, balancer), list(dict.fromkeys(names)))

    def _locked(self, conn: Connection, scope: Scope, name: str) -> LoadBalancer:
        return locked(conn, scope, _named(conn, scope, name).id, self._clock)

    def _listeners(self, conn: Connection, scope: Scope, balancer: LoadBalancer) -> Sequence[BalancerListener]:
        found = LISTENERS.all(conn, scope, balancer_id=balancer.id)
        return sorted(found, key=lambda each: each.port)

    def _fronts(self, conn: Connection, scope: Scope, balancer: LoadBalancer) -> Sequence[Front]:
        groups = {each.id: each for each in GROUPS.all(conn, scope, balancer_id=balancer.id, classic=True)}
        found = []
        for each in self._listeners(conn, scope, balancer):
            group = groups[forwarded(each.actions)[0]]
            told = _TOLD.get(each.protocol, each.protocol), _TOLD.get(group.protocol, group.protocol)
            found.append(Front(told[0], each.port, told[1], group.port, *each.certificates[:1]))
        return found

    def _listen(self, conn: Connection, scope: Scope, balancer: LoadBalancer, front: Front) -> None:
        protocol = _KEPT.get(front.instance_protocol, front.instance_protocol)
        group = GROUPS.one(
            conn, scope, balancer_id=balancer.id, classic=True, protocol=protocol, port=front.instance_port
        )
        now = self._clock.now()
        if group is None:
            made = _group(balancer.id, balancer.network_id, front, now)
            details = {**balancer.details, "check": _checked(balancer, front.instance_port)}
            group = replace(
                made, health_check=_check(replace(balancer, details=details), made.port), attributes=_delay(balancer)
            )
            GROUPS.add(conn, scope, group)
            if not balancer.details.get("check"):
                BALANCERS.change(conn, scope, balancer.id, details=details)
        listener = self._check_front(scope, balancer, group, front)
        hold(conn, scope, listener.certificates)
        LISTENERS.add(conn, scope, listener)

    def _check_front(self, scope: Scope, balancer: LoadBalancer, group: TargetGroup, front: Front) -> BalancerListener:
        """The listener that a front becomes. Raises BalancingLacks."""
        listener = BalancerListener(
            id=new_digits(str(uuid.uuid4())),
            balancer_id=balancer.id,
            protocol=_KEPT.get(front.protocol, front.protocol),
            port=front.port,
            actions=({"type": "forward", "groups": [[group.id, 1]]},),
            created_at=self._clock.now(),
            certificates=(front.certificate,) if front.certificate else (),
        )
        check_parts(self._cloud, scope, pool_plan(group), listener_plan(balancer, listener))
        return listener

    def _group_attributes(
        self, conn: Connection, scope: Scope, balancer: LoadBalancer, group_id: str
    ) -> dict[str, str]:
        """Of the policies that listeners to the group follow, one counts: its pool can have but one."""
        found = _delay(balancer)
        followed: Mapping[str, Sequence[str]] = balancer.details.get("followed", {})
        policies: Mapping[str, Mapping[str, Any]] = balancer.details.get("policies", {})
        for listener in self._listeners(conn, scope, balancer):
            if group_id not in forwarded(listener.actions):
                continue
            for name in followed.get(str(listener.port), ()):
                policy = policies.get(name, {})
                if policy.get("cookie"):
                    found |= {
                        "stickiness.enabled": "true",
                        "stickiness.type": "app_cookie",
                        "stickiness.app_cookie.cookie_name": str(policy["cookie"]),
                    }
                elif policy.get("type") == "lb_cookie":
                    found |= {"stickiness.enabled": "true", "stickiness.type": "lb_cookie"}
        return found

    def _target(self, balancer_id: str, server: Server) -> RegisteredTarget:
        name = f"i-{server.short_id}"
        return RegisteredTarget(
            id=target_id(balancer_id, name, 0),
            group_id=balancer_id,
            name=name,
            port=0,
            address=server.private_address or "",
            state=TargetState.REGISTERED,
            created_at=self._clock.now(),
            zone=server.zone,
            server_id=server.id,
        )

    def _servers(self, scope: Scope) -> Mapping[str, Server]:
        with asking():
            return {f"i-{each.short_id}": each for each in self._cloud.compute.list(scope)}

    def _check_certificates(self, scope: Scope, fronts: Sequence[Front]) -> None:
        for protocol in {front.protocol for front in fronts}:
            check_certificates(self._cloud, scope, protocol)


_KEPT: Final = {"SSL": "TLS"}
"""Protocols of classic balancers in the words of the others."""
_TOLD: Final = {"TLS": "SSL"}


def _named(conn: Connection, scope: Scope, name: str) -> LoadBalancer:
    found = BALANCERS.one(conn, scope, family="classic", name=name)
    if found is None:
        raise balancer_findings.BalancerNotFound(name)
    return present(conn, scope, found.id)


def _group(balancer_id: str, network_id: str, front: Front, now: datetime) -> TargetGroup:
    protocol = _KEPT.get(front.instance_protocol, front.instance_protocol)
    return TargetGroup(
        id=new_digits(str(uuid.uuid4())),
        name=f"classic/{balancer_id}/{protocol}/{front.instance_port}",
        protocol=protocol,
        port=front.instance_port,
        network_id=network_id,
        target_type="instance",
        created_at=now,
        health_check={"enabled": False, "protocol": "TCP"},
        balancer_id=balancer_id,
        classic=True,
    )


def _checked(balancer: LoadBalancer, port: int) -> Mapping[str, Any]:
    """Its health check: of the first port that it was made to speak to, where none was configured."""
    found: Mapping[str, Any] = balancer.details.get("check") or {**CHECK, "target": f"TCP:{port}"}
    return found


def _check(balancer: LoadBalancer, port: int) -> dict[str, Any]:
    """The health check of its pools, as target groups have it."""
    told = _checked(balancer, port)
    protocol, _, rest = str(told["target"]).partition(":")
    asked, slash, path = rest.partition("/")
    check = {
        "enabled": True,
        "protocol": _KEPT.get(protocol, protocol),
        "port": asked,
        **{name: told[name] for name in ("interval", "timeout", "healthy", "unhealthy")},
    }
    return {**check, "path": f"{slash}{path}", "codes": "200"} if slash else check


def _delay(balancer: LoadBalancer) -> dict[str, str]:
    draining = balancer.details.get(DRAINING) or {}
    return {DELAY: str(draining.get("Timeout", 300)) if draining.get("Enabled") else "0"}


def _attributes(balancer: LoadBalancer) -> dict[str, str]:
    idle = balancer.details.get("idle")
    return {} if idle is None else {"idle_timeout.timeout_seconds": str(idle)}


def _runs(server: Server) -> bool:
    return server.status in _RUNS and server.private_address is not None
