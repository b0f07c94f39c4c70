from __future__ import annotations

import pytest

from backend.domain.balancer_findings import PoolNotFound
from backend.domain.cluster_findings import ClusterDeleting, ClusterNotFound, SourceNotAttached
from backend.domain.ids import balancing_id
from backend.domain.traffic import SourceState
from backend.errors import CloudNotReached, LimitExceeded
from tests.factories import OTHER, SCOPE, World

NONE = "0" * 16


@pytest.fixture
def world():
    made = World()
    yield made
    made.close()


@pytest.fixture
def pools(world):
    return [balancing_id(world.simulated.pools.create(SCOPE, f"pool-{number}").id) for number in range(3)]


def _sources(world):
    return [(balancing_id(each.pool_id), each.state) for each in world.backend.clusters.get(SCOPE, "web").sources]


def test_pools_are_attached_once_each(world, pools):
    world.group()
    world.backend.traffic.attach(SCOPE, "web", [pools[0], pools[1], pools[0]])
    generation = world.backend.clusters.get(SCOPE, "web").generation
    world.backend.traffic.attach(SCOPE, "web", [pools[1]])
    assert _sources(world) == [(pools[0], SourceState.ADDING), (pools[1], SourceState.ADDING)]
    assert world.backend.clusters.get(SCOPE, "web").generation == generation


def test_a_group_may_be_made_with_pools(world, pools):
    world.group(pools=tuple(pools))
    assert [pool for pool, _ in _sources(world)] == pools


def test_detaching_and_attaching_again(world, pools):
    world.group(pools=tuple(pools[:2]))
    for _ in range(2):
        world.backend.traffic.detach(SCOPE, "web", [pools[0]])
        assert _sources(world)[0] == (pools[0], SourceState.REMOVING)
    world.backend.traffic.attach(SCOPE, "web", [pools[0]])
    assert _sources(world)[0] == (pools[0], SourceState.ADDING)


def test_a_pool_that_is_gone_is_detached(world, pools):
    world.group(pools=(pools[0],))
    world.simulated.pools.delete("pool-0")
    world.backend.traffic.detach(SCOPE, "web", [pools[0]])
    assert _sources(world) == [(pools[0], SourceState.REMOVING)]


def test_refusals_change_nothing(world, pools):
    world.group(pools=(pools[0],))
    with pytest.raises(PoolNotFound):
        world.backend.traffic.attach(SCOPE, "web", [pools[1], NONE])
    with pytest.raises(SourceNotAttached):
        world.backend.traffic.detach(SCOPE, "web", [pools[0], pools[1]])
    with pytest.raises(PoolNotFound):
        world.group("other", pools=(NONE,))
    for act in (world.backend.traffic.attach, world.backend.traffic.detach):
        with pytest.raises(ClusterNotFound):
            act(SCOPE, "nowhere", [NONE])
    assert _sources(world) == [(pools[0], SourceState.ADDING)]


def test_pools_of_other_projects_do_not_exist(world, pools):
    world.launch_configuration(scope=OTHER)
    world.group(scope=OTHER)
    with pytest.raises(PoolNotFound):
        world.backend.traffic.attach(OTHER, "web", [pools[0]])
    with pytest.raises(PoolNotFound):
        world.backend.traffic.targets(OTHER, pools[0])
    assert world.backend.traffic.pools(OTHER) == []


def test_a_group_that_goes_takes_none(world, pools):
    group = world.group()
    world.put(group, "a")
    world.backend.clusters.delete(SCOPE, "web", force=True)
    with pytest.raises(ClusterDeleting):
        world.backend.traffic.attach(SCOPE, "web", [pools[0]])


def test_a_group_has_fifty_at_most(world):
    many = [balancing_id(world.simulated.pools.create(SCOPE, f"p{number:02}").id) for number in range(51)]
    world.group(pools=tuple(many[:49]))
    with pytest.raises(LimitExceeded):
        world.backend.traffic.attach(SCOPE, "web", many[49:])
    world.backend.traffic.attach(SCOPE, "web", many[49:50])
    world.backend.traffic.detach(SCOPE, "web", many[:1])
    world.backend.traffic.attach(SCOPE, "web", many[50:])
    with pytest.raises(LimitExceeded):
        world.group("other", pools=tuple(many))


def test_pages(world, pools):
    world.group(pools=tuple(pools))
    first = world.backend.traffic.page(SCOPE, "web", limit=2)
    second = world.backend.traffic.page(SCOPE, "web", limit=2, after=first.marker)
    assert [balancing_id(each.pool_id) for each in (*first.items, *second.items)] == pools
    assert second.marker is None


def test_a_cloud_that_does_not_answer(world, pools):
    world.group()
    world.simulated.faults.unavailable()
    with pytest.raises(CloudNotReached):
        world.backend.traffic.attach(SCOPE, "web", [pools[0]])
    with pytest.raises(CloudNotReached):
        world.backend.traffic.pools(SCOPE)
