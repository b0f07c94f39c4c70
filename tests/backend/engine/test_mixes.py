"""Clusters of several types: where one has no room the next is taken, and what failed is left alone for a while."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from backend.domain.cluster import Cluster, ClusterChange, NewCluster, PlacementRequest, SourceRequest
from backend.domain.ids import short_id
from backend.domain.launch_findings import LaunchUnsupported, TemplateUnusable
from backend.domain.mix_findings import StrategyUnfit
from backend.domain.mixes import Distribution, Mix, MixRequest, Override, OverrideRequest, Strategy
from backend.domain.node import Health, capacity
from backend.domain.profile import ProfileRef, ServerSpec
from backend.domain.refreshes import RefreshRequest
from backend.domain.requirements import Bounds, Requirements
from backend.domain.token import ClientToken
from backend.domain.warm_pools import WarmPoolRequest
from backend.drivers.compute import Flavor
from backend.drivers.simulated.faults import Where
from backend.engine.choosing import Chooser
from backend.engine.snapshot import Offer, Profile
from backend.policies import allocation
from backend.policies.allocation import Candidate, ordered
from backend.services.direct_launches import LaunchRequest
from backend.services.templates import NewVersion, TemplateRef
from tests.backend.engine import drafts
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


def by_template(world: Any, overrides: tuple[OverrideRequest, ...] = (), **share: Any) -> Cluster:
    """Of a template that says what types are to have, and names none."""
    wanted = Requirements(Bounds(2, 4), Bounds(4096), allowed=("m*", "c*"))
    world.backend.templates.create(
        SCOPE, "any", NewVersion(ServerSpec(image=world.image(), requirements=wanted), {}, "root")
    )
    asked = NewCluster(
        "web",
        {"minimum": 0, "maximum": 40, "desired": 2},
        SourceRequest(template_name="any"),
        PlacementRequest(zones=(A, B)),
        mix=MixRequest(overrides, share),
    )
    made: Cluster = world.backend.clusters.create(SCOPE, asked)
    return made


def full(world: Any, zone: str, instance_type: str, servers: int = 0, seconds: float | None = None) -> None:
    world.simulated.faults.capacity(zone, servers, flavor=instance_type, seconds=seconds)


def test_where_a_type_has_no_room_the_next_is_taken_there(world: Any) -> None:
    full(world, A, FIRST)
    cluster = mixed(world, 4)
    world.pass_time(20)
    assert kinds(world, cluster) == {(A, SECOND): 2, (B, FIRST): 2}
    assert {(each.zone, each.profile_key.rpartition(":")[2]) for each in world.backoffs(cluster)} == {(A, FIRST)}


def test_a_template_chooses_types_by_what_they_have(world: Any) -> None:
    cluster = by_template(world)
    assert cluster.spec.mix is not None
    assert cluster.spec.mix.on_demand_strategy is Strategy.LOWEST_PRICE
    world.pass_time(20)
    offered = {each.name: each for each in world.backend.catalog.flavors(SCOPE)}
    made = {kind for _, kind in kinds(world, cluster)}
    assert kinds(world, cluster).total() == 2
    assert all(offered[kind].vcpus == 2 and offered[kind].memory_mib >= 4096 for kind in made)
    world.backend.clusters.update(SCOPE, "web", ClusterChange({"capacity_type": "vcpu", "desired": 8}))
    world.pass_time(20)
    assert all(node.units == 2 for node in world.nodes(cluster)[2:])


def test_what_a_newer_version_of_a_template_asks_for_is_launched_from_then_on(world: Any) -> None:
    """Types are looked up at each launch, as ``$Latest`` is; what is there stays."""
    named = NewVersion(ServerSpec(image=world.image(), instance_type=SECOND), {}, "root")
    wanted = Requirements(Bounds(2, 4), Bounds(4096), allowed=("m*",))
    chosen = NewVersion(ServerSpec(image=world.image(), requirements=wanted), {}, "root")
    world.backend.templates.create(SCOPE, "newest", named)
    bounds = {"minimum": 0, "maximum": 40, "desired": 1}
    source = SourceRequest(template_name="newest", version="$Latest")
    asked = NewCluster("web", bounds, source, PlacementRequest(zones=(A, B)), mix=MixRequest(()))
    cluster = world.backend.clusters.create(SCOPE, asked)
    world.pass_time(10)
    for version, desired in ((chosen, 2), (named, 4)):
        world.backend.templates.add_version(SCOPE, TemplateRef(name="newest"), version)
        world.backend.clusters.resize(SCOPE, "web", desired)
        world.pass_time(10)
    made = [node.instance_type for node in world.nodes(cluster)]
    assert [each == SECOND for each in made] == [True, False, True, True]
    assert made[1].startswith("m")


def test_a_type_that_is_named_silences_the_template(world: Any) -> None:
    cluster = by_template(world, (OverrideRequest(SECOND),))
    assert cluster.spec.mix is not None
    assert not cluster.spec.mix.by_requirements
    world.pass_time(20)
    assert kinds(world, cluster) == {(A, SECOND): 1, (B, SECOND): 1}


def test_what_is_taken_by_rank_does_not_go_with_what_has_none(world: Any) -> None:
    """Neither where a template chooses, nor where a change keeps a strategy that was fit before."""
    prioritized = {"on_demand_strategy": Strategy.PRIORITIZED.value}
    with pytest.raises(StrategyUnfit):
        by_template(world, **prioritized)
    mixed(world, 0, **prioritized)
    wanted = MixRequest((OverrideRequest(requirements=Requirements(Bounds(2), Bounds(1))),))
    with pytest.raises(StrategyUnfit):
        world.backend.clusters.update(SCOPE, "web", ClusterChange(mix=wanted))


def test_without_a_mix_such_a_template_launches_nothing(world: Any) -> None:
    spec = ServerSpec(image=world.image(), requirements=Requirements(Bounds(1), Bounds(1)))
    world.backend.templates.create(SCOPE, "any", NewVersion(spec, {}, "root"))
    asked = NewCluster("web", {"minimum": 0, "maximum": 1}, SourceRequest(template_name="any"), PlacementRequest((A,)))
    with pytest.raises(TemplateUnusable) as refused:
        world.backend.clusters.create(SCOPE, asked)
    assert isinstance(refused.value.reason, LaunchUnsupported)
    assert refused.value.reason.member == "InstanceRequirements"


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


ON_DEMAND = {"on_demand_percent": 100}


def _classes(world: Any, cluster: Cluster) -> Counter[bool]:
    """How many there are by whether the cloud may take them back."""
    return Counter(node.preemptible for node in world.nodes(cluster))


def _launch_two(world: Any) -> None:
    asked = LaunchRequest("web", 2, ClientToken("LaunchInstances", "t", "2"), PlacementRequest(zones=(A,)))
    world.backend.direct_launches.ask(SCOPE, asked)


def test_what_is_launched_by_number_is_of_the_class_that_is_wanted(world: Any) -> None:
    cluster = mixed(world, 2, **ON_DEMAND)
    world.pass_time(20)
    _launch_two(world)
    world.pass_time(20)
    assert _classes(world, cluster) == {False: 4}


def test_launches_by_number_of_an_all_spot_mix_are_spot(world: Any) -> None:
    cluster = mixed(world, 2, on_demand_percent=0)
    world.pass_time(20)
    _launch_two(world)
    world.pass_time(20)
    assert _classes(world, cluster) == {True: 4}


def test_a_pool_is_of_the_class_that_is_wanted(world: Any) -> None:
    cluster = mixed(world, 2, **ON_DEMAND)
    world.pass_time(20)
    world.backend.warm_pools.put(SCOPE, "web", WarmPoolRequest(prepared=4))
    world.pass_time(60)
    assert _classes(world, cluster) == {False: 4}


def test_a_refresh_that_launches_ahead_keeps_all_on_demand(world: Any) -> None:
    cluster = mixed(world, 4, **ON_DEMAND)
    world.pass_time(20)
    asked = RefreshRequest(minimum_percent=100, maximum_percent=200, warmup_seconds=600)
    world.backend.refreshes.start(SCOPE, "web", asked)
    world.pass_time(20)
    lost = next(node for node in world.nodes(cluster) if node.refresh_id is not None)
    world.simulated.operator.terminate(lost.server_id)  # another is launched beside the pairs that are left
    world.pass_time(40)
    assert _classes(world, cluster) == {False: 8}


def test_a_pair_leaves_the_other_launches_their_class() -> None:
    """Of three, one more On-Demand is wanted; the one that leaves a pair has none of the share any more."""
    mix = Mix((Override("t3.small"),), Distribution(on_demand_percent=50))
    group = drafts.owner(desired=4, mix=mix)
    old = drafts.node(group, "old", instance_type="t3.small")
    follower = drafts.pending(group, "follower", instance_type="t3.small", replaces=old.id)
    profile = Profile(ServerSpec(image="0" * 17, instance_type="t3.small"), ProfileRef("lc"), mixed=True)
    made = drafts.draft(group, old, follower, profile=profile, mixed=(profile,))
    found = Chooser(made).allot(3, 3)
    assert sorted(each.preemptible for profiles in found.values() for each in profiles) == [False, True, True]


def test_beyond_what_is_desired_a_zone_without_the_type_gets_none() -> None:
    group = drafts.owner(desired=1, mix=Mix((Override("t3.small"),)))
    there = drafts.node(group, "n", instance_type="t3.small")
    profile = Profile(ServerSpec(image="0" * 17, instance_type="t3.small"), ProfileRef("lc"), mixed=True)
    offered = Offer([Flavor("t3.small", 2, 2048, ("x86_64",), (B,), 10)], {})
    made = drafts.draft(group, there, profile=profile, mixed=(profile,), types=offered)
    assert Chooser(made).allot(1, 1, (A,)) == {}


def test_what_may_be_launched_is_ordered_once_for_a_zone_and_a_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has a mix that many types fit does not hold up the engine's other work by launching many nodes."""
    asked: list[int] = []

    def counted(strategy: Strategy, candidates: Sequence[Candidate]) -> list[Candidate]:
        asked.append(len(candidates))
        return ordered(strategy, candidates)

    monkeypatch.setattr(allocation, "ordered", counted)
    group = drafts.owner(desired=100, maximum=100, mix=Mix((), Distribution(on_demand_percent=50)))
    made_from = tuple(
        Profile(ServerSpec(image="0" * 17, instance_type=f"t{number}"), ProfileRef("lc"), mixed=True)
        for number in range(20)
    )
    made = drafts.draft(group, profile=made_from[0], mixed=made_from)
    assert sum(map(len, Chooser(made).allot(100, 100).values())) == 100
    assert asked == [20] * 4


def test_what_comes_in_the_place_of_one_that_counts_more_is_told_as_that(world: Any) -> None:
    """The old one goes first: four follow it, and the fifth is what was desired beside."""
    heavy, light = OverrideRequest(FIRST, 4), OverrideRequest(SECOND, 1)
    cluster = mixed(world, 8, (heavy, light))
    world.pass_time(10)
    change = ClusterChange({}, SourceRequest(template_name="lt"), mix=MixRequest((light, heavy)))
    world.backend.clusters.update(SCOPE, "web", change)
    old = world.nodes(cluster)[0]
    world.backend.nodes.set_health(SCOPE, short_id(old.server_id), Health.UNHEALTHY, respect_grace=False)
    world.backend.clusters.resize(SCOPE, "web", 9)
    world.pass_time(20)
    fresh = [node for node in world.nodes(cluster) if node.instance_type == SECOND]
    assert [node.replaces for node in fresh].count(old.id) == 4
    assert len(fresh) == 5
