"""Nodes' rows: what the cluster has, read by cluster, by server and by page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, and_, bindparam, delete, func, select
from sqlalchemy.exc import IntegrityError

from backend.domain.ids import short_id
from backend.domain.node import IN_WARM_POOL, Member, Node
from backend.domain.page import Page
from backend.domain.scope import Scope
from backend.domain.server_findings import ServerNotAttachable
from backend.store import claimed, rows
from backend.store.batches import chunks
from backend.store.differences import difference, write_changes
from backend.store.tables import clusters, nodes

_t = nodes.c


def insert(conn: Connection, node: Node) -> None:
    """Write a new node."""
    insert_many(conn, [node])


def insert_many(conn: Connection, added: Sequence[Node]) -> None:
    """Write new nodes, and that they were claimed."""
    if added:
        conn.execute(sa.insert(nodes), [rows.node_values(node) for node in added])
        claimed.note(conn, added)


def adopt_many(conn: Connection, added: Sequence[Node]) -> None:
    """Write nodes of servers that exist.

    Raises:
        ServerNotAttachable: a cluster has one of the servers already.
    """
    try:
        insert_many(conn, added)
    except IntegrityError as error:
        raise ServerNotAttachable(short_id(added[0].server_id or ""), "in_cluster") from error


OBSERVED = frozenset(
    {
        "server_id",
        "server_short_id",
        "server_status",
        "server_status_at",
        "address",
        "image_id",
        "zone",
        "missing_at",
        "notice",
        "volume_failed",
        "drained_from",
    }
)
"""What only looks at the cloud write (sightings), and who drains hosts: whoever else changes a node leaves it alone."""


def save(conn: Connection, before: Iterable[Node], after: Iterable[Node]) -> None:
    """Write what became of nodes, by difference: only columns that changed, and equal changes in one statement.

    Args:
        before: the nodes as they were read, or newer ones of which some are as they were.
        after: the same nodes, by id, as they are to be; those that ``before`` does not name are left out.
    """
    known = {node.id: node for node in before}
    changes = {
        node.id: difference(rows.node_values(known[node.id]), rows.node_values(node))
        for node in after
        if node.id in known and node is not known[node.id]
    }
    assert not any(OBSERVED & change.keys() for change in changes.values())
    write_changes(conn, nodes, changes)


_DELETE = delete(nodes).where(_t.id == bindparam("node_id"))


def remove(conn: Connection, node_id: str) -> bool:
    """Delete a node that is terminated or detached; False when it was gone."""
    return conn.execute(_DELETE, {"node_id": node_id}).rowcount == 1


_OF_CLUSTER = select(nodes).where(_t.cluster_id == bindparam("owner")).order_by(_t.created_at, _t.id)


def of_cluster(conn: Connection, cluster_id: str) -> list[Node]:
    """Every node of a cluster, oldest first."""
    return [rows.node_of(row) for row in conn.execute(_OF_CLUSTER, {"owner": cluster_id})]


_BY_ID = select(nodes).where(_t.id == bindparam("node_id"))


_AMONG = select(nodes).where(_t.id.in_(bindparam("ids", expanding=True))).order_by(_t.created_at, _t.id)


def among(conn: Connection, node_ids: Iterable[str]) -> list[Node]:
    """These nodes as they are now, oldest first; those that are gone are left out."""
    return [rows.node_of(row) for chunk in chunks(sorted(node_ids)) for row in conn.execute(_AMONG, {"ids": chunk})]


def get(conn: Connection, node_id: str) -> Node | None:
    row = conn.execute(_BY_ID, {"node_id": node_id}).first()
    return None if row is None else rows.node_of(row)


_BY_SERVERS = (
    select(nodes)
    .where(
        _t.project_id == bindparam("project"),
        _t.region == bindparam("in_region"),
        _t.server_short_id.in_(bindparam("servers", expanding=True)),
    )
    .order_by(_t.server_short_id)
)


def by_servers(conn: Connection, scope: Scope, servers: Sequence[str]) -> dict[str, Node]:
    """Nodes by the short id of their server; unknown ones are left out."""
    if not servers:
        return {}
    parameters = {"project": scope.project_id, "in_region": scope.region, "servers": list(servers)}
    found = (rows.node_of(row) for row in conn.execute(_BY_SERVERS, parameters))
    return {short_id(node.server_id): node for node in found if node.server_id is not None}


_MEMBER_COLUMNS = (
    _t.server_short_id,
    _t.zone,
    _t.state,
    _t.health,
    _t.protected,
    _t.instance_type,
    _t.profile_configuration,
    _t.profile_template_id,
    _t.profile_template_name,
    _t.profile_template_version,
    _t.units,
    _t.own_image,
)
_WARM = _t.state.in_(sorted(map(str, IN_WARM_POOL)))
_OWN = and_(_t.server_short_id.is_not(None), _t.state.not_in(sorted(map(str, IN_WARM_POOL))))
_MEMBERS = (
    select(_t.cluster_id, *_MEMBER_COLUMNS)
    .where(_t.cluster_id.in_(bindparam("owners", expanding=True)), _OWN)
    .order_by(_t.cluster_id, _t.created_at, _t.id)
)
_MEMBERS_OF_ONE = (
    select(*_MEMBER_COLUMNS).where(_t.cluster_id == bindparam("owner"), _OWN).order_by(_t.created_at, _t.id)
)


def members(conn: Connection, cluster_ids: Sequence[str]) -> dict[str, list[Member]]:
    """The nodes that have a server, of many clusters at once: by cluster id, oldest first; those of no warm pool."""
    make = Member._make
    if len(cluster_ids) == 1:
        rows_of_one = conn.execute(_MEMBERS_OF_ONE, {"owner": cluster_ids[0]})
        return {cluster_ids[0]: list(map(make, rows_of_one.all()))}
    found: dict[str, list[Member]] = {cluster_id: [] for cluster_id in cluster_ids}
    if cluster_ids:
        for row in conn.execute(_MEMBERS, {"owners": list(cluster_ids)}).all():
            found[row[0]].append(make(row[1:]))
    return found


_WARM_COUNTS = (
    select(_t.cluster_id, func.count())
    .where(_t.cluster_id.in_(bindparam("owners", expanding=True)), _t.server_short_id.is_not(None), _WARM)
    .group_by(_t.cluster_id)
)
_WARM_MEMBERS = (
    select(*_MEMBER_COLUMNS)
    .where(_t.cluster_id == bindparam("owner"), _WARM, _t.server_short_id > bindparam("after"))
    .order_by(_t.server_short_id)
)


def warm_counts(conn: Connection, cluster_ids: Sequence[str]) -> dict[str, int]:
    """How many members the warm pools of these clusters have, by cluster id; none is left out."""
    if not cluster_ids:
        return {}
    return {row[0]: row[1] for row in conn.execute(_WARM_COUNTS, {"owners": list(cluster_ids)})}


def warm_page(conn: Connection, cluster_id: str, *, limit: int, after: str | None = None) -> Page[Member]:
    """The members of a cluster's warm pool, by the short id of their server.

    Args:
        after: the marker of the page before (its last server's short id).
    """
    statement = _WARM_MEMBERS.limit(limit + 1)
    found = [Member._make(row) for row in conn.execute(statement, {"owner": cluster_id, "after": after or ""})]
    return Page(found) if len(found) <= limit else Page(found[:limit], found[limit - 1].server)


_IN_SCOPE = (
    select(clusters.c.name, *_MEMBER_COLUMNS)
    .join_from(nodes, clusters, _t.cluster_id == clusters.c.id)
    .where(
        _t.project_id == bindparam("project"),
        _t.region == bindparam("in_region"),
        _t.server_short_id > bindparam("after"),
    )
    .order_by(_t.server_short_id)
)


def page(
    conn: Connection,
    scope: Scope,
    *,
    limit: int,
    among: Sequence[str] = (),
    after: str | None = None,
    managed: bool = True,
) -> Page[tuple[str, Member]]:
    """(cluster name, member) pairs of the project in the region, by the short id of their server.

    Args:
        among: only these servers, by short id; unknown ones are left out.
        after: the marker of the page before (its last server's short id).
        managed: those of clusters that have an operator, too.
    """
    parameters: dict[str, Any] = {"project": scope.project_id, "in_region": scope.region, "after": after or ""}
    statement = _IN_SCOPE.limit(limit + 1)
    if not managed:
        statement = statement.where(clusters.c.operator.is_(None))
    if among:
        statement = statement.where(_t.server_short_id.in_(bindparam("servers", expanding=True)))
        parameters["servers"] = list(among)
    found = [(row[0], Member._make(row[1:])) for row in conn.execute(statement, parameters)]
    if len(found) <= limit:
        return Page(found)
    return Page(found[:limit], found[limit - 1][1].server)
