"""A store whose database goes away: before a transaction, within it, and after its commit with the answer lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from datetime import datetime
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError

from backend.clock import Clock
from backend.errors import StoreUnavailable
from backend.store.session import Connection, Store
from tests.simulation.clocks import VirtualClock
from tests.simulation.databases import database

T = TypeVar("T")
STORE_AWAY: tuple[type[Exception], ...] = (DBAPIError, StoreUnavailable)


def away() -> OperationalError:
    """What a driver says of a database that does not answer."""
    return OperationalError("", None, ConnectionError("server closed the connection unexpectedly"))


class FailingStore(Store):
    """Asks before each read, too, whether the database is there; whoever only watches the run looks past that.

    It has one connection and opens no other: how transactions are begun on a database of many is the store's own tests'
    business.
    """

    def __init__(self, clock: VirtualClock, hook: Callable[[str], None]) -> None:
        super().__init__("sqlite://", clock, hook=hook)
        self._ask = hook
        self._true = clock
        self.database = database()
        self.engine = self.database.engine

    def on(self, clock: Clock) -> FailingStore:
        """The same database, as a machine with that clock has it."""
        there = copy(self)
        there.clock = clock
        return there

    def lease_now(self, connection: Connection) -> datetime:
        """The database has a clock of its own."""
        return self._true.now()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        self._ask("read")
        writes = self.database.raw.total_changes
        yield self.database.connection
        assert self.database.raw.total_changes == writes, "a read wrote"

    def _once(self, work: Callable[[Connection], T]) -> T:
        self._ask("begin")
        raw = self.database.raw
        raw.execute("BEGIN IMMEDIATE")
        try:
            result = work(self.database.connection)
            self._ask("commit")
        except BaseException:
            raw.execute("ROLLBACK")
            raise
        raw.execute("COMMIT")
        self._ask("committed")
        return result

    @contextmanager
    def watch(self) -> Iterator[Connection]:
        yield self.database.connection

    def close(self) -> None:
        self.database.release()
