"""Engines hear of what the API writes for them, and only of that: on PostgreSQL by its own calls, else by the file."""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import text

from backend.clock import SystemClock
from backend.errors import StoreUnavailable
from backend.store import engines, watches, work_calls
from backend.store.engines import EngineRecord
from backend.store.session import Store
from backend.store.work_calls import CHANNEL, Listener
from tests.factories import NOW, SCOPE, HandClock

PATIENCE = 30.0  # for a machine that is busy; what is waited for comes within milliseconds


class Ear:
    """Counts rings, and lets a test wait for the next."""

    def __init__(self):
        self.heard = threading.Semaphore(0)

    def ring(self):
        self.heard.release()

    def hears(self, seconds=PATIENCE):
        return self.heard.acquire(timeout=seconds)

    def forget(self):
        while self.heard.acquire(blocking=False):
            pass


@pytest.fixture
def api(store):
    """The store of a gateway, beside that of an engine."""
    made = Store(store.engine.url.render_as_string(hide_password=False), store.clock, database_clock=False, calls=True)
    yield made
    made.close()


def _listening(store):
    ear = Ear()
    listener = Listener(store.engine.url.render_as_string(hide_password=False), ear.ring, SystemClock())
    assert listener.start()
    assert ear.hears()  # from now on, and what was missed before
    assert listener.hears()
    return ear, listener


@pytest.mark.on("postgresql", "sqlite")
def test_work_is_heard_of(store, api):
    ear, _ = _listening(store)
    api.transact(lambda conn: watches.pull(conn, SCOPE, NOW))
    assert ear.hears()


@pytest.mark.on("postgresql")
def test_nobody_is_called_for_what_is_no_work_was_not_committed_or_is_an_engines_own(store, api):
    ear, _ = _listening(store)

    def fails(conn):
        watches.pull(conn, SCOPE, NOW)
        raise StoreUnavailable("on purpose")

    with pytest.raises(StoreUnavailable):
        api.transact(fails)
    record = EngineRecord("one", "host", 1, "0039", NOW, NOW, timedelta(seconds=9))
    api.transact(partial(engines.seen, me=record, now=NOW))
    store.transact(lambda conn: watches.pull(conn, SCOPE, NOW))
    with store.engine.begin() as conn:
        conn.execute(text(f"SELECT pg_notify('{CHANNEL}', 'the end')"))
    assert ear.hears()
    assert not ear.heard.acquire(blocking=False)


@pytest.mark.on("postgresql")
def test_a_connection_that_is_lost_is_made_again_and_what_was_missed_is_looked_for(store, api):
    ear, listener = _listening(store)
    ear.forget()
    with store.engine.begin() as conn:
        conn.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'coppice-engine'")
        )
    assert ear.hears()
    assert listener.hears()
    api.transact(lambda conn: watches.pull(conn, SCOPE, NOW))
    assert ear.hears()


class _Enough(Exception):
    """So long is listened."""


@pytest.mark.on("sqlite")
def test_that_nobody_is_heard_is_told_once_also_where_it_never_went(store, caplog):
    class Clock(HandClock):
        def wait(self, seconds):
            super().wait(seconds)
            if self.monotonic() > 2:
                raise _Enough

    listener = Listener("postgresql+psycopg://nobody@127.0.0.1:1/nothing", lambda: None, Clock())
    with pytest.raises(_Enough):
        listener._listen()
    assert not listener.hears()
    assert [each.message.partition(":")[0] for each in caplog.records] == [
        "calls of the API are not heard, work is looked for now and then"
    ]
    listener._note(hears=True)
    listener._note(hears=False, why="gone")
    assert len(caplog.records) == 2


@pytest.mark.on("mariadb")
def test_where_the_database_tells_nobody_engines_look_by_themselves(store):
    url = store.engine.url.render_as_string(hide_password=False)
    listener = Listener(url, lambda: None, SystemClock())
    assert not listener.start()
    assert not listener.hears()


def test_what_is_wanted_is_asked_for_once(store):
    with store.read() as conn:
        work_calls.want(conn)
        assert work_calls.is_wanted(conn)
        assert not work_calls.is_wanted(conn)
