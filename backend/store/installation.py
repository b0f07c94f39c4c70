"""Which installation of Coppice this database is: one row, made with the schema and never changed."""

from __future__ import annotations

import contextlib
from uuid import uuid4

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from backend.store.session import Store
from backend.store.tables import installations

_ONLY = 1
_READ = select(installations.c.id).where(installations.c.number == _ONLY)


class Installation:
    """The id, read when it is first asked for: a process may start before its database does."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._id: str | None = None

    def __call__(self) -> str:
        if self._id is None:
            self._id = _read(self._store)
        return self._id


def _read(store: Store) -> str:
    """The row's id; it is made where a schema came about without a migration."""
    with store.read() as conn:
        found = conn.execute(_READ).scalar()
    if found is None:
        with contextlib.suppress(IntegrityError):  # another process was quicker
            store.transact(_make)
        with store.read() as conn:
            found = conn.execute(_READ).scalar_one()
    return str(found)


def _make(conn: Connection) -> None:
    conn.execute(insert(installations), {"number": _ONLY, "id": str(uuid4())})
