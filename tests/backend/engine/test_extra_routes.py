"""Routes to interfaces: what tables say comes to the cloud, and nothing stays there that nobody takes away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from backend.domain.addresses import MadeInterface
from backend.domain.network_findings import CidrConflict, NetworkThingMissing
from backend.domain.networks import Hop, Route, Subnet, Vpc
from backend.domain.profile import ServerSpec
from backend.drivers.catalog import Catalog
from backend.drivers.errors import QuotaExceeded, Refused
from backend.drivers.network_making import ExtraRoute
from backend.drivers.simulated.faults import Call, Moment, Where
from backend.drivers.simulated.network_making import SimulatedNetworkMaking
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.networks import settle_vpc
from backend.engine.settings import EngineSettings
from backend.services.servers import Order
from backend.store import networks as rows
from backend.store.leased import Claimer, Room
from tests.backend.engine.world import EngineWorld
from tests.factories import OTHER, SCOPE

HOME, OFFICE, THIRD = "192.168.0.0/16", "172.16.0.0/12", "100.64.0.0/10"
LOOK = EngineSettings().route_look.total_seconds()


@pytest.fixture
def vpc(world: EngineWorld) -> Vpc:
    return world.backend.networks.create_vpc(SCOPE, "10.0.0.0/16")


@pytest.fixture
def subnet(world: EngineWorld, vpc: Vpc) -> Subnet:
    return world.backend.networks.create_subnet(SCOPE, vpc.id, "10.0.0.0/24", None)


@pytest.fixture
def made(world: EngineWorld, subnet: Subnet) -> MadeInterface:
    return interface(world, subnet)


@pytest.fixture
def main(world: EngineWorld, vpc: Vpc) -> str:
    with world.store.read() as conn:
        (found,) = rows.ROUTE_TABLES.all(conn, SCOPE, vpc_id=vpc.id)
    return found.id


def interface(world: EngineWorld, subnet: Subnet) -> MadeInterface:
    return world.backend.interfaces.create(SCOPE, subnet.id, None, None, "")


def to(made: MadeInterface, cidr: str = HOME) -> Route:
    return Route(cidr, "interface", made.id, Hop(made.address, interface=made.cloud_id))


def lead(world: EngineWorld, table: str, made: MadeInterface, cidr: str = HOME) -> None:
    world.backend.routing.create_route(SCOPE, table, to(made, cidr), made.vpc)


def at_cloud(world: EngineWorld, vpc: Vpc) -> dict[str, str]:
    found = world.simulated.cloud.network_making.extra_routes(SCOPE, vpc.cloud_id)
    return {each.cidr: each.next_hop for each in found}


def routed(world: EngineWorld, vpc: Vpc) -> Mapping[str, str] | None:
    with world.store.read() as conn:
        found = rows.VPCS.one(conn, SCOPE, id=vpc.id)
    assert found is not None
    return found.routed


def calls(world: EngineWorld) -> list[str]:
    """What the cloud is asked from now on of networks that are made."""
    asked: list[str] = []

    def heard(moment: Moment, call: Call) -> None:
        if moment is Moment.BEFORE and hasattr(SimulatedNetworkMaking, call.name):
            asked.append(call.name)

    world.simulated.faults.hooks.append(heard)
    return asked


def test_a_vpc_without_such_routes_costs_the_cloud_nothing_more(world, vpc, subnet):
    asked = calls(world)
    gateway = world.backend.routing.create_gateway(SCOPE)
    world.backend.routing.attach_gateway(SCOPE, gateway.id, vpc.id)
    world.pass_time(3 * LOOK, 5)
    assert asked == ["lead_out"]


def test_a_route_is_at_the_cloud_while_a_table_that_counts_has_it(world, vpc, subnet, made, main):
    routing = world.backend.routing
    lead(world, main, made)
    world.pass_time(1)
    assert at_cloud(world, vpc) == routed(world, vpc) == {HOME: made.address}
    routing.delete_route(SCOPE, main, HOME)
    world.pass_time(1)
    assert at_cloud(world, vpc) == routed(world, vpc) == {}
    table = routing.create_table(SCOPE, vpc.id, None).id
    lead(world, table, made)
    world.pass_time(2 * LOOK, 5)
    assert at_cloud(world, vpc) == {}
    joined = routing.associate(SCOPE, table, subnet.id)
    world.pass_time(1)
    assert at_cloud(world, vpc) == {HOME: made.address}
    joined, _ = routing.replace_association(SCOPE, joined, main)
    world.pass_time(1)
    assert at_cloud(world, vpc) == {}
    joined, _ = routing.replace_association(SCOPE, joined, table)
    world.pass_time(1)
    assert at_cloud(world, vpc) == {HOME: made.address}
    routing.disassociate(SCOPE, joined)
    world.pass_time(1)
    assert at_cloud(world, vpc) == routed(world, vpc) == {}


def test_the_table_of_a_subnet_that_goes_counts_no_more(world, vpc, subnet, made):
    routing = world.backend.routing
    empty = world.backend.networks.create_subnet(SCOPE, vpc.id, "10.0.1.0/24", None)
    table = routing.create_table(SCOPE, vpc.id, None).id
    lead(world, table, made)
    routing.associate(SCOPE, table, empty.id)
    world.pass_time(1)
    assert at_cloud(world, vpc) == {HOME: made.address}
    world.backend.networks.delete_subnet(SCOPE, empty.id)
    world.pass_time(1)
    assert at_cloud(world, vpc) == {}


def test_a_look_costs_two_questions(world, vpc, subnet, made, main):
    lead(world, main, made)
    asked = calls(world)
    world.pass_time(1)
    assert asked == ["extra_routes", "held_addresses", "add_extra_routes"]
    asked.clear()
    world.pass_time(2 * LOOK + 1, 1)
    assert asked == ["extra_routes", "held_addresses"] * 2


def test_a_route_moves_to_another_interface(world, vpc, subnet, made, main):
    lead(world, main, made)
    world.pass_time(1)
    other = interface(world, subnet)
    asked = calls(world)
    world.backend.routing.replace_route(SCOPE, main, to(other), other.vpc)
    world.pass_time(1)
    assert asked == ["extra_routes", "held_addresses", "remove_extra_routes", "add_extra_routes"]
    assert at_cloud(world, vpc) == routed(world, vpc) == {HOME: other.address}


def test_nothing_is_led_to_an_address_that_is_free_again(world, vpc, subnet, main):
    """Somebody else may have it next."""
    spec = ServerSpec(image=world.image(), instance_type="t3.micro", subnet=subnet.id)
    (server,) = world.backend.servers.run(SCOPE, Order(spec))
    world.pass_time(10)
    way = Route(HOME, "interface", "e1", Hop(server.private_address, server=server.id))
    world.backend.routing.create_route(SCOPE, main, way, vpc.id)
    world.pass_time(LOOK + 10, 5)
    assert at_cloud(world, vpc) == {HOME: server.private_address}
    world.simulated.cloud.compute.stop(SCOPE, server.id)
    world.pass_time(LOOK + 10, 5)
    assert at_cloud(world, vpc) == {HOME: server.private_address}
    world.simulated.cloud.compute.delete(SCOPE, server.id)
    world.pass_time(LOOK + 10, 5)
    assert at_cloud(world, vpc) == {}
    (heir,) = world.backend.servers.run(SCOPE, Order(replace(spec, private_address=server.private_address)))
    world.pass_time(LOOK + 10, 5)
    assert (heir.private_address, at_cloud(world, vpc)) == (server.private_address, {})


def test_a_made_interface_has_its_route_as_long_as_it_is_there(world, vpc, subnet, made, main):
    spec = ServerSpec(image=world.image(), instance_type="t3.micro", subnet=subnet.id)
    (server,) = world.backend.servers.run(SCOPE, Order(spec))
    lead(world, main, made)
    held = world.backend.interfaces.attach(SCOPE, made.id, server.id, 1)
    world.pass_time(LOOK + 10, 5)
    assert at_cloud(world, vpc) == {HOME: made.address}
    world.backend.interfaces.detach(SCOPE, held)
    world.pass_time(LOOK + 10, 5)
    assert at_cloud(world, vpc) == {HOME: made.address}
    world.backend.interfaces.delete(SCOPE, made.id)
    world.pass_time(LOOK + 10, 5)
    assert at_cloud(world, vpc) == routed(world, vpc) == {}


def test_routes_that_an_operator_made_are_not_ours(world, vpc, subnet, made, main):
    making = world.simulated.cloud.network_making
    making.add_extra_routes(SCOPE, vpc.cloud_id, [ExtraRoute(OFFICE, "10.0.0.200")])
    lead(world, main, made)
    world.pass_time(1)
    assert at_cloud(world, vpc) == {HOME: made.address, OFFICE: "10.0.0.200"}
    world.backend.routing.delete_route(SCOPE, main, HOME)
    world.pass_time(2 * LOOK, 5)
    assert at_cloud(world, vpc) == {OFFICE: "10.0.0.200"}


def test_what_was_taken_away_behind_our_back_comes_back(world, vpc, subnet, made, main):
    lead(world, main, made)
    world.pass_time(1)
    making = world.simulated.cloud.network_making
    making.remove_extra_routes(SCOPE, vpc.cloud_id, [ExtraRoute(HOME, made.address)])
    world.pass_time(LOOK + 1, 1)
    assert at_cloud(world, vpc) == {HOME: made.address}


def test_a_vpc_goes_with_its_routes_before_its_subnets(world, vpc, subnet, made, main):
    lead(world, main, made)
    world.pass_time(1)
    world.backend.interfaces.delete(SCOPE, made.id)
    world.backend.networks.delete_subnet(SCOPE, subnet.id)
    world.backend.networks.delete_vpc(SCOPE, vpc.id)
    asked = calls(world)
    world.pass_time(1)
    assert asked[:4] == ["extra_routes", "remove_extra_routes", "delete_subnet", "delete_vpc"]
    with world.store.read() as conn:
        assert rows.VPCS.count(conn, SCOPE) == rows.SUBNETS.count(conn, SCOPE) == 0
    assert at_cloud(world, vpc) == {}


def test_routes_wait_for_the_subnet_of_their_interface(world, vpc, main, monkeypatch):
    monkeypatch.setattr(SimulatedNetworkMaking, "at_once", False)
    subnet = world.backend.networks.create_subnet(SCOPE, vpc.id, "10.0.0.0/24", None)
    held = world.simulated.faults.refuse(Refused("not yet"), Where(calls=("join_subnet",)))
    lead(world, main, interface(world, subnet))
    asked = calls(world)
    world.pass_time(1)
    assert "add_extra_routes" not in asked
    assert at_cloud(world, vpc) == {}
    world.simulated.faults.lift(held)
    world.pass_time(LOOK + 1, 1)
    assert len(at_cloud(world, vpc)) == 1


def test_a_quota_is_told_in_the_log_and_asked_for_again(world, vpc, subnet, made, main, caplog):
    full = QuotaExceeded("router_routes", 1, 30, "over quota")
    world.simulated.faults.refuse(full, Where(calls=("add_extra_routes",)))
    lead(world, main, made)
    world.pass_time(1)
    assert at_cloud(world, vpc) == {}
    assert f"vpc-{vpc.id} waits: over quota" in caplog.text
    world.simulated.faults.lift()
    world.pass_time(LOOK + 1, 1)
    assert at_cloud(world, vpc) == {HOME: made.address}


@pytest.mark.parametrize("fault", ["lose_answer", "lose_request", "unavailable"])
@pytest.mark.parametrize("name", ["extra_routes", "held_addresses", "add_extra_routes", "remove_extra_routes"])
def test_what_the_cloud_did_not_answer_comes_about(world, vpc, subnet, made, main, fault, name):
    other = interface(world, subnet)
    getattr(world.simulated.faults, fault)(Where(calls=(name,)), times=1)
    lead(world, main, made)
    world.pass_time(30, 1)
    assert at_cloud(world, vpc) == {HOME: made.address}
    getattr(world.simulated.faults, fault)(Where(calls=(name,)), times=1)
    world.backend.routing.replace_route(SCOPE, main, to(other), other.vpc)
    world.pass_time(30, 1)
    assert at_cloud(world, vpc) == {HOME: other.address}
    getattr(world.simulated.faults, fault)(Where(calls=(name,)), times=1)
    world.backend.routing.delete_route(SCOPE, main, HOME)
    world.pass_time(30, 1)
    assert at_cloud(world, vpc) == routed(world, vpc) == {}


@pytest.mark.parametrize("fault", ["lose_answer", "unavailable"])
def test_a_route_that_was_deleted_before_the_answer_came_stays_nowhere(world, vpc, subnet, made, main, fault):
    getattr(world.simulated.faults, fault)(Where(calls=("add_extra_routes",)), times=1)
    lead(world, main, made)
    world.pass_time(1)
    world.backend.routing.delete_route(SCOPE, main, HOME)
    world.pass_time(30, 1)
    assert at_cloud(world, vpc) == routed(world, vpc) == {}


def taken_up(world: EngineWorld, name: str) -> Job:
    """The work on the VPC, of an engine that has claimed it now."""
    cloud = world.simulated.cloud
    context = Context(world.store, cloud, Catalog(cloud, world.clock), world.clock, world.engine_settings, name, 1)
    claimer = Claimer(name, timedelta(seconds=60))
    (lease,) = rows.LEASED_VPCS.claim(world.store, claimer, world.clock.now(), Room(1, ()))
    return settle_vpc(context, lease)


def done(world: EngineWorld, step: Any) -> Any:
    return world.store.transact(step.work) if isinstance(step, Write) else [call.ask() for call in step]


def dies_after(world: EngineWorld, steps: int) -> bool:
    """An engine takes up the VPC and dies when so many steps of its work have happened; whether it lived to the end."""
    job = taken_up(world, "dying")
    try:
        step = next(job)
        for _ in range(steps):
            step = job.send(done(world, step))
    except StopIteration:
        return True
    return False


Act = Callable[[EngineWorld, str, MadeInterface, MadeInterface], None]


def _replace(world: EngineWorld, main: str, _: MadeInterface, other: MadeInterface) -> None:
    world.backend.routing.replace_route(SCOPE, main, to(other), other.vpc)


def _delete(world: EngineWorld, main: str, _: MadeInterface, other: MadeInterface) -> None:
    world.backend.routing.delete_route(SCOPE, main, HOME)


def _create(world: EngineWorld, main: str, made: MadeInterface, other: MadeInterface) -> None:
    lead(world, main, made, OFFICE)


def _nothing(world: EngineWorld, main: str, made: MadeInterface, other: MadeInterface) -> None:
    """What the dead engine was at stays to be done."""


ACTS = {"replace": _replace, "delete": _delete, "create": _create, "nothing": _nothing}


STEPS = {"create": 5, "replace": 6, "delete": 5}
"""Of the engine's work on each."""


@pytest.mark.parametrize("then", ["nothing", "delete"])
@pytest.mark.parametrize(("first", "steps"), [(first, at) for first, last in STEPS.items() for at in range(last + 1)])
def test_an_engine_that_dies_at_any_step_leaves_nothing_that_nobody_takes_away(
    world, vpc, subnet, made, main, first, then, steps
):
    other = interface(world, subnet)
    lead(world, main, made)
    world.pass_time(1)
    ACTS[first](world, main, made, other)
    assert dies_after(world, steps) is (steps == STEPS[first])
    if first != "delete":
        ACTS[then](world, main, made, other)
    world.pass_time(60 + LOOK + 15, 1)
    with world.store.read() as conn:
        wanted = {cidr: hop.address for cidr, hop in rows.hops(conn, SCOPE, vpc.id).items()}
    assert at_cloud(world, vpc) == routed(world, vpc) == wanted


def test_an_engine_that_lost_the_vpc_adds_nothing(world, vpc, subnet, made, main):
    """It would not be written down, and nobody would take it away."""
    lead(world, main, made)
    job = taken_up(world, "slow")
    told = done(world, job.send(done(world, next(job))))
    world.clock.move(61)
    taken_up(world, "two")
    step = job.send(told)
    while True:
        assert isinstance(step, Write)
        try:
            step = job.send(done(world, step))
        except StopIteration:
            break
    assert at_cloud(world, vpc) == {}
    assert routed(world, vpc) is None


def test_projects_do_not_write_each_others_routes(world, vpc, subnet, made, main):
    with pytest.raises(NetworkThingMissing):
        world.backend.routing.create_route(OTHER, main, to(made), made.vpc)
    lead(world, main, made)
    with pytest.raises(NetworkThingMissing):
        world.backend.routing.delete_route(OTHER, main, HOME)


def test_a_vpc_gets_no_block_that_a_route_leads_away(world, vpc, made, main):
    lead(world, main, made, "10.1.4.0/24")
    with pytest.raises(CidrConflict):
        world.backend.networks.associate_cidr(SCOPE, vpc.id, "10.1.0.0/16")
    with pytest.raises(CidrConflict):
        world.backend.networks.associate_cidr(SCOPE, vpc.id, "10.1.4.0/24")
    assert world.backend.networks.associate_cidr(SCOPE, vpc.id, "10.2.0.0/16")


@pytest.fixture
def narrow(monkeypatch) -> None:
    """A cloud that gives a VPC two extra routes, and of a request all or none."""
    add = SimulatedNetworkMaking.add_extra_routes

    def some(self, scope, vpc, routes):
        if len(self.extra_routes(scope, vpc) | {*routes}) > 2:
            raise QuotaExceeded("router_routes", len(routes), 2, "over quota")
        add(self, scope, vpc, routes)

    monkeypatch.setattr(SimulatedNetworkMaking, "add_extra_routes", some)


def test_of_routes_beyond_the_quota_as_many_are_there_as_it_has_room_for(world, vpc, subnet, made, main, narrow):
    for cidr in (HOME, OFFICE, THIRD):
        lead(world, main, made, cidr)
    world.pass_time(5)
    assert len(at_cloud(world, vpc)) == 2


def test_a_route_beyond_the_quota_keeps_no_other_from_moving(world, vpc, subnet, made, main, narrow):
    for cidr in (HOME, THIRD):
        lead(world, main, made, cidr)
        world.pass_time(5)
    lead(world, main, made, OFFICE)
    world.pass_time(5)
    other = interface(world, subnet)
    world.backend.routing.replace_route(SCOPE, main, to(other, HOME), other.vpc)
    world.pass_time(5)
    assert at_cloud(world, vpc) == {HOME: other.address, THIRD: made.address}


def test_a_route_that_the_cloud_will_not_have_keeps_no_other_from_it(world, vpc, subnet, made, main, monkeypatch):
    add = SimulatedNetworkMaking.add_extra_routes

    def picky(self, scope, vpc, routes):
        if any(each.cidr == HOME for each in routes):
            raise Refused("Invalid format for routes")
        add(self, scope, vpc, routes)

    monkeypatch.setattr(SimulatedNetworkMaking, "add_extra_routes", picky)
    for cidr in (HOME, OFFICE, THIRD):
        lead(world, main, made, cidr)
    world.pass_time(5)
    assert at_cloud(world, vpc) == {OFFICE: made.address, THIRD: made.address}
