from __future__ import annotations

from dataclasses import replace

import pytest

from backend.domain.scope import Scope
from backend.domain.traffic import MemberHealth
from backend.drivers.balancing import Target
from backend.drivers.errors import Busy, PoolNotFound
from backend.drivers.simulated import SimulatedCloud, SimulatedSettings
from tests.backend.drivers.balancing_contract import PORT, BalancingContract


class TestSimulatedBalancing(BalancingContract):
    @pytest.fixture(params=["memory", "file"])
    def simulated(self, request, tmp_path, clock):
        path = None if request.param == "memory" else str(tmp_path / "cloud.sqlite")
        simulated = SimulatedCloud.open(path, clock, SimulatedSettings())
        yield simulated
        simulated.close()

    @pytest.fixture
    def balancing(self, simulated):
        return simulated.cloud.balancing

    @pytest.fixture
    def scope(self):
        return Scope("project-1", "us-east-1")

    @pytest.fixture
    def other_scope(self):
        return Scope("project-2", "us-east-1")

    @pytest.fixture
    def pool(self, simulated, scope):
        return simulated.pools.create(scope, "web", port=PORT, monitored=False).id

    @pytest.fixture
    def foreign(self, simulated, pool):
        return lambda address: simulated.pools.add_foreign(pool, address, PORT)


@pytest.fixture
def pool(simulated, scope):
    return simulated.pools.create(scope, "web").id


@pytest.fixture
def server(simulated, scope, launch, clock):
    (server,) = simulated.cloud.compute.create(scope, launch, 1)
    clock.wait(5)
    return server


@pytest.fixture
def health(simulated, scope, pool):
    return lambda: [member.health for member in simulated.cloud.balancing.members(scope, pool)]


def test_a_monitor_finds_members_as_their_servers_are(simulated, scope, pool, server, health, clock):
    target = Target("node", server.private_address, 80)
    simulated.cloud.balancing.add_members(scope, pool, [target, replace(target, address="172.31.0.250")])
    assert health() == [MemberHealth.INITIAL, MemberHealth.INITIAL]
    clock.wait(1)
    assert health() == [MemberHealth.HEALTHY, MemberHealth.UNHEALTHY]
    simulated.operator.pause(server.id)
    clock.wait(1)
    assert health()[0] is MemberHealth.UNHEALTHY
    simulated.operator.recover(server.id)
    clock.wait(1)
    assert health()[0] is MemberHealth.HEALTHY


def test_an_operator_s_verdict_stands_until_it_is_taken_back(simulated, scope, pool, server, health, clock):
    simulated.cloud.balancing.add_members(scope, pool, [Target("node", server.private_address, 80)])
    clock.wait(1)
    simulated.pools.judge("web", f"i-{server.short_id}", MemberHealth.UNHEALTHY)
    assert health() == [MemberHealth.UNHEALTHY]
    simulated.pools.judge(pool, server.private_address, None)
    assert health() == [MemberHealth.HEALTHY]
    with pytest.raises(PoolNotFound):
        simulated.pools.judge("web", "172.31.9.9", MemberHealth.UNHEALTHY)


def test_a_pool_ends_with_its_members(simulated, scope, pool, server):
    simulated.cloud.balancing.add_members(scope, pool, [Target("node", server.private_address, 80)])
    simulated.pools.delete("web")
    assert simulated.cloud.balancing.pools(scope) == []
    with pytest.raises(PoolNotFound):
        simulated.cloud.balancing.members(scope, pool)


def test_a_pool_without_a_balancer_has_no_traffic(simulated, scope):
    simulated.pools.create(scope, "idle", served=False)
    (pool,) = simulated.cloud.balancing.pools(scope)
    assert pool.balancer_ids == ()
    assert simulated.cloud.balancing.balancers(scope) == []


def test_a_name_that_two_pools_have_names_neither(simulated, scope, pool):
    simulated.pools.create(scope, "web")
    with pytest.raises(PoolNotFound):
        simulated.pools.members("web")


def test_a_busy_pool_refuses_changes_and_is_told_all_the_same(simulated, scope, pool):
    simulated.faults.pool_busy(times=2)
    target = Target("node", "172.31.0.10", 80)
    for write in (simulated.cloud.balancing.add_members, simulated.cloud.balancing.remove_members):
        with pytest.raises(Busy):
            write(scope, pool, [target])
    assert simulated.cloud.balancing.members(scope, pool) == []
    simulated.cloud.balancing.add_members(scope, pool, [target])
    assert len(simulated.cloud.balancing.members(scope, pool)) == 1


def test_members_of_another_installation_are_left_alone(simulated, scope, pool):
    other = simulated.seen_by("another").balancing
    target = Target("node-1", "172.31.0.9", 80)
    other.add_members(scope, pool, [target])
    simulated.cloud.balancing.drain_members(scope, pool, [target])
    simulated.cloud.balancing.remove_members(scope, pool, [target])
    (left,) = other.members(scope, pool)
    assert (left.owner, left.installation, left.weight) == ("node-1", "another", 1)
    other.remove_members(scope, pool, [target])
    assert other.members(scope, pool) == []
