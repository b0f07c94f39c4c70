"""Made interfaces that two requests attach and detach: neither undoes what the other wrote."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backend import errors
from backend.domain.address_findings import InterfaceInUse
from backend.domain.addresses import MadeInterface
from backend.drivers.errors import Busy, Refused
from backend.drivers.simulated.faults import Where
from backend.store import addresses as rows
from tests.factories import SCOPE, World

OTHERS = "1" * 17


@pytest.fixture
def made(world: World) -> MadeInterface:
    subnet = world.simulated.cloud.network.subnets(SCOPE)[0].short_id
    return world.backend.interfaces.create(SCOPE, subnet, None, None, "")


@pytest.fixture
def meanwhile(world: World, made: MadeInterface) -> Callable[[str], None]:
    """Have it attached anew by another request while the cloud is asked for that; what the cloud says then."""

    def meanwhile(name: str, *, refuses: bool = False) -> None:
        def hook(_: object, call: object) -> None:
            if getattr(call, "name", "") == name:
                world.simulated.faults.hooks.remove(hook)
                values = {"server_id": "s-2", "attachment_id": OTHERS}
                world.store.transact(lambda conn: rows.INTERFACES.change(conn, SCOPE, made.id, **values))
                if refuses:
                    raise Refused("no")

        world.simulated.faults.hooks.append(hook)

    return meanwhile


def test_a_refused_attachment_ends_no_other(world, made, meanwhile):
    meanwhile("attach_interface", refuses=True)
    with pytest.raises(errors.CloudRefused):
        world.backend.interfaces.attach(SCOPE, made.id, world.server().id, 1)
    assert world.backend.interfaces.one(SCOPE, made.id).attachment_id == OTHERS


def test_a_detachment_ends_its_own_attachment_alone(world, made, meanwhile):
    attachment = world.backend.interfaces.attach(SCOPE, made.id, world.server().id, 1)
    meanwhile("detach_interface")
    world.backend.interfaces.detach(SCOPE, attachment)
    assert world.backend.interfaces.one(SCOPE, made.id).attachment_id == OTHERS


def test_an_interface_that_a_server_is_about_to_let_go_of_is_in_use(world: World, made: MadeInterface) -> None:
    world.simulated.faults.refuse(Busy("a server has it still"), Where(calls=("delete_interface",)), times=1)
    with pytest.raises(InterfaceInUse):
        world.backend.interfaces.delete(SCOPE, made.id)
    world.backend.interfaces.delete(SCOPE, made.id)
