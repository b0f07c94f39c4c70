"""Public addresses and interfaces whose requests died: what the cloud made of them is taken away."""

from __future__ import annotations

import pytest

from backend import errors
from backend.drivers.simulated.faults import Where
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
