from __future__ import annotations

import pytest

from backend import errors
from backend.domain.activity import ActivityStatus
from backend.domain.node import GROUP_TAG, ServerStatus
from backend.domain.profile import ServerSpec
from backend.domain.token import ClientToken
from backend.drivers.errors import NoAddresses, NoCapacity, NotAuthorized, Refused
from backend.drivers.simulated.faults import Where
from backend.services.servers import Order, Servers
from backend.store import activities
from tests.factories import OTHER, SCOPE, World, activity


@pytest.fixture
def servers(world: World) -> Servers:
    return world.backend.servers


@pytest.fixture
def spec(world: World) -> ServerSpec:
    return ServerSpec(image=world.image(), instance_type="t3.micro", tags={"Name": "web"})


def test_servers_carry_no_clusters_token(servers: Servers, spec: ServerSpec, world: World) -> None:
    made = servers.run(SCOPE, Order(spec, 2, 2))
    assert {server.launch_id for server in made} == {None}
    assert {server.id for server in servers.list(SCOPE)} == {server.id for server in made}
    assert servers.list(OTHER) == []


def test_unsupported_members_are_refused_by_name(servers: Servers, world: World) -> None:
    spec = ServerSpec(image=world.image(), instance_type="t3.micro", unsupported=("Placement.Tenancy", "KernelId"))
    for act in (lambda: servers.run(SCOPE, Order(spec)), lambda: servers.check(SCOPE, spec)):
        with pytest.raises(errors.LaunchUnsupported) as refused:
            act()
        assert refused.value.member == "Placement.Tenancy"


def test_zones_are_tried_in_turn_for_room_alone(servers: Servers, spec: ServerSpec, world: World) -> None:
    faults = world.simulated.faults
    faults.refuse(NoAddresses("full"), Where(zone="us-east-1a"))
    faults.refuse(NoCapacity("full"), Where(zone="us-east-1b"))
    assert servers.run(SCOPE, Order(spec))[0].zone == "us-east-1c"
    faults.refuse(NoCapacity("full"), Where(zone="us-east-1c"))
    with pytest.raises(errors.NoCapacity):
        servers.run(SCOPE, Order(spec))
    faults.lift()
    faults.refuse(Refused("no"), Where(zone="us-east-1a"), times=1)
    with pytest.raises(errors.CloudRefused):
        servers.run(SCOPE, Order(spec))


def test_deleted_servers_are_told_of_for_an_hour(servers: Servers, spec: ServerSpec, world: World) -> None:
    made = servers.run(SCOPE, Order(spec))
    moved = servers.terminate(SCOPE, made)
    assert moved[0].now is ServerStatus.DELETING
    world.clock.move(60)
    assert [server.status for server in servers.list(SCOPE)] == [ServerStatus.DELETED]
    world.clock.move(3600)
    assert servers.list(SCOPE) == []


def test_a_deleted_server_that_the_cloud_tells_without_tags_is_still_its_clusters(
    servers: Servers, spec: ServerSpec, world: World
) -> None:
    one, other = servers.run(SCOPE, Order(spec, 2, 2))
    ended = {"status": ActivityStatus.SUCCESSFUL, "progress": 100, "ended_at": world.clock.now()}
    told = activity(world.group(), "t", server_id=one.id, started_at=world.clock.now(), **ended)
    world.store.transact(lambda conn: activities.insert(conn, told))
    assert {server.tags.get(GROUP_TAG) for server in servers.list(SCOPE)} == {None}
    servers.terminate(SCOPE, [one, other])
    world.clock.move(60)
    tags = {server.id: server.tags for server in servers.list(SCOPE)}
    assert tags == {one.id: {"Name": "web", GROUP_TAG: "web"}, other.id: {"Name": "web"}}


def test_what_vanished_meanwhile_is_terminated(servers: Servers, spec: ServerSpec, world: World) -> None:
    made = servers.run(SCOPE, Order(spec))
    world.simulated.operator.vanish(made[0].id)
    assert servers.terminate(SCOPE, made)[0].now is ServerStatus.DELETED
    with pytest.raises(errors.ServerUnknown):
        servers.stop(SCOPE, made)


def test_a_delegation_that_died_is_told(servers: Servers, spec: ServerSpec, world: World) -> None:
    world.simulated.faults.refuse(NotAuthorized("trust gone"))
    with pytest.raises(errors.NotPermitted):
        servers.run(SCOPE, Order(spec, token=ClientToken("R", "t", "f")))


def test_a_zone_that_is_none(servers: Servers, world: World) -> None:
    spec = ServerSpec(image=world.image(), instance_type="t3.micro", zone="us-east-1q")
    with pytest.raises(errors.ZoneNotFound):
        servers.check(SCOPE, spec)


def test_a_subnet_elsewhere(servers: Servers, world: World) -> None:
    subnets = world.backend.catalog.subnets(SCOPE)
    there = next(subnet for subnet in subnets if subnet.zone == "us-east-1b")
    spec = ServerSpec(image=world.image(), instance_type="t3.micro", zone="us-east-1a", subnet=there.short_id)
    with pytest.raises(errors.ZonesMismatch):
        servers.check(SCOPE, spec)


def test_tags_by_key_value_and_limit(servers: Servers, spec: ServerSpec) -> None:
    made = servers.run(SCOPE, Order(spec))
    servers.tag(SCOPE, made, {"a": "1", "b": "2"})
    servers.untag(SCOPE, servers.list(SCOPE), {"a": "other", "b": None, "nil": None})
    now = servers.list(SCOPE)
    assert now[0].tags == {"Name": "web", "a": "1"}
    with pytest.raises(errors.LimitExceeded):
        servers.tag(SCOPE, now, {f"k{number}": "" for number in range(49)})
    assert servers.list(SCOPE)[0].tags == {"Name": "web", "a": "1"}
