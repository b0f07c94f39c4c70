"""Records of a noun: values whose fields are columns of the same names, each in one project and region. Knows no noun.

A table of records has the columns ``id``, ``project_id`` and ``region``, and one for each further field of its value.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import Field, fields
from enum import StrEnum
from functools import partial
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar, get_args, get_origin, get_type_hints

from sqlalchemy import (
    ColumnElement,
    Connection,
    ScalarSelect,
    Table,
    and_,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from backend.domain.scope import Scope
from backend.domain.words import known
from backend.store import work_calls


class Record(Protocol):
    """A frozen dataclass with an id; its fields are texts, numbers, instants, words of a StrEnum, tuples, documents."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=Record)
_BATCH: Final = 500


class Records(Generic[R]):
    """The rows of one table as values of one class.

    Args:
        table: with a column for each field of ``made``.
        made: the class of its values.
    """

    def __init__(self, table: Table, made: type[R]) -> None:
        self._table, self._made = table, made
        hints = get_type_hints(made)
        self._names = tuple(field.name for field in fields(made))
        self._columns = [table.c[name] for name in self._names]
        self._readers = [(at, reader) for at, name in enumerate(self._names) if (reader := _reader(hints[name]))]

    def all(self, conn: Connection, scope: Scope, **equal: object) -> list[R]:
        """Those whose fields have the given values (one of them, where a set, list or tuple is given), by id."""
        statement = select(*self._columns).where(self._where(scope, equal)).order_by(self._table.c.id)
        return self._read_all(conn.execute(statement).all())

    def without(
        self, conn: Connection, scope: Scope, field: str, *further: ColumnElement[bool], **equal: object
    ) -> list[R]:
        """As ``all``, of those for which more holds, with nothing in the place of a long text that is not read."""
        columns = [literal("").label(field) if column.name == field else column for column in self._columns]
        statement = select(*columns).where(self._where(scope, equal), *further).order_by(self._table.c.id)
        return self._read_all(conn.execute(statement).all())

    def of(self, conn: Connection, scope: Scope, ids: Collection[str]) -> dict[str, R]:
        """Those of the given ids that there are, by id."""
        wanted, found = sorted(set(ids)), {}
        for at in range(0, len(wanted), _BATCH):
            for record in self.all(conn, scope, id=wanted[at : at + _BATCH]):
                found[record.id] = record
        return found

    def one(self, conn: Connection, scope: Scope, **equal: object) -> R | None:
        """The first of those that ``all`` tells, None where there is none."""
        statement = select(*self._columns).where(self._where(scope, equal)).order_by(self._table.c.id).limit(1)
        row = conn.execute(statement).first()
        return None if row is None else self._read(row)

    def hold(self, conn: Connection, scope: Scope, **equal: object) -> R | None:
        """What ``one`` tells, which nobody else changes before this transaction ends."""
        statement = select(*self._columns).where(self._where(scope, equal)).order_by(self._table.c.id).limit(1)
        row = conn.execute(statement.with_for_update()).first()
        return None if row is None else self._read(row)

    def count(self, conn: Connection, scope: Scope, **equal: object) -> int:
        """How many ``all`` would tell."""
        return int(conn.execute(select(self.counted(scope, **equal))).scalar_one())

    def counted(self, scope: Scope, **equal: object) -> ScalarSelect[int]:
        """The same, as a part of a statement."""
        return select(func.count()).select_from(self._table).where(self._where(scope, equal)).scalar_subquery()

    def add(self, conn: Connection, scope: Scope, *records: R, **columns: object) -> None:
        """Write new ones; ``columns`` are those of the table that are no fields (what is due, for instance)."""
        if records:
            if "due_at" in columns:
                work_calls.want(conn)
            conn.execute(insert(self._table), [{**self._written(scope, record), **columns} for record in records])

    def change(self, conn: Connection, scope: Scope, record_id: str, **values: object) -> bool:
        """Set fields, or columns that are no fields, of one; whether it is there."""
        if "due_at" in values:
            work_calls.want(conn)
        where = self._where(scope, {"id": record_id})
        return bool(conn.execute(update(self._table).where(where).values(plain(values))).rowcount)

    def remove(self, conn: Connection, scope: Scope, **equal: object) -> int:
        """Delete those that ``all`` would tell, of which something must be said; how many they were."""
        if not equal:
            raise ValueError("everything of a project is removed by no one")
        return int(conn.execute(delete(self._table).where(self._where(scope, equal))).rowcount)

    def _where(self, scope: Scope, equal: Mapping[str, object]) -> ColumnElement[bool]:
        c = self._table.c
        return and_(
            c.project_id == scope.project_id,
            c.region == scope.region,
            *(
                c[name].in_(list(value)) if isinstance(value, set | frozenset | list | tuple) else c[name] == value
                for name, value in equal.items()
            ),
        )

    def _read_all(self, rows: Sequence[Any]) -> list[R]:
        """Ten thousand rules of groups are read at once: where columns are the fields' values, nothing is copied."""
        made = self._made
        return [self._read(row) for row in rows] if self._readers else [made(*row) for row in rows]

    def _read(self, row: Any) -> R:
        values = list(row)
        for at, reader in self._readers:
            if values[at] is not None:
                values[at] = reader(values[at])
        return self._made(*values)

    def _written(self, scope: Scope, record: R) -> dict[str, Any]:
        values = {name: getattr(record, name) for name in self._names}
        return {"project_id": scope.project_id, "region": scope.region, **plain(values)}


def plain(values: Mapping[str, object]) -> dict[str, Any]:
    """Fields as columns have them."""
    return {name: _plain_value(value) for name, value in values.items()}


def _plain_value(value: object) -> object:
    if isinstance(value, StrEnum):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _reader(hint: Any) -> Callable[[Any], Any] | None:
    """What makes a column's value a field's, None where they are the same."""
    for kind in get_args(hint) if get_origin(hint) is not tuple else ():
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return partial(known, kind)
        if get_origin(kind) is tuple:
            return tuple
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return partial(known, hint)
    return tuple if get_origin(hint) is tuple else None
