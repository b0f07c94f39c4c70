"""Made interfaces that servers are launched with: one server has each, whatever becomes of the requests for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from backend import errors
from backend.domain.address_findings import IndexTaken, InterfaceInUse, InterfaceMissing
from backend.domain.addresses import JOINING, MadeInterface
from backend.domain.profile import ServerSpec
from backend.domain.token import ClientToken
from backend.drivers.errors import InterfaceInUse as HeldByTheCloud
from backend.drivers.errors import NoCapacity
from backend.drivers.simulated.faults import Where
from backend.services.servers import Order
from backend.store.networks import MAKINGS
from tests.factories import OTHER, SCOPE, World

TOKEN = ClientToken("RunInstances", "again", "f")
CREATE = Where(calls=("create",))


@pytest.fixture
def made(world: World) -> MadeInterface:
    subnet = next(each for each in world.simulated.cloud.network.subnets(SCOPE) if each.zone == "us-east-1b")
    return world.backend.interfaces.create(SCOPE, subnet.short_id, None, None, "")


@pytest.fixture
def spec(world: World, made: MadeInterface) -> ServerSpec:
    return ServerSpec(image=world.image(), instance_type="t3.micro", interface=made.id)


@pytest.fixture
def meanwhile(world: World) -> Callable[[Callable[[], object]], None]:
    """Have something done, once, while the cloud is asked for a server."""

    def meanwhile(act: Callable[[], object]) -> None:
        def hook(_: object, call: object) -> None:
            if getattr(call, "name", "") == "create":
                world.simulated.faults.hooks.remove(hook)
                act()

        world.simulated.faults.hooks.append(hook)

    return meanwhile


def here(world: World, made: MadeInterface) -> MadeInterface:
    return world.backend.interfaces.one(SCOPE, made.id)


def noted(world: World) -> list[str]:
    with world.store.read() as conn:
        return [each.id for each in MAKINGS.all(conn, SCOPE, kind=JOINING)]


def test_a_server_is_launched_where_its_interface_is(world: World, made: MadeInterface, spec: ServerSpec) -> None:
    (server,) = world.backend.servers.run(SCOPE, Order(spec))
    assert (server.private_address, server.mac_address) == (made.address, made.mac)
    assert (server.zone, server.subnet_id, server.public_address) == (made.zone, made.subnet_id, None)
    assert {each[:8] for each in server.security_group_ids} == {each[:8] for each in made.groups}
    now = here(world, made)
    assert (now.server_id, now.device_index, now.attached_at) == (server.id, 0, world.clock.now())
    assert noted(world) == []
    assert world.backend.interfaces.of_servers(SCOPE) == {server.id: [now]}
    assert world.backend.interfaces.of_servers(OTHER) == {}


def test_one_that_somebody_has_and_one_that_is_not_there(world: World, made: MadeInterface, spec: ServerSpec) -> None:
    world.backend.servers.check(SCOPE, spec)
    world.backend.servers.run(SCOPE, Order(spec))
    for act in (
        lambda: world.backend.servers.run(SCOPE, Order(spec)),
        lambda: world.backend.servers.check(SCOPE, spec),
    ):
        with pytest.raises(InterfaceInUse):
            act()
    nowhere = replace(spec, interface="0" * 17)
    for act in (
        lambda: world.backend.servers.run(SCOPE, Order(nowhere)),
        lambda: world.backend.servers.check(SCOPE, nowhere),
        lambda: world.backend.servers.run(OTHER, Order(spec)),
    ):
        with pytest.raises(InterfaceMissing):
            act()


def test_of_two_requests_at_once_one_gets_it(
    world: World, made: MadeInterface, spec: ServerSpec, meanwhile: Callable[[Callable[[], object]], None]
) -> None:
    refused: list[str] = []

    def others() -> None:
        with pytest.raises(InterfaceInUse) as found:
            world.backend.servers.run(SCOPE, Order(spec, token=TOKEN))
        refused.append(found.value.id)
        with pytest.raises(InterfaceInUse):
            world.backend.interfaces.attach(SCOPE, made.id, world.server().id, 1)
        with pytest.raises(InterfaceInUse):
            world.backend.interfaces.delete(SCOPE, made.id)
        assert here(world, made).launching

    meanwhile(others)
    (server,) = world.backend.servers.run(SCOPE, Order(spec))
    assert (refused, here(world, made).server_id) == ([made.id], server.id)


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize(
    ("refusal", "found"), [(NoCapacity("full"), errors.Finding), (HeldByTheCloud("p"), InterfaceInUse)]
)
def test_a_refused_launch_leaves_it_free(
    world: World,
    made: MadeInterface,
    spec: ServerSpec,
    token: ClientToken | None,
    refusal: errors.Finding,
    found: type[Exception],
) -> None:
    world.simulated.faults.refuse(refusal, CREATE, times=1)  # type: ignore[arg-type]
    with pytest.raises(found):
        world.backend.servers.run(SCOPE, Order(spec, token=token))
    assert (here(world, made), noted(world)) == (made, [])
    assert world.backend.servers.run(SCOPE, Order(spec, token=token))


def test_it_is_free_again_when_its_server_is_gone(world: World, made: MadeInterface, spec: ServerSpec) -> None:
    servers = world.backend.servers.run(SCOPE, Order(spec))
    world.backend.servers.terminate(SCOPE, servers)
    with pytest.raises(InterfaceInUse):
        world.backend.servers.run(SCOPE, Order(spec))
    world.clock.move(600)
    other = world.server(zone="us-east-1b")
    attachment = world.backend.interfaces.attach(SCOPE, made.id, other.id, 1)
    world.backend.interfaces.detach(SCOPE, attachment)
    (second,) = world.backend.servers.run(SCOPE, Order(spec))
    assert (second.private_address, here(world, made).server_id) == (made.address, second.id)


def test_its_address_is_taken_once(world: World, made: MadeInterface, spec: ServerSpec) -> None:
    def free() -> int:
        subnets = world.simulated.cloud.network.subnets(SCOPE)
        return next(each.free_addresses for each in subnets if each.id == made.subnet_id)

    before = free()
    for end in (world.simulated.cloud.compute.delete, lambda _, server: world.simulated.operator.vanish(server)):
        (server,) = world.backend.servers.run(SCOPE, Order(spec))
        assert free() == before
        end(SCOPE, server.id)
        world.clock.move(60)
        assert free() == before
    other = world.server(zone="us-east-1b")  # what is gone is settled
    assert (other.private_address != made.address, free()) == (True, before - 1)


def test_an_attached_one_is_free_when_its_server_is_gone(world: World, made: MadeInterface) -> None:
    first, second = world.server(zone="us-east-1b"), world.server(zone="us-east-1b")
    world.backend.interfaces.attach(SCOPE, made.id, first.id, 1)
    world.simulated.operator.vanish(first.id)
    world.backend.interfaces.attach(SCOPE, made.id, second.id, 1)
    assert here(world, made).server_id == second.id


def test_the_same_token_brings_the_same_server(world: World, made: MadeInterface, spec: ServerSpec) -> None:
    order = Order(spec, token=TOKEN)
    (server,) = world.backend.servers.run(SCOPE, order)
    assert [each.id for each in world.backend.servers.run(SCOPE, order)] == [server.id]


def test_a_repeat_after_a_lost_answer_has_what_was_made(world: World, made: MadeInterface, spec: ServerSpec) -> None:
    order = Order(spec, token=TOKEN)
    world.simulated.faults.lose_answer(CREATE, times=1)
    with pytest.raises(errors.OutcomeUnclear):
        world.backend.servers.run(SCOPE, order)
    assert (here(world, made).launching, noted(world)) == (True, [made.cloud_id])
    (server,) = world.backend.servers.run(SCOPE, order)
    assert (here(world, made).server_id, noted(world)) == (server.id, [])


def test_a_repeat_after_a_crash_launches_with_it(world: World, made: MadeInterface, spec: ServerSpec) -> None:
    """The first held it and was never heard of again: its token holds it still."""

    class Crash(BaseException):
        pass

    def crash(_: object, call: object) -> None:
        if getattr(call, "name", "") == "create":
            world.simulated.faults.hooks.remove(crash)
            raise Crash

    world.simulated.faults.hooks.append(crash)
    order = Order(spec, token=TOKEN)
    with pytest.raises(Crash):
        world.backend.servers.run(SCOPE, order)
    with pytest.raises(InterfaceInUse):
        world.backend.servers.run(SCOPE, Order(spec))
    world.clock.move(121)
    (server,) = world.backend.servers.run(SCOPE, order)
    assert (here(world, made).server_id, noted(world)) == (server.id, [])


def test_a_server_has_one_interface_at_an_index(world: World, made: MadeInterface) -> None:
    """Whoever looked before the other attached is refused by what is written."""
    other = world.backend.interfaces.create(SCOPE, made.subnet, None, None, "")
    plain = ServerSpec(image=world.image(), instance_type="t3.micro", zone=made.zone)
    first, second = world.backend.servers.run(SCOPE, Order(plain, 2, 2))
    world.backend.interfaces.attach(SCOPE, made.id, first.id, 1)
    with pytest.raises(IndexTaken):
        world.backend.interfaces.attach(SCOPE, other.id, first.id, 1)
    assert here(world, other) == other
    world.backend.interfaces.attach(SCOPE, other.id, second.id, 1)


@pytest.mark.parametrize("act", ["run", "attach"])
def test_one_that_is_being_deleted_is_nobodys(world: World, made: MadeInterface, spec: ServerSpec, act: str) -> None:
    plain = ServerSpec(image=world.image(), instance_type="t3.micro", zone=made.zone)
    (server,) = world.backend.servers.run(SCOPE, Order(plain))
    refused: list[bool] = []
    take: dict[str, Callable[[], object]] = {
        "run": lambda: world.backend.servers.run(SCOPE, Order(spec)),
        "attach": lambda: world.backend.interfaces.attach(SCOPE, made.id, server.id, 1),
    }

    def meanwhile(_: object, call: object) -> None:
        if getattr(call, "name", "") == "delete_interface" and not refused:
            refused.append(True)
            with pytest.raises(InterfaceInUse):
                take[act]()

    world.simulated.faults.hooks.append(meanwhile)
    world.backend.interfaces.delete(SCOPE, made.id)
    assert (refused, world.backend.interfaces.list(SCOPE), noted(world)) == ([True], [], [])


def test_one_that_the_cloud_does_not_delete_is_free_again(world: World, made: MadeInterface) -> None:
    world.simulated.faults.unavailable(Where(calls=("delete_interface",)), times=1)
    with pytest.raises(errors.CloudNotReached):
        world.backend.interfaces.delete(SCOPE, made.id)
    assert (here(world, made), noted(world)) == (made, [])
    world.backend.interfaces.delete(SCOPE, made.id)
