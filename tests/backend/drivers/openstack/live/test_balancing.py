"""The OpenStack driver's balancing holds what every driver's must hold, on a real Octavia."""

from __future__ import annotations

import openstack
import pytest

from backend.clock import SystemClock
from backend.domain.traffic import MemberHealth
from backend.drivers.balancing import Balancing, Target
from backend.drivers.openstack.cloud import open_cloud
from tests.backend.drivers.balancing_contract import PORT, BalancingContract

pytestmark = pytest.mark.filterwarnings("ignore::openstack.warnings._RemovedInSDKWarning")


@pytest.fixture(scope="module")
def octavia(state, monkeypatch_module):
    monkeypatch_module.setenv("OS_CLIENT_CONFIG_FILE", str(state / "clouds.yaml"))
    return openstack.connect(cloud="demo")


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def front(octavia):
    """A load balancer with a listener at PORT and its pool; both go when the module's tests are over."""
    service = octavia.load_balancer
    subnet = octavia.network.find_subnet("private-az1")
    balancer = service.create_load_balancer(name="live-balancing", vip_subnet_id=subnet.id)

    def settled():
        service.wait_for_load_balancer(balancer.id, interval=0.3, wait=120)

    settled()
    listener = service.create_listener(name="front", protocol="HTTP", protocol_port=PORT, load_balancer_id=balancer.id)
    settled()
    pool = service.create_pool(
        name="live-balancing", protocol="HTTP", lb_algorithm="ROUND_ROBIN", listener_id=listener.id
    )
    settled()
    yield pool.id, settled
    settled()
    service.delete_load_balancer(balancer.id, cascade=True)


@pytest.fixture(scope="module")
def opened(settings) -> Balancing:
    return open_cloud(settings, SystemClock()).balancing


class TestOpenStackBalancing(BalancingContract):
    @pytest.fixture
    def balancing(self, opened) -> Balancing:
        return opened

    @pytest.fixture
    def scope(self, demo_scope):
        return demo_scope

    @pytest.fixture
    def other_scope(self, other_project_scope):
        return other_project_scope

    @pytest.fixture
    def pool(self, octavia, front):
        pool, settled = front
        yield pool
        for member in octavia.load_balancer.members(pool):
            settled()
            octavia.load_balancer.delete_member(member.id, pool)
        settled()
        assert not list(octavia.load_balancer.members(pool))

    @pytest.fixture
    def foreign(self, octavia, front):
        pool, settled = front

        def foreign(address: str) -> None:
            octavia.load_balancer.create_member(pool, address=address, protocol_port=PORT, name="by hand")
            settled()

        return foreign

    def test_writes_in_a_row_are_waited_for(self, balancing, scope, pool, targets, look):
        """Octavia is changing the pool when each but the first comes."""
        balancing.add_members(scope, pool, targets)
        balancing.drain_members(scope, pool, targets[:1])
        balancing.remove_members(scope, pool, targets)
        assert look() == []

    def test_a_monitor_that_never_looked_says_nothing_yet(self, balancing, octavia, scope, front, pool):
        _, settled = front
        monitor = octavia.load_balancer.create_health_monitor(
            pool_id=pool, type="HTTP", delay=5, timeout=3, max_retries=2
        )
        settled()
        try:
            balancing.add_members(scope, pool, [Target("4" * 36, "10.10.0.40", PORT)])
            settled()
            (told,) = [each for each in balancing.pools(scope) if each.id == pool]
            assert told.monitor is not None
            assert told.monitor.interval_seconds == 5
            assert [each.health for each in balancing.members(scope, pool)] == [MemberHealth.INITIAL]
        finally:
            octavia.load_balancer.delete_health_monitor(monitor.id)
            settled()
