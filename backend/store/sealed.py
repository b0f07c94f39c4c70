"""Secrets of callers where they lie sealed among other columns, sealed anew when the installation has another key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, select, update

from backend.domain.parameters import ParameterType
from backend.store import identity_tables as tables
from backend.store.secrets import Seal

_BATCH: Final = 500
PLACES: Final[Mapping[str, tuple[Column[Any], tuple[ColumnElement[bool], ...]]]] = {
    "parameters": (tables.parameters.c.value, (tables.parameters.c.type == str(ParameterType.SECURE),)),
    "server certificates": (tables.server_certificates.c.sealed, ()),
}
"""Sealed columns of tables whose key is ``id``, and which of their rows are sealed."""


def reseal(conn: Connection, seal: Seal, place: str) -> int:
    """Seal each secret of a place with the first key; how many. Raises KeyMissing, SecretUnreadable."""
    column, sealed = PLACES[place]
    c = column.table.c
    number, last = 0, ""
    while True:
        following = select(c.id, column.label("sealed")).where(c.id > last, *sealed).order_by(c.id).limit(_BATCH)
        found = conn.execute(following.with_for_update()).all()
        for row in found:
            conn.execute(update(column.table).where(c.id == row.id).values({column.name: seal.renew(row.sealed)}))
        number += len(found)
        if len(found) < _BATCH:
            return number
        last = found[-1].id
