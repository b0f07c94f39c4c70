"""What a pass over a cluster reads at once and writes set by set: nodes, journal, backoffs.

Every caller has fenced the cluster in the same transaction (leases.fence).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from backend.domain.activity import ActivityKind, CauseKind
from backend.domain.backoff import Backoff
from backend.domain.cluster import Cluster, Process
from backend.domain.node import Health, Node, NodeState, ServerStatus
from backend.domain.scope import Scope
from backend.domain.traffic import MemberHealth, Registration, TrafficSource
from backend.store import clusters, nodes, rows, traffic, watches
from backend.store.batches import chunks
from backend.store.tables import activities as activities_table
from backend.store.tables import backoffs as backoffs_table
from backend.store.tables import clusters as clusters_table
from backend.store.tables import launch_configurations
from backend.store.tables import nodes as nodes_table
from backend.store.tables import watches as watches_table

_n = nodes_table.c
_a = activities_table.c
_b = backoffs_table.c
_c = clusters_table.c
_DOUBTFUL = frozenset(ServerStatus) - {ServerStatus.BUILDING, ServerStatus.ACTIVE, ServerStatus.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Situation:
    """The rows of one cluster.

    Attributes:
        seen_until: of its project's watch.
        project, region: (nodes in service, those that are bad) of each, (0, 0) where none of the cluster's is bad.
    """

    cluster: Cluster
    nodes: tuple[Node, ...]
    backoffs: tuple[Backoff, ...]
    seen_until: datetime | None
    registrations: tuple[Registration, ...] = ()
    project: tuple[int, int] = (0, 0)
    region: tuple[int, int] = (0, 0)


_BACKOFFS = select(backoffs_table).where(_b.cluster_id == bindparam("owner")).order_by(_b.zone, _b.profile_key)
_WATCH = select(watches_table.c.seen_until).where(
    watches_table.c.project_id == bindparam("project"), watches_table.c.region == bindparam("in_region")
)


def read(conn: Connection, cluster_id: str) -> Situation | None:
    """The cluster first: what is read after it can only be newer, and the generation then tells."""
    cluster = clusters.get_by_id(conn, cluster_id)
    if cluster is None:
        return None
    found = nodes.of_cluster(conn, cluster_id)
    failed = [
        Backoff(
            zone=row.zone,
            profile_key=row.profile_key,
            failures=row.failures,
            last_failed_at=row.last_failed_at,
            retry_at=row.retry_at,
            refusals=row.refusals,
            failing=timedelta(seconds=row.failing_seconds),
        )
        for row in conn.execute(_BACKOFFS, {"owner": cluster_id})
    ]
    seen_until = conn.execute(_WATCH, {"project": cluster.project_id, "in_region": cluster.region}).scalar()
    # A source stays with its cluster for as long as anything is registered with it.
    registered = tuple(traffic.of_cluster(conn, cluster_id)) if cluster.sources else ()
    project, region = (0, 0), (0, 0)
    if any(_is_doubtful(one) for one in found) or any(each.health is MemberHealth.UNHEALTHY for each in registered):
        project, region = watches.tallies(conn, Scope(cluster.project_id, cluster.region))
    return Situation(cluster, tuple(found), tuple(failed), seen_until, registered, project, region)


def _is_doubtful(one: Node) -> bool:
    return one.state is NodeState.IN_SERVICE and (one.health is Health.UNHEALTHY or one.server_status in _DOUBTFUL)


_CREATED = select(launch_configurations.c.name, launch_configurations.c.created_at).where(
    launch_configurations.c.project_id == bindparam("project"),
    launch_configurations.c.region == bindparam("in_region"),
    launch_configurations.c.name.in_(bindparam("names", expanding=True)),
)


def configurations_created(conn: Connection, scope: Scope, names: Collection[str]) -> dict[str, datetime]:
    """Name -> creation of those launch configurations that there still are."""
    if not names:
        return {}
    found = conn.execute(_CREATED, {"project": scope.project_id, "in_region": scope.region, "names": sorted(names)})
    return {row.name: row.created_at for row in found}


def enter_service(conn: Connection, node_ids: Sequence[str], now: datetime, *, protected: bool | None = None) -> None:
    """Pending nodes come into service, as healthy as they are. ``protected``: None keeps what each has."""
    values: dict[str, Any] = {
        "state": str(NodeState.IN_SERVICE),
        "state_at": now,
        "in_service_at": now,
        "activity_id": None,
    }
    if protected is not None:
        values["protected"] = protected
    statement = (
        update(nodes_table)
        .where(_n.id.in_(bindparam("ids", expanding=True)), _n.state == str(NodeState.PENDING))
        .values(values)
    )
    for chunk in chunks(node_ids):
        conn.execute(statement, {"ids": chunk})


_TERMINATE = (
    update(nodes_table)
    .where(_n.id == bindparam("node"))
    .values(
        state=str(NodeState.TERMINATING),
        state_at=bindparam("since"),
        activity_id=bindparam("entry"),
        delete_requested_at=None,
    )
)


def terminate(conn: Connection, entries: Mapping[str, str | None], now: datetime) -> None:
    """Nodes are terminating from now on. ``entries``: node id -> its open activity, None for none."""
    if entries:
        conn.execute(_TERMINATE, [{"node": node, "entry": entry, "since": now} for node, entry in entries.items()])


_DROP_UNSEEN = (
    delete(nodes_table).where(_n.id.in_(bindparam("ids", expanding=True)), _n.server_id.is_(None)).returning(_n.id)
)


def drop_unseen(conn: Connection, node_ids: Sequence[str]) -> list[str]:
    """Delete nodes that still have no server; which ones went."""
    return [gone for chunk in chunks(node_ids) for gone in conn.execute(_DROP_UNSEEN, {"ids": chunk}).scalars()]


def drop(conn: Connection, node_ids: Sequence[str]) -> None:
    """Delete nodes."""
    for chunk in chunks(node_ids):
        conn.execute(delete(nodes_table).where(_n.id.in_(bindparam("ids", expanding=True))), {"ids": chunk})


_REQUESTED = (
    update(nodes_table)
    .where(_n.id.in_(bindparam("ids", expanding=True)))
    .values(delete_requested_at=bindparam("asked"))
)


def deletion_requested(conn: Connection, node_ids: Sequence[str], now: datetime) -> None:
    for chunk in chunks(node_ids):
        conn.execute(_REQUESTED, {"ids": chunk, "asked": now})


_NODES = select(nodes_table).where(_n.id.in_(bindparam("ids", expanding=True))).order_by(_n.created_at, _n.id)


def nodes_now(conn: Connection, node_ids: Sequence[str]) -> list[Node]:
    """These nodes as they are now, oldest first; those that are gone are left out."""
    return [rows.node_of(row) for chunk in chunks(node_ids) for row in conn.execute(_NODES, {"ids": chunk})]


_CAUSES = select(_a.causes).where(_a.id.in_(bindparam("ids", expanding=True)))


def any_scaled_in(conn: Connection, activity_ids: Sequence[str | None]) -> bool:
    """Whether any of these entries is of a termination that a change of capacity asked for."""
    ids = sorted(entry for entry in activity_ids if entry is not None)
    wanted = str(CauseKind.CAPACITY_DECREASE)
    return any(
        cause[0] == wanted
        for chunk in chunks(ids)
        for causes in conn.execute(_CAUSES, {"ids": chunk}).scalars()
        for cause in causes
    )


_LAST_NOTE = select(func.max(_a.started_at)).where(
    _a.cluster_id == bindparam("owner"), _a.ended == 1, _a.kind == str(ActivityKind.NOTE)
)


def last_note(conn: Connection, cluster_id: str) -> datetime | None:
    """When something was last noted about the cluster without a node."""
    found: datetime | None = conn.execute(_LAST_NOTE, {"owner": cluster_id}).scalar()
    return found


def put_backoff(conn: Connection, cluster_id: str, backoff: Backoff) -> None:
    """Write one, over the one that stood."""
    conn.execute(
        delete(backoffs_table).where(
            _b.cluster_id == cluster_id, _b.zone == backoff.zone, _b.profile_key == backoff.profile_key
        )
    )
    conn.execute(
        insert(backoffs_table).values(
            cluster_id=cluster_id,
            zone=backoff.zone,
            profile_key=backoff.profile_key,
            failures=backoff.failures,
            last_failed_at=backoff.last_failed_at,
            retry_at=backoff.retry_at,
            refusals=backoff.refusals,
            failing_seconds=round(backoff.failing.total_seconds()),
        )
    )


_CLEAR_PROJECT = delete(backoffs_table).where(
    _b.cluster_id.in_(select(_c.id).where(_c.project_id == bindparam("project"), _c.region == bindparam("in_region")))
)


def clear_backoffs_of(conn: Connection, scope: Scope) -> None:
    """What kept launches of the whole project from succeeding is over."""
    conn.execute(_CLEAR_PROJECT, {"project": scope.project_id, "in_region": scope.region})


def clear_backoffs(conn: Connection, cluster_id: str, zones: Collection[str] | None = None) -> None:
    """Launches succeeded in these zones (None: forget all)."""
    statement = delete(backoffs_table).where(_b.cluster_id == cluster_id)
    if zones is not None:
        statement = statement.where(_b.zone.in_(sorted(zones)))
    conn.execute(statement)


_RESTART = update(backoffs_table).where(_b.cluster_id == bindparam("owner")).values(refusals=0, failing_seconds=0)


def restart_backoffs(conn: Connection, cluster_id: str) -> None:
    """A launch of the cluster succeeded: what fails elsewhere is counted anew."""
    conn.execute(_RESTART, {"owner": cluster_id})


def set_cooldown(conn: Connection, cluster_id: str, until: datetime | None) -> None:
    conn.execute(update(clusters_table).where(_c.id == cluster_id).values(cooldown_until=until))


def set_held(conn: Connection, cluster_id: str, since: datetime | None) -> None:
    """A mass failure lasts since then, or is over."""
    conn.execute(update(clusters_table).where(_c.id == cluster_id).values(held_since=since))


def set_sources(conn: Connection, cluster_id: str, sources: Sequence[TrafficSource]) -> None:
    """What became of a cluster's sources; no intent of anybody."""
    conn.execute(update(clusters_table).where(_c.id == cluster_id).values(sources=rows.sources_document(sources)))


def forget_causes(conn: Connection, cluster_id: str) -> None:
    conn.execute(update(clusters_table).where(_c.id == cluster_id).values(causes=[]))


def suspend(conn: Connection, cluster: Cluster, process: Process, now: datetime) -> None:
    """Suspend a process that runs, without anybody having asked for it."""
    suspended = rows.suspended_document({**cluster.suspended, process: now})
    given_up = sorted({*cluster.given_up, process})
    conn.execute(update(clusters_table).where(_c.id == cluster.id).values(suspended=suspended, given_up=given_up))


def remove_cluster(conn: Connection, cluster_id: str, now: datetime) -> bool:
    """Delete a cluster in deletion; False while it still has nodes."""
    if clusters.has_nodes(conn, cluster_id):
        return False
    clusters.remove(conn, cluster_id, now)
    return True
