"""Public addresses and interfaces whose requests died: what the cloud made of them is taken away."""

from __future__ import annotations

import pytest

from backend import errors
from backend.drivers.simulated.faults import Where
from backend.services.addresses import Place
from backend.store.networks import MAKINGS
from tests.factories import SCOPE


def _address(world):
    return world.backend.addresses.allocate(SCOPE)


def _interface(world):
    subnet = world.simulated.cloud.network.subnets(SCOPE)[0]
    return world.backend.interfaces.create(SCOPE, subnet.short_id, None, None, "")


@pytest.mark.parametrize(
    ("make", "find", "end", "ask"),
    [
        ("allocate_address", "find_address", "release_address", _address),
        ("create_interface", "find_interface", "delete_interface", _interface),
    ],
)
def test_what_was_made_and_has_no_row_is_taken_away(world, make, find, end, ask):
    world.simulated.faults.lose_answer(Where(calls=(make,)))
    world.simulated.faults.unavailable(Where(calls=(find,)), times=1)
    with pytest.raises(errors.Finding):
        ask(world)
    asked = []
    world.simulated.faults.hooks.append(lambda _, call: asked.append(call.name))
    world.pass_time(660, 30)
    assert end in asked
    with world.store.read() as conn:
        assert MAKINGS.all(conn, SCOPE) == []
    ask(world)
    world.pass_time(660, 30)
    assert asked.count(end) == 2 * asked[: asked.index(end) + 1].count(end)


@pytest.fixture
def led(world):
    """An address, and the place of a server for it."""
    server = world.server()
    return _address(world), Place("10.0.0.9", server_id=server.id)


def shown(world, place):
    """The public address that the cloud leads to the server."""
    return world.simulated.cloud.compute.get(SCOPE, place.server_id).public_address


def noted(world):
    with world.store.read() as conn:
        return MAKINGS.all(conn, SCOPE)


def test_an_address_that_was_led_leaves_no_work(world, led):
    address, place = led
    association = world.backend.addresses.associate(SCOPE, address.id, place, again=False)
    assert (shown(world, place), noted(world)) == (address.address, [])
    world.backend.addresses.disassociate(SCOPE, association)
    assert (shown(world, place), noted(world)) == (None, [])


def test_an_address_whose_answers_were_lost_leads_where_its_row_says(world, led):
    """The cloud did what was asked, and said so to nobody: the caller was told that it was not done."""
    address, place = led
    world.simulated.faults.lose_answer(Where(calls=("bind_address",)), times=2)
    with pytest.raises(errors.OutcomeUnclear):
        world.backend.addresses.associate(SCOPE, address.id, place, again=False)
    assert shown(world, place) == address.address
    assert world.backend.addresses.list(SCOPE)[0].association_id is None
    world.pass_time(150, 5)
    assert (shown(world, place), noted(world)) == (None, [])


def test_an_address_that_was_to_be_parted_leads_on_as_it_is_told(world, led):
    address, place = led
    association = world.backend.addresses.associate(SCOPE, address.id, place, again=False)
    world.simulated.faults.lose_answer(Where(calls=("unbind_address",)), times=2)
    with pytest.raises(errors.OutcomeUnclear):
        world.backend.addresses.disassociate(SCOPE, association)
    assert shown(world, place) is None
    assert world.backend.addresses.list(SCOPE)[0].association_id == association
    world.simulated.faults.unavailable(Where(calls=("bind_address",)), times=2)
    world.pass_time(200, 5)
    assert (shown(world, place), noted(world)) == (address.address, [])


def test_an_address_that_was_given_back_meanwhile_is_let_be(world, led):
    address, place = led
    world.simulated.faults.lose_answer(Where(calls=("bind_address",)), times=2)
    with pytest.raises(errors.OutcomeUnclear):
        world.backend.addresses.associate(SCOPE, address.id, place, again=False)
    world.backend.addresses.release(SCOPE, address.id)
    asked = []
    world.simulated.faults.hooks.append(lambda _, call: asked.append(call.name))
    world.pass_time(150, 5)
    assert noted(world) == []
    assert not {"bind_address", "unbind_address"} & {*asked}


def test_what_is_said_while_the_cloud_is_asked_holds(world, led):
    address, place = led
    world.simulated.faults.lose_answer(Where(calls=("bind_address",)), times=2)
    with pytest.raises(errors.OutcomeUnclear):
        world.backend.addresses.associate(SCOPE, address.id, place, again=False)
    said = []

    def meanwhile(_, call):
        if call.name == "unbind_address" and not said:
            said.append(call)
            world.backend.addresses.associate(SCOPE, address.id, place, again=False)

    world.simulated.faults.hooks.append(meanwhile)
    world.pass_time(150, 5)
    assert said
    assert (shown(world, place), noted(world)) == (address.address, [])
