"""What a newer version wrote into rows does not make an older one fail."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from backend.domain.activity import ActivityKind, Cause, CauseKind
from backend.domain.cluster import Process
from backend.errors import NewerWord
from backend.store import rows
from backend.store.tables import clusters
from tests import factories
from tests.factories import NOW

ACTIVITY = factories.activity(factories.cluster())


def _row(activity, **other):
    return SimpleNamespace(**{**rows.activity_values(activity), **other})


def test_an_entry_of_a_kind_that_is_not_known_is_read():
    known = Cause(CauseKind.USER_CREATED, NOW, {})
    causes = [*rows.causes_document([known]), ["from_the_future", 1, {}]]
    found = rows.activity_of(_row(ACTIVITY, kind="from_the_future", causes=causes, reason=["from_the_future", {}]))
    assert (found.kind, found.causes, found.reason) == (ActivityKind.NOTE, (known,), None)


def test_a_process_that_is_not_known_stays_suspended_and_is_told():
    """Whoever suspends another one writes all of them again."""
    suspended = {Process.LAUNCH: NOW, "FromTheFuture": NOW}
    cluster = factories.cluster(suspended=suspended, given_up=frozenset({"FromTheFuture"}))
    written = {
        name: tuple(each) if isinstance(each, list) else each for name, each in rows.cluster_values(cluster).items()
    }
    found = rows.cluster_of(tuple(written.get(column.name) for column in clusters.c))
    assert (found.suspended, found.given_up) == (suspended, {"FromTheFuture"})
    assert rows.suspended_document(found.suspended).keys() == {"Launch", "FromTheFuture"}


@pytest.mark.parametrize("name", ["state", "health", "server_status", "leaves_for", "warms_to", "notice"])
def test_what_a_node_is_is_not_guessed(name):
    row = SimpleNamespace(**{**rows.node_values(factories.node(factories.cluster())), name: "FromTheFuture"})
    with pytest.raises(NewerWord) as found:
        rows.node_of(row)
    assert found.value.said == "FromTheFuture"


def test_one_of_a_known_kind_is_read_as_it_was_written():
    assert rows.activity_of(_row(ACTIVITY)) == ACTIVITY
