"""Made interfaces that end with their servers: whoever ends these, and whatever becomes of the request."""

from __future__ import annotations

import pytest

from backend.domain.address_findings import InterfaceInUse
from backend.domain.cluster import ClusterChange
from backend.domain.profile import ServerSpec
from backend.drivers.errors import Busy
from backend.drivers.simulated.faults import Where
from backend.services.addresses import Place
from backend.services.servers import Order
from backend.store.networks import MAKINGS
from tests.factories import SCOPE

DELETE = Where(calls=("delete_interface",))


@pytest.fixture
def made(world):
    subnet = world.simulated.cloud.network.subnets(SCOPE)[0]
    return world.backend.interfaces.create(SCOPE, subnet.short_id, None, None, "")


@pytest.fixture
def server(world, made):
    """A server on an interface that ends with it."""
    spec = ServerSpec(image=world.image(), instance_type="t3.micro", interface=made.id)
    (server,) = world.backend.servers.run(SCOPE, Order(spec))
    goes(world, made)
    return server


def goes(world, made, *, with_server=True):
    attachment = world.backend.interfaces.one(SCOPE, made.id).attachment_id
    world.backend.interfaces.set_end(SCOPE, made.id, attachment, with_server=with_server)


def left(world):
    """What there is of interfaces: rows, notes, and at the cloud."""
    with world.store.read() as conn:
        noted = MAKINGS.all(conn, SCOPE)
    with world.simulated._state.reading() as conn:
        there = conn.execute("SELECT id FROM interfaces").fetchall()
    return [*world.backend.interfaces.list(SCOPE)], noted, there


def terminate(world, server):
    world.backend.servers.terminate(SCOPE, [server])
    return [each.id for each in world.backend.interfaces.end_with(SCOPE, [server.id])]


def test_what_the_server_has_still_ends_later(world, made, server):
    world.simulated.faults.refuse(Busy("a server has it"), DELETE, times=2)
    assert terminate(world, server) == [made.id]
    assert world.backend.interfaces.list(SCOPE)
    world.pass_time(120, 15)
    assert left(world) == ([], [], [])


def test_a_request_that_dies_ends_none_less(world, made, server):
    world.backend.servers.terminate(SCOPE, [server])
    world.simulated.faults.unavailable(DELETE, times=1)
    world.pass_time(180, 15)
    assert left(world) == ([], [], [])


def test_an_address_that_led_there_leads_to_nothing(world, made, server):
    address = world.backend.addresses.allocate(SCOPE)
    place = Place(made.address, interface_id=made.id, interface_cloud_id=made.cloud_id)
    world.backend.addresses.associate(SCOPE, address.id, place, again=False)
    world.backend.servers.terminate(SCOPE, [server])
    world.pass_time(300, 15)
    assert left(world) == ([], [], [])
    assert world.backend.addresses.list(SCOPE) == [address]


def test_one_that_is_to_stay_after_all_stays(world, made, server):
    world.backend.servers.terminate(SCOPE, [server])
    goes(world, made, with_server=False)
    world.pass_time(120, 15)
    rows, noted, there = left(world)
    assert ([each.id for each in rows], noted, len(there)) == ([made.id], [], 1)


def test_one_whose_server_went_without_a_word_is_ended_once_it_is_asked_for(world, made, server):
    world.simulated.cloud.compute.delete(SCOPE, server.id)
    world.pass_time(60, 15)
    spec = ServerSpec(image=world.image(), instance_type="t3.micro", interface=made.id)
    with pytest.raises(InterfaceInUse):
        world.backend.servers.run(SCOPE, Order(spec))
    world.pass_time(60, 15)
    assert left(world) == ([], [], [])


def test_an_interface_ends_with_the_server_of_a_group(world, made):
    world.group(minimum=0, desired=1)
    world.pass_time(60, 10)
    (server,) = [each for each in world.simulated.cloud.compute.list(SCOPE) if each.zone == made.zone]
    world.backend.interfaces.attach(SCOPE, made.id, server.id, 1)
    goes(world, made)
    world.backend.clusters.update(SCOPE, "web", ClusterChange({"desired": 0}))
    world.pass_time(300, 10)
    assert left(world) == ([], [], [])
