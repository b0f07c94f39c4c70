"""Made interfaces of launches that nobody told of: an engine writes who has each, or that nobody has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend import errors
from backend.domain.profile import ServerSpec
from backend.domain.token import ClientToken
from backend.drivers.simulated.faults import Where
from backend.services.servers import Order
from backend.store.networks import MAKINGS
from tests.factories import SCOPE

CREATE = Where(calls=("create",))
HOLDER = Where(calls=("holder",))


@pytest.fixture
def made(world):
    subnet = world.simulated.cloud.network.subnets(SCOPE)[0]
    return world.backend.interfaces.create(SCOPE, subnet.short_id, None, None, "")


@pytest.fixture
def order(world, made):
    return Order(ServerSpec(image=world.image(), instance_type="t3.micro", interface=made.id))


def noted(world):
    with world.store.read() as conn:
        return MAKINGS.all(conn, SCOPE)


def here(world, made):
    return world.backend.interfaces.one(SCOPE, made.id)


def test_whose_answer_was_lost_is_found_to_have_it(world, made, order):
    world.simulated.faults.lose_answer(CREATE, times=1)
    with pytest.raises(errors.OutcomeUnclear):
        world.backend.servers.run(SCOPE, order)
    (server,) = world.simulated.cloud.compute.list(SCOPE)
    world.simulated.faults.unavailable(HOLDER, times=1)
    world.pass_time(700, 30)
    now = here(world, made)
    assert (now.server_id, now.device_index, noted(world)) == (server.id, 0, [])


def test_what_came_to_nothing_is_free(world, made, order):
    def crash(_, call):
        if call.name == "create":
            world.simulated.faults.hooks.remove(crash)
            raise KeyboardInterrupt

    world.simulated.faults.hooks.append(crash)
    with pytest.raises(KeyboardInterrupt):
        world.backend.servers.run(SCOPE, order)
    world.pass_time(300, 30)
    assert here(world, made).launching
    world.pass_time(400, 30)
    assert (here(world, made), noted(world)) == (made, [])
    assert world.backend.servers.run(SCOPE, order)


def test_a_repeat_has_as_much_time_as_the_first(world, made, order):
    """The first crashed ten minutes before the engine looks, its repeat only just began."""

    def crash(_, call):
        if call.name == "create":
            world.simulated.faults.hooks.remove(crash)
            raise KeyboardInterrupt

    token = ClientToken("RunInstances", "t", "f")
    for seconds in (500, 150):
        world.simulated.faults.hooks.append(crash)
        with pytest.raises(KeyboardInterrupt):
            world.backend.servers.run(SCOPE, replace(order, token=token))
        world.pass_time(seconds, 50)
        assert here(world, made).launching
    world.pass_time(500, 50)
    assert (here(world, made), noted(world)) == (made, [])


def test_what_was_told_meanwhile_stays(world, made, order):
    (server,) = world.backend.servers.run(SCOPE, order)
    world.pass_time(700, 30)
    assert (here(world, made).server_id, noted(world)) == (server.id, [])
