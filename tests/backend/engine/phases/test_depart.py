from __future__ import annotations

import pytest

from backend.domain.activity import Cause, CauseKind
from backend.domain.cluster import ClusterStatus
from backend.domain.node import NodeState, ServerStatus
from backend.engine import steps
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
        ({}, ["Delete"]),
        ({"delete_requested_at": NOW}, []),
        ({"delete_requested_at": NOW - SETTINGS.delete_retry}, ["Delete"]),
        ({"server_status": ServerStatus.DELETING}, ["Delete"]),
        ({"server_status": ServerStatus.DELETED}, ["Forget"]),
        ({"server_status": ServerStatus.DELETED, "delete_requested_at": NOW}, ["Forget"]),
        ({"server_id": None, "created_at": NOW}, []),
        ({"server_id": None, "created_at": NOW - SETTINGS.launch_grace}, ["Forget"]),
    ],
)
def test_what_becomes_of_a_terminating_node(values, expected):
    made = _departed(node(GROUP, "n", state=NodeState.TERMINATING, **values))
    assert kinds(made.steps) == expected
    assert made.wakes or expected == ["Forget"]


def test_one_pass_asks_for_only_so_many_deletions():
    leaving = [node(GROUP, f"n{number}", state=NodeState.TERMINATING) for number in range(SETTINGS.deletions + 1)]
    made = _departed(*leaving)
    assert kinds(made.steps) == ["Delete"] * SETTINGS.deletions
    assert made.more


def test_a_detaching_node_is_let_go():
    assert kinds(_departed(node(GROUP, "n", state=NodeState.DETACHING)).steps) == ["LetGo"]


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
    assert terminated(made.steps) == ([one] if goes else [])
    active = draft(GROUP, one)
    delete_all(active)
    assert active.steps == []


def test_a_deleted_cluster_goes_with_its_last_node():
    group = owner(status=ClusterStatus.DELETING)
    for nodes, expected in (((), [steps.RemoveCluster()]), ((node(group, "n", state=NodeState.TERMINATING),), [])):
        made = draft(group, *nodes)
        rest(made)
        assert made.steps == expected


def test_requests_are_forgotten_when_they_are_met():
    asked = (Cause(CauseKind.USER_SET_DESIRED, NOW, {"before": 0, "after": 1}),)
    group = owner(desired=1, causes=asked)
    for one, expected in (
        (node(group, "n"), [steps.ForgetCauses()]),
        (pending(group, "n"), []),
        (node(group, "n", state=NodeState.STANDBY), []),
    ):
        made = draft(group, one)
        rest(made)
        assert made.steps == expected
