"""Tags of what is neither a server nor a cluster, by the resource's AWS-style id."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select

from backend.domain.scope import Scope
from backend.store.tables import resource_tags as table

_BATCH = 500


def of(conn: Connection, scope: Scope, resource_ids: Collection[str] | None = None) -> dict[str, dict[str, str]]:
    """Tags by resource id, of the given resources or of all that have any; those without are left out."""
    statement = select(table.c.resource_id, table.c.key, table.c.value).where(_within(scope)).order_by(table.c.key)
    found: dict[str, dict[str, str]] = {}
    if resource_ids is None:
        batches: Iterable[ColumnElement[bool] | None] = [None]
    else:
        wanted = sorted(resource_ids)
        batches = [table.c.resource_id.in_(wanted[at : at + _BATCH]) for at in range(0, len(wanted), _BATCH)]
    for batch in batches:
        for row in conn.execute(statement if batch is None else statement.where(batch)):
            found.setdefault(row.resource_id, {})[row.key] = row.value
    return found


def put(conn: Connection, scope: Scope, resource_id: str, tags: Mapping[str, str]) -> None:
    """Set tags; others of the resource stay."""
    if not tags:
        return
    conn.execute(delete(table).where(_within(scope), table.c.resource_id == resource_id, table.c.key.in_(list(tags))))
    rows = [
        {"project_id": scope.project_id, "region": scope.region, "resource_id": resource_id, "key": key, "value": value}
        for key, value in tags.items()
    ]
    conn.execute(insert(table), rows)


def remove(conn: Connection, scope: Scope, resource_id: str, keys: Collection[str] | None = None) -> None:
    """Take away some tags of a resource, or all of them."""
    statement = delete(table).where(_within(scope), table.c.resource_id == resource_id)
    conn.execute(statement if keys is None else statement.where(table.c.key.in_(list(keys))))


def _within(scope: Scope) -> ColumnElement[bool]:
    return and_(table.c.project_id == scope.project_id, table.c.region == scope.region)
