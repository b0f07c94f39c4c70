"""Intent on every database."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.domain.activity import Cause, CauseKind
from backend.domain.cluster import ClusterStatus, Process
from backend.domain.cluster_findings import ClusterDeleting, ClusterNotFound, ProcessSuspended
from backend.store import clusters, intents
from tests.factories import NOW, OTHER, SCOPE, cluster

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def web(store):
    made = cluster("web", maximum=9, due_at=None)
    store.transact(lambda conn: clusters.insert(conn, made))
    return made


def _desire(store, *desired, **also):
    for number in desired:
        cause = Cause(CauseKind.USER_SET_DESIRED, NOW, {"after": number})
        store.transact(
            lambda conn, to=number, why=cause: intents.desire(
                conn, intents.lock(conn, SCOPE, "web"), to, LATER, why, **also
            )
        )
    with store.read() as conn:
        return clusters.get(conn, SCOPE, "web")


def test_what_is_desired_is_written_with_its_cause(store, web):
    after = _desire(store, 3)
    assert (after.spec.desired, [cause.data["after"] for cause in after.causes]) == (3, [3])
    assert (after.due_at, after.generation) == (LATER, web.generation + 1)


def test_nothing_is_written_where_nothing_changes(store, web):
    assert _desire(store, web.spec.desired) == web
    after = _desire(store, web.spec.desired, maximum=7)
    assert (after.spec.maximum, after.causes) == (7, ())


def test_the_last_five_causes_are_remembered(store, web):
    assert [cause.data["after"] for cause in _desire(store, 3, 4, 5, 6, 7, 8, 9).causes] == [5, 6, 7, 8, 9]


def test_who_may_have_intent(store, web):
    lock = intents.lock
    going = cluster("going", status=ClusterStatus.DELETING)
    still = cluster("still", suspended={Process.LAUNCH: NOW})
    for made in (going, still):
        store.transact(lambda conn, made=made: clusters.insert(conn, made))
    with pytest.raises(ClusterNotFound):
        store.transact(lambda conn: lock(conn, OTHER, "web"))
    with pytest.raises(ClusterDeleting):
        store.transact(lambda conn: lock(conn, SCOPE, "going"))
    with pytest.raises(ProcessSuspended):
        store.transact(lambda conn: lock(conn, SCOPE, "still", needs=Process.LAUNCH))
    assert store.transact(lambda conn: lock(conn, SCOPE, "still", needs=Process.TERMINATE)) == still
