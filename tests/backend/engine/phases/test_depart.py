from __future__ import annotations

from datetime import timedelta

import pytest

from backend.domain.activity import ActivityStatus, Cause, CauseKind
from backend.domain.changes import Ending
from backend.domain.cluster import ClusterStatus
from backend.domain.node import LeavesFor, NodeState, ServerStatus
from backend.engine.phases.deletion import delete_all
from backend.engine.phases.depart import depart
from backend.engine.phases.rest import rest
from tests.backend.engine.drafts import SETTINGS, draft, kinds, node, owner, pending, terminated
from tests.factories import NOW

GROUP = owner()


def _departed(*nodes, **values):
    made = draft(GROUP, *nodes, **values)
    depart(made)
    return made


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, ["DeleteServer"]),
        ({"delete_requested_at": NOW}, []),
        ({"delete_requested_at": NOW - SETTINGS.delete_retry}, ["DeleteServer"]),
        ({"server_status": ServerStatus.DELETING}, ["DeleteServer"]),
        ({"server_status": ServerStatus.DELETED}, ["Terminating->gone"]),
        ({"server_status": ServerStatus.DELETED, "delete_requested_at": NOW}, ["Terminating->gone"]),
        ({"server_id": None, "created_at": NOW}, []),
        ({"server_id": None, "created_at": NOW - SETTINGS.launch_grace}, ["Terminating->gone"]),
    ],
)
def test_what_becomes_of_a_terminating_node(values, expected):
    made = _departed(node(GROUP, "n", state=NodeState.TERMINATING, **values))
    assert kinds(made) == expected
    assert made.wakes or expected == ["Terminating->gone"]


def test_one_pass_asks_for_only_so_many_deletions():
    leaving = [node(GROUP, f"n{number}", state=NodeState.TERMINATING) for number in range(SETTINGS.deletions + 1)]
    made = _departed(*leaving)
    assert kinds(made) == ["DeleteServer"] * SETTINGS.deletions
    assert made.again


@pytest.mark.parametrize(
    ("leaves_for", "entry", "cools"),
    [
        (LeavesFor.CAPACITY, "entry", True),
        (LeavesFor.CAPACITY, None, False),  # it never had a server
        (LeavesFor.HEALTH, "entry", False),
        (LeavesFor.REQUEST, "entry", False),
        (None, "entry", False),
    ],
)
def test_the_end_of_a_scale_in_begins_a_cooldown(leaves_for, entry, cools):
    gone = {"state": NodeState.TERMINATING, "server_status": ServerStatus.DELETED}
    made = _departed(node(GROUP, "n", **gone, leaves_for=leaves_for, activity_id=entry))
    until = NOW + timedelta(seconds=GROUP.spec.cooldown_seconds)
    assert made.cluster.cooldown_until == (until if cools else None)
    assert made.entries.ended == ({entry: Ending(ActivityStatus.SUCCESSFUL)} if entry else {})


def test_a_detaching_node_is_let_go():
    assert kinds(_departed(node(GROUP, "n", state=NodeState.DETACHING))) == ["LetServerGo"]


@pytest.mark.parametrize(
    ("state", "goes"),
    [
        (NodeState.PENDING, True),
        (NodeState.IN_SERVICE, True),
        (NodeState.STANDBY, True),
        (NodeState.ENTERING_STANDBY, True),
        (NodeState.DETACHING, False),
        (NodeState.TERMINATING, False),
    ],
)
def test_deletion_takes_everything_protected_or_not(state, goes):
    group = owner(status=ClusterStatus.DELETING, force_delete=True)
    one = node(group, "n", state=state, protected=True)
    made = draft(group, one)
    delete_all(made)
    assert terminated(made) == ([one] if goes else [])
    active = draft(GROUP, one)
    delete_all(active)
    assert kinds(active) == []


def test_a_deleted_cluster_goes_with_its_last_node():
    group = owner(status=ClusterStatus.DELETING)
    for nodes, goes in (((), True), ((node(group, "n", state=NodeState.TERMINATING),), False)):
        made = draft(group, *nodes)
        rest(made)
        assert (made.changes.goes, kinds(made)) == (goes, ["cluster:gone"] if goes else [])


def test_requests_are_forgotten_when_they_are_met():
    asked = (Cause(CauseKind.USER_SET_DESIRED, NOW, {"before": 0, "after": 1}),)
    group = owner(desired=1, causes=asked)
    for one, expected in (
        (node(group, "n"), ()),
        (pending(group, "n"), asked),
        (node(group, "n", state=NodeState.STANDBY), asked),
    ):
        made = draft(group, one)
        rest(made)
        assert made.cluster.causes == expected
