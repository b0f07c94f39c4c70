"""States, their classes, and the one law of moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.node import (
    ARRIVING,
    COOLING,
    COUNTED,
    ENDING,
    GONE,
    IN_WARM_POOL,
    KEPT,
    KEPT_WARM,
    PARKED,
    PARKING,
    PARTING,
    REBUILDING,
    SERVING,
    TRANSITIONS,
    WARM,
    WARMING,
    IllegalMove,
    LeavesFor,
    NodeState,
    capacity,
    leading_to,
    move,
)
from tests.factories import NOW, cluster, node

LATER = NOW + timedelta(minutes=1)
CLASSES = (
    *(ARRIVING, SERVING, REBUILDING, PARKING, PARKED, ENDING, PARTING, KEPT, GONE),
    *(WARMING, WARM, COOLING, KEPT_WARM),
)
GROUP = cluster()


def test_each_state_is_of_one_class_and_has_its_moves():
    assert sorted(state for states in CLASSES for state in states) == sorted(NodeState)
    assert set(TRANSITIONS) == set(NodeState)


@pytest.mark.parametrize("was", NodeState)
@pytest.mark.parametrize("wanted", NodeState)
def test_moves_are_those_of_the_table(was, wanted):
    one = node(GROUP, "n", state=was, activity_id="before")
    if wanted not in TRANSITIONS[was]:
        with pytest.raises(IllegalMove):
            move(one, wanted, LATER)
        return
    after = move(one, wanted, LATER, "entry")
    assert (after.state, after.state_at, after.activity_id) == (wanted, LATER, "entry")
    assert move(one, wanted, LATER).activity_id is None
    known = None if wanted in WARM else one.in_service_at
    assert after.in_service_at == (LATER if wanted in SERVING else known)


def test_an_end_is_asked_for_anew():
    asked = node(GROUP, "n", delete_requested_at=NOW)
    assert move(asked, NodeState.TERMINATING, LATER).delete_requested_at is None


def test_nothing_leaves_the_end():
    for state in ENDING:
        assert TRANSITIONS[state] <= ENDING | KEPT | GONE
    for state in COOLING:
        assert TRANSITIONS[state] <= COOLING | KEPT_WARM | GONE


def test_who_is_rebuilt_counts_and_comes_back_or_ends():
    for state in REBUILDING:
        assert state in COUNTED
        assert TRANSITIONS[state] <= REBUILDING | ARRIVING | SERVING | ENDING
        assert node(GROUP, "n", state=state).is_rebuilt
    assert node(GROUP, "n", state=NodeState.PENDING_WAIT, in_service_at=NOW).is_rebuilt
    assert not node(GROUP, "n", state=NodeState.PENDING_WAIT, in_service_at=None).is_rebuilt
    assert not node(GROUP, "n", state=NodeState.PENDING, in_service_at=NOW).is_rebuilt  # from standby


def test_members_of_the_warm_pool_neither_count_nor_serve():
    assert not IN_WARM_POOL & (COUNTED | SERVING | ENDING | PARTING | PARKED)
    assert {state for state in NodeState if str(state).startswith("Warmed:")} - GONE == IN_WARM_POOL


def test_what_comes_into_the_warm_pool_is_as_new():
    old = {"in_service_at": NOW, "drawn_at": NOW, "leaves_for": LeavesFor.CAPACITY, "replaces": "other"}
    back = node(GROUP, "n", state=NodeState.WARMED_PENDING_PROCEED, warms_to=NodeState.WARMED_STOPPED, **old)
    assert back.returns
    ready = move(back, NodeState.WARMED_STOPPED, LATER)
    assert (ready.in_service_at, ready.leaves_for, ready.replaces, ready.warms_to) == (None, None, None, None)
    drawn = replace(move(ready, NodeState.PENDING, LATER), drawn_at=LATER)
    assert drawn.set_out_at == LATER
    assert move(drawn, NodeState.IN_SERVICE, LATER).drawn_at is None


def test_where_moves_come_from():
    kept = NodeState.TERMINATING_RETAINED  # recorded: detaching frees it
    assert leading_to(NodeState.DETACHING) == (NodeState.IN_SERVICE, kept, NodeState.STANDBY)
    assert leading_to(NodeState.ENTERING_STANDBY) == (NodeState.IN_SERVICE,)
    assert not set(leading_to(NodeState.TERMINATING)) & (ENDING | PARTING)


def test_capacity_is_what_counts():
    nodes = [replace(node(GROUP, str(state)), state=state) for state in NodeState]
    assert capacity(nodes) == len(COUNTED)
