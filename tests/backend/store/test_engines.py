"""Rows of engines: renewed, taken out by whoever ends, and by others only where they were not heard of."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from backend.store import engines
from backend.store.engines import EngineRecord
from tests.factories import NOW

ME = EngineRecord("host-1-aa", "host", 1, "0039", NOW, NOW, timedelta(seconds=9))
LATER = NOW + timedelta(seconds=3)


def _all(store):
    with store.read() as conn:
        return list(engines.all_of_them(conn))


def test_who_is_heard_of_again_is_renewed_and_who_was_taken_out_is_put_in_anew(store):
    assert store.transact(partial(engines.seen, me=ME, now=NOW)) is False
    assert store.transact(partial(engines.seen, me=ME, now=LATER)) is True
    (record,) = _all(store)
    assert (record.started_at, record.seen_at, record.draining) == (NOW, LATER, False)
    store.transact(partial(engines.forget, name=ME.name))
    assert _all(store) == []
    assert store.transact(partial(engines.seen, me=ME, now=LATER)) is False


def test_an_engine_that_was_heard_of_meanwhile_is_not_taken_out(store):
    store.transact(partial(engines.seen, me=ME, now=LATER))
    assert store.transact(partial(engines.forget_unseen, name=ME.name, before=NOW)) is False
    assert len(_all(store)) == 1
    assert store.transact(partial(engines.forget_unseen, name=ME.name, before=LATER)) is True
    assert _all(store) == []


def test_unseen_is_who_is_there_and_was_not_heard_of_since(store):
    store.transact(partial(engines.seen, me=ME, now=LATER))
    assert store.transact(partial(engines.is_unseen, name=ME.name, before=NOW)) is False
    assert store.transact(partial(engines.is_unseen, name=ME.name, before=LATER)) is True
    store.transact(partial(engines.forget, name=ME.name))
    assert store.transact(partial(engines.is_unseen, name=ME.name, before=LATER)) is False


def test_no_more_than_so_many_are_told_the_oldest_first(store):
    for number in range(4):
        record = EngineRecord(
            f"e{number}", "host", number, "0039", NOW - timedelta(hours=number), NOW, timedelta(seconds=9)
        )
        store.transact(partial(engines.seen, me=record, now=NOW))
    with store.read() as conn:
        assert [each.name for each in engines.all_of_them(conn, 2)] == ["e3", "e2"]
