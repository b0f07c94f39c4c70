"""The schema's revisions: bring a database up, take it down, tell where it stands and who may work with it.

Revisions of one line only add (tables, indexes, columns that may be left out), so that code written for an earlier one
goes on working while hosts are upgraded one after the other. What takes away or narrows begins a new line, once no
code that needs it runs any more: its revision is named ``1-0031``, and code of the line before refuses to work there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from backend.clock import SystemClock
from backend.store import failures
from backend.store.failures import Failure
from backend.store.session import Store

_HERE: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 4_302_119_551
_LOCK_SECONDS: Final = 600
_HOLD: Final = text("SELECT GET_LOCK(CONCAT('coppice-', SHA1(LOWER(DATABASE()))), :seconds)")
"""MariaDB's locks are the whole server's, PostgreSQL's a database's."""
_AGAIN_SECONDS: Final = 0.2
_ENDS_WHOLE: Final = frozenset({"postgresql", "sqlite"})
"""Where a revision that fails leaves nothing behind."""
_GIVE_WAY_MS: Final = 500
"""Everybody who wants a table queues behind who waits to change it, and a revision that changes several tables may wait
in a circle with them: whoever migrates gives way before the database (after a second) ends one of the circle."""


class SchemaUnknown(Exception):
    """The database is beyond what this code can work with; in one sentence."""


class MigratedElsewhere(Exception):
    """Another process has been migrating the database for longer than is waited for; in one sentence."""


def upgrade(url: str, revision: str = "head") -> None:
    """Bring a database to a revision; nothing is done where it stands there already.

    Several processes may do so at once: one migrates, the others wait and find it done. Gateways and engines may be at
    work meanwhile. PostgreSQL has each revision in a transaction of its own, which gives way and is begun again where
    somebody else's holds a table for too long.

    Raises:
        SchemaUnknown: a newer Coppice migrated it beyond what this one can work with.
        MigratedElsewhere: MariaDB's.
        DBAPIError: the database refuses, or others migrated it or held its tables for too long. What was done of it
            stays, and a further call goes on from there.
    """
    with _opened(url) as store:
        clock, began = store.clock, store.clock.monotonic()
        while True:
            try:
                with _migrating(store) as connection:
                    if not _step(connection, revision, alone=store.dialect != "postgresql"):
                        return
            except DBAPIError as error:
                # On SQLite another is migrating. MariaDB ends a transaction with each statement: nothing begins anew.
                gave_way = store.dialect in _ENDS_WHOLE and failures.of(error) is Failure.CONFLICT
                if not gave_way or clock.monotonic() - began >= _LOCK_SECONDS:
                    raise
                clock.wait(_AGAIN_SECONDS)


def _step(connection: Connection, revision: str, *, alone: bool) -> bool:
    """Do a step towards a revision; False where there is nothing left to do.

    Args:
        alone: to do all of it at once: nobody can come between, or no transaction would hold it together.
    """
    present = MigrationContext.configure(connection).get_current_revision()
    if revision == "head" and is_beyond(present, head()):
        reason = refused(present)
        if reason is not None:
            raise SchemaUnknown(reason)
        return False  # a newer Coppice has been here, and left room for this one
    left = [each for each in revisions() if is_beyond(each, present)]
    if revision != "head":
        left = [each for each in left if not is_beyond(each, revision)]
    if not left:
        return False
    # Nobody works on a database that is empty.
    command.upgrade(_config(connection), left[-1] if alone or present is None else left[0])
    return True


def downgrade(url: str, revision: str) -> None:
    """Take a database back to a revision; ``base`` leaves it empty. What later revisions kept is lost."""
    with _opened(url) as store, _migrating(store) as connection:
        command.downgrade(_config(connection), revision)


def current(url: str) -> str | None:
    """The revision a database stands at, None where it has none."""
    with _opened(url) as store:
        return stands_at(store)


def stands_at(store: Store) -> str | None:
    """The revision a store stands at, None where it has none."""
    with store.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def refusal(store: Store) -> str | None:
    """Why this code cannot work with a store, in one sentence; None where it can."""
    return refused(stands_at(store))


def refused(present: str | None) -> str | None:
    """The same, of one that stands at this revision."""
    if present is None:
        return "the database is not migrated: coppice migrate"
    if not is_beyond(present, head()):
        behind = f"the database is not migrated: it stands at {present}, this Coppice needs {head()}: coppice migrate"
        return None if present == head() else behind
    if place(present)[0] == place(head())[0]:
        return None
    return f"the database was migrated by a newer Coppice: it stands at {present}, this one knows {head()}: upgrade it"


def is_beyond(present: str | None, known: str | None) -> bool:
    """Whether a revision is newer than one that is known."""
    return place(present) > place(known)


def place(revision: str | None) -> tuple[int, int]:
    """(line, number) of a revision: ``0005`` is of line 0, ``1-0031`` of line 1."""
    if revision is None:
        return 0, 0
    line, _, number = revision.rpartition("-")
    return int(line or 0), int(number)


@lru_cache(maxsize=1)
def head() -> str | None:
    """The newest revision there is."""
    return ScriptDirectory.from_config(_config(None)).get_current_head()


def revisions() -> list[str]:
    """Every revision there is, the oldest first."""
    scripts = ScriptDirectory.from_config(_config(None)).walk_revisions()
    return [script.revision for script in scripts][::-1]


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _opened(url: str) -> Iterator[Store]:
    store = Store(url, SystemClock(), pool_size=1)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def _migrating(store: Store) -> Iterator[Connection]:
    """A connection in one transaction, alone among all who migrate."""
    with store.engine.connect().execution_options(coppice_write=True) as connection, connection.begin():
        if store.dialect == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            connection.execute(text(f"SET LOCAL lock_timeout = {_GIVE_WAY_MS}"))
        elif store.dialect != "sqlite":
            held = connection.execute(_HOLD, {"seconds": _LOCK_SECONDS}).scalar()
            if held != 1:  # it is released with the session
                raise MigratedElsewhere("another process is migrating the database: call again when it has ended")
        yield connection
