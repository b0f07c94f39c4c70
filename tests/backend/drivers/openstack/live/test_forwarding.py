"""The driver's members behind a balancer that really forwards, with a client that keeps asking: ``make balancers``.

The balancer is Octavia's with an HAProxy, which runs meanwhile; what answers at the members' addresses is ours.
"""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from backend.clock import SystemClock
from backend.domain.traffic import MemberHealth
from backend.drivers.balancing import Balancing, Target
from backend.drivers.errors import Busy
from backend.drivers.openstack.cloud import open_cloud
from conformance.openstack.backends import Backend, Folder
from conformance.openstack.balancers import enter, inside
from conformance.openstack.cloud import connect
from conformance.openstack.settings import settle
from conformance.openstack_lane.asking import Asking

pytestmark = pytest.mark.filterwarnings("ignore::openstack.warnings._RemovedInSDKWarning")

NODES = [f"{number:08d}-0000-4000-8000-{number:012d}" for number in range(1, 5)]
TARGETS = [Target(node, f"10.10.15.{200 + number}", 80) for number, node in enumerate(NODES)]
BOOTING = Target(NODES[1], "10.10.15.250", 80)
MONITOR = {"type": "HTTP", "delay": 3, "timeout": 2, "max_retries": 2, "max_retries_down": 2, "url_path": "/health"}


@dataclass
class Front:
    """A balancer, and the servers of all targets."""

    pool: str
    address: str
    folder: Folder
    backends: dict[str, Backend]
    do: Callable[[Any], Any]


@pytest.fixture(scope="module")
def cloud_settings(state):
    return settle(state, None)


@pytest.fixture(scope="module")
def balancing(settings) -> Balancing:
    return open_cloud(settings, SystemClock()).balancing


@pytest.fixture(scope="module")
def backends(cloud_settings):
    folder = Folder(cloud_settings)
    folder.clear()
    loop = asyncio.new_event_loop()

    def run() -> None:
        enter(cloud_settings)
        loop.run_forever()

    thread = threading.Thread(target=run)
    thread.start()

    def do(what: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(what, loop).result(20)

    made = {}
    for target in (*TARGETS, BOOTING):
        address = inside(cloud_settings, "ip", "address", "replace", f"{target.address}/32", "dev", "lo")
        subprocess.run(address, check=True)
    for target in TARGETS:
        made[target.owner] = Backend(target.owner, target.address, folder)
        do(made[target.owner].begin())
    yield folder, made, do
    for each in made.values():
        do(each.end())
    do(_all_over())
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


async def _all_over() -> None:
    """End the connections that HAProxy keeps open."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for each in left:
        each.cancel()
    await asyncio.gather(*left, return_exceptions=True)


@pytest.fixture(scope="module")
def front(state, backends) -> Iterator[Front]:
    folder, made, do = backends
    owner = connect("demo", state)
    service = owner.load_balancer
    pool = {"name": "forwarding", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "healthmonitor": MONITOR}
    listener = {"name": "forwarding", "protocol": "HTTP", "protocol_port": 80, "default_pool": pool}
    tree = {"name": "forwarding", "vip_subnet_id": owner.network.find_subnet("private-az1").id, "listeners": [listener]}
    balancer = service.post("/lbaas/loadbalancers", json={"loadbalancer": tree}).json()["loadbalancer"]
    try:
        service.wait_for_load_balancer(balancer["id"], interval=0.5, wait=300)
        (found,) = service.pools(loadbalancer_id=balancer["id"])
        yield Front(found.id, balancer["vip_address"], folder, made, do)
        service.wait_for_load_balancer(balancer["id"], interval=0.5, wait=300)
    finally:
        service.delete_load_balancer(balancer["id"], cascade=True)
        owner.close()


@pytest.fixture
def settled(patience):
    """Asked until the balancer does it, as an engine asks."""

    def settled(write: Callable[..., None], *given: Any) -> None:
        def done() -> bool:
            try:
                write(*given)
            except Busy:
                return False
            return True

        patience(done)

    return settled


def test_members_that_go_lose_no_request(front, balancing, demo_scope, cloud_settings, settled, patience):
    """Servers are deleted as soon as the driver says that their members are out: at once, and after draining."""
    settled(balancing.add_members, demo_scope, front.pool, TARGETS)
    up = {target.owner: MemberHealth.HEALTHY for target in TARGETS}
    patience(lambda: {each.owner: each.health for each in balancing.members(demo_scope, front.pool)} == up)
    with Asking(cloud_settings, front.address, ("/", "/", "/slow/1")) as asking:
        patience(lambda: asking.heard() == set(NODES))
        settled(balancing.remove_members, demo_scope, front.pool, TARGETS[:1])
        front.do(front.backends[NODES[0]].leave())
        settled(balancing.drain_members, demo_scope, front.pool, TARGETS[1:2])
        before = asking.asked
        patience(lambda: asking.asked > before + 40)  # what was under way when it drained is over
        asking.fresh()
        patience(lambda: asking.asked > before + 100)
        assert asking.heard() == set(NODES[2:])
        settled(balancing.remove_members, demo_scope, front.pool, TARGETS[1:2])
        front.do(front.backends[NODES[1]].leave())
        before = asking.asked
        patience(lambda: asking.asked > before + 100)
    print(f"\n{asking.asked} requests answered, {asking.failed} failed, slowest {asking.slowest:.2f} s")
    assert asking.failures == []
    assert front.folder.lost == []


def test_the_verdict_on_a_member_is_the_balancer_s(front, balancing, demo_scope, patience):
    front.folder.sicken(NODES[2])

    def healths() -> dict[str | None, MemberHealth]:
        return {each.owner: each.health for each in balancing.members(demo_scope, front.pool)}

    patience(lambda: healths() == {NODES[2]: MemberHealth.UNHEALTHY, NODES[3]: MemberHealth.HEALTHY})


def test_a_server_that_boots_is_never_told_as_well(front, balancing, demo_scope, settled, patience):
    """Octavia says ONLINE of it until HAProxy has checked it for the first time."""
    node = NODES[1]
    told: list[tuple[str, MemberHealth]] = []

    def look() -> MemberHealth:
        (found,) = [each for each in balancing.members(demo_scope, front.pool) if each.owner == node]
        told.append((found.operating_status, found.health))
        return found.health

    settled(balancing.add_members, demo_scope, front.pool, [BOOTING])
    patience(lambda: look() is MemberHealth.UNHEALTHY)
    assert MemberHealth.HEALTHY not in {health for _, health in told}
    backend = Backend(node, BOOTING.address, front.folder)
    front.do(backend.begin())
    try:
        patience(lambda: look() is MemberHealth.HEALTHY)
    finally:
        settled(balancing.remove_members, demo_scope, front.pool, [BOOTING])
        front.do(backend.end())
    print(f"\n{list(dict.fromkeys(told))}")
