"""Target groups beside the balancers that refer to them: none is lost to the other, and none lasts beyond the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backend.domain import balancer_findings
from backend.domain.balancers import BalancerKind
from backend.drivers.simulated.faults import Where
from backend.services.balancers import NewBalancer
from backend.store import balancers as store_balancers
from backend.store.balancers import GROUPS, TARGETS
from tests.backend.engine.test_balancers import group, listen, make
from tests.backend.engine.world import EngineWorld
from tests.factories import SCOPE


@pytest.fixture
def world() -> Iterator[EngineWorld]:
    made = EngineWorld()
    yield made
    made.close()


def test_a_group_that_a_listener_came_to_refer_to_meanwhile_is_not_deleted(world, monkeypatch):
    """What another transaction commits after the group was read."""
    target, remove = group(world), TARGETS.remove

    def meanwhile(conn, scope, **equal):
        GROUPS.change(conn, scope, target.id, balancer_id="0" * 16)
        return remove(conn, scope, **equal)

    monkeypatch.setattr(TARGETS, "remove", meanwhile)
    with pytest.raises(balancer_findings.TargetGroupInUse):
        world.backend.target_groups.delete(SCOPE, target.id)
    assert world.backend.target_groups.get(SCOPE, target.id).id == target.id


@pytest.mark.parametrize(
    ("meanwhile", "refusal"),
    [
        (
            lambda conn, group_id: GROUPS.change(conn, SCOPE, group_id, balancer_id="0" * 16),
            balancer_findings.TargetGroupElsewhere,
        ),
        (lambda conn, group_id: GROUPS.remove(conn, SCOPE, id=group_id), balancer_findings.PoolNotFound),
    ],
)
def test_a_listener_sees_groups_as_they_are_once_it_has_them_alone(world, monkeypatch, meanwhile, refusal):
    balancer, target = make(world), group(world)
    lock = store_balancers.lock_groups

    def waiting(conn, scope, ids):
        for each in ids:  # whoever had them committed
            meanwhile(conn, each)
        lock(conn, scope, ids)

    monkeypatch.setattr(store_balancers, "lock_groups", waiting)
    with pytest.raises(refusal):
        listen(world, balancer, target)


@pytest.mark.parametrize("end", ["listener", "balancer"])
def test_what_drains_is_out_once_its_pool_is_gone(world, end):
    balancer, target = make(world), group(world)
    listen(world, balancer, target)
    world.backend.target_groups.register(SCOPE, target.id, [("10.0.0.77", 80), ("10.0.0.78", 80)])
    world.pass_time(5)
    world.backend.target_groups.deregister(SCOPE, target.id, [("10.0.0.77", 80)])
    if end == "listener":
        world.backend.listeners.delete(SCOPE, world.backend.listeners.all(SCOPE)[0].id)
    else:
        world.backend.balancers.delete(SCOPE, balancer.id)
    world.pass_time(10)
    assert [each.name for each in world.backend.target_groups.health(SCOPE, target.id)] == ["10.0.0.78"]


@pytest.mark.parametrize(("end", "call"), [("listener", "remove_part"), ("balancer", "delete_balancer")])
def test_a_pool_that_went_without_a_word_is_no_groups_any_more(world, end, call):
    """Whoever had it removed heard no answer, or died before the answer was written down."""
    balancer, target = make(world), group(world)
    listen(world, balancer, target)
    world.backend.target_groups.register(SCOPE, target.id, [("10.0.0.77", 80), ("10.0.0.78", 80)])
    world.pass_time(5)
    world.backend.target_groups.deregister(SCOPE, target.id, [("10.0.0.77", 80)])
    world.simulated.faults.lose_answer(Where(calls=(call,)), times=3)
    world.simulated.faults.unavailable(Where(calls=("members",)), times=1)
    if end == "listener":
        world.backend.listeners.delete(SCOPE, world.backend.listeners.all(SCOPE)[0].id)
    else:
        world.backend.balancers.delete(SCOPE, balancer.id)
    world.pass_time(30)
    assert world.simulated.pools.all() == []
    assert world.backend.target_groups.get(SCOPE, target.id).pool_id is None
    assert [each.name for each in world.backend.target_groups.health(SCOPE, target.id)] == ["10.0.0.78"]


def test_a_pool_that_is_there_stays_a_groups(world):
    """Nobody refers to the group by now; another balancer's engine is still to take its pool away."""
    balancer, target = make(world), group(world)
    listen(world, balancer, target)
    world.pass_time(5)
    subnets = world.simulated.cloud.network.subnets(SCOPE)[:1]
    world.backend.balancers.create(SCOPE, NewBalancer("other", BalancerKind.APPLICATION, "internal", subnets))
    world.simulated.faults.unavailable(Where(calls=("remove_part",)), seconds=60)
    world.backend.listeners.delete(SCOPE, world.backend.listeners.all(SCOPE)[0].id)
    world.pass_time(30)
    (pool,) = world.simulated.pools.all()
    assert world.backend.target_groups.get(SCOPE, target.id).pool_id == pool.id
