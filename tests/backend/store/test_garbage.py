from __future__ import annotations

from datetime import timedelta

from backend.domain.activity import ActivityStatus
from backend.store import activities, garbage, journal
from backend.store.tables import client_tokens
from tests import factories
from tests.factories import NOW, SCOPE


def _ended(group, name, days):
    at = NOW - timedelta(days=days)
    return factories.activity(group, name, status=ActivityStatus.SUCCESSFUL, started_at=at, ended_at=at)


def test_entries_past_their_retention_go_a_bounded_number_at_a_time(store):
    group = factories.cluster()
    old = [_ended(group, f"old{number}", 43 + number) for number in range(3)]
    kept = [_ended(group, "young", 41), factories.activity(group, "open", started_at=NOW - timedelta(days=99))]
    store.transact(lambda conn: journal.begin(conn, [*old, *kept]))
    before = NOW - timedelta(days=42)
    dropped = [store.transact(lambda conn: garbage.drop_activities(conn, before, 2)) for _ in range(3)]
    assert dropped == [2, 1, 0]
    with store.read() as conn:
        assert [activities.find(conn, entry.id) is None for entry in (*old, *kept)] == [True] * 3 + [False] * 2


def test_tokens_nobody_repeats_go(store):
    row = {"project_id": SCOPE.project_id, "region": SCOPE.region, "operation": "op", "fingerprint": "f", "result": []}
    ages = {"old": NOW - timedelta(days=2), "young": NOW}
    rows = [{**row, "token": token, "created_at": at} for token, at in ages.items()]
    store.transact(lambda conn: conn.execute(client_tokens.insert(), rows))
    before = NOW - timedelta(days=1)
    assert [store.transact(lambda conn: garbage.drop_tokens(conn, before, 10)) for _ in range(2)] == [1, 0]
