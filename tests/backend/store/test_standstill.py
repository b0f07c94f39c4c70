"""A transaction that stands still keeps its rows from others for a time, on every database that has rows to hold."""

from __future__ import annotations

import pytest
from sqlalchemy import event, text

from backend.clock import SystemClock
from backend.errors import StoreUnavailable
from backend.store import counting
from backend.store.session import Store
from tests.factories import SCOPE, HandClock

_IDLE = "idle_in_transaction_session_timeout"


class Impatient(HandClock):
    """A clock by which every look at it is late."""

    def monotonic(self) -> float:
        self.move(60)
        return super().monotonic()


@pytest.mark.on("postgresql")
def test_a_session_on_postgresql_waits_and_holds_for_a_time(store):
    with store.read() as conn:
        told = [conn.execute(text(f"SHOW {name}")).scalar_one() for name in ("lock_timeout", _IDLE)]
    assert told == ["5s", "1min"]


@pytest.mark.on("postgresql")
def test_what_an_operator_has_set_stays(migrated):
    store = Store(f"{migrated}&options=-c%20lock_timeout%3D700", SystemClock())
    with store.read() as conn:
        told = [conn.execute(text(f"SHOW {name}")).scalar_one() for name in ("lock_timeout", _IDLE)]
    store.close()
    assert told == ["700ms", "1min"]


@pytest.mark.on("mariadb")
def test_a_session_on_mariadb_waits_and_holds_for_a_time(store):
    names = ("innodb_lock_wait_timeout", "idle_write_transaction_timeout")
    with store.read() as conn:
        assert [conn.execute(text(f"SELECT @@{name}")).scalar_one() for name in names] == [5, 60]


@pytest.mark.on("postgresql", "mariadb")
def test_an_engine_waits_less_long(migrated):
    store = Store(migrated, SystemClock(), hurried=True)
    asked = "SHOW lock_timeout" if store.dialect == "postgresql" else "SELECT @@innodb_lock_wait_timeout"
    with store.read() as conn:
        assert conn.execute(text(asked)).scalar_one() in {"1s", 1}
    store.close()


@pytest.mark.on("postgresql", "mariadb")
def test_who_needs_what_another_holds_is_told_so_in_the_end(store, migrated):
    store.transact(lambda conn: counting.hold(conn, SCOPE, "queues"))
    other = Store(migrated, Impatient(), database_clock=False)
    words = {"postgresql": "SET lock_timeout = '50ms'", "mysql": "SET innodb_lock_wait_timeout = 1"}

    @event.listens_for(other.engine, "begin")
    def _hurry(conn):
        conn.exec_driver_sql(words.get(conn.dialect.name, words["mysql"]))

    with store.engine.connect() as holder, holder.begin():
        counting.hold(holder, SCOPE, "queues")
        with pytest.raises(StoreUnavailable):
            other.transact(lambda conn: counting.hold(conn, SCOPE, "queues"))
    other.transact(lambda conn: counting.hold(conn, SCOPE, "queues"))
    other.close()


@pytest.mark.on("postgresql", "mariadb")
def test_rows_of_who_says_nothing_are_given_back(store, migrated):
    other = Store(migrated, SystemClock(), database_clock=False)
    soon = {"postgresql": "SET idle_in_transaction_session_timeout = '50ms'"}
    store.transact(lambda conn: counting.hold(conn, SCOPE, "queues"))
    holder = other.engine.connect()
    holder.exec_driver_sql(soon.get(other.dialect, "SET SESSION idle_write_transaction_timeout = 1"))
    holder.commit()
    counting.hold(holder, SCOPE, "queues")
    store.transact(lambda conn: counting.hold(conn, SCOPE, "queues"))  # waits until the database has ended that
    holder.invalidate()
    holder.close()
    other.close()
