"""Clusters' rows: intent is written here, always under the row's lock and always raising the generation."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Select, bindparam, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from backend.domain import mixes
from backend.domain.cluster import Cluster, ClusterStatus, Tag, TagMatch
from backend.domain.cluster_findings import ClusterExists, ClusterManaged, ClusterNotFound
from backend.domain.page import Page
from backend.domain.profile import LaunchSource
from backend.domain.scope import Scope
from backend.store import alarms, direct_launches, forecasts, journal, rows, schedules, tags, traffic, work_calls
from backend.store.batches import chunks
from backend.store.differences import difference, write_changes
from backend.store.lifecycle_tables import lifecycle_actions, lifecycle_hooks
from backend.store.notification_tables import notifications
from backend.store.receiver_tables import receivers
from backend.store.refresh_tables import refreshes
from backend.store.scaling_tables import scaling_policies
from backend.store.tables import backoffs, clusters, nodes
from backend.store.tables import tags as tags_table
from backend.store.wakes import asked_by

_t = clusters.c
_NAMED = select(clusters).where(
    _t.project_id == bindparam("project"), _t.region == bindparam("in_region"), _t.name == bindparam("named")
)
_LOCKED = _NAMED.with_for_update()
_BY_ID = select(clusters).where(_t.id == bindparam("cluster_id"))
_LOCKED_BY_ID = _BY_ID.with_for_update()


def insert(conn: Connection, cluster: Cluster, with_tags: Sequence[Tag] = ()) -> None:
    """Write a new cluster and its tags.

    Raises:
        ClusterExists: the project has one of that name in the region.
    """
    work_calls.want(conn)
    try:
        conn.execute(sa.insert(clusters), {**rows.cluster_values(cluster), "asked_by": asked_by()})
    except IntegrityError as error:
        raise ClusterExists(cluster.name) from error
    tags.put(conn, cluster.id, with_tags)


def find(conn: Connection, scope: Scope, name: str) -> Cluster | None:
    """The cluster of that name, also while it is being deleted."""
    row = conn.execute(_NAMED, _key(scope, name)).first()
    return None if row is None else rows.cluster_of(row)


def get(conn: Connection, scope: Scope, name: str) -> Cluster:
    """The cluster of that name.

    Raises:
        ClusterNotFound: there is none.
    """
    found = find(conn, scope, name)
    if found is None:
        raise ClusterNotFound(name)
    return found


def lock(conn: Connection, scope: Scope, name: str) -> Cluster:
    """The cluster of that name, held against every other writer until the transaction ends.

    Raises:
        ClusterNotFound: there is none.
        ClusterManaged: it has an operator, and another one asks.
    """
    row = conn.execute(_LOCKED, _key(scope, name)).first()
    if row is None:
        raise ClusterNotFound(name)
    return managed_by(rows.cluster_of(row), scope)


def managed_by(cluster: Cluster, scope: Scope) -> Cluster:
    """The cluster, where whoever asks may change it. Raises ClusterManaged."""
    if not cluster.spec.is_operated_by(scope):
        raise ClusterManaged(cluster.name, cluster.spec.operator or "")
    return cluster


def get_by_id(conn: Connection, cluster_id: str) -> Cluster | None:
    row = conn.execute(_BY_ID, {"cluster_id": cluster_id}).first()
    return None if row is None else rows.cluster_of(row)


def lock_by_id(conn: Connection, cluster_id: str) -> Cluster | None:
    """As lock, for who knows its id; None when it is gone."""
    row = conn.execute(_LOCKED_BY_ID, {"cluster_id": cluster_id}).first()
    return None if row is None else rows.cluster_of(row)


def change(conn: Connection, cluster_id: str, now: datetime, **values: Any) -> None:
    """Write intent: the values, a new generation, and the engine is due at once.

    Args:
        values: fields of Cluster or ClusterSpec by name, as domain values (``source`` spreads over its columns);
            ``desired`` is the business of ``intents``.
    """
    assert "desired" not in values or "desired_at" in values
    work_calls.want(conn)
    conn.execute(
        update(clusters).where(_t.id == bindparam("cluster_id")).values(generation=_t.generation + 1),
        {"cluster_id": cluster_id, "due_at": now, "asked_by": asked_by(), **_columns(values)},
    )


def predict(conn: Connection, cluster_id: str, predicted: int | None) -> None:
    """Write what forecasts ask for, which is told to who looks at the cluster, and is nobody's intent by itself."""
    conn.execute(update(clusters).where(_t.id == cluster_id).values(predicted=predicted))


_INTENT_ALONE = frozenset({"generation", "epoch", "due_at", "asked_by"})
"""What ``save`` leaves to others: who changes intent, and who holds the cluster."""


def save(conn: Connection, before: Cluster, after: Cluster) -> None:
    """Write what an engine made of a cluster, by difference: no intent of anybody, and no new generation."""
    if after is before:
        return
    change = difference(rows.cluster_values(before), rows.cluster_values(after))
    assert not _INTENT_ALONE & change.keys()
    assert "desired" not in change or after.desired_at is not None  # at the same instant as before it is no difference
    write_changes(conn, clusters, {after.id: change})


def remove(conn: Connection, cluster_id: str, now: datetime) -> None:
    """Delete a cluster that has no nodes, with all that is only its own; its journal stays, marked."""
    tags.remove_all(conn, cluster_id)
    traffic.forget_cluster(conn, cluster_id, now)
    schedules.forget_cluster(conn, cluster_id)
    forecasts.forget_cluster(conn, cluster_id)
    direct_launches.forget_cluster(conn, cluster_id)
    _forget_policies(conn, cluster_id, now)
    conn.execute(delete(backoffs).where(backoffs.c.cluster_id == cluster_id))
    for table in (lifecycle_actions, lifecycle_hooks, refreshes, receivers):
        conn.execute(delete(table).where(table.c.cluster_id == cluster_id))
    conn.execute(delete(notifications).where(notifications.c.cluster_id == cluster_id))
    journal.forget_cluster(conn, cluster_id)
    conn.execute(delete(clusters).where(_t.id == cluster_id))


def _forget_policies(conn: Connection, cluster_id: str, now: datetime) -> None:
    """Scaling policies go with their cluster, and alarms that did nothing else."""
    p = scaling_policies.c
    found = conn.execute(select(p.id, p.project_id, p.region).where(p.cluster_id == cluster_id)).all()
    for scope in {Scope(row.project_id, row.region) for row in found}:
        alarms.forget_policies(conn, scope, [row.id for row in found], now, idle_too=True)
    conn.execute(delete(scaling_policies).where(p.cluster_id == cluster_id))


_LOCK_MANY = select(_t.id).where(_t.id.in_(bindparam("ids", expanding=True))).order_by(_t.id).with_for_update()


def lock_many(conn: Connection, cluster_ids: Collection[str]) -> None:
    """Hold these against every other writer: in one order, and before any pool or watch is held."""
    if conn.dialect.name == "sqlite":  # a write transaction there holds everything already
        return
    for chunk in chunks(sorted(cluster_ids)):
        conn.execute(_LOCK_MANY, {"ids": chunk}).all()


_COUNT = select(func.count()).where(_t.project_id == bindparam("project"), _t.region == bindparam("in_region"))


def count(conn: Connection, scope: Scope) -> int:
    """How many clusters the project has in the region."""
    return int(conn.execute(_COUNT, {"project": scope.project_id, "in_region": scope.region}).scalar_one())


def of_configuration(conn: Connection, scope: Scope, configuration: str) -> str | None:
    """The name of some cluster that launches from that launch configuration."""
    statement = (
        select(_t.name)
        .where(
            _t.project_id == scope.project_id,
            _t.region == scope.region,
            _t.source_configuration == configuration,
            _t.status == str(ClusterStatus.ACTIVE),
        )
        .order_by(_t.name)
        .limit(1)
    )
    return conn.execute(statement).scalar()


_NAMES_IN_SCOPE = (
    select(_t.id, _t.name)
    .where(_t.project_id == bindparam("project"), _t.region == bindparam("in_region"))
    .order_by(_t.id)
    .with_for_update()
)


def lock_names(conn: Connection, scope: Scope) -> dict[str, str]:
    """Cluster id -> name of every cluster of the project in the region, none of which ends meanwhile."""
    found = conn.execute(_NAMES_IN_SCOPE, {"project": scope.project_id, "in_region": scope.region})
    return {row.id: row.name for row in found}


def names(conn: Connection, cluster_ids: Sequence[str]) -> dict[str, str]:
    """Cluster id -> name."""
    if not cluster_ids:
        return {}
    statement = select(_t.id, _t.name).where(_t.id.in_(bindparam("ids", expanding=True)))
    return {row.id: row.name for row in conn.execute(statement, {"ids": list(cluster_ids)})}


_IN_SCOPE = select(clusters).where(_t.project_id == bindparam("project"), _t.region == bindparam("in_region"))
_IN_ORDER = _IN_SCOPE.where(_t.name > bindparam("after")).order_by(_t.name).limit(bindparam("most"))


def page(
    conn: Connection,
    scope: Scope,
    *,
    limit: int,
    among: Sequence[str] = (),
    matches: Sequence[TagMatch] = (),
    after: str | None = None,
    managed: bool = True,
) -> Page[Cluster]:
    """Clusters by name.

    Args:
        among: only those of these names; unknown ones are left out.
        matches: only those that have a tag for each of these.
        after: the marker of the page before (its last cluster's name).
        managed: those that have an operator, too.
    """
    if len(among) == 1 and not matches and after is None and managed:
        # What clients ask most often, and the cheapest way to answer it.
        one = find(conn, scope, among[0])
        return Page([] if one is None else [one])
    parameters: dict[str, Any] = {
        "project": scope.project_id,
        "in_region": scope.region,
        "after": after or "",
        "most": limit + 1,
    }
    statement = _IN_ORDER if managed else _IN_ORDER.where(_t.operator.is_(None))
    if among:
        statement = statement.where(_t.name.in_(bindparam("named", expanding=True)))
        parameters["named"] = list(among)
    for match in matches:
        statement = _tagged(statement, match)
    found = [rows.cluster_of(row) for row in conn.execute(statement, parameters).all()]
    if len(found) <= limit:
        return Page(found)
    return Page(found[:limit], found[limit - 1].name)


def _tagged(statement: Select[Any], match: TagMatch) -> Select[Any]:
    g = tags_table.c
    inner = select(g.key).where(g.cluster_id == _t.id)
    if match.keys is not None:
        inner = inner.where(g.key.in_(match.keys))
    if match.values is not None:
        inner = inner.where(g.value.in_(match.values))
    return statement.where(inner.exists())


def has_nodes(conn: Connection, cluster_id: str) -> bool:
    statement = select(nodes.c.id).where(nodes.c.cluster_id == bindparam("owner")).limit(1)
    return conn.execute(statement, {"owner": cluster_id}).first() is not None


def _key(scope: Scope, name: str) -> dict[str, str]:
    return {"project": scope.project_id, "in_region": scope.region, "named": name}


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """Column values of domain values."""
    columns: dict[str, Any] = {}
    for name, value in values.items():
        if name == "source":
            columns |= _source_columns(value)
        elif name == "mix":
            columns[name] = mixes.document(value)
        elif name == "causes":
            columns[name] = rows.causes_document(value)
        elif name == "sources":
            columns[name] = rows.sources_document(value)
        elif name == "suspended":
            columns[name] = rows.suspended_document(value)
        elif name == "warm_pool":
            columns[name] = rows.warm_pool_document(value)
        elif isinstance(value, frozenset):
            columns[name] = sorted(value)
        elif isinstance(value, tuple):
            columns[name] = list(value)
        elif isinstance(value, Enum):
            columns[name] = str(value.value)
        else:
            columns[name] = value
    return columns


def _source_columns(source: LaunchSource) -> dict[str, Any]:
    return {
        "source_configuration": source.configuration,
        "source_template_id": source.template_id,
        "source_template_name": source.template_name,
        "source_template_version": source.template_version,
    }
