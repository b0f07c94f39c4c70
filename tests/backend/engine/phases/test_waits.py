"""Waits in a plan: who is asked, what deadlines decide, what is told, and what others choose meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from backend.domain.activity import ActivityKind, ActivityStatus, ReasonKind
from backend.domain.cluster import ClusterStatus
from backend.domain.hooks import Hook, Result, Transition
from backend.domain.lifecycle import begin
from backend.domain.node import LeavesFor, Node, NodeState, ServerStatus
from backend.engine.plan import Plan, make_plan
from tests.backend.engine import drafts
from tests.backend.engine.drafts import NOW, SETTINGS
from tests.factories import cluster, uuid_of

WEB = cluster(desired=1, hooked=True)
AGO = NOW - timedelta(hours=1)


def hook(name: str = "warm", transition: Transition = Transition.LAUNCHING, **values: Any) -> Hook:
    usual: dict[str, Any] = {
        "id": uuid_of(name),
        "project_id": WEB.project_id,
        "region": WEB.region,
        "cluster_id": WEB.id,
        "name": name,
        "transition": transition,
        "heartbeat_seconds": 30,
        "default_result": Result.ABANDON,
        "target": None,
        "role": None,
        "metadata": None,
        "created_at": AGO,
    }
    return Hook(**{**usual, **values})


DRAIN = hook("drain", Transition.TERMINATING)


def plan(*nodes: Node, hooks: tuple[Hook, ...] = (), actions: Any = (), owner: Any = WEB) -> Plan:
    there = drafts.snapshot(owner, *nodes)
    rows = replace(there.rows, hooks=hooks, actions={each.id: each for each in actions})
    return make_plan(replace(there, rows=rows), NOW, SETTINGS, drafts.Random(1))


def up(name: str = "one", **values: Any) -> Node:
    return drafts.pending(WEB, name, **{"server_status": ServerStatus.ACTIVE, **values})


def waiting(name: str = "one", state: NodeState = NodeState.PENDING_WAIT, **values: Any) -> Node:
    return up(name, state=state, state_at=NOW - timedelta(seconds=10), **values)


def after(made: Plan, node: Node) -> Node:
    return made.changes.after.nodes[node.id]


def test_a_node_that_is_up_waits_for_every_hook_and_each_is_told():
    node = up()
    made = plan(node, hooks=(hook(target="arn:aws:sqs:r:1:q"), hook("check"), DRAIN))
    assert after(made, node).state is NodeState.PENDING_WAIT
    assert after(made, node).activity_id == node.activity_id
    assert made.changes.entries.waiting == {node.activity_id: Transition.LAUNCHING}
    actions = made.changes.after.actions
    assert sorted(action.hook for action in actions.values()) == ["check", "warm"]
    told = [(message.target, message.data["hook"]) for message in made.changes.entries.messages]
    assert sorted(told) == [("", "check"), ("", "warm"), ("arn:aws:sqs:r:1:q", "warm")]
    assert [message.action_id in actions for message in made.changes.entries.messages if message.target] == [True]
    assert made.due_at == NOW + timedelta(seconds=30)


def test_messages_are_the_same_however_often_they_are_made():
    made = plan(up(), hooks=(hook(),))
    assert made.changes.entries.messages  # made anew each time it is asked for
    again = plan(up(), hooks=(hook(),))
    assert [each.id for each in made.changes.entries.messages] == [each.id for each in again.changes.entries.messages]


@pytest.mark.parametrize(
    ("node", "made_at"),
    [
        (up(), NOW + timedelta(seconds=1)),  # the hook came later
        (up(in_service_at=AGO), AGO),  # back from standby
    ],
)
def test_nobody_is_asked_about(node, made_at):
    made = plan(node, hooks=(hook(created_at=made_at),))
    assert after(made, node).state is NodeState.IN_SERVICE
    assert made.changes.entries.messages == []


def test_one_answer_is_not_two():
    node, hooks = waiting(), (hook(), hook("check"))
    first, second = (begin(each, node, each.id, NOW) for each in hooks)
    made = plan(node, hooks=hooks, actions=(first.answered(Result.CONTINUE), second))
    assert after(made, node).state is NodeState.PENDING_WAIT
    made = plan(node, hooks=hooks, actions=(first.answered(Result.CONTINUE), second.answered(Result.CONTINUE)))
    assert after(made, node).state is NodeState.PENDING_PROCEED
    assert made.changes.after.actions == {}
    assert made.due_at == NOW


@pytest.mark.parametrize("result", list(Result))
def test_a_deadline_decides_by_the_default(result):
    node, held = waiting(), hook(default_result=result)
    action = begin(held, node, "t", NOW - timedelta(seconds=30))
    made = plan(node, hooks=(held,), actions=(action,))
    states = {Result.CONTINUE: NodeState.PENDING_PROCEED, Result.ABANDON: NodeState.TERMINATING}
    assert after(made, node).state is states[result]


def test_what_is_abandoned_is_told_slowed_down_and_asked_about_once_more():
    node, hooks = waiting(), (hook(), DRAIN)
    action = begin(hooks[0], node, "t", NOW).answered(Result.ABANDON)
    made = plan(node, hooks=hooks, actions=(action,))
    gone = after(made, node)
    assert (gone.state, gone.leaves_for) == (NodeState.TERMINATING, LeavesFor.ABANDONED)
    ending = made.changes.entries.ended[node.activity_id]
    assert (ending.status, ending.reason.kind) == (ActivityStatus.CANCELLED, ReasonKind.ABANDONED)
    assert ending.reason.data == {"token": "t", "decided": "answer"}
    assert drafts.opened(made, node).kind is ActivityKind.TERMINATE
    (failed,) = made.changes.after.backoffs.values()
    assert (failed.failures, failed.refusals) == (1, 0)
    assert node.zone not in drafts.launches(made)
    then = plan(gone, hooks=hooks)
    assert after(then, gone).state is NodeState.TERMINATING_WAIT


def test_a_failed_launch_is_not_asked_about():
    node = drafts.node(WEB, "one", state=NodeState.TERMINATING, leaves_for=LeavesFor.FAILED_LAUNCH, state_at=NOW)
    assert "DeleteServer" in drafts.kinds(plan(node, hooks=(DRAIN,)))


@pytest.mark.parametrize(
    ("result", "retains", "state"),
    [
        (Result.CONTINUE, True, NodeState.TERMINATING_PROCEED),
        (Result.ABANDON, False, NodeState.TERMINATING_PROCEED),
        (Result.ABANDON, True, NodeState.TERMINATING_RETAINED),
    ],
)
def test_how_an_end_goes_on(result, retains, state):
    owner = cluster(desired=0, minimum=0, hooked=True, retain_abandoned=retains)
    node = drafts.node(owner, "one", state=NodeState.TERMINATING_WAIT, activity_id="a", leaves_for=LeavesFor.REQUEST)
    action = begin(DRAIN, node, "t", NOW).answered(result)
    made = plan(node, hooks=(DRAIN,), actions=(action,), owner=owner)
    assert after(made, node).state is state
    deleted = [act for act in drafts.kinds(made) if act == "DeleteServer"]
    assert deleted == ([] if state is NodeState.TERMINATING_RETAINED else ["DeleteServer"])


@pytest.mark.parametrize("status", [ServerStatus.DELETING, ServerStatus.DELETED])
def test_a_launch_whose_server_ends_is_not_waited_for(status):
    node = waiting(server_status=status)
    made = plan(node, hooks=(hook(),), actions=(begin(hook(), node, "t", NOW),))
    assert made.changes.entries.ended[node.activity_id].reason.kind is ReasonKind.SERVER_VANISHED
    assert made.changes.after.actions == {}


def test_a_server_that_stopped_is_waited_for_still():
    node = waiting(server_status=ServerStatus.STOPPED)
    made = plan(node, hooks=(hook(),), actions=(begin(hook(), node, "t", NOW),))
    assert after(made, node).state is NodeState.PENDING_WAIT


def test_what_ends_with_its_cluster_is_never_asked_about_its_launch():
    owner = cluster(desired=0, minimum=0, hooked=True, status=ClusterStatus.DELETING, force_delete=True)
    node = up()
    made = plan(node, hooks=(hook(),), owner=owner)
    assert after(made, node).state is NodeState.TERMINATING
    assert made.changes.entries.messages == []


def test_a_retained_node_goes_when_its_server_does():
    node = drafts.node(WEB, "one", state=NodeState.TERMINATING_RETAINED, server_status=ServerStatus.DELETED)
    assert node.id not in plan(node).changes.after.nodes
