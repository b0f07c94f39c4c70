"""NAT gateways and their interfaces: neither is without the other for longer than a request takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from backend import errors
from backend.domain.address_findings import InterfaceManaged
from backend.services import nat_gateways
from backend.store import addresses as rows
from tests.factories import SCOPE, World


@pytest.fixture
def subnet(world: World) -> str:
    return world.simulated.cloud.network.subnets(SCOPE)[0].short_id


def test_a_gateway_and_its_interface_are_written_at_once(
    world: World, subnet: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[int, int]] = []
    transact = world.store.transact

    def noting(work: Callable[[Any], Any]) -> Any:
        found = transact(work)
        with world.store.read() as conn:
            written.append((rows.INTERFACES.count(conn, SCOPE), rows.GATEWAYS.count(conn, SCOPE)))
        return found

    monkeypatch.setattr(world.store, "transact", noting)
    gateway = world.backend.nat_gateways.create(SCOPE, subnet, None, None, None)
    assert set(written) == {(0, 0), (1, 1)}
    with pytest.raises(InterfaceManaged):
        world.backend.interfaces.delete(SCOPE, gateway.interface_id)


def test_an_interface_whose_gateway_never_was_can_be_ended(world: World, subnet: str) -> None:
    made = world.backend.interfaces.create(SCOPE, subnet, None, None, "", "0123456789abcdef0")
    world.backend.interfaces.delete(SCOPE, made.id)
    assert world.backend.interfaces.list(SCOPE) == []


def test_a_gateway_that_cannot_be_leaves_no_interface(
    world: World, subnet: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nat_gateways, "GATEWAYS", 0)
    asked: list[str] = []
    world.simulated.faults.hooks.append(lambda _, call: asked.append(call.name))
    with pytest.raises(errors.LimitExceeded):
        world.backend.nat_gateways.create(SCOPE, subnet, None, None, None)
    assert (world.backend.interfaces.list(SCOPE), asked[-1]) == ([], "delete_interface")
