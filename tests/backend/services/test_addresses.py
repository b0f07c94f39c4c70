"""Public addresses that the cloud will not lead where they are to: what is told of them then, and of others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backend import errors
from backend.domain.addresses import LEADING, ElasticAddress
from backend.domain.scope import Scope
from backend.drivers.errors import Refused
from backend.drivers.simulated.faults import Where
from backend.services.addresses import Place
from backend.store import addresses as rows
from backend.store.networks import MAKINGS
from backend.store.session import Connection
from tests.factories import SCOPE, World


def seen(world: World, address: ElasticAddress) -> str | None:
    with world.store.read() as conn:
        found = rows.ADDRESSES.one(conn, SCOPE, id=address.id)
    return None if found is None else found.association_id


def during(world: World, name: str, do: Callable[[], None]) -> None:
    """Have something done when the cloud is asked for that, before it answers."""

    def hook(_: object, call: object) -> None:
        if getattr(call, "name", "") == name:
            world.simulated.faults.hooks.remove(hook)
            do()

    world.simulated.faults.hooks.append(hook)


@pytest.fixture
def place(world: World) -> Place:
    server = world.server()
    return Place(server.private_address or "", server_id=server.id)


def test_an_address_that_cannot_be_led_undoes_nothing_that_others_wrote(world: World, place: Place) -> None:
    address = world.backend.addresses.allocate(SCOPE)

    def meanwhile() -> None:
        world.store.transact(lambda conn: rows.ADDRESSES.change(conn, SCOPE, address.id, association_id="1" * 17))
        raise Refused("no")

    during(world, "bind_address", meanwhile)
    with pytest.raises(errors.CloudRefused):
        world.backend.addresses.associate(SCOPE, address.id, place, again=True)
    assert seen(world, address) == "1" * 17


@pytest.mark.parametrize(("fails", "stays"), [("unbind_address", True), ("bind_address", False)])
def test_an_address_that_leads_there_already_is_told_as_the_cloud_has_it(
    world: World, place: Place, fails: str, *, stays: bool
) -> None:
    first, second = (world.backend.addresses.allocate(SCOPE) for _ in range(2))
    association = world.backend.addresses.associate(SCOPE, first.id, place, again=True)
    world.simulated.faults.refuse(Refused("no"), Where(calls=(fails,)))
    with pytest.raises(errors.CloudRefused):
        world.backend.addresses.associate(SCOPE, second.id, place, again=True)
    assert (seen(world, first), seen(world, second)) == (association if stays else None, None)


def test_an_address_that_is_led_elsewhere_while_it_is_parted_stays_led(world: World, place: Place) -> None:
    address = world.backend.addresses.allocate(SCOPE)
    association = world.backend.addresses.associate(SCOPE, address.id, place, again=True)

    def meanwhile() -> None:
        world.store.transact(lambda conn: rows.ADDRESSES.change(conn, SCOPE, address.id, association_id="2" * 17))

    during(world, "unbind_address", meanwhile)
    world.backend.addresses.disassociate(SCOPE, association)
    assert seen(world, address) == "2" * 17


def test_an_address_that_is_led_elsewhere_meanwhile_stays_there(
    world: World, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who leads another one to where it was has seen it there, before it is held."""
    first, second = (world.backend.addresses.allocate(SCOPE) for _ in range(2))
    world.backend.addresses.associate(SCOPE, first.id, place, again=True)
    away = {"association_id": "1" * 17, "server_id": None, "interface_id": "i", "private_address": "10.9.9.9"}
    find = rows.ADDRESSES.all

    def late(conn: Connection, scope: Scope, **equal: object) -> list[ElasticAddress]:
        found = find(conn, scope, **equal)
        if [each.id for each in found] == [first.id]:
            rows.ADDRESSES.change(conn, scope, first.id, **away)
        return found

    monkeypatch.setattr(rows.ADDRESSES, "all", late)
    world.backend.addresses.associate(SCOPE, second.id, place, again=True)
    assert seen(world, first) == "1" * 17
    assert seen(world, second) is not None


def _watched(world: World, address: ElasticAddress) -> bool:
    """Whether an engine has the cloud lead it where its row says."""
    with world.store.read() as conn:
        return MAKINGS.one(conn, SCOPE, id=address.cloud_id, kind=LEADING) is not None


def test_an_address_that_is_led_elsewhere_while_it_is_parted_is_led_there_in_the_end(
    world: World, place: Place
) -> None:
    """The cloud may hear of the parting last."""
    addresses, server = world.backend.addresses, world.server()
    address = addresses.allocate(SCOPE)
    association = addresses.associate(SCOPE, address.id, place, again=True)
    other = Place(server.private_address or "", server_id=server.id)
    during(world, "unbind_address", lambda: addresses.associate(SCOPE, address.id, other, again=True) and None)
    addresses.disassociate(SCOPE, association)
    assert seen(world, address) is not None
    assert _watched(world, address)


def test_of_two_that_are_led_to_one_place_the_last_leads_there_in_the_end(world: World, place: Place) -> None:
    """The cloud may hear of the first one last."""
    addresses = world.backend.addresses
    first, second = (addresses.allocate(SCOPE) for _ in range(2))
    during(world, "bind_address", lambda: addresses.associate(SCOPE, second.id, place, again=True) and None)
    addresses.associate(SCOPE, first.id, place, again=True)
    assert (seen(world, first), seen(world, second) is not None) == (None, True)
    assert _watched(world, first)
    assert _watched(world, second)
