"""Versions of prefix lists as rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.prefix_lists import Family, ListState, PrefixList, Twin
from backend.store import prefix_lists as rows
from tests.factories import NOW, OTHER, SCOPE

MADE = PrefixList("0" * 17, "office", Family.IPV4, ListState.CREATE_COMPLETE, 9, 1, NOW)
A, B, C = "10.0.0.0/8", "9.0.0.0/8", "11.0.0.0/8"


@pytest.fixture
def made(store):
    store.transact(lambda conn: rows.add(conn, SCOPE, MADE, {A: "a", B: None}))
    return MADE


def told(store, version):
    with store.read() as conn:
        return [(each.cidr, each.description) for each in rows.entries_of(conn, SCOPE, MADE.id, version)]


def change(store, version, added, removed):
    store.transact(lambda conn: rows.change_entries(conn, SCOPE, MADE.id, version, added, removed))


def test_a_version_is_what_it_was(store, made):
    change(store, 2, {C: None}, [B])
    change(store, 3, {A: "b"}, [A])
    assert told(store, 1) == [(B, None), (A, "a")]
    assert told(store, 2) == [(A, "a"), (C, None)]
    assert told(store, 3) == [(A, "b"), (C, None)]
    with store.read() as conn:
        assert rows.total(conn, SCOPE, MADE.id) == 2
        assert rows.entries_of(conn, OTHER, MADE.id, 3) == []


def test_a_version_is_taken_back(store, made):
    change(store, 2, {C: None, A: "b"}, [A, B])
    store.transact(lambda conn: rows.take_back(conn, SCOPE, MADE.id, 2))
    assert told(store, 1) == told(store, 2) == [(B, None), (A, "a")]


def test_old_versions_go(store, made, monkeypatch):
    monkeypatch.setattr(rows, "VERSIONS", 2)
    for version in range(2, 8):
        one, other = (B, C) if version % 2 == 0 else (C, B)
        change(store, version, {other: None}, [one])
    assert (told(store, 7), told(store, 6)) == ([(B, None), (A, "a")], [(A, "a"), (C, None)])
    with store.read() as conn:
        assert rows.ENTRIES.count(conn, SCOPE) == 3


def test_a_twin_is_claimed_by_one(store, made):
    until = NOW + timedelta(minutes=2)
    (mine,) = store.transact(lambda conn: rows.claim_twins(conn, SCOPE, {MADE.id: "one"}, until))
    assert store.transact(lambda conn: rows.claim_twins(conn, SCOPE, {MADE.id: "two"}, until)) == []
    assert (mine.twin, mine.token) == (Twin.MAKING, "one")
    assert not store.transact(lambda conn: rows.set_twin(conn, SCOPE, MADE, twin=Twin.THERE))
    assert store.transact(lambda conn: rows.set_twin(conn, SCOPE, mine, twin=Twin.THERE, cloud_id="c"))
    with store.read() as conn:
        assert rows.twins(conn, SCOPE, ["c", "d"])["c"].id == MADE.id
        assert rows.named_by(conn, SCOPE, [MADE.peer, "pl-1", A]).keys() == {MADE.peer}
        assert rows.twins(conn, OTHER, ["c"]) == {}


def test_one_on_its_way_out_is_claimed_by_nobody(store, made):
    store.transact(lambda conn: rows.raise_generation(conn, SCOPE, MADE.id, state=ListState.DELETE_IN_PROGRESS))
    assert store.transact(lambda conn: rows.claim_twins(conn, SCOPE, {MADE.id: "one"}, NOW)) == []


def test_what_was_changed_meanwhile_is_not_complete(store, made):
    def raised(conn):
        return rows.raise_generation(conn, SCOPE, MADE.id, state=ListState.MODIFY_IN_PROGRESS)

    assert [store.transact(raised) for _ in range(2)] == [1, 2]
    old = replace(MADE, generation=1)
    done = ListState.MODIFY_COMPLETE
    assert not store.transact(lambda conn: rows.complete(conn, SCOPE, old, done))
    with store.read() as conn:
        (now,) = rows.LISTS.all(conn, SCOPE)
    assert store.transact(lambda conn: rows.complete(conn, SCOPE, now, done))
