"""Quotas as an operator set them, for a project or for all; where nobody did, AWS's own numbers hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from backend.domain.node import GONE, LEAVING
from backend.domain.quotas import AWS, Allowance, Quota
from backend.domain.scope import Scope
from backend.errors import LimitExceeded
from backend.store import counting
from backend.store.account_tables import quotas as table
from backend.store.tables import nodes, watches

DEFAULT: Final = ""
"""The project of what holds for all that have no number of their own."""

_c = table.c
_BOTH = select(_c.project_id, _c.name, _c.most).where(_c.project_id.in_((DEFAULT, bindparam("project"))))
_ONE = _BOTH.where(_c.name == bindparam("named"))
# A project has one in each region where it has clusters; whoever launches there writes it in the end anyhow.
_HELD = (
    select(watches.c.project_id)
    .where(watches.c.project_id == bindparam("project"), watches.c.region == bindparam("in_region"))
    .with_for_update()
)
_PRESENT = select(func.count()).where(
    nodes.c.project_id == bindparam("project"),
    nodes.c.region == bindparam("in_region"),
    nodes.c.state.not_in([str(state) for state in sorted(LEAVING | GONE)]),
)


def limit(conn: Connection, scope: Scope, quota: Quota) -> int | None:
    """How much of it the project may have in each region; None for as much as it likes."""
    found = {row.project_id: int(row.most) for row in conn.execute(_ONE, {"project": scope.project_id, "named": quota})}
    return found.get(scope.project_id, found.get(DEFAULT, AWS[quota]))


def check(conn: Connection, scope: Scope, quota: Quota, wanted: int) -> None:
    """Raises LimitExceeded where it would be more than the project may have."""
    most = limit(conn, scope, quota)
    if most is not None and wanted > most:
        raise LimitExceeded(str(quota), most)


def check_more(conn: Connection, scope: Scope, quota: Quota, count: Callable[[Connection, Scope], int]) -> None:
    """Have room for one more, counted alone (``counting``). Raises LimitExceeded where there is none."""
    most = limit(conn, scope, quota)
    if most is not None:
        counting.check(conn, scope, str(quota), most, lambda: count(conn, scope))


def room(conn: Connection, scope: Scope) -> tuple[int, int] | None:
    """(how many nodes more, of how many) the project may have in the region; None for as many as it likes.

    Nobody else is told so before this transaction ends: what is written by this number holds.
    """
    most = limit(conn, scope, Quota.INSTANCES)
    if most is None:
        return None
    conn.execute(_HELD, {"project": scope.project_id, "in_region": scope.region})
    return _left(conn, scope, most), most


def room_now(conn: Connection, scope: Scope) -> tuple[int, int] | None:
    """As ``room``, for who writes nothing by it: others may be told the same, and nobody is held up."""
    most = limit(conn, scope, Quota.INSTANCES)
    return None if most is None else (_left(conn, scope, most), most)


def _left(conn: Connection, scope: Scope, most: int) -> int:
    return max(0, most - present(conn, scope))


def present(conn: Connection, scope: Scope) -> int:
    """How many nodes the project has in the region, without those that leave."""
    return int(conn.execute(_PRESENT, {"project": scope.project_id, "in_region": scope.region}).scalar_one())


def allowances(conn: Connection, project_id: str) -> list[Allowance]:
    """All quotas of a project, or those that hold for all (``DEFAULT``)."""
    kept = {(row.project_id, row.name): int(row.most) for row in conn.execute(_BOTH, {"project": project_id})}
    told = []
    for quota in Quota:
        if project_id != DEFAULT and (project_id, quota) in kept:
            told.append(Allowance(quota, kept[project_id, quota], "project"))
        elif (DEFAULT, quota) in kept:
            told.append(Allowance(quota, kept[DEFAULT, quota], "default"))
        else:
            told.append(Allowance(quota, AWS[quota], "aws"))
    return told


def put(conn: Connection, project_id: str, quota: Quota, most: int | None) -> None:
    """Set a number for a project, or for all (``DEFAULT``); None takes it back."""
    conn.execute(delete(table).where(_c.project_id == project_id, _c.name == str(quota)))
    if most is not None:
        conn.execute(insert(table), {"project_id": project_id, "name": str(quota), "most": most})
