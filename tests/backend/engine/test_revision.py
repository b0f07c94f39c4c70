"""What becomes of nodes, told once; phases and acts have the rest."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from backend.domain.activity import ActivityKind, ActivityStatus, Cause, CauseKind, Reason, ReasonKind
from backend.domain.changes import Ending
from backend.domain.node import IllegalMove, LeavesFor, NodeState
from backend.engine.revision import Revision
from tests.backend.engine.drafts import SETTINGS, backoff, node, owner, pending, rows
from tests.factories import NOW

GROUP = owner()
WHY = (Cause(CauseKind.HEALTH_CUSTOM, NOW),)


def _revision(*nodes, cluster=GROUP, **values):
    return Revision(rows(cluster, *nodes, **values), NOW, SETTINGS, Random(1))


@pytest.mark.parametrize(("force", "reason"), [(False, ReasonKind.SUPERSEDED), (True, ReasonKind.CLUSTER_DELETED)])
def test_who_goes_has_an_entry_of_its_own_and_what_it_was_at_is_cancelled(force, reason):
    one = pending(GROUP, "n", delete_requested_at=NOW)
    revision = _revision(one, cluster=replace(GROUP, force_delete=force))
    after = revision.terminate(one, WHY, LeavesFor.HEALTH)
    (entry,) = revision.entries.opened.values()
    assert (after.state, after.activity_id, after.delete_requested_at) == (NodeState.TERMINATING, entry.id, None)
    assert (entry.kind, entry.node_id, entry.server_id, entry.causes) == (
        ActivityKind.TERMINATE, one.id, one.server_id, WHY
    )  # fmt: skip
    ending = revision.entries.ended[one.activity_id]
    assert (ending.status, ending.reason.kind) == (ActivityStatus.CANCELLED, reason)


def test_the_end_of_what_never_had_a_server_is_told_by_its_launch():
    one = pending(GROUP, "n", server_id=None)
    revision = _revision(one)
    assert revision.terminate(one, WHY, LeavesFor.CAPACITY).activity_id is None
    assert revision.entries.opened == {}


def test_an_entry_that_is_opened_and_ended_together_is_written_once():
    one = node(GROUP, "n")
    revision = _revision(one)
    revision.forget(revision.terminate(one, WHY, LeavesFor.HEALTH))
    (entry,) = revision.entries.opened.values()
    assert (entry.status, entry.progress, entry.ended_at) == (ActivityStatus.SUCCESSFUL, 100, NOW)
    assert (revision.entries.ended, revision.nodes) == ({}, {})
    revision.end(entry.id, ActivityStatus.FAILED)
    assert revision.entries.opened == {entry.id: entry}


def test_an_end_is_never_overwritten():
    revision = _revision()
    revision.end("entry", ActivityStatus.FAILED)
    revision.end("entry", ActivityStatus.SUCCESSFUL)
    revision.end(None, ActivityStatus.SUCCESSFUL)
    assert revision.entries.ended == {"entry": Ending(ActivityStatus.FAILED)}


def test_nobody_goes_twice():
    one = node(GROUP, "n")
    revision = _revision(one)
    leaving = revision.terminate(one, WHY, LeavesFor.HEALTH)
    with pytest.raises(IllegalMove):
        revision.terminate(leaving, WHY, LeavesFor.HEALTH)


def test_a_failure_counts_from_those_before_and_a_success_forgives():
    standing = [replace(backoff(zone, failures=3), refusals=3, last_failed_at=NOW) for zone in "abc"]
    revision = _revision(backoffs=standing)
    for refused in (False, True, False):
        revision.back_off("a", "configuration:lc", refused=refused)
    revision.forgive(node(GROUP, "n", zone="b"))
    assert {each.zone: (each.failures, each.refusals) for each in revision.backoffs.values()} == {
        "a": (4, 4),
        "c": (3, 0),
    }
    assert revision.again


def test_a_failure_that_says_nothing_of_the_launch_is_no_refusal():
    lost = pending(GROUP, "n", server_id=None)
    revision = _revision(lost)
    revision.fail_launch(lost, Reason(ReasonKind.LAUNCH_LOST))
    assert [(each.failures, each.refusals) for each in revision.backoffs.values()] == [(1, 0)]
