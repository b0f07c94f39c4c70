"""New servers that never do what the old ones did: replacement comes to rest with what still serves. Whole engines."""

from __future__ import annotations

import pytest

from backend.domain.ids import balancing_id, short_id
from backend.domain.node import ServerStatus
from backend.domain.traffic import MemberHealth
from backend.drivers.errors import ServerNotFound
from tests.factories import SCOPE

DAY = 86_400


def test_successors_that_stop_do_not_pile_up(world):
    """An image whose servers boot, serve for a moment and stop, where the new one is launched first."""
    policy = {"maintenance_minimum_percent": 100, "maintenance_maximum_percent": 150, "warmup_seconds": 60}
    group = world.make(desired=2, maximum=4, **policy)
    world.pass_time(8)
    most = 0
    for _ in range(90):
        for node in world.nodes(group):
            if node.in_service_at is not None and node.server_status is ServerStatus.ACTIVE:
                world.simulated.operator.stop(node.server_id)
        world.pass_time(20, 1)
        most = max(most, len(world.servers()))
    assert most <= 4


@pytest.mark.parametrize("policy", [{}, {"maintenance_minimum_percent": 100, "maintenance_maximum_percent": 110}])
def test_lifetimes_end_no_more_while_the_pool_takes_no_newcomer(world, policy):
    pool = world.simulated.pools.create(SCOPE, "web", port=8080)
    checks = {"health_checks": ("EC2", "ELB"), "health_grace_seconds": 60, "maximum_lifetime_seconds": DAY}
    group = world.make(desired=4, maximum=5, **checks, **policy)
    world.backend.traffic.attach(SCOPE, "web", [balancing_id(pool.id)])
    world.pass_time(20)
    good = {node.id for node in world.nodes(group)}

    def judge() -> None:
        for each in world.simulated.pools.members(pool.id):
            health = MemberHealth.HEALTHY if each.owner in good else MemberHealth.UNHEALTHY
            world.simulated.pools.judge(pool.id, each.address, health)

    judge()
    world.pass_time(40)
    world.clock.move(DAY)
    for _ in range(300):
        judge()
        world.pass_time(10, 5)
    present = world.nodes(group)
    assert sum(node.id in good for node in present) >= 3
    assert len(present) <= 5


@pytest.mark.parametrize("call", ["tag", "get"])
def test_one_wrong_word_about_an_attached_server_ends_nobody_s_server(world, call):
    group = world.make(desired=1)
    world.pass_time(6)
    server = world.nodes(group)[0].server_id
    world.backend.nodes.detach(SCOPE, "web", [short_id(server)], decrement=True)
    world.pass_time(20)
    world.clock.move(2 * DAY)
    world.pass_time(20)
    adopted = []

    def lie(moment, asked):
        if moment == "before" and asked.name == call and adopted == ["adopt"]:
            adopted.append("told gone")
            raise ServerNotFound("x")
        if moment == "before" and asked.name == "adopt" and not adopted:
            adopted.append("adopt")

    world.simulated.faults.hooks.append(lie)
    world.backend.nodes.attach(SCOPE, "web", [short_id(server)])
    world.pass_time(1200, 2)
    assert adopted == ["adopt", "told gone"]
    assert server in world.servers()
    assert [node.server_id for node in world.nodes(group)] == [server]
