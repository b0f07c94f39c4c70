"""How databases find what is asked for often: by an index, whatever else has grown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from backend.domain.activity import ActivityStatus
from backend.store import activities, garbage, journal, watches
from backend.store.activities import ActivityQuery
from tests.factories import NOW, SCOPE, activity, cluster, uuid_of

BIG, SMALL = cluster("big"), cluster("small")
MANY = 4000


@pytest.fixture
def grown(store):
    """A project with a long journal, most of it of one group."""
    over = {"status": ActivityStatus.SUCCESSFUL, "progress": 100, "ended_at": NOW}
    told = [activity(BIG, str(number), started_at=NOW + timedelta(seconds=number), **over) for number in range(MANY)]
    told.append(activity(SMALL, "only", **over))
    store.transact(lambda conn: journal.begin(conn, told))
    if store.dialect == "postgresql":
        store.transact(lambda conn: conn.exec_driver_sql("ANALYZE"))
    return store


@contextmanager
def _plans(store: Any) -> Iterator[list[str]]:
    """What the database says of every statement that reads."""
    seen: list[tuple[str, Any]] = []
    told: list[str] = []

    def remember(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if statement.startswith("SELECT"):
            seen.append((statement, parameters))

    event.listen(store.engine, "before_cursor_execute", remember)
    yield told
    event.remove(store.engine, "before_cursor_execute", remember)
    explain = "EXPLAIN QUERY PLAN" if store.dialect == "sqlite" else "EXPLAIN"
    with store.read() as conn:
        for statement, parameters in seen:
            rows = conn.exec_driver_sql(f"{explain} {statement}", parameters).all()
            told.append("\n".join(str(row[-1]) for row in rows))


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (ActivityQuery(cluster_id=SMALL.id), "ix_activities_cluster"),
        (ActivityQuery(cluster_name="small", deleted=True), "ix_activities_name"),
        (ActivityQuery(ids=[activity(SMALL, "only").id, uuid_of("x")]), "autoindex_activities_1 (id=?)"),
        (ActivityQuery(cluster_id=SMALL.id, ids=[activity(SMALL, "only").id]), "autoindex_activities_1 (id=?)"),
        (ActivityQuery(), "ix_activities_scope"),
    ],
)
@pytest.mark.on("sqlite", "postgresql")  # MariaDB's plans are told in another form
def test_lists_of_the_journal_read_what_they_show(grown, query, index):
    with _plans(grown) as told, grown.read() as conn:
        found = activities.page(conn, SCOPE, query, 10).items
    assert found
    if grown.dialect == "sqlite":
        assert all(index in plan for plan in told), told
    else:  # which of them depends on what it counted
        assert not any("Seq Scan" in plan for plan in told), told


@pytest.mark.on("sqlite")  # others scan what is small
def test_what_is_swept_is_found_by_index(grown):
    with _plans(grown) as told, grown.read() as conn:
        watches.refusing(conn)
    assert "ix_watches_refused_since" in told[0]
    with _plans(grown) as told, grown.read() as conn:
        for kind in garbage.KINDS.values():
            garbage.waits(conn, kind, NOW)
            garbage.oldest(conn, kind, NOW, 10, records=kind.kept)
    for plan, kind in zip(told, [each for each in garbage.KINDS.values() for _ in range(2)], strict=True):
        assert f"ix_{kind.table.name}_{kind.since.name}" in plan
        assert "TEMP B-TREE" not in plan
