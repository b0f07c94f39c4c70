from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from backend.clock import SystemClock
from backend.domain.delegation import Delegation, DelegationsUnanswered, SecretUnreadable
from backend.store import tables
from backend.store.delegations import StoredDelegations
from backend.store.guarded import Guard
from backend.store.sealed import PLACES, reseal
from backend.store.secrets import Seal, new_key
from backend.store.session import Store
from tests.factories import NOW

ONE = Delegation("c-1", "p-1", "u-1", "member", NOW, NOW + timedelta(days=1), "the secret")


@pytest.fixture
def key():
    return new_key()


@pytest.fixture
def kept(store, key):
    return StoredDelegations(store, Seal([key]))


def test_what_was_handed_over_is_found_by_project_the_newest_first(kept):
    newer = replace(ONE, credential_id="c-2", created_at=NOW + timedelta(hours=1), expires_at=None)
    for each in (ONE, newer, replace(ONE, credential_id="c-3", project_id="p-2")):
        kept.put(each)
    assert kept.of_project("p-1") == [newer, ONE]
    assert kept.of_project("p-3") == []
    assert kept.ids("p-1", "u-1") == ["c-2", "c-1"]
    assert kept.ids("p-1", "u-2") == []
    kept.drop(["c-1", "c-2"])
    assert kept.of_project("p-1") == []
    assert len(kept.of_project("p-2")) == 1


def test_no_secret_lies_in_the_database(kept, store):
    kept.put(ONE)
    with store.read() as conn:
        (row,) = conn.execute(select(tables.delegations))
    assert "the secret" not in str(row)
    assert "c-1" in str(row)


def test_secrets_are_sealed_anew_when_keys_change(kept, store, key):
    kept.put(ONE)
    new = new_key()
    with pytest.raises(SecretUnreadable):
        StoredDelegations(store, Seal([new])).of_project("p-1")
    assert reseal(store, PLACES["delegations"], Guard(Seal([new, key]))) == 1
    assert StoredDelegations(store, Seal([new])).of_project("p-1") == [ONE]


def test_a_project_without_any_needs_no_key(store):
    assert StoredDelegations(store, Seal([])).of_project("p-1") == []


def test_a_database_that_is_away_is_no_answer():
    away = Store("sqlite:////nowhere/at/all.db", SystemClock())
    with pytest.raises(DelegationsUnanswered, match="could not be asked"):
        StoredDelegations(away, Seal([])).of_project("p-1")
