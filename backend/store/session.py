"""Transactions: how a connection is opened, begun, retried and ended on each database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import StaticPool

from backend.clock import Clock
from backend.store.types import from_micros

__all__ = ["Connection", "Store"]

T = TypeVar("T")

RETRIES = 8
_SQLITE_BUSY_MS = 10_000
# serialization failure and deadlock (PostgreSQL), deadlock, lock wait time-out and Galera certification (MariaDB)
_RETRY_SQLSTATES = {"40001", "40P01"}
_RETRY_ERRNOS = {1205, 1213, 1020, 1047}


class Store:
    """The database.

    Args:
        url: SQLAlchemy URL; ``sqlite://`` keeps everything in memory.
        clock: the process's clock.
        database_clock: judge leases by the database's clock, which all engines share; off for SQLite (one machine)
            and for tests with a virtual clock.
        hook: called with ``begin``, ``commit`` and ``committed`` round each write transaction; the simulation
            interleaves and crashes there.
        durable: SQLite only: every commit reaches the disk before it is answered (synchronous=FULL).
        redoes: SQLite only: a commit may be lost with the machine's power, though not with the process
            (synchronous=NORMAL). For the engine: what it loses it finds and does again.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        *,
        database_clock: bool | None = None,
        hook: Callable[[str], None] | None = None,
        durable: bool = True,
        redoes: bool = False,
        pool_size: int = 10,
    ) -> None:
        self.clock = clock
        self.hook = hook
        self.engine = _engine(url, synchronous=_synchronous(durable, redoes), pool_size=pool_size)
        self.dialect = self.engine.dialect.name
        self._database_clock = self.dialect != "sqlite" if database_clock is None else database_clock

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading: one consistent snapshot, nothing to commit."""
        with self.engine.connect() as connection:
            yield connection

    def transact(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` returns, in one write transaction; run again from its start when the database says so.

        ``work`` may run several times: it must do nothing but read and write through its connection.
        """
        for attempt in range(RETRIES):
            try:
                return self._once(work)
            except DBAPIError as error:
                if attempt == RETRIES - 1 or not _is_retryable(error):
                    raise
                self.clock.wait(0.005 * 2**attempt)
        raise AssertionError("unreachable")

    def _once(self, work: Callable[[Connection], T]) -> T:
        if self.hook:
            self.hook("begin")
        with self.engine.connect().execution_options(coppice_write=True) as connection, connection.begin():
            result = work(connection)
            if self.hook:
                self.hook("commit")
        if self.hook:
            self.hook("committed")
        return result

    def lease_now(self, connection: Connection) -> datetime:
        """The time leases are judged by."""
        if not self._database_clock:
            return self.clock.now()
        if self.dialect == "postgresql":
            sql = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"
        else:
            sql = "SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)"
        return from_micros(int(connection.execute(text(sql)).scalar_one()))

    def close(self) -> None:
        self.engine.dispose()


def _synchronous(durable: bool, redoes: bool) -> str:
    if not durable:
        return "OFF"
    return "NORMAL" if redoes else "FULL"


def _engine(url: str, *, synchronous: str, pool_size: int) -> Engine:
    if not url.startswith("sqlite"):
        # After a lock was waited for, plain reads must see what its holder committed: MariaDB's own default would not.
        return create_engine(
            url,
            isolation_level="READ COMMITTED",
            pool_pre_ping=True,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_recycle=1800,
        )
    memory = url in {"sqlite://", "sqlite:///:memory:"}
    options: dict[str, Any] = {"connect_args": {"check_same_thread": False, "timeout": _SQLITE_BUSY_MS / 1000}}
    if memory:
        options["poolclass"] = StaticPool
    else:
        options |= {"pool_size": pool_size, "max_overflow": pool_size}
    engine = create_engine(url, **options)

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        if not memory:
            cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={synchronous}")
        cursor.execute(f"PRAGMA busy_timeout={_SQLITE_BUSY_MS}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("coppice_write", False):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:  # takes no lock yet, so there is no error to translate: straight to the driver
            connection.connection.cursor().execute("BEGIN")

    return engine


def _is_retryable(error: DBAPIError) -> bool:
    original: Any = error.orig
    if getattr(original, "sqlstate", None) in _RETRY_SQLSTATES:
        return True
    if isinstance(error, OperationalError) and "database is locked" in str(original):
        return True
    arguments: tuple[Any, ...] = getattr(original, "args", ())
    return bool(arguments) and arguments[0] in _RETRY_ERRNOS
