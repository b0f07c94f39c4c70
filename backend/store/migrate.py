"""The schema's revisions: bring a database up, take it down, tell where it stands."""

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

from backend.clock import SystemClock
from backend.store.session import Store

_HERE: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 4_302_119_551
_LOCK_SECONDS: Final = 600


def upgrade(url: str, revision: str = "head") -> None:
    """Bring a database to a revision; nothing is done where it stands there already.

    Several processes may do so at once: one migrates, the others wait and find it done.
    """
    with _migrating(url) as connection:
        command.upgrade(_config(connection), revision)


def downgrade(url: str, revision: str) -> None:
    """Take a database back to a revision; ``base`` leaves it empty. What later revisions kept is lost."""
    with _migrating(url) as connection:
        command.downgrade(_config(connection), revision)


def current(url: str) -> str | None:
    """The revision a database stands at, None where it has none."""
    store = Store(url, SystemClock(), pool_size=1)
    try:
        with store.read() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        store.close()


def is_current(store: Store) -> bool:
    """Whether a store stands at the revision this code is written for."""
    with store.read() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head()


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
def _migrating(url: str) -> Iterator[Connection]:
    """A connection in one transaction, alone among all who migrate."""
    store = Store(url, SystemClock(), pool_size=1)
    try:
        with store.engine.connect().execution_options(coppice_write=True) as connection, connection.begin():
            if store.dialect == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            elif store.dialect != "sqlite":
                connection.execute(text(f"SELECT GET_LOCK('coppice-{_LOCK}', {_LOCK_SECONDS})"))
            yield connection
    finally:
        store.close()
