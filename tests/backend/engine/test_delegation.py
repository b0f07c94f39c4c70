from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from backend.domain.activity import ActivityKind, ActivityStatus, CauseKind, ReasonKind
from backend.domain.cluster import ClusterChange, PlacementRequest
from backend.drivers.errors import NotAuthorized
from backend.drivers.simulated.faults import Moment, Where
from backend.engine.settings import EngineSettings
from backend.store import tables
from tests.backend.engine.world import EngineWorld
from tests.factories import SCOPE

LOOKS = Where(calls=("list", "list_changed"))
WORDS = "The request you have made requires authentication."


class Refusing:
    """A cloud that does not let the engine do one thing, and counts how often it was asked."""

    def __init__(self, name):
        self.name = name
        self.times = 0

    def __call__(self, moment, call):
        if moment is Moment.BEFORE and call.name == self.name:
            self.times += 1
            raise NotAuthorized(WORDS)


def failed(world, group):
    return [entry for entry in world.journal(group) if entry.status is ActivityStatus.FAILED]


def checks(world, group):
    return [entry for entry in failed(world, group) if entry.kind is ActivityKind.HEALTH_CHECK]


def test_a_steady_cluster_tells_once_that_the_engine_is_let_in_no_more(world):
    web, idle = world.make(), world.make("idle", desired=0)
    world.pass_time(10)
    world.simulated.faults.refuse(NotAuthorized(WORDS), LOOKS)
    world.pass_time(600, step=2)
    for group in (web, idle):
        (entry,) = failed(world, group)
        assert (entry.kind, entry.progress, entry.node_id) == (ActivityKind.HEALTH_CHECK, 100, None)
        assert [cause.kind for cause in entry.causes] == [CauseKind.ACCESS_REFUSED]
        assert (entry.reason.kind, entry.reason.data) == (ReasonKind.NOT_AUTHORIZED, {"detail": WORDS})
        assert entry.ended_at == entry.started_at
    assert world.states(web) == ["InService"] * 2


def test_any_engine_knows_that_it_was_told(world):
    web = world.make()
    world.pass_time(10)
    world.simulated.faults.refuse(NotAuthorized(WORDS), LOOKS)
    world.pass_time(60)
    world.engine = world.new_engine("two")
    world.pass_time(300)
    assert len(checks(world, web)) == 1


def test_it_is_told_again_only_after_it_worked_in_between(world):
    web = world.make()
    world.pass_time(10)
    for told in (1, 2):
        fault = world.simulated.faults.refuse(NotAuthorized(WORDS), LOOKS)
        world.pass_time(120)
        assert len(checks(world, web)) == told
        world.simulated.faults.lift(fault)
        world.pass_time(120)
    assert len(checks(world, web)) == 2


def test_a_cloud_that_cannot_be_asked_says_nothing_of_delegations(world):
    web = world.make()
    world.pass_time(10)
    world.simulated.faults.unavailable(LOOKS)
    world.pass_time(120)
    assert failed(world, web) == []
    assert world.engine.counters["unreached"] > 0
    assert world.engine.counters["refused"] == 0


def test_an_operator_sees_it_in_numbers_whichever_engine_found_out(world):
    world.make()
    world.pass_time(20)
    assert (world.measures.now, world.measures.ended) == (frozenset(), [])
    assert world.measures.told["new->Pending"] == world.measures.told["Pending->InService"] == 2
    fault = world.simulated.faults.refuse(NotAuthorized(WORDS), LOOKS)
    world.pass_time(120)
    assert (world.measures.now, world.measures.ended) == ({SCOPE}, [SCOPE])
    world.simulated.faults.lift(fault)
    world.engine = world.new_engine("two")
    world.pass_time(120)
    assert (world.measures.now, world.measures.ended) == (frozenset(), [SCOPE])


def test_looks_that_are_refused_come_seldom(world):
    world.make()
    world.pass_time(20)
    world.simulated.faults.refuse(NotAuthorized(WORDS), LOOKS)
    world.pass_time(3600, step=2)
    assert 60 <= world.engine.counters["refused"] <= 70


def test_a_terminated_server_is_seen_once_looks_are_let_in_again(world):
    web = world.make()
    world.pass_time(10)
    fault = world.simulated.faults.refuse(NotAuthorized(WORDS), LOOKS)
    gone = world.nodes(web)[0].server_id
    world.simulated.operator.terminate(gone)
    world.pass_time(200)
    assert gone in {node.server_id for node in world.nodes(web)}
    world.simulated.faults.lift(fault)
    world.pass_time(90)
    assert world.states(web) == ["InService"] * 2
    assert gone not in {node.server_id for node in world.nodes(web)}


def test_launches_put_off_for_the_refusal_go_on_when_it_ends(world):
    web = world.make(desired=1)
    world.pass_time(10)
    fault = world.simulated.faults.refuse(NotAuthorized(WORDS), Where(calls=("list", "list_changed", "create")))
    world.backend.clusters.resize(SCOPE, "web", 2)
    world.pass_time(3600, step=2)
    assert {entry.kind for entry in failed(world, web)} == {ActivityKind.HEALTH_CHECK, ActivityKind.LAUNCH}
    world.simulated.faults.lift(fault)
    world.pass_time(75)
    assert world.states(web) == ["InService"] * 2


def test_a_launch_that_never_comes_to_the_cloud_fails_as_others_do(world):
    subnet = world.simulated.cloud.network.subnets(SCOPE)[0]
    web = world.make(desired=0)
    place = PlacementRequest(subnets=(subnet.short_id,))
    world.backend.clusters.update(SCOPE, "web", ClusterChange({}, None, place))
    world.pass_time(60)
    world.simulated.faults.refuse(NotAuthorized(WORDS), Where(calls=("subnets",)))
    world.backend.clusters.resize(SCOPE, "web", 1)
    world.pass_time(60)
    told = failed(world, web)
    assert 1 < len(told) < 8
    assert {(entry.kind, entry.reason.kind) for entry in told} == {(ActivityKind.LAUNCH, ReasonKind.NOT_AUTHORIZED)}


def test_a_deletion_that_is_refused_is_told_in_its_entry_and_goes_on_later(world):
    web = world.make(desired=1)
    world.pass_time(10)
    refusing = Refusing("delete")
    world.simulated.faults.hooks.append(refusing)
    world.backend.clusters.resize(SCOPE, "web", 0)
    world.pass_time(600, step=2)
    assert 1 < refusing.times <= 11
    assert world.measures.told["DeleteServer NotAuthorized"] == refusing.times
    entry = world.journal(web)[-1]
    assert (entry.kind, entry.status) == (ActivityKind.TERMINATE, ActivityStatus.IN_PROGRESS)
    assert entry.reason.data == {"detail": WORDS}
    world.simulated.faults.hooks.remove(refusing)
    world.pass_time(75)
    entry = world.journal(web)[-1]
    assert (entry.status, entry.reason) == (ActivityStatus.SUCCESSFUL, None)
    assert world.nodes(web) == []


def test_a_detachment_that_is_refused_is_told_in_its_entry(world):
    web = world.make(desired=1)
    world.pass_time(10)
    fault = world.simulated.faults.refuse(NotAuthorized(WORDS), Where(calls=("tag", "adopt")))
    (node,) = world.nodes(web)
    world.backend.nodes.detach(SCOPE, "web", [node.server_id.replace("-", "")[:17]], decrement=True)
    world.pass_time(120)
    entry = world.journal(web)[-1]
    assert (entry.kind, entry.status) == (ActivityKind.DETACH, ActivityStatus.IN_PROGRESS)
    assert entry.reason.kind is ReasonKind.NOT_AUTHORIZED
    world.simulated.faults.lift(fault)
    world.pass_time(75)
    entry = world.journal(web)[-1]
    assert (entry.status, entry.reason) == (ActivityStatus.SUCCESSFUL, None)


def test_orphans_whose_deletion_is_refused_are_tried_once_a_grace():
    world = EngineWorld(engine_settings=EngineSettings(orphan_grace=timedelta(minutes=2)))
    try:
        web = world.make(desired=2)
        world.pass_time(10)
        node = world.nodes(web)[0]
        with world.store.engine.begin() as conn:
            conn.exec_driver_sql("DELETE FROM nodes WHERE id = ?", (node.id,))
        refusing = Refusing("delete")
        world.simulated.faults.hooks.append(refusing)
        world.pass_time(3600, step=2)
        assert 1 < refusing.times <= 31
    finally:
        world.close()


def test_a_watch_that_counts_its_epochs_anew_tells_entries_of_its_own(world):
    web = world.make()
    world.pass_time(10)
    told = []
    for _ in range(2):
        fault = world.simulated.faults.refuse(NotAuthorized(WORDS), LOOKS)
        with world.store.engine.begin() as conn:
            conn.execute(update(tables.watches).values(epoch=100, due_at=world.clock.now()))
        world.pass_time(2)
        told.append(len(checks(world, web)))
        world.simulated.faults.lift(fault)
        world.pass_time(120)
    assert told == [1, 2]
    assert world.measures.told["faults"] == 0
