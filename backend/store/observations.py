"""When the servers of a project and region are listed next: one row a place that has clusters."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, insert, select
from sqlalchemy.dialects import postgresql

from backend.domain.scope import Scope
from backend.store.tables import watches

_HERE = select(watches.c.project_id).where(
    watches.c.project_id == bindparam("project"), watches.c.region == bindparam("in_region")
)


def ensure_watch(conn: Connection, scope: Scope) -> None:
    """See to it that the servers of a place are looked at."""
    if conn.execute(_HERE, {"project": scope.project_id, "in_region": scope.region}).first() is not None:
        return
    values = {"project_id": scope.project_id, "region": scope.region, "due_at": None, "epoch": 0}
    statement: Any = insert(watches).prefix_with("OR IGNORE", dialect="sqlite")
    statement = statement.prefix_with("IGNORE", dialect="mysql").prefix_with("IGNORE", dialect="mariadb")
    if conn.dialect.name == "postgresql":
        statement = postgresql.insert(watches).on_conflict_do_nothing()
    conn.execute(statement, values)
