"""The cloud's own state in SQLite: one file that several processes share, or memory within one process.

Instants are integers: microseconds since 1970. A server's status is not one word but the move it is in (from ``status``
at ``status_at`` to ``next_status`` at ``change_at``): what is true now is told by timeline.py when it is read.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import uuid
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from backend.wal import use_wal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BUSY_SECONDS = 30.0
_CACHE_KIB = 256
"""Of each thread's connection: SQLite would keep eight times as much of a file that is read no faster by that."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS origin (id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS settings (id INTEGER PRIMARY KEY CHECK (id = 1), document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS batches (
    id INTEGER PRIMARY KEY, project TEXT NOT NULL, region TEXT NOT NULL, created_at INTEGER NOT NULL,
    count INTEGER NOT NULL, flavor TEXT NOT NULL, rows_kept INTEGER NOT NULL,
    network_id TEXT NOT NULL, request TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS servers (
    id TEXT PRIMARY KEY, batch INTEGER NOT NULL, position INTEGER NOT NULL,
    project TEXT NOT NULL, region TEXT NOT NULL, zone TEXT NOT NULL,
    subnet_id TEXT NOT NULL, address INTEGER NOT NULL, public_address INTEGER,
    launch_id TEXT, installation TEXT, tags TEXT, image_id TEXT, server_group TEXT, fault TEXT,
    prior TEXT, prior_at INTEGER,
    status TEXT NOT NULL, status_at INTEGER NOT NULL,
    next_status TEXT, change_at INTEGER, next_fault TEXT,
    held INTEGER NOT NULL DEFAULT 1, gone_at INTEGER, own TEXT, task TEXT
);
CREATE INDEX IF NOT EXISTS servers_since ON servers (project, region, status_at);
CREATE INDEX IF NOT EXISTS servers_due ON servers (project, region, change_at) WHERE change_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS servers_gone ON servers (held, gone_at) WHERE gone_at IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS servers_address ON servers (subnet_id, address) WHERE held = 1;
CREATE UNIQUE INDEX IF NOT EXISTS servers_public ON servers (public_address)
    WHERE held = 1 AND public_address IS NOT NULL;
CREATE TABLE IF NOT EXISTS key_pairs (
    project TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, id TEXT NOT NULL, fingerprint TEXT NOT NULL,
    type TEXT NOT NULL, public_key TEXT, created_at INTEGER NOT NULL, PRIMARY KEY (project, region, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS security_groups (
    id TEXT PRIMARY KEY, project TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
    network_id TEXT NOT NULL, rules TEXT NOT NULL, UNIQUE (network_id, name)
);
CREATE TABLE IF NOT EXISTS made_groups (
    id TEXT PRIMARY KEY, project TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
    network_id TEXT NOT NULL, rules TEXT NOT NULL, installation TEXT NOT NULL, token TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS address_groups (
    id TEXT PRIMARY KEY, project TEXT NOT NULL, region TEXT NOT NULL, installation TEXT NOT NULL, token TEXT NOT NULL,
    name TEXT NOT NULL, addresses TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS server_groups (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, project TEXT NOT NULL, region TEXT NOT NULL,
    name TEXT NOT NULL, policy TEXT NOT NULL, partitions INTEGER
);
CREATE TABLE IF NOT EXISTS images (
    id TEXT PRIMARY KEY, project TEXT NOT NULL, region TEXT NOT NULL, document TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS flavors (name TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS regions (
    project TEXT NOT NULL, region TEXT NOT NULL, PRIMARY KEY (project, region)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS withdrawn_images (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pools (
    id TEXT PRIMARY KEY, project TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, protocol TEXT NOT NULL,
    port INTEGER NOT NULL, monitored INTEGER NOT NULL, served INTEGER NOT NULL, created_at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS members (
    id TEXT PRIMARY KEY, pool_id TEXT NOT NULL, address TEXT NOT NULL, port INTEGER NOT NULL, weight INTEGER NOT NULL,
    owner TEXT, installation TEXT, added_at INTEGER NOT NULL, verdict TEXT, monitor_port INTEGER,
    UNIQUE (pool_id, address, port)
);
CREATE TABLE IF NOT EXISTS balancers (
    id TEXT PRIMARY KEY, project TEXT NOT NULL, region TEXT NOT NULL, installation TEXT NOT NULL, key TEXT NOT NULL,
    name TEXT NOT NULL, layer7 INTEGER NOT NULL, subnet_id TEXT NOT NULL, digest TEXT NOT NULL, pending_until INTEGER
    NOT NULL, created_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS balancer_parts (
    id TEXT PRIMARY KEY, balancer_id TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL,
    form TEXT NOT NULL, UNIQUE (balancer_id, kind, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS loose_ports (
    id TEXT PRIMARY KEY, project TEXT NOT NULL, region TEXT NOT NULL, installation TEXT NOT NULL,
    made_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS volumes (
    id TEXT PRIMARY KEY, number INTEGER NOT NULL, project TEXT NOT NULL, region TEXT NOT NULL, server TEXT,
    document TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS volumes_of_project ON volumes (project, region, number);
CREATE TABLE IF NOT EXISTS snapshots (
    id TEXT PRIMARY KEY, number INTEGER NOT NULL, project TEXT NOT NULL, region TEXT NOT NULL, document TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS vpcs (
    id TEXT PRIMARY KEY, project TEXT NOT NULL, region TEXT NOT NULL, token TEXT NOT NULL UNIQUE,
    outside INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS extra_routes (
    vpc_id TEXT NOT NULL, cidr TEXT NOT NULL, next_hop TEXT NOT NULL, PRIMARY KEY (vpc_id, cidr, next_hop)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS subnets (
    id TEXT PRIMARY KEY, network_id TEXT NOT NULL, vpc_id TEXT NOT NULL, project TEXT NOT NULL, region TEXT NOT NULL,
    token TEXT NOT NULL UNIQUE, cidr TEXT NOT NULL, zone TEXT NOT NULL, dns TEXT NOT NULL,
    joined INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS subnets_of_project ON subnets (project, region);
CREATE TABLE IF NOT EXISTS public_addresses (
    id TEXT PRIMARY KEY, project TEXT NOT NULL, region TEXT NOT NULL, token TEXT NOT NULL UNIQUE,
    address INTEGER NOT NULL UNIQUE
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS interfaces (
    id TEXT PRIMARY KEY, project TEXT NOT NULL, region TEXT NOT NULL, token TEXT NOT NULL UNIQUE,
    subnet_id TEXT NOT NULL, address INTEGER NOT NULL, mac TEXT NOT NULL, groups TEXT NOT NULL, server_id TEXT,
    UNIQUE (subnet_id, address)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS loads (
    project TEXT NOT NULL, name TEXT NOT NULL, points TEXT NOT NULL, every REAL, began_at INTEGER NOT NULL,
    PRIMARY KEY (project, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS faults (
    id INTEGER PRIMARY KEY AUTOINCREMENT, effect TEXT NOT NULL, conditions TEXT NOT NULL, details TEXT NOT NULL,
    remaining INTEGER, until_at INTEGER
);
"""

_ADDED = {
    "servers": {"image_id": "TEXT", "server_group": "TEXT", "installation": "TEXT", "own": "TEXT", "task": "TEXT"},
    "server_groups": {"partitions": "INTEGER"},
    "members": {"installation": "TEXT", "monitor_port": "INTEGER"},
    "pools": {"balancer": "TEXT"},
}
"""Columns that states made before them lack."""
_MEMBERS = "CREATE INDEX IF NOT EXISTS servers_of_group ON servers (server_group, zone) WHERE server_group IS NOT NULL"


def to_micros(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


class _Connection(sqlite3.Connection):
    """A connection that can be referred to weakly: those of ended threads close by themselves."""


class State:
    """Connections to one state.

    A file is opened once a thread and process (a forked child opens its own); memory is one connection behind a lock.
    """

    def __init__(self, path: str | None) -> None:
        """Open or make the state. ``None`` or ``:memory:`` keeps it in memory."""
        self._path = None if path in (None, ":memory:") else path
        self._lock = threading.RLock()
        self._local = threading.local()
        self._opened: weakref.WeakSet[_Connection] = weakref.WeakSet()
        self._pid = os.getpid()
        self._shared = self._connect() if self._path is None else None
        with self.writing() as connection:
            # executescript would commit the open transaction: one statement at a time keeps two first starts apart.
            for statement in _SCHEMA.split(";\n"):
                if statement.strip():
                    connection.execute(statement)
            _add_columns(connection)
            connection.execute(_MEMBERS)

    def origin(self, seed: int | None) -> uuid.UUID:
        """The namespace of every id this state gives; the first caller settles it."""
        with self.writing() as connection:
            row = connection.execute("SELECT id FROM origin").fetchone()
            if row is None:
                made = uuid.uuid4() if seed is None else uuid.uuid5(uuid.NAMESPACE_OID, f"simulated-cloud:{seed}")
                connection.execute("INSERT INTO origin VALUES (?)", (str(made),))
                return made
            return uuid.UUID(row[0])

    def settings(self) -> str | None:
        """The settings that it was opened with last, as they were kept."""
        with self.reading() as connection:
            row = connection.execute("SELECT document FROM settings").fetchone()
        return None if row is None else str(row[0])

    def keep_settings(self, document: str) -> None:
        with self.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO settings VALUES (1, ?)", (document,))

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection to read with; all that the block reads is of one instant. May be entered again within itself."""
        with self._connection() as connection:
            if connection.in_transaction or self._shared is not None:
                yield connection
                return
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("COMMIT")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: kept when the block ends, undone when it raises. May be entered again within itself."""
        with self._connection() as connection:
            if getattr(self._local, "writing", False):
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            self._local.writing = True
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            else:
                connection.execute("COMMIT")
            finally:
                self._local.writing = False

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        if self._shared is not None:
            with self._lock:
                yield self._shared
        else:
            yield self._own()

    def detach(self) -> None:
        """Close what is open on a file: a process that forks now hands no connection down. The next use opens anew."""
        if self._path is not None:
            self.close()

    def close(self) -> None:
        """Close every connection this process opened. The state cannot be used afterwards."""
        with self._lock:
            if self._pid == os.getpid():
                for connection in list(self._opened):
                    connection.close()
            self._opened.clear()
            self._local = threading.local()

    def _own(self) -> sqlite3.Connection:
        found: tuple[int, sqlite3.Connection] | None = getattr(self._local, "connection", None)
        if found is None or found[0] != os.getpid():
            if self._pid != os.getpid():  # the parent's connections are not this process's to close
                self._opened, self._pid = weakref.WeakSet(), os.getpid()
            found = (os.getpid(), self._connect())
            self._local.connection = found
        return found[1]

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path or ":memory:",
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            factory=_Connection,
        )
        if self._path is not None:
            use_wal(connection.execute, _BUSY_SECONDS)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA cache_size = {-_CACHE_KIB}")
        with self._lock:
            self._opened.add(connection)
        return connection


def _add_columns(connection: sqlite3.Connection) -> None:
    for table, columns in _ADDED.items():
        there = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        for column in columns.keys() - there:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} {columns[column]}")


def counter(connection: sqlite3.Connection, name: str) -> int:
    row = connection.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else 0


def add_to_counter(connection: sqlite3.Connection, name: str, amount: int) -> None:
    connection.execute(
        "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
        (name, amount),
    )


def set_counter(connection: sqlite3.Connection, name: str, value: int) -> None:
    connection.execute(
        "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
    )
