"""What the cloud was seen to say, written into nodes' rows: their statuses, and servers of launches they wait for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, String, and_, bindparam, case, exists, func, or_, select, type_coerce, update

from backend.domain.ids import short_id
from backend.domain.lifecycle import WAITING
from backend.domain.node import (
    COOLING,
    ENDED_STATUSES,
    ENDING,
    LEAVING,
    MOVING,
    PARKING,
    SERVING,
    WARMING,
    NodeState,
    Notice,
    ServerStatus,
)
from backend.domain.scope import Scope
from backend.domain.traffic import MemberHealth, RegistrationState
from backend.store import journal
from backend.store.batches import chunks
from backend.store.clusters import lock_many
from backend.store.tables import clusters, nodes, registrations

_n = nodes.c
# Of what waits for somebody's answer nothing is awaited of the cloud.
_MOVING_STATES = tuple(str(state) for state in NodeState if state in MOVING - WAITING)
# What is to be stopped for the warm pool is awaited there: it will not be active.
_OUT_OF_SERVICE = tuple(str(state) for state in NodeState if state in LEAVING | PARKING | WARMING)
_ENDING = tuple(str(state) for state in NodeState if state in ENDING | COOLING)
_SERVING = tuple(str(state) for state in SERVING)
_LIVE_BAD = (ServerStatus.STOPPING, ServerStatus.STOPPED, ServerStatus.PAUSED, ServerStatus.ERROR)
_BAD = tuple(str(status) for status in (*_LIVE_BAD, *sorted(ENDED_STATUSES)))


class Maker(StrEnum):
    """Whose a server with a token is. UNKNOWN: it does not tell, as servers did not always."""

    OURS = "ours"
    OTHERS = "others"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sighting:
    """A server as it was seen.

    Attributes:
        at: the cloud's time of the status; statuses of one server are ordered by it.
        launch_id: the token it carries, None for servers that are no cluster's.
        missing: the cloud does not know it, and has not told of its end.
        maker: which installation of Coppice gave it that.
        wants_address: it is to have a public address, which the cloud did not give it with its birth.
        notice: the cloud's word that it will take it back.
    """

    server_id: str
    status: ServerStatus
    at: datetime
    launch_id: str | None = None
    zone: str | None = None
    image_id: str | None = None
    address: str | None = None
    missing: bool = False
    maker: Maker = Maker.UNKNOWN
    wants_address: bool = False
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a record of sightings found.

    Attributes:
        cluster_ids: of clusters with news.
        unowned: servers of this installation that no node has: (server, launch).
        strangers: servers with a token that no node has and that this installation is not known to have made.
    """

    cluster_ids: Sequence[str]
    unowned: Sequence[tuple[str, str]]
    strangers: Sequence[str]


_OWNED = select(
    _n.id,
    _n.cluster_id,
    _n.server_id,
    _n.state,
    _n.server_status,
    _n.server_status_at,
    _n.activity_id,
    _n.address,
    _n.notice,
).where(
    _n.server_id.in_(bindparam("servers", expanding=True)),
    _n.project_id == bindparam("project"),
    _n.region == bindparam("in_region"),
)
_WAITING = (
    select(_n.id, _n.cluster_id, _n.launch_id, _n.activity_id)
    .where(
        _n.launch_id.in_(bindparam("launches", expanding=True)),
        _n.server_id.is_(None),
        _n.project_id == bindparam("project"),
        _n.region == bindparam("in_region"),
    )
    .order_by(_n.created_at, _n.id)
)
_SEE = (
    update(nodes)
    .where(
        _n.id == bindparam("node_id"),
        or_(_n.server_status_at.is_(None), _n.server_status_at <= bindparam("seen_at")),
    )
    .values(
        server_status=bindparam("seen"),
        server_status_at=bindparam("seen_at"),
        address=func.coalesce(bindparam("seen_address"), _n.address),
        missing_at=bindparam("missed"),
        notice=bindparam("noticed"),
    )
)
_ADOPT = (
    update(nodes)
    .where(_n.id == bindparam("node_id"), _n.server_id.is_(None))
    .values(
        server_id=bindparam("server"),
        server_short_id=bindparam("short"),
        server_status=bindparam("seen"),
        server_status_at=bindparam("seen_at"),
        zone=func.coalesce(bindparam("in_zone"), _n.zone),
        image_id=func.coalesce(bindparam("image"), _n.image_id),
        address=bindparam("seen_address"),
        notice=bindparam("noticed"),
    )
)


_LAUNCHING = (
    select(_n.cluster_id)
    .where(
        _n.launch_id.in_(bindparam("launches", expanding=True)),
        _n.server_id.is_(None),
        _n.project_id == bindparam("project"),
        _n.region == bindparam("in_region"),
    )
    .distinct()
)


def lock_concerned(conn: Connection, scope: Scope, sightings: Sequence[Sighting]) -> None:
    """Hold the clusters that these are news to.

    Passes hold their cluster when they want its watch, so a look that will wake clusters has to take them first. It
    also keeps apart those who give servers to nodes of one launch.
    """
    if conn.dialect.name == "sqlite":  # a write transaction there holds everything already
        return
    concerned: set[str] = set()
    launches: set[str] = set()
    for chunk in chunks(sightings):
        owned = _owned(conn, scope, chunk)
        for sighting in chunk:
            row = owned.get(sighting.server_id)
            if row is None and sighting.launch_id is not None:
                launches.add(sighting.launch_id)
            elif row is not None and not _is_older(sighting, row.server_status_at) and _is_news(sighting, row):
                concerned.add(row.cluster_id)
    for some in chunks(sorted(launches)):
        concerned |= set(conn.execute(_LAUNCHING, {**_key(scope), "launches": some}).scalars())
    lock_many(conn, concerned)


def record(conn: Connection, scope: Scope, sightings: Sequence[Sighting]) -> Recorded:
    """Write what was seen into the nodes it belongs to.

    A status older than the one a node has is left out. A server that no node has goes to a node that waits for a
    server of its launch, unless another installation made it; where none waits it is unowned.
    """
    found: dict[str, None] = {}
    strays: list[Sighting] = []
    for chunk in chunks(sightings):
        owned = _owned(conn, scope, chunk)
        changes = []
        for sighting in chunk:
            row = owned.get(sighting.server_id)
            if row is None:
                strays.append(sighting)
            elif not _is_older(sighting, row.server_status_at) and _is_news(sighting, row):
                changes.append(_change(row.id, sighting))
                found[row.cluster_id] = None
        if changes:
            conn.execute(_SEE, changes)
    adopted, left = _adopt(conn, scope, [stray for stray in strays if stray.launch_id is not None])
    found |= dict.fromkeys(adopted)
    unowned = [(stray.server_id, stray.launch_id or "") for stray in left if stray.maker is Maker.OURS]
    strangers = [stray.server_id for stray in left if stray.maker is not Maker.OURS]
    return Recorded(tuple(found), unowned, strangers)


def _owned(conn: Connection, scope: Scope, chunk: Sequence[Sighting]) -> dict[str, Any]:
    parameters = {**_key(scope), "servers": [sighting.server_id for sighting in chunk]}
    return {row.server_id: row for row in conn.execute(_OWNED, parameters)}


def _is_news(sighting: Sighting, row: Any) -> bool:
    if row.server_status != sighting.status or sighting.missing or row.notice != sighting.notice:
        return True
    return sighting.address is not None and sighting.address != row.address


def _change(node_id: str, sighting: Sighting) -> dict[str, Any]:
    return {
        "node_id": node_id,
        "seen": str(sighting.status),
        "seen_at": sighting.at,
        "seen_address": sighting.address,
        "missed": sighting.at if sighting.missing else None,
        "noticed": None if sighting.notice is None else str(sighting.notice),
    }


def _is_older(sighting: Sighting, known_at: datetime | None) -> bool:
    return known_at is not None and sighting.at < known_at


def _adopt(conn: Connection, scope: Scope, strays: Sequence[Sighting]) -> tuple[list[str], list[Sighting]]:
    """(clusters whose nodes got a server, servers left over). What is being deleted is no node's any more."""
    waiting: dict[str, list[Any]] = {}
    launches = dict.fromkeys(stray.launch_id for stray in strays)
    for chunk in chunks(launches):
        for row in conn.execute(_WAITING, {**_key(scope), "launches": chunk}):
            waiting.setdefault(row.launch_id, []).append(row)
    adoptions, names, found, left = [], {}, [], []
    for stray in strays:
        if stray.status in ENDED_STATUSES:
            continue
        rows = waiting.get(stray.launch_id or "") if stray.maker is not Maker.OTHERS else None
        if not rows:
            left.append(stray)
            continue
        row = rows.pop(0)
        found.append(row.cluster_id)
        adoptions.append(_adoption(row.id, stray))
        if row.activity_id is not None:
            names[row.activity_id] = stray.server_id
    if adoptions:
        conn.execute(_ADOPT, adoptions)
    journal.name_servers(conn, names)
    return found, left


def _adoption(node_id: str, stray: Sighting) -> dict[str, Any]:
    return {
        "node_id": node_id,
        "server": stray.server_id,
        "short": short_id(stray.server_id),
        "seen": str(stray.status),
        "seen_at": stray.at,
        "in_zone": stray.zone,
        "image": stray.image_id,
        "seen_address": stray.address,
        "noticed": None if stray.notice is None else str(stray.notice),
    }


_IN_SCOPE = and_(_n.project_id == bindparam("project"), _n.region == bindparam("in_region"))
_MOVING = (
    select(_n.id)
    .where(
        _IN_SCOPE,
        _n.state.in_(_MOVING_STATES),
        # A server whose connections are being drained moves only when its deletion is asked for.
        or_(_n.state.not_in(_ENDING), _n.server_id.is_(None), _n.delete_requested_at.is_not(None)),
    )
    .limit(bindparam("most"))
    .subquery()
)
_LEAVING = select(_n.id).where(_IN_SCOPE, _n.state.in_(_OUT_OF_SERVICE)).limit(1)
_COUNT_MOVING = select(func.count()).select_from(_MOVING)
_ANY = select(_n.id).where(_IN_SCOPE).limit(1)
_SERVERS = select(_n.server_id, _n.state, _n.created_at, _n.server_status).where(_IN_SCOPE, _n.server_id.is_not(None))


def moving(conn: Connection, scope: Scope, most: int) -> int:
    """How many nodes of the project are on their way into or out of service, counted up to ``most``."""
    return conn.execute(_COUNT_MOVING, {**_key(scope), "most": most}).scalar_one()


def leaving(conn: Connection, scope: Scope) -> bool:
    """Whether a node of the project is on its way out of service."""
    return conn.execute(_LEAVING, _key(scope)).first() is not None


def any_node(conn: Connection, scope: Scope) -> bool:
    return conn.execute(_ANY, _key(scope)).first() is not None


def missing(conn: Connection, scope: Scope, listed: set[str], before: datetime) -> list[str]:
    """Servers of nodes made before then that a complete listing did not tell and that are not known to be gone."""
    result = conn.execute(_SERVERS, _key(scope), execution_options={"yield_per": 2000})
    return sorted(
        row.server_id
        for row in result
        if row.server_id not in listed and row.created_at < before and row.server_status != ServerStatus.DELETED
    )


# Verdicts of pools count where the cluster goes by them.
_REFUSED = exists(
    select(registrations.c.node_id).where(
        registrations.c.node_id == _n.id,
        registrations.c.state == str(RegistrationState.REGISTERED),
        registrations.c.health == str(MemberHealth.UNHEALTHY),
        registrations.c.served.is_(True),
        clusters.c.id == registrations.c.cluster_id,
        type_coerce(clusters.c.health_checks, String).contains("ELB"),
    )
)
_COUNTS = select(
    func.count().label("total"),
    func.coalesce(func.sum(case((or_(_n.server_status.in_(_BAD), _REFUSED), 1), else_=0)), 0).label("bad"),
).where(_IN_SCOPE, _n.state.in_(_SERVING))


def service_counts(conn: Connection, scope: Scope) -> tuple[int, int]:
    """(nodes in service, those of them whose servers were observed to be bad) in the project."""
    row = conn.execute(_COUNTS, _key(scope)).one()
    return int(row.total), int(row.bad)


def owned(conn: Connection, server_id: str) -> bool:
    """Whether any node, of whatever project, has that server."""
    return conn.execute(select(_n.id).where(_n.server_id == server_id)).first() is not None


def _key(scope: Scope) -> dict[str, Any]:
    return {"project": scope.project_id, "in_region": scope.region}
