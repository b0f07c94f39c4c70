"""Backoffs of a project on every database; those of a cluster are changes' business."""

from __future__ import annotations

from backend.domain.backoff import Backoff
from backend.store import backoffs, clusters
from tests import factories
from tests.factories import NOW, OTHER, SCOPE


def test_backoffs_of_a_project_end_together(store):
    groups = [factories.cluster("web"), factories.cluster("elsewhere", scope=OTHER)]
    entry = {("us-east-1a", ""): Backoff("us-east-1a", "", 1, NOW, NOW)}
    for group in groups:
        store.transact(lambda conn, group=group: clusters.insert(conn, group))
        store.transact(lambda conn, group=group: backoffs.save(conn, group.id, {}, entry))
    store.transact(lambda conn: backoffs.forget_project(conn, SCOPE))
    with store.read() as conn:
        assert [backoffs.of_cluster(conn, group.id) for group in groups] == [{}, entry]


def test_a_backoff_is_written_over_one_that_nobody_knew_of(store):
    group = factories.cluster("web")
    store.transact(lambda conn: clusters.insert(conn, group))
    for failures in (1, 2):
        entry = {("us-east-1a", ""): Backoff("us-east-1a", "", failures, NOW, NOW)}
        store.transact(lambda conn, entry=entry: backoffs.save(conn, group.id, {}, entry))
    with store.read() as conn:
        assert backoffs.of_cluster(conn, group.id) == entry
