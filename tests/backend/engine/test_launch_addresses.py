"""Public addresses of servers on a cloud that gives none with their birth: taken, led, and given back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from backend import Backend
from backend.domain.addresses import Holder, LaunchAddress
from backend.domain.balancers import BalancerKind
from backend.domain.names import Names
from backend.domain.profile import ServerSpec
from backend.drivers.errors import NetworkMissing, QuotaExceeded
from backend.drivers.simulated.faults import Where
from backend.drivers.simulated.settings import SimulatedSettings
from backend.errors import Finding
from backend.services.addresses import Place
from backend.services.balancers import NewBalancer
from backend.services.servers import Order
from backend.store.launch_addresses import LAUNCH_ADDRESSES
from backend.store.network_tables import launch_addresses
from tests.backend.engine.world import EngineWorld
from tests.factories import SCOPE


@pytest.fixture
def world() -> Iterator[EngineWorld]:
    world = EngineWorld(settings=SimulatedSettings(seed=7, late_addresses=True))
    yield world
    world.close()


def rows(world: EngineWorld) -> list[LaunchAddress]:
    with world.store.read() as conn:
        return LAUNCH_ADDRESSES.all(conn, SCOPE)


def public(world: EngineWorld) -> list[str | None]:
    """The public address of each server, as the cloud has it."""
    return [each.public_address for each in world.simulated.cloud.compute.list(SCOPE)]


def taken(world: EngineWorld) -> int:
    """Public addresses that the cloud has given out."""
    with world.simulated.cloud.addresses._world.state.reading() as connection:
        return int(connection.execute("SELECT count(*) FROM public_addresses").fetchone()[0])


def tries(world: EngineWorld) -> int:
    """How often engines took up what is to be done for the only server."""
    with world.store.read() as conn:
        return int(conn.execute(select(launch_addresses.c.epoch)).scalar_one())


def run(world: EngineWorld, count: int = 1, *, wanted: bool = True) -> list[str]:
    spec = ServerSpec(image=world.image(), instance_type="t3.micro", zone="us-east-1a", public_address=wanted)
    return [each.id for each in world.backend.servers.run(SCOPE, Order(spec, count, count))]


def end(world: EngineWorld, ids: list[str]) -> None:
    servers = [each for each in world.simulated.cloud.compute.list(SCOPE) if each.id in ids]
    world.backend.servers.terminate(SCOPE, servers)


def test_a_server_has_an_address_until_it_is_gone(world: EngineWorld) -> None:
    ids = run(world, 2)
    assert public(world) == [None, None]
    world.pass_time(30)
    assert None not in public(world)
    assert len(set(public(world))) == taken(world) == 2
    assert world.backend.addresses.of_servers(SCOPE) == dict(zip(ids, public(world), strict=True))
    end(world, ids)
    world.pass_time(120)
    assert (taken(world), rows(world)) == (0, [])


def test_who_wants_none_gets_none(world: EngineWorld) -> None:
    run(world, wanted=False)
    world.pass_time(30)
    assert (public(world), taken(world), rows(world)) == ([None], 0, [])


def test_members_of_groups_have_theirs_too(world: EngineWorld) -> None:
    world.make(desired=3)
    world.pass_time(60)
    assert len(set(public(world)) - {None}) == taken(world) == 3
    world.backend.clusters.resize(SCOPE, "web", 1)
    world.pass_time(180, 5)
    assert (taken(world), len(rows(world))) == (1, 1)


@pytest.mark.parametrize(
    "error", [NetworkMissing("no way out yet"), QuotaExceeded("floatingips", 1, 0, "no room")], ids=["way", "room"]
)
@pytest.mark.parametrize("call", ["allocate_address", "bind_address"])
def test_what_the_cloud_will_not_do_yet_is_done_later(world: EngineWorld, error: Exception, call: str) -> None:
    world.simulated.faults.refuse(error, Where(calls=(call,)))
    run(world)
    world.pass_time(600, 10)
    before = tries(world)
    world.pass_time(3600, 60)
    assert public(world) == [None]
    assert 0 < tries(world) - before <= 14, "less and less often"
    world.simulated.faults.lift()
    world.pass_time(900, 30)
    assert None not in public(world)


@pytest.mark.parametrize("call", ["find_address", "allocate_address", "bind_address", "release_address"])
def test_an_answer_that_is_lost_leaves_no_second_address(world: EngineWorld, call: str) -> None:
    world.simulated.faults.lose_answer(Where(calls=(call,)))
    ids = run(world)
    world.pass_time(900, 10)
    assert (taken(world), None in public(world)) == (1, False)
    end(world, ids)
    world.pass_time(900, 10)
    assert (taken(world), rows(world)) == (0, [])


def test_a_kept_address_takes_the_place_of_the_own(world: EngineWorld) -> None:
    (server,) = run(world)
    world.pass_time(30)
    kept = world.backend.addresses.allocate(SCOPE)
    world.backend.addresses.associate(SCOPE, kept.id, Place("10.0.0.1", server_id=server), again=False)
    assert (taken(world), public(world)) == (1, [kept.address])
    assert world.backend.addresses.of_servers(SCOPE) == {server: kept.address}
    world.pass_time(600, 30)
    assert (taken(world), public(world)) == (1, [kept.address]), "and none comes after it"


def test_a_server_that_vanishes_leaves_none(world: EngineWorld) -> None:
    (server,) = run(world)
    world.pass_time(30)
    world.simulated.operator.vanish(server)
    world.pass_time(1800, 30)
    assert (taken(world), rows(world)) == (0, [])


def balancer(world: EngineWorld, scheme: str) -> str:
    subnet = world.simulated.cloud.network.subnets(SCOPE)[0]
    wanted = NewBalancer("front", BalancerKind.APPLICATION, scheme, (subnet,), ())
    return world.backend.balancers.create(SCOPE, wanted).id


def test_a_balancer_that_faces_the_internet_has_one_until_it_is_gone(world: EngineWorld) -> None:
    made = balancer(world, "internet-facing")
    world.pass_time(60)
    (row,) = rows(world)
    assert (row.holder, row.bound, taken(world)) == (Holder.BALANCER, True, 1)
    assert world.backend.addresses.of_servers(SCOPE) == {}
    names = Names(balancers="{name}.{dashed_address}.example")
    told = Backend.build(world.store, world.simulated.cloud, world.clock, names=names).balancers
    assert told.dns_name(SCOPE, told.get(SCOPE, made)) == f"front.{(row.address or '').replace('.', '-')}.example"
    world.backend.balancers.delete(SCOPE, made)
    world.pass_time(600, 10)
    assert (taken(world), rows(world)) == (0, [])


def test_a_balancer_inside_has_none(world: EngineWorld) -> None:
    balancer(world, "internal")
    world.pass_time(60)
    assert (taken(world), rows(world)) == (0, [])


def test_a_projects_own_address_leads_to_its_balancer_and_outlives_it(world: EngineWorld) -> None:
    kept = world.backend.addresses.allocate(SCOPE)
    subnet = world.simulated.cloud.network.subnets(SCOPE)[0]
    wanted = NewBalancer("front", BalancerKind.NETWORK, "internet-facing", (subnet,), details={"allocation": kept.id})
    made = world.backend.balancers.create(SCOPE, wanted).id
    world.pass_time(60)
    (row,) = rows(world)
    assert (row.cloud_id, row.address, row.bound, taken(world)) == (kept.cloud_id, kept.address, True, 1)
    world.backend.balancers.delete(SCOPE, made)
    world.backend.addresses.associate(SCOPE, kept.id, Place("10.0.0.1", server_id=run(world)[0]), again=False)
    world.pass_time(600, 10)
    assert [each for each in rows(world) if each.holder is Holder.BALANCER] == []
    assert (taken(world), public(world)) == (1, [kept.address])


def test_a_balancer_that_was_never_made_has_no_address_kept_for_it(world: EngineWorld) -> None:
    kept = world.backend.addresses.allocate(SCOPE)
    subnet = world.simulated.cloud.network.subnets(SCOPE)[0]
    wanted = NewBalancer("front", BalancerKind.NETWORK, "internet-facing", (subnet,), details={"allocation": kept.id})
    world.simulated.faults.refuse(QuotaExceeded("loadbalancers", 1, 0, "no room"), Where(calls=("create_balancer",)))
    with pytest.raises(Finding):
        world.backend.balancers.create(SCOPE, wanted)
    world.backend.addresses.release(SCOPE, kept.id)
