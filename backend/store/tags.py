"""Tags of clusters: rows of their own, so that filters are answered by the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, or_, select, update

from backend.domain.cluster import Tag
from backend.domain.page import Page
from backend.domain.scope import Scope
from backend.store.tables import clusters, tags

_t = tags.c


@dataclass(frozen=True, slots=True)
class TagQuery:
    """Which tags are wanted; an empty member asks for nothing in particular."""

    clusters: Sequence[str] = ()
    keys: Sequence[str] = ()
    values: Sequence[str] = ()
    propagate: bool | None = None
    managed: bool = True


_OF = (
    select(_t.cluster_id, _t.key, _t.value, _t.propagate)
    .where(_t.cluster_id.in_(bindparam("ids", expanding=True)))
    .order_by(_t.cluster_id, _t.key)
)


_OF_ONE = select(_t.key, _t.value, _t.propagate).where(_t.cluster_id == bindparam("owner")).order_by(_t.key)


def of(conn: Connection, cluster_ids: Sequence[str]) -> dict[str, list[Tag]]:
    """The tags of clusters by cluster id, each list by key; a cluster without tags is absent."""
    if len(cluster_ids) == 1:
        here = of_one(conn, cluster_ids[0])
        return {cluster_ids[0]: here} if here else {}
    found: dict[str, list[Tag]] = {}
    if cluster_ids:
        for cluster_id, key, value, propagate in conn.execute(_OF, {"ids": list(cluster_ids)}):
            found.setdefault(cluster_id, []).append(Tag(key, value, propagate))
    return found


def of_one(conn: Connection, cluster_id: str) -> list[Tag]:
    """The tags of one cluster, by key."""
    return [Tag(*row) for row in conn.execute(_OF_ONE, {"owner": cluster_id})]


def put(conn: Connection, cluster_id: str, wanted: Sequence[Tag]) -> None:
    """Write tags over those of the same key; the caller holds the cluster's lock."""
    here = {tag.key for tag in of_one(conn, cluster_id)}
    last = {tag.key: tag for tag in wanted}
    fresh = [tag for tag in last.values() if tag.key not in here]
    if fresh:
        conn.execute(
            insert(tags),
            [
                {"cluster_id": cluster_id, "key": tag.key, "value": tag.value, "propagate": tag.propagate}
                for tag in fresh
            ],
        )
    for tag in last.values():
        if tag.key in here:
            conn.execute(
                update(tags).where(_t.cluster_id == bindparam("owner"), _t.key == bindparam("name")),
                {"owner": cluster_id, "name": tag.key, "value": tag.value, "propagate": tag.propagate},
            )


def remove(conn: Connection, cluster_id: str, wanted: Mapping[str, str | None]) -> None:
    """Delete tags by key; where a value is given only when it is that one."""
    for key, value in wanted.items():
        statement = delete(tags).where(_t.cluster_id == cluster_id, _t.key == key)
        if value is not None:
            statement = statement.where(_t.value == value)
        conn.execute(statement)


def remove_all(conn: Connection, cluster_id: str) -> None:
    conn.execute(delete(tags).where(_t.cluster_id == bindparam("owner")), {"owner": cluster_id})


def count(conn: Connection, cluster_id: str) -> int:
    return int(conn.execute(select(func.count()).where(_t.cluster_id == cluster_id)).scalar_one())


def page(
    conn: Connection, scope: Scope, query: TagQuery, limit: int, after: str | None = None
) -> Page[tuple[str, Tag]]:
    """(cluster name, tag) pairs by cluster name, then key.

    Args:
        after: the marker of the page before: ``name:key`` of its last pair (no cluster's name has a colon).
    """
    c = clusters.c
    statement: Any = (
        select(c.name, _t.key, _t.value, _t.propagate)
        .join_from(tags, clusters, _t.cluster_id == c.id)
        .where(c.project_id == scope.project_id, c.region == scope.region)
    )
    if query.clusters:
        statement = statement.where(c.name.in_(query.clusters))
    if query.keys:
        statement = statement.where(_t.key.in_(query.keys))
    if query.values:
        statement = statement.where(_t.value.in_(query.values))
    if not query.managed:
        statement = statement.where(c.operator.is_(None))
    if query.propagate is not None:
        statement = statement.where(_t.propagate.is_(query.propagate))
    if after is not None:
        name, _, key = after.partition(":")
        statement = statement.where(or_(c.name > name, and_(c.name == name, _t.key > key)))
    found = [
        (name, Tag(key, value, propagate))
        for name, key, value, propagate in conn.execute(statement.order_by(c.name, _t.key).limit(limit + 1))
    ]
    if len(found) <= limit:
        return Page(found)
    name, tag = found[limit - 1]
    return Page(found[:limit], f"{name}:{tag.key}")
