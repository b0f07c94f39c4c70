"""The watch of a project and region: when its servers are looked at, and what is remembered of the looks.

Claims of watches are leases' business.
"""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from backend.domain.account_settings import Setting
from backend.domain.scope import Scope
from backend.store.account_tables import account_settings
from backend.store.leases import WATCHES
from backend.store.tables import watches
from backend.store.types import from_micros

_w = watches.c
_s = account_settings.c
_KNOWN_WATCH = select(_w.epoch).where(_w.project_id == bindparam("project"), _w.region == bindparam("in_region"))


def ensure(conn: Connection, scope: Scope) -> bool:
    """A project's servers are looked at from now on; whether they were not before."""
    if conn.execute(_KNOWN_WATCH, _key(scope)).first() is not None:
        return False
    with contextlib.suppress(IntegrityError), conn.begin_nested():  # another transaction may have been quicker
        conn.execute(insert(watches), {"project_id": scope.project_id, "region": scope.region, "epoch": 0})
    return True


def pull(conn: Connection, scope: Scope, at: datetime) -> None:
    """Look at the project's servers at that time, or sooner; from now on, where nobody did."""
    WATCHES.demand(conn, (scope.project_id, scope.region), scope, at)


_TALLY = (
    update(watches)
    .where(_w.project_id == bindparam("project"), _w.region == bindparam("in_region"))
    .values(serving=bindparam("now_serving"), failing=bindparam("now_failing"))
)
_IN_REGION = select(func.coalesce(func.sum(_w.serving), 0), func.coalesce(func.sum(_w.failing), 0)).where(
    _w.region == bindparam("in_region")
)


def tally(conn: Connection, scope: Scope, serving: int, failing: int) -> None:
    """Remember how many nodes of the project are in service, and how many of those are bad."""
    conn.execute(_TALLY, {**_key(scope), "now_serving": serving, "now_failing": failing})


def tallies(conn: Connection, scope: Scope) -> tuple[tuple[int, int], tuple[int, int]]:
    """(in service, bad) of the project, and of all projects of its region, as they were remembered last."""
    here = conn.execute(_IN_REGION.where(_w.project_id == bindparam("project")), _key(scope)).one()
    around = conn.execute(_IN_REGION, {"in_region": scope.region}).one()
    return (int(here[0]), int(here[1])), (int(around[0]), int(around[1]))


_LAUNCHES_FIRST = exists().where(
    _s.project_id == _w.project_id, _s.region == _w.region, _s.name == str(Setting.LAUNCH_FIRST), _s.enabled
)
_SEEN = select(_w.seen_until, _LAUNCHES_FIRST).where(
    _w.project_id == bindparam("project"), _w.region == bindparam("in_region")
)


def standing(conn: Connection, scope: Scope) -> tuple[datetime | None, bool]:
    """Up to when changes of the project's servers were seen, and whether its clusters launch before they terminate.

    Together, since every pass asks for both.
    """
    row = conn.execute(_SEEN, _key(scope)).first()
    return (None, False) if row is None else (row[0], bool(row[1]))


def forget(conn: Connection, scope: Scope, epoch: int) -> None:
    """Nothing of the project is left to look at."""
    conn.execute(delete(watches).where(_w.project_id == scope.project_id, _w.region == scope.region, _w.epoch == epoch))


# Not IS NOT NULL, for which SQLite takes no index.
_REFUSING = select(_w.project_id, _w.region).where(_w.refused_since >= from_micros(0))


def refusing(conn: Connection) -> list[Scope]:
    """Every project and region that refuses to be looked at."""
    return [Scope(row.project_id, row.region) for row in conn.execute(_REFUSING)]


_TOLD = select(_w.strangers, _w.held_orphans).where(
    _w.project_id == bindparam("project"), _w.region == bindparam("in_region")
)


def told(conn: Connection, scope: Scope) -> tuple[int, int]:
    """(servers that this installation did not make, orphans that rest) of a project as they were last told."""
    row = conn.execute(_TOLD, _key(scope)).first()
    return (0, 0) if row is None else (row.strangers or 0, row.held_orphans or 0)


def tell(conn: Connection, scope: Scope, strangers: int, held_orphans: int) -> None:
    """They are that many from now on."""
    conn.execute(
        update(watches)
        .where(_w.project_id == scope.project_id, _w.region == scope.region)
        .values(strangers=strangers, held_orphans=held_orphans)
    )


_SPARED = select(_w.project_id, _w.region, _w.strangers, _w.held_orphans).where(
    or_(_w.strangers > 0, _w.held_orphans > 0)
)


def spared(conn: Connection) -> dict[Scope, tuple[int, int]]:
    """What ``told`` tells of every project that has any."""
    return {
        Scope(row.project_id, row.region): (row.strangers or 0, row.held_orphans or 0) for row in conn.execute(_SPARED)
    }


def _key(scope: Scope) -> dict[str, Any]:
    return {"project": scope.project_id, "in_region": scope.region}
