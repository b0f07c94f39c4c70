"""Acts on servers that a busy cloud refuses: taken on as at AWS, and done once the cloud lets them be done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from backend import errors as findings
from backend.domain.node import ServerStatus
from backend.domain.power import PowerAct, PowerWish
from backend.domain.profile import ServerSpec
from backend.domain.server_findings import ServerConflict, ServerUnknown
from backend.drivers import errors
from backend.drivers.compute import Server
from backend.drivers.simulated.faults import Moment, Where
from backend.drivers.simulated.settings import SimulatedSettings
from backend.engine import power_wishes
from backend.services.servers import Order
from backend.store import power_wishes as rows
from backend.store.power_wishes import POWER_WISHES
from tests.backend.engine.world import EngineWorld
from tests.factories import NOW, OTHER, SCOPE

SLOW = 20.0
"""Seconds that a reboot takes, and an image."""


@pytest.fixture
def world() -> Iterator[EngineWorld]:
    settings = SimulatedSettings(seed=7, reboot_seconds=SLOW, snapshot_seconds=SLOW)
    world = EngineWorld(settings=settings)
    yield world
    world.close()


@pytest.fixture
def server(world: EngineWorld) -> Server:
    spec = ServerSpec(image=world.image(), instance_type="t3.micro")
    (made,) = world.backend.servers.run(SCOPE, Order(spec))
    world.pass_time(5)
    return world.backend.servers.get(SCOPE, made.id)


@pytest.fixture
def asked(world: EngineWorld) -> list[str]:
    """Acts that the cloud took."""
    taken: list[str] = []

    def note(moment: Moment, call: object) -> None:
        name = getattr(call, "name", "")
        if moment is Moment.AFTER and name in {"start", "stop", "reboot", "delete"}:
            taken.append(name)

    world.simulated.faults.hooks.append(note)
    return taken


def real(world: EngineWorld, server: Server) -> ServerStatus | None:
    """The server's status at the cloud, None where it is gone."""
    try:
        return world.simulated.cloud.compute.get(SCOPE, server.id).status
    except errors.ServerNotFound:
        return None


def seen(world: EngineWorld, server: Server) -> set[ServerStatus]:
    """The status that users are told, in every way that they can ask."""
    servers = world.backend.servers
    return {
        servers.get(SCOPE, server.id).status,
        servers.find(SCOPE, [server.short_id])[server.short_id].status,
        *(each.status for each in servers.list(SCOPE) if each.id == server.id),
    }


def now(world: EngineWorld, server: Server) -> Server:
    return world.backend.servers.get(SCOPE, server.id)


def stop(world: EngineWorld, server: Server) -> tuple[ServerStatus, ServerStatus]:
    (moved,) = world.backend.servers.stop(SCOPE, [now(world, server)])
    return moved.server.status, moved.now


def start(world: EngineWorld, server: Server) -> tuple[ServerStatus, ServerStatus]:
    (moved,) = world.backend.servers.start(SCOPE, [now(world, server)])
    return moved.server.status, moved.now


def reboot(world: EngineWorld, server: Server) -> None:
    world.backend.servers.reboot(SCOPE, [now(world, server)])


def image(world: EngineWorld, server: Server) -> None:
    world.backend.images.of_server(SCOPE, now(world, server), "golden", "")


def waiting(world: EngineWorld) -> list[PowerAct]:
    with world.store.read() as conn:
        return [wish.act for wish in POWER_WISHES.all(conn, SCOPE)]


@pytest.mark.parametrize("busy", [reboot, image])
def test_a_stop_waits_for_what_is_under_way(
    world: EngineWorld, server: Server, asked: list[str], busy: Callable[[EngineWorld, Server], None]
) -> None:
    busy(world, server)
    asked.clear()
    assert stop(world, server) == (ServerStatus.ACTIVE, ServerStatus.STOPPING)
    assert (asked, real(world, server), seen(world, server)) == ([], ServerStatus.ACTIVE, {ServerStatus.STOPPING})
    assert stop(world, server) == (ServerStatus.STOPPING, ServerStatus.STOPPING)
    for refused in (start, reboot):
        with pytest.raises(ServerConflict):
            refused(world, server)
    world.pass_time(SLOW + 10)
    assert (asked, seen(world, server), waiting(world)) == (["stop"], {ServerStatus.STOPPED}, [])
    assert start(world, server) == (ServerStatus.STOPPED, ServerStatus.BUILDING)
    world.pass_time(60)
    assert (asked, seen(world, server)) == (["stop", "start"], {ServerStatus.ACTIVE})


def test_a_start_waits_for_an_image(world: EngineWorld, server: Server, asked: list[str]) -> None:
    stop(world, server)
    world.pass_time(5)
    image(world, server)
    assert start(world, server) == (ServerStatus.STOPPED, ServerStatus.BUILDING)
    assert (asked, real(world, server), seen(world, server)) == (
        ["stop"],
        ServerStatus.STOPPED,
        {ServerStatus.BUILDING},
    )
    assert start(world, server) == (ServerStatus.BUILDING, ServerStatus.BUILDING)
    world.pass_time(SLOW + 10)
    assert (asked, seen(world, server), waiting(world)) == (["stop", "start"], {ServerStatus.ACTIVE}, [])


def test_a_reboot_waits_for_an_image_and_is_one_with_a_reboot(
    world: EngineWorld, server: Server, asked: list[str]
) -> None:
    image(world, server)
    reboot(world, server)
    reboot(world, server)
    assert (asked, seen(world, server), waiting(world)) == ([], {ServerStatus.ACTIVE}, [PowerAct.REBOOT])
    world.pass_time(SLOW + 10)
    assert (asked, waiting(world)) == (["reboot"], [])
    reboot(world, server)
    assert waiting(world) == []
    world.pass_time(60)
    assert asked == ["reboot"]


def test_a_stop_takes_the_place_of_a_reboot_that_waits(world: EngineWorld, server: Server, asked: list[str]) -> None:
    image(world, server)
    reboot(world, server)
    stop(world, server)
    world.pass_time(SLOW + 20)
    assert (asked, real(world, server), waiting(world)) == (["stop"], ServerStatus.STOPPED, [])


def test_a_stop_that_the_cloud_takes_at_once_ends_a_reboot_that_waits(
    world: EngineWorld, server: Server, asked: list[str]
) -> None:
    image(world, server)
    reboot(world, server)
    world.clock.move(SLOW + 1)
    stop(world, server)
    assert (asked, waiting(world)) == (["stop"], [])
    world.pass_time(5)
    start(world, server)
    world.pass_time(60)
    assert asked == ["stop", "start"]


def test_what_another_asks_before_an_act_is_noted_as_done_waits_still(world: EngineWorld, server: Server) -> None:
    image(world, server)
    reboot(world, server)
    world.clock.move(SLOW + 1)

    def meanwhile(moment: Moment, call: object) -> None:
        if moment is Moment.AFTER and getattr(call, "name", "") == "reboot":
            world.simulated.faults.hooks.remove(meanwhile)
            stop(world, server)

    world.simulated.faults.hooks.append(meanwhile)
    reboot(world, server)  # the cloud takes it: what waited is done
    assert waiting(world) == [PowerAct.STOP]
    world.pass_time(SLOW + 10)
    assert (real(world, server), waiting(world)) == (ServerStatus.STOPPED, [])


def test_a_server_that_ends_ends_what_waits(world: EngineWorld, server: Server, asked: list[str]) -> None:
    reboot(world, server)
    stop(world, server)
    (moved,) = world.backend.servers.terminate(SCOPE, [now(world, server)])
    assert (moved.server.status, moved.now) == (ServerStatus.STOPPING, ServerStatus.DELETING)
    assert (waiting(world), seen_of_list(world, server)) == ([], ServerStatus.DELETING)
    world.pass_time(60)
    assert asked == ["reboot", "delete"]


def seen_of_list(world: EngineWorld, server: Server) -> ServerStatus:
    return next(each.status for each in world.backend.servers.list(SCOPE) if each.id == server.id)


@pytest.mark.parametrize("how", ["terminate", "vanish"])
def test_a_server_that_is_gone_is_forgotten(world: EngineWorld, server: Server, asked: list[str], how: str) -> None:
    reboot(world, server)
    stop(world, server)
    getattr(world.simulated.operator, how)(server.id)
    world.pass_time(10)
    assert (asked, waiting(world)) == (["reboot"], [])


def test_what_somebody_else_did_is_left_alone(world: EngineWorld, server: Server, asked: list[str]) -> None:
    reboot(world, server)
    stop(world, server)
    world.simulated.operator.stop(server.id)
    world.pass_time(30)
    assert (asked, real(world, server), waiting(world)) == (["reboot"], ServerStatus.STOPPED, [])


def test_a_server_that_is_stopped_meanwhile_is_as_good_as_that(
    world: EngineWorld, server: Server, asked: list[str]
) -> None:
    world.simulated.operator.stop(server.id)
    (moved,) = world.backend.servers.stop(SCOPE, [server])
    assert (moved.now, asked, waiting(world)) == (ServerStatus.STOPPING, [], [])
    with pytest.raises(ServerConflict):
        world.backend.servers.reboot(SCOPE, [server])


def test_a_conflict_that_is_no_matter_of_time_is_told_at_once(world: EngineWorld, server: Server) -> None:
    world.simulated.faults.refuse(errors.ServerStateConflict("Instance is locked"), Where(calls=("stop",)))
    with pytest.raises(ServerConflict):
        stop(world, server)
    assert waiting(world) == []


def test_what_vanished_or_cannot_be_looked_at_is_told(world: EngineWorld, server: Server) -> None:
    faults = world.simulated.faults
    faults.refuse(errors.ServerBusy("in task_state image_snapshot"), Where(calls=("stop",)))
    faults.unavailable(Where(calls=("get",)), times=1)
    with pytest.raises(findings.CloudNotReached):
        world.backend.servers.stop(SCOPE, [server])
    faults.refuse(errors.ServerNotFound("gone"), Where(calls=("get",)), times=1)
    with pytest.raises(ServerUnknown):
        world.backend.servers.stop(SCOPE, [server])
    assert waiting(world) == []


def test_what_is_refused_for_long_is_given_up(world: EngineWorld, server: Server, asked: list[str]) -> None:
    faults = world.simulated.faults
    faults.refuse(errors.ServerBusy("task_state migrating"), Where(calls=("stop",)))
    stop(world, server)
    tries: list[float] = []

    def note(moment: Moment, call: object) -> None:
        if moment is Moment.BEFORE and getattr(call, "name", "") == "get":
            tries.append((world.clock.now() - began).total_seconds())

    began = world.clock.now()
    faults.hooks.append(note)
    world.pass_time(power_wishes.PATIENCE.total_seconds() - 20, step=1)
    pauses = [after - before for before, after in pairwise(tries)]
    assert (tries[0] <= 2, pauses[0] <= 2, 14 <= pauses[-1] <= 17, len(tries) < 70) == (True,) * 4
    assert seen(world, server) == {ServerStatus.STOPPING}
    world.pass_time(60, step=1)
    assert (asked, seen(world, server), waiting(world)) == ([], {ServerStatus.ACTIVE}, [])


def test_a_cloud_that_is_away_is_waited_for(world: EngineWorld, server: Server, asked: list[str]) -> None:
    reboot(world, server)
    stop(world, server)
    faults = world.simulated.faults
    faults.unavailable(Where(calls=("get", "stop")), seconds=2 * power_wishes.PATIENCE.total_seconds())
    world.pass_time(2 * power_wishes.PATIENCE.total_seconds() - 10, step=5)
    assert (asked, waiting(world)) == (["reboot"], [PowerAct.STOP])
    world.pass_time(60, step=1)
    assert (asked[-1], real(world, server), waiting(world)) == ("stop", ServerStatus.STOPPED, [])


def test_what_a_cloud_refuses_after_it_was_away_for_long_is_tried_on(
    world: EngineWorld, server: Server, asked: list[str]
) -> None:
    faults, long = world.simulated.faults, 2 * power_wishes.PATIENCE.total_seconds()
    faults.refuse(errors.ServerBusy("task_state migrating"), Where(calls=("stop",)), seconds=long + 120)
    stop(world, server)
    world.pass_time(20, step=1)
    faults.unavailable(Where(calls=("get",)), seconds=long - 20)
    world.pass_time(long + 90, step=5)
    assert (asked, waiting(world), seen(world, server)) == ([], [PowerAct.STOP], {ServerStatus.STOPPING})
    world.pass_time(60, step=1)
    assert (asked, real(world, server), waiting(world)) == (["stop"], ServerStatus.STOPPED, [])


def test_what_no_engine_was_there_for_is_tried_on(world: EngineWorld, server: Server, asked: list[str]) -> None:
    faults = world.simulated.faults
    faults.refuse(errors.ServerBusy("task_state migrating"), Where(calls=("stop",)))
    stop(world, server)
    world.pass_time(20, step=1)
    world.clock.move(2 * power_wishes.PATIENCE.total_seconds())
    world.pass_time(30, step=1)
    assert waiting(world) == [PowerAct.STOP]
    faults.lift()
    world.pass_time(30, step=1)
    assert (asked, real(world, server), waiting(world)) == (["stop"], ServerStatus.STOPPED, [])


def test_a_server_of_which_nothing_is_known_is_waited_for(
    world: EngineWorld, server: Server, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nova tells so where it does not reach the cell of the server."""
    reboot(world, server)
    stop(world, server)
    asked.clear()
    compute, get = world.simulated.cloud.compute, world.simulated.cloud.compute.get
    with monkeypatch.context() as patched:
        patched.setattr(compute, "get", lambda *args: replace(get(*args), status=ServerStatus.UNKNOWN))
        world.pass_time(2 * power_wishes.PATIENCE.total_seconds(), step=5)
    world.pass_time(60, step=1)
    assert (asked, real(world, server), waiting(world)) == (["stop"], ServerStatus.STOPPED, [])


def test_what_is_asked_for_anew_is_tried_for_as_long_again(world: EngineWorld, server: Server) -> None:
    faults, patience = world.simulated.faults, power_wishes.PATIENCE.total_seconds()
    faults.refuse(errors.ServerBusy("task_state migrating"), Where(calls=("stop", "reboot")))
    reboot(world, server)
    world.pass_time(patience - 60, step=1)
    stop(world, server)
    world.pass_time(patience - 60, step=1)
    assert waiting(world) == [PowerAct.STOP]
    world.pass_time(150, step=1)
    assert waiting(world) == []


@pytest.mark.parametrize(("busy", "act"), [(reboot, stop), (image, reboot)])
@pytest.mark.parametrize("lost", ["lose_answer", "lose_request"])
def test_an_answer_that_is_lost_does_no_harm(
    world: EngineWorld,
    server: Server,
    busy: Callable[[EngineWorld, Server], None],
    act: Callable[[EngineWorld, Server], object],
    lost: str,
) -> None:
    busy(world, server)
    act(world, server)
    world.clock.move(SLOW + 1)
    getattr(world.simulated.faults, lost)(Where(calls=(act.__name__,)), times=1)
    world.pass_time(2 * SLOW + 10)
    stopped = act is stop
    assert (real(world, server), waiting(world)) == (ServerStatus.STOPPED if stopped else ServerStatus.ACTIVE, [])


def test_a_rebuild_is_waited_for(world: EngineWorld, server: Server, asked: list[str]) -> None:
    reboot(world, server)
    stop(world, server)
    world.clock.move(SLOW + 0.5)
    world.simulated.cloud.compute.rebuild(SCOPE, server.id)
    world.pass_time(10)
    assert (asked, real(world, server), waiting(world)) == (["reboot", "stop"], ServerStatus.STOPPED, [])


def test_what_is_asked_while_an_engine_is_at_it_is_done_after_it(world: EngineWorld, server: Server) -> None:
    at = world.clock.now()
    first, second = (PowerWish(server.id, act, at) for act in (PowerAct.REBOOT, PowerAct.STOP))
    world.store.transact(lambda conn: rows.ask(conn, SCOPE, first, at))

    def later(moment: Moment, call: object) -> None:
        if moment is Moment.AFTER and getattr(call, "name", "") == "reboot":
            world.store.transact(lambda conn: rows.ask(conn, SCOPE, second, at))

    world.simulated.faults.hooks.append(later)
    world.pass_time(2)
    assert (waiting(world), seen(world, server)) == ([PowerAct.STOP], {ServerStatus.STOPPING})
    world.pass_time(SLOW + 10)
    assert (real(world, server), waiting(world)) == (ServerStatus.STOPPED, [])


def test_an_engine_that_dies_leaves_the_wish_to_the_next(world: EngineWorld, server: Server) -> None:
    reboot(world, server)
    stop(world, server)
    world.clock.move(SLOW + 1)

    class Died(BaseException):
        pass

    def die(moment: Moment, call: object) -> None:
        if moment is Moment.BEFORE and getattr(call, "name", "") == "stop":
            world.simulated.faults.hooks.remove(die)
            raise Died

    world.simulated.faults.hooks.append(die)
    with pytest.raises(Died):
        world.pass_time(5)
    world.engine = world.new_engine("two")
    world.pass_time(world.engine_settings.lease.total_seconds() + 10)
    assert (real(world, server), waiting(world)) == (ServerStatus.STOPPED, [])


def test_wishes_are_of_a_project(world: EngineWorld, server: Server) -> None:
    reboot(world, server)
    stop(world, server)
    with world.store.read() as conn:
        assert POWER_WISHES.all(conn, OTHER) == []
    world.store.transact(lambda conn: rows.forget(conn, OTHER, [server.id]))
    assert waiting(world) == [PowerAct.STOP]


def test_a_wish_shows_where_it_leads() -> None:
    shown = {act: PowerWish("s", act, NOW).shown(act.acts_on) for act in PowerAct}
    assert shown == {
        PowerAct.START: ServerStatus.BUILDING,
        PowerAct.STOP: ServerStatus.STOPPING,
        PowerAct.REBOOT: ServerStatus.ACTIVE,
    }
    assert PowerWish("s", PowerAct.STOP, NOW).shown(ServerStatus.DELETING) is ServerStatus.DELETING
