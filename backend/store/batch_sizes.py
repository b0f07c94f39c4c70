"""Sizes of batches as an operator set them, for a region, a project, or a project in a region."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select

from backend.domain.batch_sizes import Batch, Sized
from backend.domain.scope import Scope
from backend.store.engine_tables import batch_sizes as table

EVERY: Final = ""
"""In the place of a project or a region: all of them."""
_c = table.c
# A word of a newer version sizes nothing here, and keeps nobody from the rest.
_KNOWN = select(_c.project_id, _c.region, _c.name, _c.size).where(_c.name.in_([str(batch) for batch in Batch]))
_OVER = _KNOWN.where(_c.project_id.in_((EVERY, bindparam("project"))), _c.region.in_((EVERY, bindparam("in_region"))))
_ONE = delete(table).where(
    _c.project_id == bindparam("project"), _c.region == bindparam("in_region"), _c.name == bindparam("named")
)


def over(conn: Connection, scope: Scope) -> Sequence[Sized]:
    """All that are about a project in a region."""
    rows = conn.execute(_OVER, {"project": scope.project_id, "in_region": scope.region})
    return [Sized(row.project_id, row.region, Batch(row.name), row.size) for row in rows]


def everywhere(conn: Connection, most: int = 1000) -> Sequence[Sized]:
    """All there are, the widest first."""
    rows = conn.execute(_KNOWN.order_by(_c.project_id, _c.region, _c.name).limit(most))
    return [Sized(row.project_id, row.region, Batch(row.name), row.size) for row in rows]


def put(conn: Connection, sized: Sized) -> None:
    """Set a number; it holds from the next pass over each group on."""
    drop(conn, sized.project_id, sized.region, sized.batch)
    values = {"project_id": sized.project_id, "region": sized.region, "name": str(sized.batch), "size": sized.size}
    conn.execute(insert(table), values)


def drop(conn: Connection, project_id: str, region: str, batch: Batch) -> bool:
    """Take a number back; whether there was one."""
    named = {"project": project_id, "in_region": region, "named": str(batch)}
    return bool(conn.execute(_ONE, named).rowcount)
