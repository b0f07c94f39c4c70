"""Launch configurations' rows: written once, read by name, never changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam, delete, func, select
from sqlalchemy.exc import IntegrityError

from backend.domain.launch_findings import ProfileExists
from backend.domain.page import Page
from backend.domain.profile import LaunchConfiguration
from backend.domain.scope import Scope
from backend.store import rows
from backend.store.tables import launch_configurations

_t = launch_configurations.c
_IN_SCOPE = select(launch_configurations).where(
    _t.project_id == bindparam("project"), _t.region == bindparam("in_region")
)
_NAMED = _IN_SCOPE.where(_t.name == bindparam("named"))
_IN_ORDER = _IN_SCOPE.where(_t.name > bindparam("after")).order_by(_t.name)


def insert(conn: Connection, configuration: LaunchConfiguration) -> None:
    """Write a new launch configuration.

    Raises:
        ProfileExists: the project has one of that name in the region.
    """
    values = {
        "id": configuration.id,
        "project_id": configuration.project_id,
        "region": configuration.region,
        "name": configuration.name,
        "spec": rows.server_spec_document(configuration.spec),
        "document": dict(configuration.document),
        "created_at": configuration.created_at,
    }
    try:
        conn.execute(sa.insert(launch_configurations), values)
    except IntegrityError as error:
        raise ProfileExists(configuration.name) from error


def find(conn: Connection, scope: Scope, name: str, *, lock: bool = False) -> LaunchConfiguration | None:
    """The launch configuration of that name; locked, it cannot go before the transaction ends."""
    statement = _NAMED.with_for_update() if lock else _NAMED
    row = conn.execute(statement, {**_place(scope), "named": name}).first()
    return None if row is None else rows.configuration_of(row)


_NAMES = select(_t.name).where(
    _t.project_id == bindparam("project"),
    _t.region == bindparam("in_region"),
    _t.name.in_(bindparam("named", expanding=True)),
)


def existing(conn: Connection, scope: Scope, names: Collection[str]) -> set[str]:
    """Those of the names that there still are."""
    if not names:
        return set()
    return set(conn.execute(_NAMES, {**_place(scope), "named": sorted(names)}).scalars())


def remove(conn: Connection, configuration_id: str) -> None:
    conn.execute(delete(launch_configurations).where(_t.id == bindparam("gone")), {"gone": configuration_id})


def count(conn: Connection, scope: Scope) -> int:
    """How many the project has in the region."""
    statement = select(func.count()).where(_t.project_id == bindparam("project"), _t.region == bindparam("in_region"))
    return int(conn.execute(statement, _place(scope)).scalar_one())


_CREATED = select(_t.name, _t.created_at).where(
    _t.project_id == bindparam("project"),
    _t.region == bindparam("in_region"),
    _t.name.in_(bindparam("names", expanding=True)),
)


def created(conn: Connection, scope: Scope, names: Collection[str]) -> dict[str, datetime]:
    """Name -> creation of those launch configurations that there still are."""
    if not names:
        return {}
    return {row.name: row.created_at for row in conn.execute(_CREATED, {**_place(scope), "names": sorted(names)})}


def page(
    conn: Connection, scope: Scope, *, limit: int, among: Sequence[str] = (), after: str | None = None
) -> Page[LaunchConfiguration]:
    """Launch configurations by name.

    Args:
        among: only those of these names; unknown ones are left out.
        after: the marker of the page before (its last one's name).
    """
    parameters: dict[str, Any] = {**_place(scope), "after": after or ""}
    statement = _IN_ORDER.limit(limit + 1)
    if among:
        statement = statement.where(_t.name.in_(bindparam("named", expanding=True)))
        parameters["named"] = list(among)
    found = [rows.configuration_of(row) for row in conn.execute(statement, parameters)]
    if len(found) <= limit:
        return Page(found)
    return Page(found[:limit], found[limit - 1].name)


def _place(scope: Scope) -> dict[str, str]:
    return {"project": scope.project_id, "in_region": scope.region}
