"""Databases in memory for one run after another: each begins as a copy of one that was made once.

SQLAlchemy keeps what it has compiled with its engine, so engines are used again; a copy of the empty tables costs less
than to make them.
"""

from __future__ import annotations

import sqlite3
from functools import cache

from sqlalchemy import Engine

from backend.clock import SystemClock
from backend.store import tables
from backend.store.session import Store
from tests.simulation import history
from tests.simulation.prepared import Preparing

_free: list[Database] = []


class Database:
    """One database and the one connection to it.

    SQLAlchemy believes itself in one long transaction on it; whoever uses it begins and ends what is one in truth.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.connection = Preparing(engine)
        self.connection.begin()
        raw = self.connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        self.raw = self.connection.raw = raw
        self.raw.execute("COMMIT")

    def release(self) -> None:
        """Nobody needs what is in it any more."""
        if self.raw.in_transaction:  # whoever was in it died
            self.raw.execute("ROLLBACK")
        _free.append(self)


def database() -> Database:
    """An empty one."""
    taken = _free.pop() if _free else _made()
    _empty().backup(taken.raw)
    return taken


def _made() -> Database:
    return Database(Store("sqlite://", SystemClock()).engine)


@cache
def _empty() -> sqlite3.Connection:
    made = _made()
    tables.metadata.create_all(made.connection)
    for statement in history.SCHEMA:
        made.raw.execute(statement)
    return made.raw
