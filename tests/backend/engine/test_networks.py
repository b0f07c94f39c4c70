"""Networks that are made: what the services leave to engines, and what a crash leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from backend import errors
from backend.domain.balancers import BalancerKind
from backend.domain.network_findings import CidrConflict, NetworkThingInUse, NetworkThingMissing
from backend.domain.networks import Progress
from backend.drivers.errors import Busy, QuotaExceeded
from backend.drivers.simulated.faults import Call, Moment, Where
from backend.services.balancers import NewBalancer
from backend.services.networks import Networks
from backend.store import networks as rows
from backend.store.leased import Claimer, Room
from backend.store.security_groups import GROUPS
from tests.backend.engine.world import EngineWorld
from tests.factories import OTHER, SCOPE


class Crash(Exception):
    """The process dies here."""


@pytest.fixture
def world() -> Iterator[EngineWorld]:
    world = EngineWorld()
    yield world
    world.close()


@pytest.fixture
def api(world: EngineWorld) -> Networks:
    return world.backend.networks


@pytest.fixture
def left(world: EngineWorld) -> Left:
    return Left(world)


class Left:
    """What there is of networks."""

    def __init__(self, world: EngineWorld) -> None:
        self._world = world

    def at_the_cloud(self) -> tuple[int, int]:
        """How many VPCs and subnets."""
        network = self._world.simulated.cloud.network
        made = [each for each in network.networks(SCOPE) if each.made]
        return len(made), len([each for each in network.subnets(SCOPE) if each.made])

    def in_rows(self) -> list[int]:
        """How many rows of each table."""
        tables = (
            *(rows.VPCS, rows.SUBNETS, rows.ROUTE_TABLES, rows.ROUTE_ASSOCIATIONS, rows.ACLS),
            *(rows.ACL_ASSOCIATIONS, rows.MAKINGS),
        )
        with self._world.store.read() as conn:
            return [each.count(conn, SCOPE) for each in tables]  # type: ignore[attr-defined]


def test_a_network_comes_and_goes_and_leaves_nothing(world: EngineWorld, api: Networks, left: Left) -> None:
    vpc = api.create_vpc(SCOPE, "10.0.0.0/16")
    subnets = [api.create_subnet(SCOPE, vpc.id, f"10.0.{number}.0/24", None) for number in range(3)]
    assert left.at_the_cloud() == (1, 3)
    assert left.in_rows() == [1, 3, 1, 1, 1, 3, 0]
    with pytest.raises(NetworkThingInUse):
        api.delete_vpc(SCOPE, vpc.id)
    for subnet in subnets:
        api.delete_subnet(SCOPE, subnet.id)
    api.delete_vpc(SCOPE, vpc.id)
    with pytest.raises(NetworkThingMissing):
        api.delete_vpc(SCOPE, vpc.id)
    world.pass_time(1)
    assert left.at_the_cloud() == (0, 0)
    assert left.in_rows() == [0] * 7


def test_projects_do_not_see_each_other(api: Networks) -> None:
    vpc = api.create_vpc(SCOPE, "10.0.0.0/16")
    subnet = api.create_subnet(SCOPE, vpc.id, "10.0.0.0/24", None)
    assert not [each for each in api.seen.vpcs(OTHER) if not each.adopted]
    for refused in (
        lambda: api.delete_vpc(OTHER, vpc.id),
        lambda: api.create_subnet(OTHER, vpc.id, "10.0.1.0/24", None),
        lambda: api.delete_subnet(OTHER, subnet.id),
        lambda: api.set_vpc(OTHER, vpc.id, dns_hostnames=True),
        lambda: api.associate_cidr(OTHER, vpc.id, "10.1.0.0/16"),
        lambda: api.disassociate_cidr(OTHER, vpc.association_id),
    ):
        with pytest.raises(NetworkThingMissing):
            refused()


def test_a_gateway_is_brought_to_the_cloud_and_away(world: EngineWorld, api: Networks) -> None:
    vpc = api.create_vpc(SCOPE, "10.0.0.0/16")
    routing = world.backend.routing
    gateway = routing.create_gateway(SCOPE)
    routing.attach_gateway(SCOPE, gateway.id, vpc.id)
    world.simulated.faults.unavailable(Where(calls=("lead_out",)), times=1)
    world.pass_time(1)
    assert not api.seen.vpcs(SCOPE, [vpc.id])[0].vpc.gateway
    world.pass_time(10)
    assert api.seen.vpcs(SCOPE, [vpc.id])[0].vpc.gateway
    routing.detach_gateway(SCOPE, gateway.id, vpc.id)
    world.pass_time(1)
    assert not api.seen.vpcs(SCOPE, [vpc.id])[0].vpc.gateway


@pytest.mark.parametrize("led", [True, False])
def test_a_wish_that_turned_before_the_answer_is_heard(world: EngineWorld, api: Networks, *, led: bool) -> None:
    """The cloud did what nobody wrote down: it is told the last wish, too, though the row says that it is so."""
    vpc = api.create_vpc(SCOPE, "10.0.0.0/16")
    routing = world.backend.routing
    gateway = routing.create_gateway(SCOPE)
    if not led:
        routing.attach_gateway(SCOPE, gateway.id, vpc.id)
        world.pass_time(5)
    ways = routing.attach_gateway, routing.detach_gateway
    first, last = ways if led else ways[::-1]
    first(SCOPE, gateway.id, vpc.id)
    world.simulated.faults.lose_answer(Where(calls=("lead_out",)), times=1)
    world.pass_time(1)
    last(SCOPE, gateway.id, vpc.id)
    world.pass_time(30)
    assert _told(world, "SELECT outside FROM vpcs") == [(int(not led),)]
    assert api.seen.vpcs(SCOPE, [vpc.id])[0].vpc.gateway is not led


def test_servers_of_names_that_turned_before_the_answer_is_heard(world: EngineWorld, api: Networks) -> None:
    vpc = api.create_vpc(SCOPE, "10.0.0.0/16")
    api.create_subnet(SCOPE, vpc.id, "10.0.0.0/24", None)
    options = world.backend.dhcp_options.create(SCOPE, {"domain-name-servers": ["10.0.0.9"]})
    api.set_dhcp_options(SCOPE, vpc.id, options.id)
    world.simulated.faults.lose_answer(Where(calls=("set_dns",)), times=1)
    world.pass_time(1)
    assert _told(world, "SELECT dns FROM subnets") == [("10.0.0.9",)]
    api.set_dhcp_options(SCOPE, vpc.id, "")
    world.pass_time(30)
    assert _told(world, "SELECT dns FROM subnets") == [("",)]


def _told(world: EngineWorld, question: str) -> list[tuple[object, ...]]:
    with world.simulated._state.reading() as connection:
        return [tuple(row) for row in connection.execute(question)]


def test_what_the_cloud_holds_back_is_asked_for_again(world: EngineWorld, api: Networks, left: Left) -> None:
    vpc = api.create_vpc(SCOPE, "10.0.0.0/16")
    subnet = api.create_subnet(SCOPE, vpc.id, "10.0.0.0/24", None)
    world.simulated.faults.refuse(Busy("a port is in it"), Where(calls=("delete_subnet",)), times=2)
    api.delete_subnet(SCOPE, subnet.id)
    api.delete_vpc(SCOPE, vpc.id)
    world.pass_time(1)
    assert left.at_the_cloud() == (1, 1)
    world.pass_time(15)
    assert left.at_the_cloud() == (0, 0)
    assert left.in_rows() == [0] * 7


@pytest.mark.parametrize("name", ["make_vpc", "make_subnet"])
def test_a_crash_between_the_cloud_and_the_row_leaves_nothing(
    world: EngineWorld, api: Networks, left: Left, name: str
) -> None:
    vpc = api.create_vpc(SCOPE, "10.0.0.0/16")

    def die(moment: Moment, call: Call) -> None:
        if moment is Moment.AFTER and call.name == name:
            raise Crash

    world.simulated.faults.hooks.append(die)
    ask: dict[str, Callable[[], object]] = {
        "make_vpc": lambda: api.create_vpc(SCOPE, "10.1.0.0/16"),
        "make_subnet": lambda: api.create_subnet(SCOPE, vpc.id, "10.0.0.0/24", None),
    }
    with pytest.raises(Crash):
        ask[name]()
    world.simulated.faults.hooks.clear()
    assert left.at_the_cloud() == ((2, 0) if name == "make_vpc" else (1, 1))
    assert [each.id for each in api.seen.vpcs(SCOPE) if not each.adopted] == [vpc.id]
    assert [each for each in api.seen.subnets(SCOPE) if not each.adopted] == []
    world.pass_time(590, 5)
    assert left.at_the_cloud() != (1, 0)
    world.pass_time(20)
    assert left.at_the_cloud() == (1, 0)
    assert left.in_rows()[-1] == 0


def test_an_answer_that_was_lost_is_found_again(world: EngineWorld, api: Networks, left: Left) -> None:
    world.simulated.faults.lose_answer(Where(calls=("make_vpc",)), times=1)
    world.simulated.faults.lose_answer(Where(calls=("make_subnet",)), times=1)
    vpc = api.create_vpc(SCOPE, "10.0.0.0/16")
    api.create_subnet(SCOPE, vpc.id, "10.0.0.0/24", None)
    world.pass_time(700, 5)
    assert left.at_the_cloud() == (1, 1)


def test_a_request_the_cloud_never_heard_ends_with_an_error(world: EngineWorld, api: Networks, left: Left) -> None:
    world.simulated.faults.lose_request(Where(calls=("make_vpc",)), times=1)
    with pytest.raises(errors.OutcomeUnclear):
        api.create_vpc(SCOPE, "10.0.0.0/16")
    world.pass_time(150)
    assert left.in_rows() == [0] * 7


def test_what_nobody_could_look_for_is_waited_for(world: EngineWorld, api: Networks, left: Left) -> None:
    """No answer came, and none to the question what came of it: the request may arrive yet."""
    world.simulated.faults.lose_request(Where(calls=("make_vpc",)), times=1)
    world.simulated.faults.unavailable(Where(calls=("find_vpc",)), times=1)
    with pytest.raises(errors.OutcomeUnclear):
        api.create_vpc(SCOPE, "10.0.0.0/16")
    with world.store.read() as conn:
        (mark,) = rows.MAKINGS.all(conn, SCOPE)
    world.pass_time(60)
    world.simulated.cloud.network_making.make_vpc(SCOPE, mark.id)
    assert left.at_the_cloud() == (1, 0)
    world.pass_time(150)
    assert left.at_the_cloud() == (0, 0)


def test_a_refusal_of_the_cloud_is_the_callers(world: EngineWorld, api: Networks, left: Left) -> None:
    world.simulated.faults.refuse(QuotaExceeded("routers", 1, 10), Where(calls=("make_vpc",)), times=1)
    with pytest.raises(errors.QuotaExceeded):
        api.create_vpc(SCOPE, "10.0.0.0/16")
    world.pass_time(1)
    assert left.in_rows() == [0] * 7


def test_of_two_who_want_the_same_addresses_one_has_them(world: EngineWorld, api: Networks, left: Left) -> None:
    """The other one passes its checks before the first has its row, and finds out when it writes its own."""
    vpc = api.create_vpc(SCOPE, "10.0.0.0/16")
    hooks = world.simulated.faults.hooks

    def overtake(moment: Moment, call: Call) -> None:
        if moment is Moment.BEFORE and call.name == "make_subnet":
            hooks.clear()
            api.create_subnet(SCOPE, vpc.id, "10.0.0.0/25", None)

    hooks.append(overtake)
    with pytest.raises(CidrConflict):
        api.create_subnet(SCOPE, vpc.id, "10.0.0.0/24", None)
    world.pass_time(1)
    assert left.at_the_cloud() == (1, 1)
    assert [each.subnet.cidr for each in api.seen.subnets(SCOPE) if not each.adopted] == ["10.0.0.0/25"]


def test_a_subnet_of_a_vpc_that_ends_meanwhile_is_not_made(world: EngineWorld, api: Networks, left: Left) -> None:
    vpc = api.create_vpc(SCOPE, "10.0.0.0/16")
    hooks = world.simulated.faults.hooks

    def overtake(moment: Moment, call: Call) -> None:
        if moment is Moment.BEFORE and call.name == "make_subnet":
            hooks.clear()
            api.delete_vpc(SCOPE, vpc.id)

    hooks.append(overtake)
    with pytest.raises(NetworkThingMissing):
        api.create_subnet(SCOPE, vpc.id, "10.0.0.0/24", None)
    world.pass_time(15)
    assert left.at_the_cloud() == (0, 0)
    assert left.in_rows() == [0] * 7


def test_what_an_engine_has_begun_to_take_away_gets_no_row(world: EngineWorld, api: Networks, left: Left) -> None:
    def slow(moment: Moment, call: Call) -> None:
        if moment is Moment.AFTER and call.name == "make_vpc":
            world.simulated.faults.hooks.clear()
            world.clock.move(601)
            claimer, room = Claimer("two", timedelta(seconds=60)), Room(1, ())
            assert rows.LEASED_MAKINGS.claim(world.store, claimer, world.clock.now(), room)

    world.simulated.faults.hooks.append(slow)
    with pytest.raises(errors.StaleRead):
        api.create_vpc(SCOPE, "10.0.0.0/16")
    assert left.in_rows()[0] == 0


def _groups(world: EngineWorld) -> list[str]:
    """Names of security groups beside the project's own: at the cloud, and in rows."""
    with world.store.read() as conn:
        kept = [each.name for each in GROUPS.all(conn, SCOPE)]
    at_cloud = world.simulated.cloud.network.security_groups(SCOPE)
    return kept + [each.name for each in at_cloud if each.installation is not None]


@pytest.mark.parametrize("name", ["create_security_group", "change_rules"])
def test_a_vpc_whose_request_died_before_all_of_it_was_there_is_told_to_nobody_and_goes(
    world: EngineWorld, api: Networks, left: Left, name: str
) -> None:
    """Were it told, subnets and gateways could be in it when it is taken away."""

    def die(moment: Moment, call: Call) -> None:
        if moment is Moment.AFTER and call.name == name:
            raise Crash

    world.simulated.faults.hooks.append(die)
    with pytest.raises(Crash):
        api.create_vpc(SCOPE, "10.0.0.0/16")
    world.simulated.faults.hooks.clear()
    assert left.at_the_cloud() == (1, 0)
    assert [each for each in api.seen.vpcs(SCOPE) if not each.adopted] == []
    world.pass_time(630, 5)
    assert left.at_the_cloud() == (0, 0)
    assert left.in_rows() == [0] * 7
    assert _groups(world) == []


def test_a_vpc_whose_group_the_cloud_refuses_leaves_nothing(world: EngineWorld, api: Networks, left: Left) -> None:
    refusal = QuotaExceeded("security_group_rules", 1, 100)
    world.simulated.faults.refuse(refusal, Where(calls=("change_rules",)), times=1)
    with pytest.raises(errors.QuotaExceeded):
        api.create_vpc(SCOPE, "10.0.0.0/16")
    world.pass_time(15)
    assert left.at_the_cloud() == (0, 0)
    assert left.in_rows() == [0] * 7
    assert _groups(world) == []


def test_nobody_ends_a_vpc_that_is_being_made(world: EngineWorld, api: Networks) -> None:
    """It was made available again, without its table and its list of access, when both were done."""
    hooks = world.simulated.faults.hooks

    def overtake(moment: Moment, call: Call) -> None:
        if moment is Moment.AFTER and call.name == "create_security_group":
            hooks.clear()
            assert [each for each in api.seen.vpcs(SCOPE) if not each.adopted] == []
            with world.store.read() as conn:
                assert rows.VPCS.count(conn, SCOPE) == 0

    hooks.append(overtake)
    vpc = api.create_vpc(SCOPE, "10.0.0.0/16")
    assert vpc.state is Progress.PENDING
    assert api.seen.vpcs(SCOPE, [vpc.id])[0].vpc.state is Progress.AVAILABLE
    assert api.create_subnet(SCOPE, vpc.id, "10.0.0.0/24", None).vpc_id == vpc.id


def test_a_vpc_that_is_not_ended_keeps_its_group(world: EngineWorld, api: Networks) -> None:
    """The cloud is not asked for anything before the rows say that the VPC goes: a crash finds both, or neither."""
    vpc = api.create_vpc(SCOPE, "10.0.0.0/16")
    asked: list[str] = []
    world.simulated.faults.hooks.append(lambda _, call: asked.append(call.name))
    api.delete_vpc(SCOPE, vpc.id)
    assert asked == []
    assert [each for each in world.backend.security_groups.list(SCOPE) if each.vpc == vpc.id] == []
    world.pass_time(15)
    assert _groups(world) == []


def test_a_subnet_of_a_balancer_stays(world: EngineWorld, api: Networks, left: Left) -> None:
    vpc = api.create_vpc(SCOPE, "10.0.0.0/16")
    zones = [zone.name for zone in world.simulated.cloud.compute.zones(SCOPE)][:2]
    inside = [api.create_subnet(SCOPE, vpc.id, f"10.0.{at}.0/24", zone) for at, zone in enumerate(zones)]
    empty = api.create_subnet(SCOPE, vpc.id, "10.0.9.0/24", None)
    balancers = world.backend.balancers
    subnets = balancers.subnets(SCOPE, [each.id for each in inside])
    balancer = balancers.create(SCOPE, NewBalancer("web", BalancerKind.APPLICATION, "internal", subnets, []))
    world.pass_time(30)
    for subnet in inside:
        with pytest.raises(NetworkThingInUse):
            api.delete_subnet(SCOPE, subnet.id)
    api.delete_subnet(SCOPE, empty.id)
    balancers.delete(SCOPE, balancer.id)
    world.pass_time(30)
    api.delete_subnet(SCOPE, inside[0].id)
    world.pass_time(30)
    assert left.at_the_cloud() == (1, 1)


def test_servers_of_names_are_told_to_the_cloud(world: EngineWorld, api: Networks) -> None:
    vpc = api.create_vpc(SCOPE, "10.0.0.0/16")
    old = api.create_subnet(SCOPE, vpc.id, "10.0.0.0/24", None)
    options = world.backend.dhcp_options.create(SCOPE, {"domain-name-servers": ["10.0.0.9", "AmazonProvidedDNS"]})
    api.set_dhcp_options(SCOPE, vpc.id, options.id)
    new = api.create_subnet(SCOPE, vpc.id, "10.0.1.0/24", None)
    world.pass_time(1)
    dns = {each.id: each.subnet.dns for each in api.seen.subnets(SCOPE)}
    assert dns[old.id] == dns[new.id] == ("10.0.0.9",)
    with pytest.raises(NetworkThingInUse):
        world.backend.dhcp_options.delete(SCOPE, options.id)


def test_made_ones_are_known_while_the_cloud_is_away(world: EngineWorld, api: Networks) -> None:
    vpc = api.create_vpc(SCOPE, "10.0.0.0/16")
    world.simulated.faults.unavailable()
    assert api.seen.vpcs(SCOPE, [vpc.id])[0].vpc.cidr == "10.0.0.0/16"
    assert len(api.seen.route_tables(SCOPE, [each.id for each in _tables(world)])) == 1
    with pytest.raises(errors.CloudNotReached):
        api.create_vpc(SCOPE, "10.0.0.0/16")


def _tables(world: EngineWorld) -> list[rows.RouteTable]:
    with world.store.read() as conn:
        return rows.ROUTE_TABLES.all(conn, SCOPE)


def test_a_group_of_a_vpc_needs_no_listing_of_the_cloud(world: EngineWorld, api: Networks) -> None:
    """Neutron's networks alone tell of a VPC there, and an empty one has none."""
    vpc = api.create_vpc(SCOPE, "10.0.0.0/16")
    groups = world.backend.security_groups
    world.simulated.faults.unavailable(Where(calls=("networks",)))
    made = groups.create(SCOPE, "web", "servers", vpc.id)
    assert made.vpc == vpc.id
    with pytest.raises(NetworkThingInUse):
        api.delete_vpc(SCOPE, vpc.id)
    groups.delete(SCOPE, made.id)
    assert [each.name for each in groups.list(SCOPE) if each.vpc == vpc.id] == ["default"]
    api.delete_vpc(SCOPE, vpc.id)
    assert [each for each in groups.list(SCOPE) if each.vpc == vpc.id] == []


def test_what_the_cloud_holds_up_for_long_is_asked_for_less_and_less(
    world: EngineWorld, api: Networks, caplog: pytest.LogCaptureFixture
) -> None:
    vpc = api.create_vpc(SCOPE, "10.0.0.0/16")
    subnets = [api.create_subnet(SCOPE, vpc.id, f"10.0.{number}.0/24", None) for number in range(2)]
    world.pass_time(1)
    held = world.simulated.faults.refuse(Busy("a port is in it"), Where(calls=("delete_subnet",)))
    api.delete_subnet(SCOPE, subnets[0].id)
    world.pass_time(3600, 5)
    assert 8 < caplog.text.count("waits: a port is in it") < 25
    api.delete_subnet(SCOPE, subnets[1].id)  # is looked at at once, and so is the other
    world.simulated.faults.lift(held)
    world.pass_time(1)
    assert [each for each in world.simulated.cloud.network.subnets(SCOPE) if each.made] == []
