"""Hooks and the actions they begin, as rows on every database: each wait is left once, by whoever answers last."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from backend.domain.activity import ActivityKind, ActivityStatus, ReasonKind
from backend.domain.hooks import Hook, Result, Transition
from backend.domain.lifecycle import Decided, begin
from backend.domain.lifecycle_findings import ActionNotFound
from backend.domain.node import LeavesFor, NodeState
from backend.domain.scope import Scope
from backend.services.hooks import Hooks
from backend.store import activities, clusters, journal, lifecycle, nodes
from backend.store.outbox_tables import messages
from tests.factories import NOW, OTHER, SCOPE, activity, cluster, node, uuid_of

WEB = cluster("web", hooked=True)
ENTRY = activity(WEB, "launch", status=ActivityStatus.MID_LIFECYCLE, progress=40)
NODE = node(WEB, "one", state=NodeState.PENDING_WAIT, activity_id=ENTRY.id, in_service_at=None)
HOOKS = tuple(
    Hook(
        uuid_of(name), WEB.project_id, WEB.region, WEB.id, name, Transition.LAUNCHING, 30, default, None, None, "m", NOW
    )
    for name, default in (("check", Result.CONTINUE), ("warm", Result.ABANDON))
)
ACTIONS = {uuid_of(f"token {hook.name}"): begin(hook, NODE, uuid_of(f"token {hook.name}"), NOW) for hook in HOOKS}


@pytest.fixture
def do(store):
    return lambda act, *arguments, **options: store.transact(lambda conn: act(conn, *arguments, **options))


@pytest.fixture(autouse=True)
def _waiting(store, do):
    def write(conn):
        clusters.insert(conn, WEB)
        journal.begin(conn, [ENTRY])
        nodes.insert(conn, NODE)
        lifecycle.HOOKS.add(conn, SCOPE, *HOOKS)
        lifecycle.save(conn, WEB, {}, ACTIONS)

    store.transact(write)


def _read(store, act, *arguments):
    with store.read() as conn:
        return act(conn, *arguments)


def _state(store):
    return _read(store, nodes.get, NODE.id).state


def test_what_was_written_is_read(store):
    assert _read(store, lifecycle.hooks, WEB) == HOOKS
    assert _read(store, lifecycle.actions, WEB) == ACTIONS
    unhooked = replace(WEB, hooked=False)
    assert (_read(store, lifecycle.hooks, unhooked), _read(store, lifecycle.actions, unhooked)) == ((), {})


def test_the_last_answer_lets_the_node_go_on_in_its_transaction(store, do):
    check, warm = sorted(ACTIONS.values(), key=lambda action: action.hook)
    do(lifecycle.decide, WEB, check.answered(Result.CONTINUE), NOW)
    assert _state(store) is NodeState.PENDING_WAIT
    do(lifecycle.decide, WEB, warm.answered(Result.CONTINUE), NOW)
    assert _state(store) is NodeState.PENDING_PROCEED
    assert _read(store, lifecycle.actions, WEB) == {}
    assert _read(store, activities.find, ENTRY.id).progress == 50


def test_an_abandoned_launch_ends_with_its_reason_and_is_told_to_who_listens(store, do):
    check, _ = sorted(ACTIONS.values(), key=lambda action: action.hook)
    do(lifecycle.decide, WEB, check.answered(Result.ABANDON), NOW, everywhere=True)
    gone = _read(store, nodes.get, NODE.id)
    assert (gone.state, gone.leaves_for) == (NodeState.TERMINATING, LeavesFor.ABANDONED)
    assert _read(store, activities.find, gone.activity_id).kind is ActivityKind.TERMINATE
    ended = _read(store, activities.find, ENTRY.id)
    assert (ended.status, ended.reason.kind) == (ActivityStatus.CANCELLED, ReasonKind.ABANDONED)
    (row,) = _read(store, lambda conn: conn.execute(select(messages)).all())
    assert (row.kind, row.target, row.data["id"], row.data["stage"]) == ("activity", "", ENTRY.id, "MidLifecycleAction")
    assert row.data["reason"] == ["abandoned", {"token": check.id, "decided": "answer"}]


def test_a_result_is_never_overwritten(store, do):
    check, _ = sorted(ACTIONS.values(), key=lambda action: action.hook)
    told = {**ACTIONS, check.id: check.answered(Result.CONTINUE)}
    do(lifecycle.save, WEB, ACTIONS, told)
    do(lifecycle.save, WEB, ACTIONS, {**ACTIONS, check.id: check.answered(Result.ABANDON)})
    assert _read(store, lifecycle.actions, WEB)[check.id].result is Result.CONTINUE


def test_what_cannot_be_told_is_decided_by_its_default_once(store, do):
    check, warm = sorted(ACTIONS.values(), key=lambda action: action.hook)
    do(lifecycle.decide_by_default, check.id, NOW)
    assert _read(store, lifecycle.actions, WEB)[check.id].decided is Decided.UNDELIVERABLE
    do(lifecycle.decide_by_default, check.id, NOW)
    do(lifecycle.decide_by_default, "unknown", NOW)
    assert _state(store) is NodeState.PENDING_WAIT
    do(lifecycle.decide_by_default, warm.id, NOW)
    assert _state(store) is NodeState.TERMINATING


def test_hooks_and_waits_go_with_their_cluster(store, do):
    do(nodes.remove, NODE.id)
    do(clusters.remove, WEB.id, NOW)
    for records in (lifecycle.HOOKS, lifecycle.ACTIONS):
        assert _read(store, records.all, SCOPE) == []


def test_answers_at_the_same_time_pass_once(store, clock):
    service = Hooks(store, clock)

    def answer(action):
        try:
            service.complete(SCOPE, "web", action.hook, Result.CONTINUE, token=action.id, server=None)
        except ActionNotFound:
            return 0
        return 1

    with ThreadPoolExecutor(4) as several:
        taken = list(several.map(answer, [*ACTIONS.values(), *ACTIONS.values()]))
    assert sum(taken) == len(ACTIONS)
    assert _state(store) is NodeState.PENDING_PROCEED
    assert _read(store, lifecycle.actions, WEB) == {}


@pytest.mark.parametrize("scope", [OTHER, Scope(SCOPE.project_id, "elsewhere")])
def test_no_other_project_and_region_has_them(store, scope):
    for records in (lifecycle.HOOKS, lifecycle.ACTIONS):
        assert _read(store, records.all, scope) == []
