"""Rows changed by difference: only columns whose value changed, and equal changes of many rows in one statement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table, Update, bindparam, update

from backend.store.batches import chunks


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The columns whose value is another one, with that value."""
    return {name: value for name, value in after.items() if before[name] != value}


def write_changes(conn: Connection, table: Table, changes: Mapping[str, Mapping[str, Any]]) -> None:
    """Write column values into rows.

    Args:
        table: one whose key is a column ``id``.
        changes: id -> new value by column; an empty change writes nothing. Values of several rows are hashable.
    """
    alone: defaultdict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    alike: defaultdict[Hashable, list[str]] = defaultdict(list)
    for row_id, change in changes.items():
        if change and len(changes) == 1:
            alone[tuple(change)].append({"row_id": row_id, **_new(change)})
        elif change:
            alike[tuple(change.items())].append(row_id)
    for ids in alike.values():
        change = changes[ids[0]]
        columns = tuple(change)
        if len(ids) > 1:
            for some in chunks(sorted(ids)):
                conn.execute(_together(table, columns), {"row_ids": some, **_new(change)})
        else:
            alone[columns].append({"row_id": ids[0], **_new(change)})
    for columns, parameters in alone.items():
        conn.execute(_one(table, columns), parameters)


def _new(change: Mapping[str, Any]) -> dict[str, Any]:
    return {f"new_{name}": value for name, value in change.items()}


@lru_cache(maxsize=256)
def _one(table: Table, columns: Sequence[str]) -> Update:
    return update(table).where(table.c.id == bindparam("row_id")).values(_values(table, columns))


@lru_cache(maxsize=256)
def _together(table: Table, columns: Sequence[str]) -> Update:
    return update(table).where(table.c.id.in_(bindparam("row_ids", expanding=True))).values(_values(table, columns))


def _values(table: Table, columns: Sequence[str]) -> dict[str, Any]:
    return {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in columns}
