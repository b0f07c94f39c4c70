"""The journal's rows on every database."""

from datetime import timedelta

import pytest

from backend.domain.activity import ActivityStatus, Cause, CauseKind, Reason, ReasonKind
from backend.store import activities, journal
from backend.store.activities import ActivityQuery
from tests.factories import NOW, OTHER, SCOPE, activity, cluster

WEB = cluster("web")


@pytest.fixture
def add(store):
    def insert(name, seconds=0, owner=WEB, **values):
        made = activity(owner, name, started_at=NOW + timedelta(seconds=seconds), **values)
        store.transact(lambda conn: journal.begin(conn, [made]))
        return made

    return insert


def ended(status=ActivityStatus.SUCCESSFUL, at=NOW):
    return {"status": status, "progress": 100, "ended_at": at}


def test_what_is_written_is_read(store, add):
    made = add(
        "a",
        causes=(Cause(CauseKind.USER_UPDATED, NOW, {"minimum": 1, "policy": "näme"}),),
        reason=Reason(ReasonKind.QUOTA, {"resource": "cores", "limit": 3}),
        server_id="s",
        node_id="n",
        zone="z",
        subnet_id="u",
        cluster_deleted=True,
        **ended(ActivityStatus.FAILED),
    )
    with store.read() as conn:
        assert activities.find(conn, made.id) == made
        assert activities.find(conn, "x") is None


def test_order_and_pages(store, add):
    add("old end", 1, **ended())
    add("new end", 9, **ended())
    add("old open", 2)
    add("new open", 8)
    same = [add(f"same {number}", 5, **ended()) for number in range(3)]
    wanted = ["new open", "old open", "new end", *(None for _ in same), "old end"]
    for limit in (1, 2, 3, 7, 10):
        seen, after = [], None
        with store.read() as conn:
            while True:
                page = activities.page(conn, SCOPE, ActivityQuery(cluster_id=WEB.id), limit, after)
                seen += page.items
                after = page.marker
                if after is None:
                    break
                assert len(page.items) == limit
        assert len({entry.id for entry in seen}) == 7
        for entry, name in zip(seen, wanted, strict=True):
            assert name is None or entry.id == activity(WEB, name).id


def test_a_foreign_marker_is_refused(store):
    with store.read() as conn, pytest.raises(ValueError):
        activities.page(conn, SCOPE, ActivityQuery(), 5, "nonsense")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        (ActivityQuery(), ["late", "failed"]),
        (ActivityQuery(deleted=True), ["late", "failed", "gone"]),
        (ActivityQuery(cluster_name="db", deleted=True), ["gone"]),
        (ActivityQuery(cluster_id=WEB.id), ["late", "failed"]),
        (ActivityQuery(ids=[activity(WEB, "late").id, "x"]), ["late"]),
        (ActivityQuery(statuses=["Failed", "Cancelled"]), ["failed"]),
        (ActivityQuery(started_from=NOW + timedelta(seconds=5)), ["late"]),
        (ActivityQuery(started_until=NOW + timedelta(seconds=4)), ["failed"]),
        (ActivityQuery(started_from=NOW + timedelta(seconds=4), started_until=NOW + timedelta(seconds=4)), ["failed"]),
    ],
)
def test_queries(store, add, query, names):
    gone = cluster("db")
    ids = {
        add("late", 5, **ended()).id: "late",
        add("failed", 4, **ended(ActivityStatus.FAILED)).id: "failed",
        add("gone", 3, owner=gone, cluster_deleted=True, **ended()).id: "gone",
        add("foreign", 3, owner=cluster("web", scope=OTHER), **ended()).id: "foreign",
    }
    with store.read() as conn:
        assert [ids[entry.id] for entry in activities.page(conn, SCOPE, query, 10).items] == names


def test_the_owners_of_servers_are_told_by_what_was_written_of_them(store, add):
    add("a", server_id="s1", **ended())
    add("b", server_id="s2", owner=cluster("db"), cluster_deleted=True)
    add("c", -7200, server_id="s3", **ended())
    with store.read() as conn:
        asked = ["s1", "s2", "s3", "s4"]
        assert activities.owners(conn, SCOPE, asked, NOW) == {"s1": "web", "s2": "db"}
        assert activities.owners(conn, OTHER, asked, NOW) == {}
        assert activities.owners(conn, SCOPE, [], NOW) == {}
