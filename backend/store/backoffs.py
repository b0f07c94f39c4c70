"""Backoffs' rows: where launches of a cluster failed, and until when these places are left alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import Connection, bindparam, delete, insert, select

from backend.domain.backoff import Backoff
from backend.domain.changes import Place
from backend.domain.scope import Scope
from backend.store.tables import backoffs, clusters

_b = backoffs.c
_OF_CLUSTER = select(backoffs).where(_b.cluster_id == bindparam("owner")).order_by(_b.zone, _b.profile_key)
_REMOVE = delete(backoffs).where(
    _b.cluster_id == bindparam("owner"), _b.zone == bindparam("in_zone"), _b.profile_key == bindparam("of_profile")
)


def of_cluster(conn: Connection, cluster_id: str) -> dict[Place, Backoff]:
    found = (
        Backoff(
            zone=row.zone,
            profile_key=row.profile_key,
            failures=row.failures,
            last_failed_at=row.last_failed_at,
            retry_at=row.retry_at,
            refusals=row.refusals,
            failing=timedelta(seconds=row.failing_seconds),
        )
        for row in conn.execute(_OF_CLUSTER, {"owner": cluster_id})
    )
    return {(backoff.zone, backoff.profile_key): backoff for backoff in found}


def save(conn: Connection, cluster_id: str, before: Mapping[Place, Backoff], after: Mapping[Place, Backoff]) -> None:
    """Write what became of a cluster's backoffs."""
    if after == before:
        return
    gone = [place for place, backoff in before.items() if after.get(place) != backoff]
    come = [backoff for place, backoff in after.items() if before.get(place) != backoff]
    # Over what a look may have forgotten, or another pass put there, meanwhile.
    for zone, key in {*gone, *((backoff.zone, backoff.profile_key) for backoff in come)}:
        conn.execute(_REMOVE, {"owner": cluster_id, "in_zone": zone, "of_profile": key})
    if come:
        conn.execute(
            insert(backoffs),
            [
                {
                    "cluster_id": cluster_id,
                    "zone": backoff.zone,
                    "profile_key": backoff.profile_key,
                    "failures": backoff.failures,
                    "last_failed_at": backoff.last_failed_at,
                    "retry_at": backoff.retry_at,
                    "refusals": backoff.refusals,
                    "failing_seconds": round(backoff.failing.total_seconds()),
                }
                for backoff in come
            ],
        )


_OF_PROJECT = delete(backoffs).where(
    _b.cluster_id.in_(
        select(clusters.c.id).where(
            clusters.c.project_id == bindparam("project"), clusters.c.region == bindparam("in_region")
        )
    )
)


def forget_project(conn: Connection, scope: Scope) -> None:
    """What kept launches of the whole project from succeeding is over."""
    conn.execute(_OF_PROJECT, {"project": scope.project_id, "in_region": scope.region})
