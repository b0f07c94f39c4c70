"""Tags of clusters."""

from __future__ import annotations

from collections.abc import Sequence

from backend.clock import Clock
from backend.domain.cluster import Tag
from backend.domain.page import Page
from backend.domain.quotas import Quota
from backend.domain.scope import Scope
from backend.store import clusters, quotas, tags
from backend.store.session import Connection, Store
from backend.store.tags import TagQuery

__all__ = ["TagQuery", "Tags"]


class Tags:
    """Writes and reads clusters' tags."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def put(self, scope: Scope, wanted: Sequence[tuple[str, Tag]]) -> None:
        """Write tags, all or none; nodes that are there already keep theirs.

        Args:
            wanted: (cluster name, tag) pairs; of equal keys the last one counts.

        Raises:
            ClusterNotFound: one of the clusters does not exist.
            LimitExceeded: a cluster would have more than 50.
        """

        def work(conn: Connection) -> None:
            for name, of_name in _by_cluster(wanted).items():
                cluster = clusters.lock(conn, scope, name)
                tags.put(conn, cluster.id, of_name)
                quotas.check(conn, scope, Quota.TAGS, tags.count(conn, cluster.id))

        self._store.transact(work)

    def remove(self, scope: Scope, wanted: Sequence[tuple[str, str, str | None]]) -> None:
        """Delete tags by (cluster name, key, value or None for any); those that are not there are no error.

        Raises:
            ClusterNotFound: one of the clusters does not exist.
        """

        def work(conn: Connection) -> None:
            for name in sorted({name for name, _, _ in wanted}):
                cluster = clusters.lock(conn, scope, name)
                tags.remove(conn, cluster.id, {key: value for owner, key, value in wanted if owner == name})

        self._store.transact(work)

    def page(self, scope: Scope, query: TagQuery, *, limit: int, after: str | None = None) -> Page[tuple[str, Tag]]:
        """(cluster name, tag) pairs by cluster name and key."""
        with self._store.read() as conn:
            return tags.page(conn, scope, query, limit, after)


def _by_cluster(wanted: Sequence[tuple[str, Tag]]) -> dict[str, list[Tag]]:
    # Locks are taken in the order of names, so that two requests never wait for each other.
    found: dict[str, list[Tag]] = {name: [] for name in sorted({name for name, _ in wanted})}
    for name, tag in wanted:
        found[name].append(tag)
    return found
