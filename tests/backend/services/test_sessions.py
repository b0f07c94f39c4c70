from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from backend.services.sessions import SessionRules, Sessions
from backend.store import sessions as rows
from backend.store.secrets import Seal, new_key
from backend.store.session import Store
from backend.store.tables import metadata, sessions
from tests.factories import HandClock

OLD, NEW = new_key(), new_key()


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def store(clock):
    store = Store("sqlite://", clock)
    metadata.create_all(store.engine)
    yield store
    store.close()


def sessions_of(store, clock, *keys):
    return Sessions(store, clock, SessionRules(seal=Seal(keys)))


def test_secret_and_token_lie_sealed(store, clock):
    made = sessions_of(store, clock, OLD).open("AKIAX", "p", timedelta(hours=1))
    with store.read() as conn:
        (row,) = conn.execute(select(sessions)).all()
    assert made.secret not in str(row)
    assert made.token not in str(row)
    assert made.secret not in repr(made)
    assert sessions_of(store, clock, OLD).find(made.access_key) == made


def test_a_session_that_nobody_can_open_is_none(store, clock, caplog):
    made = sessions_of(store, clock, OLD).open("AKIAX", "p", timedelta(hours=1))
    assert sessions_of(store, clock, NEW).find(made.access_key) is None
    assert "is of no use" in caplog.text
    assert made.secret not in caplog.text


def test_sessions_are_sealed_anew(store, clock):
    made = sessions_of(store, clock, OLD).open("AKIAX", "p", timedelta(hours=1))
    assert store.transact(lambda conn: rows.reseal(conn, Seal([NEW, OLD]))) == 1
    assert sessions_of(store, clock, NEW).find(made.access_key) == made


def test_what_ended_is_known_for_a_day_so_that_it_can_be_told(store, clock):
    own = sessions_of(store, clock, OLD)
    made = own.open("AKIAX", "p", timedelta(hours=1))
    for hours, known in ((2, True), (24, False)):
        clock.move(hours * 3600)
        own.open("AKIAX", "p", timedelta(hours=1))
        assert (sessions_of(store, clock, OLD).find(made.access_key) is not None) == known


@pytest.mark.parametrize(
    "key", ["AKIAEXAMPLE", "ASIA", "ASIA\0BCDEFGHIJKLMNOP", "ASIA" + "A" * 9000, "asiaabcdefghijklmnop"]
)
def test_only_keys_of_that_kind_are_asked_for(clock, key):
    nowhere = Store("sqlite:////nowhere/at/all", clock)
    assert sessions_of(nowhere, clock, OLD).find(key) is None
