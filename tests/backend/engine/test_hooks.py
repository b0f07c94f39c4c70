"""Lifecycle hooks under the engine: nodes wait, answers and deadlines let them go on, ends are told."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import select

from backend.domain.activity import ActivityKind, ActivityStatus, ReasonKind
from backend.domain.cluster import ClusterChange
from backend.domain.cluster_findings import ClusterNotFound
from backend.domain.hooks import HookRequest, Result, Transition
from backend.domain.ids import short_id
from backend.domain.lifecycle_findings import ActionNotFound, HookNotFound, RetentionForbids, TargetUnreached
from backend.domain.messages import EVERYWHERE, Telling
from backend.domain.node import NodeState
from backend.domain.scope import Scope
from backend.engine.revision import Revision
from backend.services.events import RuleRequest
from backend.store import changes, lifecycle, tables
from backend.store.outlets import Outlets
from tests.backend.engine.world import EngineWorld
from tests.factories import SCOPE

LAUNCH = HookRequest("configure", Transition.LAUNCHING, 30, Result.CONTINUE)
STRICT = HookRequest("strict", Transition.LAUNCHING, 30)
DRAIN = HookRequest("drain", Transition.TERMINATING, 30, Result.CONTINUE)


class Hooked(EngineWorld):
    """A world whose clusters have hooks."""

    def hooked(self, *hooks: HookRequest, desired: int = 1, seconds: float = 5, **values: object):
        cluster = self.make(desired=0, **values)
        for hook in hooks:
            self.backend.hooks.put(SCOPE, "web", hook)
        self.backend.clusters.resize(SCOPE, "web", desired)
        self.pass_time(seconds)
        return cluster

    def actions(self, cluster):
        with self.store.read() as conn:
            return list(lifecycle.actions(conn, self.cluster(cluster)).values())

    def answer(self, result: Result, hook: str, *, token: str | None = None, server: str | None = None) -> None:
        self.backend.hooks.complete(SCOPE, "web", hook, result, token=token, server=server)

    def server(self, cluster, at: int = 0) -> str:
        return short_id(self.nodes(cluster)[at].server_id)

    def told(self, kind: str = "action"):
        columns = tables.metadata.tables["messages"].c
        with self.store.read() as conn:
            rows = conn.execute(select(columns.target, columns.data, columns.id).where(columns.kind == kind)).all()
        return sorted(rows, key=lambda row: (row.target, row.id))

    def kinds(self, cluster):
        return [(entry.kind, entry.status) for entry in self.journal(cluster)]


@pytest.fixture
def world():
    return Hooked()


def test_a_new_node_waits_until_it_is_told_to_go_on(world):
    cluster = world.hooked(LAUNCH)
    assert world.states(cluster) == [NodeState.PENDING_WAIT]
    (entry,) = world.journal(cluster)
    assert (entry.status, entry.progress) == (ActivityStatus.MID_LIFECYCLE, 40)
    world.answer(Result.CONTINUE, "configure", server=world.server(cluster))
    assert world.states(cluster) == [NodeState.PENDING_PROCEED]  # by the answer itself, not by a later look
    world.pass_time(1)
    assert world.states(cluster) == [NodeState.IN_SERVICE]
    (entry,) = world.journal(cluster)
    assert (entry.status, entry.progress) == (ActivityStatus.SUCCESSFUL, 100)
    assert world.actions(cluster) == []


def test_one_of_two_answers_does_not_let_it_pass(world):
    cluster = world.hooked(LAUNCH, STRICT)
    first, second = world.actions(cluster)
    assert first.id != second.id
    world.answer(Result.CONTINUE, first.hook, token=first.id)
    world.pass_time(5)
    assert world.states(cluster) == [NodeState.PENDING_WAIT]
    world.answer(Result.CONTINUE, second.hook, token=second.id)
    world.pass_time(1)
    assert world.states(cluster) == [NodeState.IN_SERVICE]


def test_the_token_of_one_and_the_id_of_another_are_no_answer(world):
    cluster = world.hooked(STRICT, desired=2)
    first, second = world.actions(cluster)
    servers = {node.id: short_id(node.server_id) for node in world.nodes(cluster)}
    with pytest.raises(ActionNotFound):
        world.answer(Result.CONTINUE, "strict", token=first.id, server=servers[second.node_id])
    with pytest.raises(ActionNotFound):
        world.backend.hooks.heartbeat(SCOPE, "web", "strict", token=first.id, server=servers[second.node_id])
    assert world.states(cluster) == [NodeState.PENDING_WAIT] * 2
    world.answer(Result.CONTINUE, "strict", token=first.id, server=servers[first.node_id])
    assert sorted(world.states(cluster)) == [NodeState.PENDING_PROCEED, NodeState.PENDING_WAIT]


def test_an_abandoned_launch_ends_through_the_hooks_of_the_end_and_is_replaced(world):
    cluster = world.hooked(LAUNCH, STRICT, DRAIN)
    (node,) = world.nodes(cluster)
    action, other = world.actions(cluster)
    world.answer(Result.ABANDON, action.hook, token=action.id)
    with pytest.raises(ActionNotFound):
        world.answer(Result.CONTINUE, other.hook, token=other.id)
    assert world.kinds(cluster)[0] == (ActivityKind.LAUNCH, ActivityStatus.CANCELLED)
    reason = world.journal(cluster)[0].reason
    assert (reason.kind, reason.data["token"]) == (ReasonKind.ABANDONED, action.id)
    world.pass_time(1)
    assert world.nodes(cluster)[0].state is NodeState.TERMINATING_WAIT
    world.answer(Result.CONTINUE, "drain", server=short_id(node.server_id))
    world.pass_time(20)
    (new,) = world.nodes(cluster)
    assert (new.id != node.id, new.state) == (True, NodeState.PENDING_WAIT)
    assert world.backoffs(cluster)[0].failures == 1
    assert world.cluster(cluster).spec.desired == 1


def test_nobody_answers_in_time_and_the_default_counts(world):
    cluster = world.hooked(LAUNCH)
    (action,) = world.actions(cluster)
    world.pass_time(24)
    assert world.states(cluster) == [NodeState.PENDING_WAIT]
    world.pass_time(10)
    assert world.states(cluster) == [NodeState.IN_SERVICE]
    with pytest.raises(ActionNotFound):
        world.answer(Result.ABANDON, "configure", token=action.id)


def test_an_answer_after_the_deadline_is_late_even_where_no_engine_has_looked(world):
    cluster = world.hooked(STRICT)
    (action,) = world.actions(cluster)
    world.clock.move(40)
    with pytest.raises(ActionNotFound):
        world.answer(Result.CONTINUE, "strict", token=action.id)
    with pytest.raises(ActionNotFound):
        world.backend.hooks.heartbeat(SCOPE, "web", "strict", token=action.id, server=None)
    world.pass_time(1)
    assert [entry.reason.data["decided"] for entry in world.journal(cluster) if entry.reason] == ["heartbeat"]


def test_heartbeats_keep_it_waiting_and_their_end_ends_it(world):
    cluster = world.hooked(LAUNCH)
    for _ in range(6):
        world.pass_time(20)
        world.backend.hooks.heartbeat(SCOPE, "web", "configure", token=None, server=world.server(cluster))
    assert world.states(cluster) == [NodeState.PENDING_WAIT]
    world.pass_time(29)
    assert world.states(cluster) == [NodeState.PENDING_WAIT]
    world.pass_time(3)
    assert world.states(cluster) == [NodeState.IN_SERVICE]


def test_no_heartbeat_goes_beyond_the_end(world):
    cluster = world.hooked(LAUNCH)
    (action,) = world.actions(cluster)
    assert action.until - action.begun_at == timedelta(seconds=3000)
    while world.clock.now() < action.until - timedelta(seconds=20):
        world.clock.move(20)
        world.backend.hooks.heartbeat(SCOPE, "web", "configure", token=action.id, server=None)
    world.pass_time(22)
    assert world.states(cluster) == [NodeState.IN_SERVICE]


def test_a_hook_holds_only_what_begins_after_it(world):
    cluster = world.make(desired=1)
    world.pass_time(1)
    world.backend.hooks.put(SCOPE, "web", LAUNCH)
    world.pass_time(5)
    assert world.states(cluster) == [NodeState.IN_SERVICE]
    assert world.told() == []


def test_a_leaving_node_waits_and_is_counted_no_more(world):
    cluster = world.hooked(DRAIN)
    entry = world.backend.nodes.terminate(SCOPE, world.server(cluster), decrement=False)
    world.pass_time(5)
    assert sorted(world.states(cluster)) == [NodeState.IN_SERVICE, NodeState.TERMINATING_WAIT]
    (told,) = [each for each in world.journal(cluster) if each.id == entry.id]
    assert (told.status, told.progress) == (ActivityStatus.MID_TERMINATING, 60)
    world.answer(Result.CONTINUE, "drain", server=world.server(cluster))
    world.pass_time(5)
    assert world.states(cluster) == [NodeState.IN_SERVICE]


def test_a_request_is_forgotten_while_what_it_ended_still_waits(world):
    """What is asked later is told by itself, however long somebody takes to answer for what left before."""
    cluster = world.hooked(DRAIN, desired=2)
    world.backend.clusters.resize(SCOPE, "web", 1)
    world.pass_time(5)
    assert sorted(world.states(cluster)) == [NodeState.IN_SERVICE, NodeState.TERMINATING_WAIT]
    assert world.cluster(cluster).causes == ()


def test_messages_are_written_with_the_wait(world):
    cluster = world.hooked(HookRequest("configure", Transition.LAUNCHING, 30, metadata="m"))
    (action,) = world.actions(cluster)
    ((target, data, _),) = world.told()
    assert target == ""
    assert data == {
        "hook": "configure",
        "transition": "launching",
        "token": action.id,
        "node_id": action.node_id,
        "server_id": world.nodes(cluster)[0].server_id,
        "origin": "EC2",
        "destination": "AutoScalingGroup",
        "metadata": "m",
        "request_id": data["request_id"],
    }


def test_deleting_a_hook_gives_up_launches_and_lets_leaving_nodes_go(world):
    cluster = world.hooked(LAUNCH, DRAIN, desired=2)
    world.answer(Result.CONTINUE, "configure", server=world.server(cluster))
    world.pass_time(1)
    serving = next(node for node in world.nodes(cluster) if node.state is NodeState.IN_SERVICE)
    waiting = next(node for node in world.nodes(cluster) if node.state is NodeState.PENDING_WAIT)
    world.backend.nodes.terminate(SCOPE, short_id(serving.server_id), decrement=True)
    world.pass_time(1)
    world.backend.hooks.delete(SCOPE, "web", "drain")
    world.backend.hooks.delete(SCOPE, "web", "configure")
    states = {node.id: node.state for node in world.nodes(cluster)}
    assert states[serving.id] is NodeState.TERMINATING_PROCEED
    assert states[waiting.id] is NodeState.TERMINATING
    with pytest.raises(HookNotFound):
        world.backend.hooks.delete(SCOPE, "web", "configure")
    world.pass_time(30)
    assert world.states(cluster) == [NodeState.IN_SERVICE]


def test_a_server_that_ends_while_it_is_waited_for_is_waited_for_no_more(world):
    cluster = world.hooked(DRAIN)
    (node,) = world.nodes(cluster)
    world.backend.nodes.terminate(SCOPE, short_id(node.server_id), decrement=True)
    world.pass_time(2)
    (action,) = world.actions(cluster)
    world.simulated.cloud.compute.delete(SCOPE, node.server_id)
    world.pass_time(20)
    assert world.nodes(cluster) == []
    with pytest.raises(ActionNotFound):
        world.answer(Result.CONTINUE, "drain", token=action.id)
    ends = [entry.status for entry in world.journal(cluster) if entry.kind is ActivityKind.TERMINATE]
    assert ends == [ActivityStatus.SUCCESSFUL]


def test_a_forced_end_waits_for_hooks(world):
    cluster = world.hooked(DRAIN)
    world.backend.clusters.delete(SCOPE, "web", force=True)
    world.pass_time(10)
    assert world.states(cluster) == [NodeState.TERMINATING_WAIT]
    world.pass_time(40)
    with pytest.raises(ClusterNotFound):
        world.cluster(cluster)


def test_scale_in_takes_one_that_waits(world):
    cluster = world.hooked(LAUNCH)
    (action,) = world.actions(cluster)
    world.backend.clusters.resize(SCOPE, "web", 0)
    world.pass_time(1)
    with pytest.raises(ActionNotFound):
        world.answer(Result.CONTINUE, "configure", token=action.id)
    world.pass_time(5)
    assert world.nodes(cluster) == []


KEPT = HookRequest("keep", Transition.TERMINATING, 30)


def test_an_abandoned_end_is_retained_and_replaced(world):
    cluster = world.hooked(KEPT, retain_abandoned=True, maximum=1)
    (node,) = world.nodes(cluster)
    server = short_id(node.server_id)
    world.backend.nodes.terminate(SCOPE, server, decrement=False)
    world.pass_time(2)
    (first,) = world.actions(cluster)
    world.answer(Result.ABANDON, "keep", server=server)
    assert world.nodes(cluster)[0].state is NodeState.TERMINATING_RETAINED
    world.pass_time(5)
    assert sorted(world.states(cluster)) == [NodeState.IN_SERVICE, NodeState.TERMINATING_RETAINED]
    with pytest.raises(RetentionForbids):
        world.backend.clusters.delete(SCOPE, "web", force=True)
    world.backend.nodes.terminate(SCOPE, server, decrement=False)
    world.pass_time(2)
    (second,) = world.actions(cluster)
    assert second.id != first.id
    world.answer(Result.ABANDON, "keep", token=second.id)
    world.pass_time(2)
    assert world.nodes(cluster)[0].state is NodeState.TERMINATING_RETAINED
    world.backend.clusters.update(SCOPE, "web", ClusterChange({"retain_abandoned": False}))
    world.backend.clusters.delete(SCOPE, "web", force=True)
    world.pass_time(1)
    assert len(world.actions(cluster)) == 2
    world.pass_time(40)
    with pytest.raises(ClusterNotFound):
        world.cluster(cluster)


def test_an_attached_server_and_one_back_from_standby_are_not_held(world):
    cluster = world.hooked(DRAIN)
    world.backend.hooks.put(SCOPE, "web", LAUNCH)
    server = world.server(cluster)
    world.backend.nodes.enter_standby(SCOPE, "web", [server], decrement=True)
    world.pass_time(2)
    world.backend.nodes.exit_standby(SCOPE, "web", [server])
    world.pass_time(2)
    assert world.states(cluster) == [NodeState.IN_SERVICE]
    world.backend.nodes.detach(SCOPE, "web", [server], decrement=True)
    world.pass_time(2)
    world.backend.nodes.attach(SCOPE, "web", [server])
    world.pass_time(2)
    assert world.states(cluster) == [NodeState.IN_SERVICE]
    assert world.told() == []


def test_a_target_that_takes_no_test_message_stores_nothing(world):
    world.make(desired=0)
    with pytest.raises(TargetUnreached):
        world.backend.hooks.put(
            SCOPE,
            "web",
            HookRequest("q", Transition.LAUNCHING, target="arn:aws:sqs:r:1:q", role="arn:aws:iam::1:role/r"),
        )
    assert world.backend.hooks.of_cluster(SCOPE, "web") == []


def test_hooks_of_another_project_are_not_seen(world):
    cluster = world.hooked(LAUNCH)
    (action,) = world.actions(cluster)
    other = Scope("0" * 32, SCOPE.region)
    with pytest.raises(ClusterNotFound):
        world.backend.hooks.complete(other, "web", "configure", Result.CONTINUE, token=action.id, server=None)


def test_a_message_that_will_never_arrive_decides_by_default(world):
    cluster = world.hooked(LAUNCH)
    (action,) = world.actions(cluster)
    world.store.transact(lambda conn: lifecycle.decide_by_default(conn, action.id, world.clock.now()))
    assert world.states(cluster) == [NodeState.PENDING_PROCEED]
    world.store.transact(lambda conn: lifecycle.decide_by_default(conn, action.id, world.clock.now()))
    world.pass_time(1)
    assert world.states(cluster) == [NodeState.IN_SERVICE]


def test_ends_of_moves_are_told_where_somebody_listens(world):
    cluster = world.hooked(LAUNCH)
    world.answer(Result.CONTINUE, "configure", server=world.server(cluster))
    world.pass_time(1)
    assert world.told("activity") == []
    world.backend.events.put(SCOPE, RuleRequest("r", '{"source":["aws.autoscaling"]}'))
    world.backend.nodes.terminate(SCOPE, world.server(cluster), decrement=True)
    world.pass_time(5)
    ((target, data, _),) = world.told("activity")
    (entry,) = [each for each in world.journal(cluster) if each.kind is ActivityKind.TERMINATE]
    assert target == ""
    assert (data["id"], data["status"], data["stage"], data["progress"]) == (entry.id, "Successful", "InProgress", 100)
    assert (data["origin"], data["destination"]) == ("AutoScalingGroup", "EC2")


def test_ends_of_moves_are_told_where_the_operator_listens_to_every_project():
    heard = []
    outlets = Outlets(
        words=lambda message: Telling(message.id, f"{message.kind} {message.data.get('status')}"),
        shelves={EVERYWHERE: lambda _conn, _scope, _target, telling, _now: heard.append(telling.body)},
        everywhere=True,
    )
    world = Hooked(outlets=outlets)
    world.engine = world.new_engine("one", outlets=outlets)
    cluster = world.hooked(LAUNCH, STRICT)
    (action, _) = world.actions(cluster)
    world.answer(Result.ABANDON, action.hook, token=action.id)  # in the gateway
    world.pass_time(5)
    assert [each for each in heard if not each.startswith("action")] == ["activity Cancelled", "activity Successful"]


def test_a_heartbeat_voids_no_pass_but_the_one_that_would_end_the_wait(world):
    cluster = world.hooked(LAUNCH)
    (action,) = world.actions(cluster)
    generation = world.cluster(cluster).generation
    with world.store.read() as conn:
        seen = changes.read(conn, cluster.id)
    world.clock.move(10)
    world.backend.hooks.heartbeat(SCOPE, "web", "configure", token=action.id, server=None)
    assert world.cluster(cluster).generation == generation
    late = Revision(seen, action.due_at, world.engine_settings, Random(1))
    late.overdue.add(action.id)
    with pytest.raises(changes.Overtaken):
        world.store.transact(lambda conn: changes.write(conn, late.changes))


def test_a_heartbeat_between_a_plan_and_its_claim_counts(world):
    cluster = world.hooked(LAUNCH)
    (action,) = world.actions(cluster)
    prolonged = action.prolonged(action.due_at - timedelta(seconds=1))

    def beat(what: str) -> None:
        """Somebody asked in time, and was heard after the pass that holds the group had read."""
        if what != "begin":
            return
        with world.store.read() as conn:
            held = conn.execute(select(tables.clusters.c.owner)).scalar_one() is not None
        if held:
            world.store.hook = None
            world.store.transact(lambda conn: lifecycle.prolong(conn, prolonged))

    world.clock.move((action.due_at - world.clock.now()).total_seconds())
    world.store.hook = beat
    world.pass_time(5)
    assert world.store.hook is None
    assert world.states(cluster) == [NodeState.PENDING_WAIT]
    world.pass_time(30)
    assert world.states(cluster) == [NodeState.IN_SERVICE]
