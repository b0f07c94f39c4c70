"""The ports that make networks, security groups and balancers, each call held against what the rows allow then."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from backend.domain.balancers import forwarded
from backend.domain.scope import Scope
from backend.domain.security_groups import GroupState
from backend.drivers.balancer_making import BalancerMaking, Part, PartKind, PoolPlan, Present, RulePlan, Tree
from backend.drivers.cloud import Cloud
from backend.drivers.group_making import GroupMaking
from backend.drivers.network_making import MadeSubnet, NetworkMaking
from backend.store.balancers import BALANCERS
from backend.store.networks import STANDING, SUBNETS, VPCS
from backend.store.security_groups import GROUPS

if TYPE_CHECKING:
    from tests.simulation.world import World


def building_ports(cloud: Cloud, world: World) -> dict[str, Any]:
    """The cloud's, by the names that it has for them, with checks before them."""
    assert cloud.network_making is not None
    assert cloud.groups is not None
    assert cloud.balancer_making is not None
    return {
        "network_making": NetworkLedger(cloud.network_making, world),
        "groups": GroupLedger(cloud.groups, world),
        "balancer_making": BalancerLedger(cloud.balancer_making, world),
    }


class NetworkLedger:
    """Ended may only be what no row tells of. Subnets are to be joined, as those of a real cloud."""

    at_once = False

    def __init__(self, making: NetworkMaking, world: World) -> None:
        self._making = making
        self._world = world

    def __getattr__(self, name: str) -> Any:
        return getattr(self._making, name)

    def delete_vpc(self, scope: Scope, vpc: str) -> None:
        with self._world.store.watch() as conn:
            told = VPCS.one(conn, scope, cloud_id=vpc, state=STANDING)
        if told is not None:
            raise self._world.broke("12 needless kill", f"VPC {told.id} is told, and goes")
        self._making.delete_vpc(scope, vpc)

    def delete_subnet(self, scope: Scope, vpc: str, subnet: MadeSubnet) -> None:
        self._check(scope, [subnet.network_id])
        self._making.delete_subnet(scope, vpc, subnet)

    def delete_networks(self, scope: Scope, networks: Sequence[str]) -> None:
        self._check(scope, networks)
        self._making.delete_networks(scope, networks)

    def _check(self, scope: Scope, networks: Sequence[str]) -> None:
        with self._world.store.watch() as conn:
            told = SUBNETS.one(conn, scope, network_id=list(networks), state=STANDING)
        if told is not None:
            raise self._world.broke("12 needless kill", f"subnet {told.id} is told, and goes")


class GroupLedger:
    """The same of security groups."""

    def __init__(self, making: GroupMaking, world: World) -> None:
        self._making = making
        self._world = world

    def __getattr__(self, name: str) -> Any:
        return getattr(self._making, name)

    def delete_security_group(self, scope: Scope, group_id: str) -> None:
        with self._world.store.watch() as conn:
            told = GROUPS.one(conn, scope, cloud_id=group_id, state=GroupState.AVAILABLE)
        if told is not None:
            raise self._world.broke("12 needless kill", f"security group {told.id} is told, and goes")
        self._making.delete_security_group(scope, group_id)


class BalancerLedger:
    """The same of balancers, whose parts come after what they refer to, and go before it."""

    def __init__(self, making: BalancerMaking, world: World) -> None:
        self._making = making
        self._world = world

    def __getattr__(self, name: str) -> Any:
        return getattr(self._making, name)

    def delete(self, scope: Scope, balancer_id: str) -> None:
        with self._world.store.watch() as conn:
            told = BALANCERS.one(conn, scope, cloud_id=balancer_id)
        if told is not None and not told.gone:
            raise self._world.broke("12 needless kill", f"balancer {told.id} is told, and goes")
        self._making.delete(scope, balancer_id)

    def put(self, scope: Scope, tree: Tree, part: Part) -> str:
        """What a part refers to is in the tree as whoever asks for it saw it."""
        if not isinstance(part, PoolPlan):
            wanted = set(forwarded([json.loads(part.action)]))
            wanted |= {part.listener_key} if isinstance(part, RulePlan) else set()
            lacking = wanted - {each.key for each in tree.parts}
            if lacking:
                raise self._world.broke("32 order", f"{part.kind} {part.key} comes before {sorted(lacking)}")
        return self._making.put(scope, tree, part)

    def remove(self, scope: Scope, tree: Tree, present: Present) -> None:
        """Nothing in the tree as whoever asks saw it refers to what goes."""
        seen = {each.id: each.digest for each in tree.parts if each != present and each.kind is not PartKind.POOL}
        for each in parts_of(self._world, tree.id):
            if seen.get(each.id) != each.digest:
                continue
            refers = {*forwarded([json.loads(each.form["action"])]), each.form.get("listener_key")}
            if present.key in refers:
                raise self._world.broke("32 order", f"{present.kind} {present.key} goes before {each.kind} {each.key}")
        self._making.remove(scope, tree, present)


class KeptPart(NamedTuple):
    """A part that a balancer of the cloud has. ``form``: what was asked for."""

    id: str
    kind: str
    key: str
    digest: str
    form: dict[str, Any]


def parts_of(world: World, balancer_id: str) -> list[KeptPart]:
    """The parts that a balancer of the cloud has."""
    question = "SELECT id, kind, key, digest, form FROM balancer_parts WHERE balancer_id = ? ORDER BY kind, key"
    with world.simulated._state.reading() as connection:
        rows = connection.execute(question, (balancer_id,)).fetchall()
    return [KeptPart(identity, kind, key, digest, json.loads(form)) for identity, kind, key, digest, form in rows]
