"""Transactions: how a connection is opened, begun, retried and ended on each database.

Rows are locked in one order everywhere, so that nobody waits in a circle: clusters by id, then what belongs to them
(nodes, journal, registrations), then pools, then watches. The round of a project's alarms comes after clusters, and
alarms by id after that. Last are the rows of limits, before what is counted by them is made: store/counting.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import StaticPool

from backend.clock import Clock
from backend.domain.delegation import SecretUnreadable
from backend.errors import CommitUnknown, StoreUnavailable
from backend.store import dead_peers, failures, lost_connections, standstill, work_calls
from backend.store.failures import Failure
from backend.store.guarded import Guard, guard, unsealed
from backend.store.secrets import KeysWanted, Seal, without_waiting
from backend.store.turns import FileTurns, NoTurns, Turns
from backend.store.types import from_micros
from backend.store.urls import in_memory, parsed
from backend.wal import use_wal

__all__ = ["Connection", "Store"]

T = TypeVar("T")

_FILE = "file"

_SQLITE_BUSY_MS = 10_000
# How often a transaction is tried in all, by what stopped it.
_TRIES = {Failure.CONFLICT: 8, Failure.RACE: 3, Failure.AWAY: 3}
_PATIENCE_SECONDS = 15.0
"""How long a transaction is tried again: whoever waits for it has some patience, too."""
_HURRIED_PATIENCE_SECONDS = 3.0


class Store:
    """The database.

    Args:
        url: SQLAlchemy URL; ``sqlite://`` keeps everything in memory.
        clock: the process's clock.
        database_clock: judge leases by the database's clock, which all engines share; off for SQLite (one machine)
            and for tests with a virtual clock.
        hook: called with ``begin``, ``commit`` and ``committed`` round each write transaction, and with ``again``
            before one is run again; the simulation interleaves and crashes there.
        durable: SQLite only: every commit reaches the disk before it is answered (synchronous=FULL).
        redoes: SQLite only: a commit may be lost with the machine's power, though not with the process
            (synchronous=NORMAL). For the engine: what it loses it finds and does again.
        calls: tell engines of what is written for them. For all but an engine, which knows what it wrote itself.
        seal: closes and opens what lies sealed.
        seals_launch_data: what is launched is written sealed, too; what is sealed is read in any case.
        hurried: for who has one thread for everything: rows that another one holds are waited for less long.
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
        calls: bool = False,
        pool_size: int = 10,
        seal: Seal | None = None,
        seals_launch_data: bool = False,
        hurried: bool = False,
    ) -> None:
        """Opens no connection yet. Raises DatabaseMisnamed where the URL is of no database that could be."""
        self._patience = _HURRIED_PATIENCE_SECONDS if hurried else _PATIENCE_SECONDS
        self.clock = clock
        self.hook = hook
        self._calls = calls
        waits = standstill.HURRIED_SECONDS if hurried else standstill.WAITS_SECONDS
        synchronous = _synchronous(durable, redoes)
        self.engine = _engine(parsed(url), synchronous=synchronous, pool_size=pool_size, waits_seconds=waits)
        self.seal = seal or Seal()
        self.guard = Guard(self.seal, closes=seals_launch_data)
        guard(self.engine, self.guard)
        self.dialect = self.engine.dialect.name
        self._turns = _turns(self.engine)
        self._database_clock = self.dialect != "sqlite" if database_clock is None else database_clock

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading, with nothing to commit.

        On SQLite all of it is one snapshot; elsewhere each statement sees what was committed before it. Who needs rows
        that belong together reads first the one that tells whether the others changed (a cluster's generation).

        Raises:
            StoreUnavailable: the database cannot be asked now.
        """
        try:
            with self.engine.connect() as connection:
                yield connection
        except (DBAPIError, PoolTimeout) as error:
            if failures.of(error) in {Failure.AWAY, Failure.CONFLICT}:
                raise StoreUnavailable(failures.words(error)) from error
            raise
        except StatementError as error:
            raise unsealed(error) from error

    def transact(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` returns, in one write transaction; run again from its start when the database says so.

        ``work`` may run several times, though only one run of it is ever committed: it must do nothing but read and
        write through its connection. A connection that is lost before COMMIT was sent has committed nothing, so that
        is run again; one that is lost in COMMIT may have, so that is not. Keys are waited for between two runs: others
        may write meanwhile.

        Raises:
            StoreUnavailable: the database cannot be asked now; nothing was written.
            CommitUnknown: the answer to COMMIT was lost; all of it was written, or nothing.
            KeysUnreached: keys that it needs cannot be had now; nothing was written.
        """
        attempt, began = 0, self.clock.monotonic()
        while True:
            attempt += 1
            try:
                return self._with_keys(work, began + _PATIENCE_SECONDS)
            except (DBAPIError, PoolTimeout) as error:
                failure = failures.of(error)
                late = self.clock.monotonic() - began >= self._patience
                if late or attempt >= _TRIES.get(failure, 1):
                    if failure in {Failure.AWAY, Failure.CONFLICT}:
                        raise StoreUnavailable(failures.words(error)) from error
                    raise
                if self.hook:
                    self.hook("again")
                self.clock.wait(0.005 * 2 ** (attempt - 1))

    def _with_keys(self, work: Callable[[Connection], T], until: float) -> T:
        """``_once``, run again whenever it needs keys that are not here, after a look for them."""
        while True:
            try:
                return self._once(work)
            except (KeysWanted, StatementError) as error:
                cause = unsealed(error)
                if not isinstance(cause, KeysWanted) or self.clock.monotonic() >= until:
                    raise cause from error
            with suppress(SecretUnreadable):  # it is said where it matters
                cause.wait()
            if self.hook:
                self.hook("again")

    def _once(self, work: Callable[[Connection], T]) -> T:
        if self.hook:
            self.hook("begin")
        with (
            self.engine.connect().execution_options(coppice_write=True) as connection,
            self._turns.taken(),
            connection.begin() as transaction,
        ):
            work_calls.is_wanted(connection)  # a run that failed may have said so before
            with without_waiting():
                result = work(connection)
            if work_calls.is_wanted(connection) and self._calls:
                work_calls.call(connection)
            if self.hook:
                self.hook("commit")
            try:
                transaction.commit()
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise CommitUnknown(failures.words(error)) from error
                raise
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
            # Not UNIX_TIMESTAMP: it reads the time in the session's zone, which has the same hour twice in autumn.
            sql = "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6))"
        return from_micros(int(connection.execute(text(sql)).scalar_one()))

    def close(self) -> None:
        self.engine.dispose()


def _synchronous(durable: bool, redoes: bool) -> str:
    if not durable:
        return "OFF"
    return "NORMAL" if redoes else "FULL"


def _engine(url: URL, *, synchronous: str, pool_size: int, waits_seconds: int) -> Engine:
    if url.get_backend_name() != "sqlite":
        # After a lock was waited for, plain reads must see what its holder committed: MariaDB's own default would not.
        made = create_engine(
            url,
            connect_args=dead_peers.arguments(url),
            isolation_level="READ COMMITTED",
            pool_pre_ping=True,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_recycle=1800,
            hide_parameters=True,
        )
        dead_peers.notice(made)
        standstill.end(made, waits_seconds)
        lost_connections.in_words()
        return made
    memory = in_memory(url)
    options: dict[str, Any] = {
        "connect_args": {"check_same_thread": False, "timeout": _SQLITE_BUSY_MS / 1000},
        "hide_parameters": True,  # they hold users' secrets, and what goes wrong is logged
    }
    if memory:
        options["poolclass"] = StaticPool
    else:
        options |= {"pool_size": pool_size, "max_overflow": pool_size}
    engine = create_engine(url, **options)
    path = Path(url.database or "")

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        if not memory:
            use_wal(cursor.execute, _SQLITE_BUSY_MS / 1000)
        cursor.execute(f"PRAGMA synchronous={synchronous}")
        cursor.execute(f"PRAGMA busy_timeout={_SQLITE_BUSY_MS}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()
        record.info[_FILE] = _identity(path)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if not memory and _identity(path) != connection.info[_FILE]:
            # SQLite would go on with a file that has no name any more: all that is written to it is lost at the end.
            raise StoreUnavailable(f"{path} was removed or replaced while it was in use: restart Coppice")
        if connection.get_execution_options().get("coppice_write", False):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:  # takes no lock yet, so there is no error to translate: straight to the driver
            connection.connection.cursor().execute("BEGIN")

    return engine


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file has the name now; None where there is none."""
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_dev, told.st_ino


def _turns(engine: Engine) -> Turns:
    """By a file beside the database; in memory there is one connection, elsewhere the database wakes who waits."""
    path = engine.url.database
    if engine.dialect.name != "sqlite" or not path or in_memory(engine.url):
        return NoTurns()
    return FileTurns(f"{path}-turn")
