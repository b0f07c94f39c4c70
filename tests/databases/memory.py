"""Databases in memory for one test after another: each begins as a copy of empty tables that were made once.

SQLAlchemy keeps what it has compiled with its engine, so engines are used again. To make the tables, and to compile
anew what every test asks, took most of the time of a test.
"""

from __future__ import annotations

import sqlite3
from functools import cache

from sqlalchemy import Engine

from backend.clock import Clock, SystemClock
from backend.store import tables
from backend.store.session import Store

_free: list[Engine] = []


def opened(clock: Clock) -> Store:
    """A store whose tables are empty."""
    store = Store("sqlite://", clock)
    if _free:
        store.engine = _free.pop()
    _copy(store.engine)
    return store


def release(store: Store) -> None:
    """Nobody needs what is in it any more. Where somebody still listens to its engine, that is not used again."""
    told = store.engine.dispatch
    if told.before_cursor_execute or told.before_execute:
        store.close()
    else:
        _free.append(store.engine)


def _copy(engine: Engine) -> None:
    with engine.connect() as connection:
        _empty().backup(_raw(connection.connection.driver_connection))


def _raw(driver: object) -> sqlite3.Connection:
    assert isinstance(driver, sqlite3.Connection)
    return driver


@cache
def _empty() -> sqlite3.Connection:
    engine = Store("sqlite://", SystemClock()).engine
    tables.metadata.create_all(engine)
    with engine.connect() as connection:
        return _raw(connection.connection.driver_connection)
