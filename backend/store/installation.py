"""Which installation of Coppice this database is: one row, made with the schema and never changed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from secrets import token_urlsafe
from uuid import uuid4

from sqlalchemy import Column, Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from backend.store.session import Store
from backend.store.tables import installations

_ONLY = 1
_SECRET_BYTES = 32


class Installation:
    """Its row, read when it is first asked for: a process may start before its database does.

    Each call may raise StoreUnavailable.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._id: str | None = None
        self._secret: str | None = None

    def __call__(self) -> str:
        """The id, which anybody may see."""
        if self._id is None:
            self._id = self._read(installations.c.id) or self._made(_make, installations.c.id)
        return self._id

    def secret(self) -> str:
        """What nobody knows who cannot read this database; it lies there in the clear."""
        if self._secret is None:
            self()
            self._secret = self._read(installations.c.secret) or self._made(_draw, installations.c.secret)
        return self._secret

    def _read(self, column: Column[str]) -> str | None:
        with self._store.read() as conn:
            return conn.execute(select(column).where(installations.c.number == _ONLY)).scalar()

    def _made(self, make: Callable[[Connection], None], column: Column[str]) -> str:
        with contextlib.suppress(IntegrityError):  # another process was quicker
            self._store.transact(make)
        return str(self._read(column))


def _make(conn: Connection) -> None:
    """Where a schema came about without a migration."""
    conn.execute(insert(installations), {"number": _ONLY, "id": str(uuid4())})


def _draw(conn: Connection) -> None:
    row = update(installations).where(installations.c.number == _ONLY, installations.c.secret.is_(None))
    conn.execute(row.values(secret=token_urlsafe(_SECRET_BYTES)))
