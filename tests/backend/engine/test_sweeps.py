"""Nothing is deleted on evidence that could be someone else's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import delete, select

from backend.commands import CannotDo
from backend.commands import orphans as command
from backend.domain.activity import CauseKind
from backend.domain.profile import ServerSpec
from backend.drivers import errors
from backend.drivers.simulated.cloud import ALONE
from backend.drivers.simulated.faults import Where
from backend.policies.sweep import SweepRule
from backend.services.servers import Order
from backend.store import nodes, tables, watches
from tests.backend.engine.world import EngineWorld
from tests.factories import SCOPE, uuid_of

OTHERS = uuid_of("another installation")
LONG = 400.0


def _together(*worlds: EngineWorld, seconds: float) -> None:
    """Let the engines of several installations work while time passes."""
    for _ in range(int(seconds)):
        for each in worlds:
            each.engine.tick(each.clock.now())
        worlds[0].clock.move(1)


def _told(world: EngineWorld) -> tuple[int, int]:
    with world.store.read() as conn:
        return watches.told(conn, SCOPE)


def _release(world: EngineWorld) -> str:
    return command.release(world.store, world.clock, f"{SCOPE.project_id}/{SCOPE.region}")


def _lose_nodes(world: EngineWorld) -> None:
    """The rows of every node are gone, by a hand or by a mistake."""
    world.store.transact(lambda conn: conn.execute(delete(tables.nodes)))
    world.store.transact(lambda conn: conn.execute(tables.clusters.update().values(desired=0)))


def test_two_installations_on_one_cloud_leave_each_other_alone(world, caplog):
    mine = world.make("prod", desired=6)
    world.pass_time(6)
    other = world.beside(OTHERS)
    theirs = other.make("test", desired=1)
    _together(world, other, seconds=LONG)
    servers = {node.server_id for node in (*world.nodes(mine), *other.nodes(theirs))}
    assert len(servers) == 7
    assert servers == set(world.servers())
    assert (world.measures.told["orphans"], other.measures.told["orphans"]) == (0, 0)
    _together(world, other, seconds=1000)  # until the next complete look
    assert (_told(world), _told(other)) == ((1, 0), (6, 0))
    assert other.measures.left_alone == {SCOPE: (6, 0)}
    assert "6 with a token that is not this installation's" in command.listed(other.store, world.clock, SweepRule())[0]
    assert caplog.text.count("not this installation's: 6") == 1
    other.store.close()


def test_a_restored_database_ends_nothing_that_it_does_not_know(world, caplog):
    world.make("prod", desired=6)
    world.pass_time(6)
    restored = world.beside(ALONE)
    group = restored.make("new", desired=1)
    _together(restored, seconds=LONG)
    assert len(world.servers()) == 7
    assert restored.measures.told["orphans"] == 0
    assert _told(restored) == (0, 6)
    assert caplog.text.count("until an operator's word: 6") == 1
    (told,) = [entry for entry in restored.journal(group) if entry.causes[0].kind is CauseKind.ORPHANS_HELD]
    assert told.causes[0].data == {"count": 6}

    (line,) = command.listed(restored.store, world.clock, SweepRule())
    assert "6 of 7 belong to no group" in line
    assert "6 held, 6 of launches that this database does not know" in line
    assert "Released: 6." in _release(restored)
    _together(restored, seconds=60)
    assert world.servers() == [node.server_id for node in restored.nodes(group)]
    assert restored.measures.told["orphans"] == 6
    assert _told(restored) == (0, 0)
    restored.store.close()


def test_many_that_were_made_here_rest_until_an_operator_s_word(world):
    world.make("web", desired=12)
    world.pass_time(8)
    _lose_nodes(world)
    world.pass_time(1000, 2)
    assert len(world.servers()) == 12
    assert _told(world) == (0, 12)
    assert "Released: 12." in _release(world)
    world.pass_time(60)
    assert world.servers() == []


def test_a_few_that_were_made_here_go_after_their_grace(world):
    world.make("web", desired=4)
    world.pass_time(8)
    _lose_nodes(world)
    world.pass_time(1100, 2)
    assert world.servers() == []
    assert world.measures.told["orphans"] == 4


def test_an_operator_s_word_is_good_for_what_there_is(world):
    world.make("prod", desired=2)
    world.pass_time(6)
    restored = world.beside(ALONE)
    restored.make("new", desired=1)
    _together(restored, seconds=200)
    _release(restored)
    world.backend.clusters.resize(SCOPE, "prod", 3)
    world.pass_time(6)
    _together(restored, seconds=LONG)
    assert len(world.servers()) == 2, "the group's own, and the one that came after the word"
    restored.store.close()


def test_servers_without_an_installation_are_told_and_left_alone(world):
    world.make("web", desired=1)
    nobody = world.simulated.seen_by("").compute
    order = Order(ServerSpec(image=world.image(), instance_type="t3.micro", zone="us-east-1a"))
    (old,) = world.backend.servers.run(SCOPE, order)
    nobody.adopt(SCOPE, old.id, uuid_of("an old launch"))
    world.pass_time(1100, 2)
    assert old.id in world.servers()
    assert _told(world) == (1, 0)


def test_a_project_without_groups_is_looked_at_now_and_then_while_others_servers_are_there(world):
    other = world.beside(OTHERS)
    world.make("web", desired=1)
    theirs = other.make("theirs", desired=1)
    _together(world, other, seconds=10)
    world.backend.clusters.delete(SCOPE, "web", force=True)
    _together(world, other, seconds=2000)
    listings = world.measures.told["listings"]
    _together(world, other, seconds=3600)
    assert 0 < world.measures.told["listings"] - listings <= 10
    assert [node.server_id for node in other.nodes(theirs)] == world.servers()
    other.store.close()


def test_a_detached_server_that_carries_its_token_again_is_let_go_and_not_deleted(world):
    group = world.make("web", desired=1)
    world.pass_time(6)
    (node,) = world.nodes(group)
    world.backend.nodes.detach(
        SCOPE, group.name, [world.simulated.cloud.compute.get(SCOPE, node.server_id).short_id], decrement=True
    )
    world.pass_time(6)
    assert world.nodes(group) == []
    world.simulated.cloud.compute.adopt(SCOPE, node.server_id, node.launch_id)
    world.pass_time(1100, 2)
    assert world.servers() == [node.server_id]
    assert world.simulated.cloud.compute.get(SCOPE, node.server_id).launch_id is None


def test_a_detached_server_that_one_answer_calls_gone_is_let_go_later(world):
    group = world.make("web", desired=1)
    world.pass_time(6)
    (node,) = world.nodes(group)
    compute = world.simulated.cloud.compute
    short = compute.get(SCOPE, node.server_id).short_id
    wrong = [errors.ServerNotFound("not here")]

    def hook(moment, call):
        if (moment, call.name) == ("before", "tag") and wrong:
            raise wrong.pop()

    world.simulated.faults.hooks.append(hook)
    world.backend.nodes.detach(SCOPE, group.name, [short], decrement=True)
    world.pass_time(3)
    assert not wrong
    assert world.states(group) == ["Detaching"]
    world.pass_time(10)
    assert world.nodes(group) == []
    assert compute.get(SCOPE, node.server_id).launch_id is None


def test_a_detached_server_that_is_gone_leaves_when_a_look_says_so(world):
    group = world.make("web", desired=1)
    world.pass_time(6)
    (node,) = world.nodes(group)
    short = world.simulated.cloud.compute.get(SCOPE, node.server_id).short_id
    world.simulated.operator.vanish(node.server_id)
    world.backend.nodes.detach(SCOPE, group.name, [short], decrement=True)
    world.pass_time(1000, 1)
    assert world.nodes(group) == []


def test_installations_are_known_by_what_they_made(world):
    cloud = world.simulated.cloud
    world.make("web", desired=1)
    world.pass_time(4)
    (server,) = cloud.compute.list(SCOPE)
    assert cloud.made(server)
    assert not cloud.made(replace(server, installation=None))
    assert not world.simulated.seen_by(OTHERS).made(server)
    assert not world.simulated.seen_by("").made(replace(server, installation=""))


def test_a_lost_database_s_servers_are_told_when_somebody_looks(world):
    world.make("web", desired=3)
    world.pass_time(6)
    fresh, here = world.beside(OTHERS), [SCOPE.region]
    _together(fresh, seconds=60)
    assert command.listed(fresh.store, world.clock, SweepRule()) == ["Nothing belongs to no group."]
    with pytest.raises(CannotDo, match="no PROJECT/REGION"):
        command.look(fresh.store, world.clock, SCOPE.project_id, here, here)
    command.look(fresh.store, world.clock, f"{SCOPE.project_id}/{SCOPE.region}", here, here)
    _together(fresh, seconds=300)
    assert _told(fresh) == (3, 0)
    assert len(world.servers()) == 3
    fresh.store.close()


def test_an_orphan_that_cannot_be_asked_for_is_asked_for_calmly(world):
    group = world.make(desired=4)
    world.pass_time(6)
    gone = world.nodes(group)[:2]
    world.store.transact(lambda conn: [nodes.remove(conn, node.id) for node in gone])
    world.backend.clusters.resize(SCOPE, "web", 2)
    world.pass_time(20)
    world.simulated.faults.unavailable(Where(calls=("get",)))
    world.pass_time(300)
    looks = world.engine.counters["listings"]
    world.pass_time(100)
    assert world.engine.counters["listings"] - looks <= 25
    assert {node.server_id for node in gone} <= set(world.servers())


def test_a_server_that_arrives_when_its_group_is_gone_is_ended(world):
    """Of an engine that died with the call under way."""
    group = world.make("web", desired=1)
    world.pass_time(6)
    launch = world.nodes(group)[0].launch_id
    world.backend.clusters.delete(SCOPE, "web", force=True)
    world.pass_time(920, 2)  # a complete listing shows that nothing is left
    assert world.servers() == []
    spec = ServerSpec(image=world.image(), instance_type="t3.micro", zone="us-east-1a")
    (late,) = world.backend.servers.run(SCOPE, Order(spec))
    world.simulated.cloud.compute.adopt(SCOPE, late.id, launch)
    world.pass_time(250, 2)
    assert world.servers() == []
    world.pass_time(1000, 2)
    with world.store.read() as conn:
        assert conn.execute(select(tables.watches.c.due_at)).first() is None


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_tenant_s_own_server_that_carries_a_copied_token_rests(world, hours):
    """Made at another time than the launch that it names: its metadata was copied, or it was attached."""
    spec = ServerSpec(image=world.image(), instance_type="t3.micro", zone="us-east-1a")
    early = [] if hours > 0 else world.backend.servers.run(SCOPE, Order(spec))
    world.clock.move(abs(hours) * 3600)
    group = world.make("web", desired=1)
    world.pass_time(6)
    launch = world.nodes(group)[0].launch_id
    world.clock.move(abs(hours) * 3600)
    (own,) = early or world.backend.servers.run(SCOPE, Order(spec))
    world.simulated.cloud.compute.adopt(SCOPE, own.id, launch)
    world.pass_time(LONG, 2)
    assert own.id in world.servers()
    assert _told(world) == (0, 1)
    assert "Released: 1." in _release(world)
    world.pass_time(60)
    assert own.id not in world.servers()
