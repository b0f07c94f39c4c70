"""Clusters of several types: where one has no room the next is taken, and what failed is left alone for a while."""

from __future__ import annotations

from collections import Counter
from typing import Any

from backend.domain.cluster import Cluster, NewCluster, PlacementRequest, SourceRequest
from backend.domain.mixes import MixRequest, OverrideRequest, Strategy
from backend.domain.node import capacity
from backend.domain.profile import ServerSpec
from backend.drivers.simulated.faults import Where
from backend.services.templates import NewVersion
from tests.factories import SCOPE

A, B = "us-east-1a", "us-east-1b"
FIRST, SECOND = "t3.small", "t3.micro"
TYPES = (OverrideRequest(FIRST), OverrideRequest(SECOND))
"""By rank."""


def mixed(world: Any, desired: int, overrides: tuple[OverrideRequest, ...] = TYPES, **share: Any) -> Cluster:
    spec = ServerSpec(image=world.image(), instance_type="t3.medium")
    world.backend.templates.create(SCOPE, "lt", NewVersion(spec, {}, "root"))
    wanted = NewCluster(
        "web",
        {"minimum": 0, "maximum": 40, "desired": desired},
        SourceRequest(template_name="lt"),
        PlacementRequest(zones=(A, B)),
        mix=MixRequest(overrides, share),
    )
    made: Cluster = world.backend.clusters.create(SCOPE, wanted)
    return made


def kinds(world: Any, cluster: Cluster) -> Counter[tuple[str, str]]:
    return Counter((node.zone, node.instance_type) for node in world.nodes(cluster) if node.server_id)


def full(world: Any, zone: str, instance_type: str, servers: int = 0, seconds: float | None = None) -> None:
    world.simulated.faults.capacity(zone, servers, flavor=instance_type, seconds=seconds)


def test_where_a_type_has_no_room_the_next_is_taken_there(world: Any) -> None:
    full(world, A, FIRST)
    cluster = mixed(world, 4)
    world.pass_time(20)
    assert kinds(world, cluster) == {(A, SECOND): 2, (B, FIRST): 2}
    assert {(each.zone, each.profile_key.rpartition(":")[2]) for each in world.backoffs(cluster)} == {(A, FIRST)}


def test_a_success_of_another_type_forgives_nothing(world: Any) -> None:
    full(world, A, FIRST)
    cluster = mixed(world, 2)
    world.pass_time(3.5)
    assert kinds(world, cluster) == {(A, SECOND): 1, (B, FIRST): 1}
    world.backend.clusters.resize(SCOPE, "web", 6)
    world.pass_time(0.5)  # the delay of the first type is not over
    assert sum(entry.reason is not None for entry in world.journal(cluster)) == 1
    assert kinds(world, cluster) == {(A, SECOND): 3, (B, FIRST): 3}


def test_the_first_type_comes_back_when_it_has_room_again(world: Any) -> None:
    full(world, A, FIRST, seconds=60)
    cluster = mixed(world, 2)
    world.pass_time(120, step=5)
    world.backend.clusters.resize(SCOPE, "web", 4)
    world.pass_time(20)
    assert kinds(world, cluster) == {(A, SECOND): 1, (A, FIRST): 1, (B, FIRST): 2}


def test_a_zone_where_no_type_has_room_is_left_to_the_others(world: Any) -> None:
    full(world, A, FIRST)
    full(world, A, SECOND)
    cluster = mixed(world, 3)
    world.pass_time(20)
    assert kinds(world, cluster) == {(B, FIRST): 3}


def test_on_demand_that_waits_holds_up_no_spot_and_is_not_stood_in_for(world: Any) -> None:
    full(world, A, FIRST, servers=1)
    full(world, B, FIRST, servers=1)
    cluster = mixed(world, 4, (OverrideRequest(FIRST),), on_demand_percent=100)
    world.pass_time(20)
    assert kinds(world, cluster) == {(A, FIRST): 1, (B, FIRST): 1}


def test_spot_that_is_taken_back_is_replaced_by_spot(world: Any) -> None:
    cluster = mixed(world, 4, on_demand_base=1, on_demand_percent=0, spot_strategy=Strategy.CAPACITY.value)
    world.pass_time(10)
    spot = [node for node in world.nodes(cluster) if node.preemptible]
    assert len(spot) == 3
    world.simulated.operator.reclaim(spot[0].server_id)
    world.pass_time(60, step=2)
    here = world.nodes(cluster)
    assert sorted(node.preemptible for node in here) == [False, True, True, True]
    assert spot[0].id not in {node.id for node in here}


def test_a_weighted_cluster_heals_and_moves_by_units(world: Any) -> None:
    cluster = mixed(world, 12, (OverrideRequest(FIRST, 3), OverrideRequest(SECOND, 1)))
    world.pass_time(10)
    assert kinds(world, cluster) == {(A, FIRST): 2, (B, FIRST): 2}
    full(world, A, FIRST)
    lost = next(node for node in world.nodes(cluster) if node.zone == A)
    world.simulated.operator.terminate(lost.server_id)
    world.pass_time(120, step=2)
    assert capacity(world.nodes(cluster)) == 12
    assert kinds(world, cluster) == {(A, FIRST): 1, (A, SECOND): 3, (B, FIRST): 2}


def test_an_engine_that_dies_after_the_claim_leaves_a_launch_of_the_same_choice(world: Any) -> None:
    cluster = mixed(world, 2, on_demand_percent=50)
    world.simulated.faults.lose_answer(Where(calls=("create",)), times=2)
    world.pass_time(300, step=5)
    assert sorted(node.preemptible for node in world.nodes(cluster)) == [False, True]
    told = [server for _, server in world.simulated.operator.servers()]
    assert sorted(server.preemptible for server in told) == [False, True]
