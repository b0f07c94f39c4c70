"""What carries this installation's mark and belongs to no node, and since when that is known. Ends nothing itself.

Servers, members of pools and ports alike. ``known`` tells that the claim it was made for is in this very database, so
that it was made here and given up here; what is not known may be serving for rows that a restored or lost database no
longer has. ``released`` is an operator's word that it may go all the same.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    false,
    func,
    insert,
    or_,
    select,
    true,
    update,
)

from backend.domain.scope import Scope
from backend.store.batches import chunks
from backend.store.tables import nodes, orphans, registrations

_o = orphans.c
_n = nodes.c
_r = registrations.c
NO_POOL = ""


class Kind(StrEnum):
    """What it is. Members are named by the node they stood for, within their pool."""

    SERVER = "server"
    MEMBER = "member"
    PORT = "port"


@dataclass(frozen=True, slots=True)
class Orphans:
    """The orphans of a kind that a project has.

    Attributes:
        known, unknown: how many nobody released, by whether their claim is known.
        released: how many an operator let go.
        oldest: since when the oldest is known to be one.
        total: of everything of that kind that is ours in the project.
    """

    scope: Scope
    kind: Kind
    known: int
    unknown: int
    released: int
    oldest: datetime
    total: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where orphans of a kind are; members are told pool by pool."""

    scope: Scope
    kind: Kind
    pool_id: str = NO_POOL

    @property
    def here(self) -> ColumnElement[bool]:
        return and_(
            _o.kind == str(self.kind),
            _o.pool_id == self.pool_id,
            _o.project_id == self.scope.project_id,
            _o.region == self.scope.region,
        )


def note(conn: Connection, place: Place, found: Sequence[tuple[str, bool]], now: datetime) -> None:
    """Remember since when these (id, known) belong to nobody."""
    scope = place.scope
    common = {"kind": str(place.kind), "pool_id": place.pool_id, "project_id": scope.project_id, "region": scope.region}
    for chunk in chunks(dict(found).items()):
        ids = [identity for identity, _ in chunk]
        noted = set(conn.execute(select(_o.id).where(place.here, _o.id.in_(ids))).scalars())
        fresh = [
            {"id": identity, "known": known, "released": False, "first_seen_at": now, **common}
            for identity, known in chunk
            if identity not in noted
        ]
        if fresh:
            conn.execute(insert(orphans), fresh)


def due(conn: Connection, place: Place, before: datetime, limit: int, *, braked: bool = False) -> list[str]:
    """What may end: known and nobody's since then or longer, or released; nothing that was asked to end since then.

    Args:
        braked: known ones rest; what was released goes all the same.
    """
    settled = false() if braked else and_(_o.known, _o.first_seen_at <= before)
    statement = (
        select(_o.id)
        .where(place.here, or_(_o.released, settled), or_(_o.asked_at.is_(None), _o.asked_at <= before))
        .order_by(_o.first_seen_at, _o.id)
        .limit(limit)
    )
    return list(conn.execute(statement).scalars())


def oldest(conn: Connection, place: Place, *, braked: bool = False) -> datetime | None:
    """Since when the oldest of those that may end is known, or was asked to."""
    may_end = _o.released if braked else or_(_o.released, _o.known)
    found: datetime | None = conn.execute(
        select(func.min(func.coalesce(_o.asked_at, _o.first_seen_at))).where(place.here, may_end)
    ).scalar()
    return found


def settle(conn: Connection, place: Place, ids: Sequence[str]) -> None:
    """These are no orphans, or no more."""
    for chunk in chunks(ids):
        conn.execute(delete(orphans).where(place.here, _o.id.in_(chunk)))


def keep(conn: Connection, place: Place, seen: Collection[str]) -> None:
    """Forget those that a complete listing did not tell, and servers that a node has by now."""
    told = {"kind": str(place.kind), "pool": place.pool_id, **_in(place.scope)}
    noted = list(conn.execute(_NOTED, told).scalars())
    owned: set[str | None] = set()
    if place.kind is Kind.SERVER:
        for chunk in chunks(noted):
            owned.update(conn.execute(select(_n.server_id).where(_n.server_id.in_(chunk))).scalars())
    settle(conn, place, [identity for identity in noted if identity not in seen or identity in owned])


def asked(conn: Connection, place: Place, ids: Sequence[str], now: datetime) -> None:
    """Their end was asked for: look again after the grace."""
    for chunk in chunks(ids):
        conn.execute(update(orphans).where(place.here, _o.id.in_(chunk)).values(asked_at=now))


def released(conn: Connection, place: Place, ids: Sequence[str]) -> set[str]:
    """Those of them that an operator let go."""
    found: set[str] = set()
    for chunk in chunks(ids):
        found.update(conn.execute(select(_o.id).where(place.here, _o.released, _o.id.in_(chunk))).scalars())
    return found


def doubt(conn: Connection, place: Place, ids: Sequence[str]) -> None:
    """These are not what was made for the claim that they name: they rest until an operator's word."""
    for chunk in chunks(ids):
        conn.execute(update(orphans).where(place.here, _o.id.in_(chunk)).values(known=false()))


def release(conn: Connection, project_id: str, region: str | None = None) -> int:
    """An operator lets go what a project has now, everywhere or in one region; how much that is."""
    where = [_o.project_id == project_id, _o.released == false()]
    if region is not None:
        where.append(_o.region == region)
    return conn.execute(update(orphans).where(*where).values(released=true())).rowcount


def give_up(conn: Connection, place: Place, ids: Sequence[str], now: datetime) -> None:
    """These are ended on purpose: nothing holds their end."""
    note(conn, place, [(identity, True) for identity in ids], now)
    for chunk in chunks(ids):
        conn.execute(update(orphans).where(place.here, _o.id.in_(chunk)).values(released=true()))


_NOTED = select(_o.id).where(
    _o.kind == bindparam("kind"),
    _o.pool_id == bindparam("pool"),
    _o.project_id == bindparam("project"),
    _o.region == bindparam("in_region"),
)
_KINDS = frozenset(map(str, Kind))
_PLACE = (_o.project_id, _o.region, _o.kind)
_COUNTS = (
    select(*_PLACE, _o.known, _o.released, func.count().label("number"), func.min(_o.first_seen_at).label("oldest"))
    .group_by(*_PLACE, _o.known, _o.released)
    .order_by(*_PLACE)
)
_COUNTS_HERE = _COUNTS.where(_o.project_id == bindparam("project"), _o.region == bindparam("in_region"))


def _in(scope: Scope) -> dict[str, str]:
    return {"project": scope.project_id, "in_region": scope.region}


def everywhere(conn: Connection, scope: Scope | None = None) -> list[Orphans]:
    """Every project's orphans, or one's, by project, region and kind; projects without any are left out."""
    found = conn.execute(_COUNTS) if scope is None else conn.execute(_COUNTS_HERE, _in(scope))
    grouped: dict[tuple[Scope, Kind], list[tuple[bool, bool, int, datetime]]] = {}
    for row in found:
        if row.kind not in _KINDS:  # only a newer version knows what that is, and counts it
            continue
        key = (Scope(row.project_id, row.region), Kind(row.kind))
        grouped.setdefault(key, []).append((row.known, row.released, row.number, row.oldest))
    return [_orphans(conn, where, kind, parts) for (where, kind), parts in grouped.items()]


def _orphans(conn: Connection, scope: Scope, kind: Kind, parts: Sequence[tuple[bool, bool, int, datetime]]) -> Orphans:
    return Orphans(
        scope,
        kind,
        known=sum(number for known, released, number, _ in parts if known and not released),
        unknown=sum(number for known, released, number, _ in parts if not known and not released),
        released=sum(number for _, released, number, _ in parts if released),
        oldest=min(oldest for *_, oldest in parts),
        total=sum(number for *_, number, _ in parts) + _owned(conn, scope, kind),
    )


def _owned(conn: Connection, scope: Scope, kind: Kind) -> int:
    """How many of a kind belong to nodes; each has a port of its own where there are any."""
    if kind is Kind.MEMBER:
        statement = select(func.count()).where(_r.project_id == scope.project_id, _r.region == scope.region)
    else:
        statement = select(func.count()).where(
            _n.project_id == scope.project_id, _n.region == scope.region, _n.server_id.is_not(None)
        )
    return conn.execute(statement).scalar_one()
