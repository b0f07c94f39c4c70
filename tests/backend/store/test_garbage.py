from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from backend.domain.activity import ActivityStatus
from backend.domain.messages import Message, MessageKind
from backend.domain.session import Session
from backend.store import activities, garbage, journal, outbox, sessions
from backend.store.leased import Claimer, Room
from backend.store.secrets import Seal, new_key
from backend.store.tables import client_tokens
from tests import factories
from tests.factories import NOW, OTHER, SCOPE

DAY = timedelta(days=1)


def _ended(group, name, days):
    at = NOW - timedelta(days=days)
    return factories.activity(group, name, status=ActivityStatus.SUCCESSFUL, started_at=at, ended_at=at)


def taken(store, kind, before, limit=10):
    """How many of a kind were old, and are gone."""
    with store.read() as conn:
        waits = garbage.waits(conn, kind, before)
        batch = garbage.oldest(conn, kind, before, limit, records=False)
    assert waits == bool(batch.keys) == (batch.first is not None)
    store.transact(lambda conn: garbage.drop(conn, kind, batch.keys, before))
    return len(batch.keys)


def test_entries_past_their_retention_go_a_bounded_number_at_a_time(store):
    group, other = factories.cluster(), factories.cluster(scope=OTHER)
    old = [_ended(group if number else other, f"old{number}", 43 + number) for number in range(3)]
    kept = [_ended(group, "young", 41), factories.activity(group, "open", started_at=NOW - timedelta(days=99))]
    store.transact(lambda conn: journal.begin(conn, [*old, *kept]))
    before = NOW - timedelta(days=42)
    assert [taken(store, garbage.ACTIVITIES, before, 2) for _ in range(3)] == [2, 1, 0]
    with store.read() as conn:
        assert [activities.find(conn, entry.id) is None for entry in (*old, *kept)] == [True] * 3 + [False] * 2


def test_the_oldest_come_first_with_all_that_they_say(store):
    group = factories.cluster()
    old = [_ended(group, f"old{number}", days) for number, days in enumerate((43, 90, 60))]
    store.transact(lambda conn: journal.begin(conn, old))
    with store.read() as conn:
        batch = garbage.oldest(conn, garbage.ACTIVITIES, NOW, 2, records=True)
    assert batch.keys == [(old[1].id,), (old[2].id,)]
    assert batch.first == old[1].ended_at
    told = batch.records[0]
    assert (told["id"], told["project_id"], told["cluster_name"]) == (old[1].id, SCOPE.project_id, "web")
    assert told["started_at"] == old[1].started_at
    assert told["causes"][0][0] == "user_created"


def test_tokens_nobody_repeats_go(store):
    row = {"project_id": SCOPE.project_id, "region": SCOPE.region, "operation": "op", "fingerprint": "f", "result": []}
    ages = {"old": NOW - 2 * DAY, "older": NOW - 3 * DAY, "young": NOW}
    rows = [{**row, "token": token, "created_at": at} for token, at in ages.items()]
    store.transact(lambda conn: conn.execute(client_tokens.insert(), rows))
    assert [taken(store, garbage.TOKENS, NOW - DAY) for _ in range(2)] == [2, 0]


def test_keys_that_ended_go(store):
    seal = Seal([new_key()])
    for number in (1, 2):
        made = Session(f"ASIA{number}", "AKIAX", "p", NOW, NOW + number * DAY)
        store.transact(lambda conn, made=made: sessions.add(conn, made, seal))
    assert [taken(store, garbage.SESSIONS, NOW + 2 * DAY) for _ in range(2)] == [1, 0]


def test_messages_that_were_given_up_go(store):
    told = [
        Message(str(uuid4()), "p", "one", str(uuid4()), "web", MessageKind.ACTION, "log:a", {}, NOW) for _ in range(3)
    ]
    store.transact(lambda conn: outbox.add(conn, told))
    with store.read() as conn:
        waiting = [outbox.waiting(conn, outbox.stream_of(each), NOW, 1)[0] for each in told]
    for days, each in zip((2, 0), waiting, strict=False):
        store.transact(lambda conn, each=each, days=days: outbox.give_up(conn, each, "gone", NOW - days * DAY))
    assert [taken(store, garbage.LETTERS, NOW - DAY) for _ in range(2)] == [1, 0]
    with store.read() as conn:
        assert len(outbox.dead(conn, 10)) == len(outbox.waiting(conn, outbox.stream_of(told[2]), NOW, 1)) == 1


def test_one_engine_at_a_time_takes_of_a_kind(store):
    for _ in range(2):  # two engines saw that something is old
        store.transact(lambda conn: garbage.demand(conn, garbage.ACTIVITIES, NOW))
    claimed = [garbage.LEASED.claim(store, Claimer(name, DAY), NOW, Room(2, [])) for name in ("one", "two")]
    assert [[lease.kind for lease in leases] for leases in claimed] == [["activities"], []]


@pytest.mark.parametrize("kind", garbage.KINDS.values(), ids=lambda kind: kind.name)
def test_a_kind_is_told_by_its_own_key(kind):
    assert [column.name for column in kind.table.primary_key] == list(kind.key)
