"""Instance refreshes as rows on every database, and what others hear of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from backend.domain.cluster import ClusterStatus
from backend.domain.refreshes import Handling, RefreshStatus
from backend.store import changes, clusters, refreshes
from backend.store.listening import Audience
from backend.store.outbox_tables import messages
from tests.factories import NOW, OTHER, SCOPE, cluster, refresh, uuid_of

WEB = cluster("web", refresh_id=uuid_of("refresh"))
FULL = refresh(
    WEB,
    checkpoints=(20, 50),
    checkpoint_seconds=60,
    protected=Handling.IGNORE,
    standby=Handling.TERMINATE,
    alarms=("a", "b"),
    maximum_percent=110,
    desired={"template_id": "t", "template_name": "web", "template_version": "2"},
    reason={"kind": "warming", "server": "s"},
    percent=25,
    to_update=3,
)


@pytest.fixture(autouse=True)
def _written(store):
    def write(conn):
        clusters.insert(conn, WEB)
        refreshes.REFRESHES.add(conn, SCOPE, FULL)

    store.transact(write)


def active(store, owner=WEB):
    with store.read() as conn:
        return refreshes.active(conn, owner)


def save(store, before, after, *, everywhere=True):
    store.transact(lambda conn: refreshes.save(Audience(conn, WEB, everywhere), before, after, NOW))


def told(store):
    with store.read() as conn:
        return [row.data for row in conn.execute(select(messages).order_by(messages.c.number))]


def test_what_was_written_is_read(store):
    assert active(store) == FULL
    assert active(store, replace(WEB, refresh_id=None)) is None
    assert active(store, replace(WEB, project_id=OTHER.project_id)) is None
    with store.read() as conn:
        rows = changes.read(conn, WEB.id)
    assert rows is not None
    assert rows.refresh == FULL


def test_differences_are_written_and_told_once(store):
    save(store, FULL, replace(FULL, percent=50))
    assert active(store) == replace(FULL, percent=50)
    assert told(store) == []
    over = replace(FULL, status=RefreshStatus.SUCCESSFUL, ended_at=NOW)
    save(store, FULL, over)
    assert active(store).status is RefreshStatus.SUCCESSFUL
    assert told(store) == [{"refresh": FULL.id, "event": "Successful"}]


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [
        ({"started_at": None, "status": RefreshStatus.PENDING}, {}, ["started"]),
        ({"started_at": None}, {"status": RefreshStatus.SUCCESSFUL}, ["started", "Successful"]),
        ({}, {"checkpoint": 20}, ["checkpoint"]),
        ({"checkpoint": 20}, {"checkpoint": 50}, ["checkpoint"]),
        ({"checkpoint": 50}, {"checkpoint": 20}, []),
        ({"checkpoint": 50}, {"checkpoint": 100}, []),
        ({}, {"status": RefreshStatus.CANCELLING}, []),
        *(({}, {"status": status}, [str(status)]) for status in sorted(refreshes._TOLD)),
    ],
)
def test_what_is_told(store, before, after, events):
    save(store, replace(FULL, **before), replace(FULL, **after))
    assert [each["event"] for each in told(store)] == events
    if events == ["checkpoint"]:
        assert told(store) == [
            {"refresh": FULL.id, "event": "checkpoint", "delay": 60, "percentage": after["checkpoint"]}
        ]


def test_nobody_who_does_not_listen_is_told(store):
    save(store, FULL, replace(FULL, status=RefreshStatus.FAILED), everywhere=False)
    assert told(store) == []


def test_pages_newest_first(store):
    older = [
        replace(FULL, id=uuid_of(f"r{each}"), requested_at=NOW - timedelta(days=each // 2), status=RefreshStatus.FAILED)
        for each in range(1, 6)
    ]
    store.transact(lambda conn: refreshes.REFRESHES.add(conn, SCOPE, *older))
    since = NOW - timedelta(days=2)
    seen, after = [], None
    with store.read() as conn:
        while True:
            page = refreshes.page(conn, WEB, limit=2, since=since, after=after)
            seen += page.items
            after = page.marker
            if after is None:
                break
        ids = [FULL.id, older[4].id, "unknown"]
        some = refreshes.page(conn, WEB, limit=9, since=since, among=ids).items
        others = refreshes.page(conn, replace(WEB, project_id=OTHER.project_id), limit=9, since=since).items
        none = refreshes.page(conn, WEB, limit=9, since=NOW + timedelta(days=1)).items
    assert seen == sorted([FULL, *older], key=lambda each: (each.requested_at, each.id), reverse=True)
    assert some == [FULL, older[4]]
    assert (others, none) == ([], [])


def test_a_cluster_that_goes_takes_them_with_it(store):
    store.transact(lambda conn: refreshes.end_with_cluster(Audience(conn, WEB, everywhere=True), NOW))
    ended = active(store)
    assert (ended.status, ended.ended_at, ended.reason) == (RefreshStatus.CANCELLED, NOW, {"kind": "cluster_deleted"})
    assert [each["event"] for each in told(store)] == ["Cancelled"]
    gone = replace(WEB, status=ClusterStatus.DELETING)
    store.transact(lambda conn: clusters.remove(conn, gone.id, NOW))
    assert active(store) is None
