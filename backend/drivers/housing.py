"""The balancing port for target groups that are made here: a source of ours is spoken to through the pools it has.

A source has none while no balancer refers to it: then what is registered with it counts as its members, of whose health
nobody tells. Sources that are pools of the cloud itself are passed on as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from backend.domain.balancers import Home, is_made
from backend.domain.scope import Scope
from backend.domain.traffic import OUTGOING, MemberHealth, Registration
from backend.drivers.balancing import Balancer, Balancing, Listener, Pool, PoolMember, Target
from backend.drivers.cloud import Cloud
from backend.drivers.errors import Busy, PoolNotFound, Refused
from backend.drivers.installation import Installation, nobody

_Write = Callable[[Scope, str, Sequence[Target]], None]

_WORST = (MemberHealth.UNHEALTHY, MemberHealth.INITIAL, MemberHealth.UNKNOWN, MemberHealth.HEALTHY)


class Homes(Protocol):
    """What is known of sources of ours."""

    def of(self, scope: Scope, source_id: str) -> Sequence[Home] | None:
        """The pools of a source, none while it has none; None where there is no such source."""

    def registered(self, source_id: str) -> Sequence[Registration]:
        """What is registered with it."""


class Housing:
    """The balancing port, with sources of ours in the place of their pools."""

    def __init__(self, balancing: Balancing, homes: Homes, installation: Installation = nobody) -> None:
        self._balancing = balancing
        self._homes = homes
        self._installation = installation

    def pools(self, scope: Scope) -> Sequence[Pool]:
        return self._balancing.pools(scope)

    def balancers(self, scope: Scope) -> Sequence[Balancer]:
        return self._balancing.balancers(scope)

    def listeners(self, scope: Scope) -> Sequence[Listener]:
        return self._balancing.listeners(scope)

    def members(self, scope: Scope, pool_id: str) -> Sequence[PoolMember]:
        if not is_made(pool_id):
            return self._balancing.members(scope, pool_id)
        homes = self._of(scope, pool_id)
        if not homes:
            return [self._unheard(each) for each in self._homes.registered(pool_id)]
        found = [self._balancing.members(scope, home.pool_id) for home in homes]
        return found[0] if homes[0].port is None else _together(found)

    def add_members(self, scope: Scope, pool_id: str, targets: Sequence[Target]) -> None:
        failed = _each(self._balancing.add_members, scope, self._of(scope, pool_id), targets)
        if failed:
            raise _foremost(failed)

    def drain_members(self, scope: Scope, pool_id: str, targets: Sequence[Target]) -> None:
        self._out(self._balancing.drain_members, scope, pool_id, targets)

    def remove_members(self, scope: Scope, pool_id: str, targets: Sequence[Target]) -> None:
        self._out(self._balancing.remove_members, scope, pool_id, targets)

    def _out(self, write: _Write, scope: Scope, pool_id: str, targets: Sequence[Target]) -> None:
        """Nobody is a member of a pool that is gone; the source is gone with the last of them."""
        homes = self._of(scope, pool_id)
        failed = _each(write, scope, homes, targets)
        if failed and (len(failed) == len(homes) or not isinstance(_foremost(failed), PoolNotFound)):
            raise _foremost(failed)

    def _of(self, scope: Scope, source_id: str) -> Sequence[Home]:
        if not is_made(source_id):
            return (Home(source_id),)
        homes = self._homes.of(scope, source_id)
        if homes is None:
            raise PoolNotFound(f"target group {source_id} not found")
        return homes

    def _unheard(self, each: Registration) -> PoolMember:
        weight = 0 if each.state in OUTGOING else 1
        own = self._installation() or None
        return PoolMember(
            each.node_id, each.address, each.port, weight, MemberHealth.UNKNOWN, each.node_id, own, "", "ACTIVE"
        )


def housed(cloud: Cloud, homes: Homes) -> Cloud:
    """The cloud, whose balancing port knows sources of ours."""
    return replace(cloud, balancing=Housing(cloud.balancing, homes, cloud.installation))


def _each(write: _Write, scope: Scope, homes: Sequence[Home], targets: Sequence[Target]) -> Sequence[Refused]:
    """Ask it of all pools, and return what they refused: none waits for another that is busy.

    Raises:
        CloudError: the cloud is away, or what came of it is not known: nothing more is asked.
    """
    failed = []
    for home in homes:
        try:
            write(scope, home.pool_id, _at(home, targets))
        except Refused as refused:
            failed.append(refused)
    return failed


def _foremost(failed: Sequence[Refused]) -> Refused:
    """What is to be told of several: that it is asked for again, else what stands against it."""
    return min(failed, key=lambda each: (not isinstance(each, Busy), isinstance(each, PoolNotFound)))


def _at(home: Home, targets: Sequence[Target]) -> Sequence[Target]:
    return [replace(each, port=home.port or each.port, monitor_port=home.monitor_port) for each in targets]


def _together(pools: Sequence[Sequence[PoolMember]]) -> list[PoolMember]:
    """Members that all pools have, each with the worst of its healths; their port is that of no pool."""
    met: dict[tuple[str | None, str], list[PoolMember]] = {}
    for members in pools:
        for member in members:
            met.setdefault((member.owner, member.address), []).append(member)
    return [
        replace(
            each[0],
            port=0,
            weight=min(one.weight for one in each),
            health=min((one.health for one in each), key=_WORST.index),
        )
        for each in met.values()
        if len(each) == len(pools) or each[0].weight == 0
    ]
