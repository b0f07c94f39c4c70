"""Switches of a project and region; one that nobody ever turned has no row, and is off."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, insert, select

from backend.domain.account_settings import Setting
from backend.domain.scope import Scope
from backend.store.account_tables import account_settings as table

_c = table.c
_HERE = (_c.project_id == bindparam("project"), _c.region == bindparam("in_region"))
_ALL = select(_c.name, _c.enabled).where(*_HERE)
_DELETE = delete(table).where(*_HERE, _c.name == bindparam("named"))


def of(conn: Connection, scope: Scope) -> dict[Setting, bool]:
    """Every switch, on or off."""
    found = conn.execute(_ALL, _key(scope))
    kept = {row.name: bool(row.enabled) for row in found}
    return {setting: kept.get(str(setting), False) for setting in Setting}


def put(conn: Connection, scope: Scope, setting: Setting, *, enabled: bool) -> None:
    """Turn a switch."""
    conn.execute(_DELETE, {**_key(scope), "named": str(setting)})
    values = {"project_id": scope.project_id, "region": scope.region, "name": str(setting), "enabled": enabled}
    conn.execute(insert(table), values)


def _key(scope: Scope) -> dict[str, str]:
    return {"project": scope.project_id, "in_region": scope.region}
