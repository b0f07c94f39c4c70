"""Notification configurations: which topics hear of which clusters."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from backend.domain.lifecycle_findings import TargetUnreached, TopicRefused
from backend.domain.notifications import Notice, Notification, id_of
from backend.domain.quotas import Quota
from backend.domain.scope import Scope
from backend.services.telling import Trial
from backend.store import clusters, intents, quotas
from backend.store.managed import managed_ids
from backend.store.notifications import NOTIFICATIONS
from backend.store.session import Connection, Store


class Notifications:
    """Writes and lists what topics hear of.

    Args:
        trial: publishes test messages.
    """

    def __init__(self, store: Store, trial: Trial) -> None:
        self._store = store
        self._trial = trial

    def put(self, scope: Scope, name: str, topic: str, kinds: Collection[Notice]) -> None:
        """Let a topic hear of these of a cluster, and of nothing else of it; it is told a test message first.

        Raises:
            ClusterNotFound, ClusterDeleting
            LimitExceeded: ten other topics hear of it.
            TopicRefused: nothing can be published to the topic; nothing is stored.
        """
        with self._store.read() as conn:
            seen = clusters.get(conn, scope, name)
        try:
            self._trial(scope, topic, cluster_id=seen.id, cluster_name=seen.name)
        except TargetUnreached as error:
            raise TopicRefused(topic, str(error.__cause__ or "")) from error

        def work(conn: Connection) -> None:
            cluster = intents.lock(conn, scope, name)
            made = Notification(id_of(cluster.id, topic), cluster.id, cluster.name, topic, _in_order(kinds))
            if not NOTIFICATIONS.change(conn, scope, made.id, kinds=made.kinds):
                present = NOTIFICATIONS.count(conn, scope, cluster_id=cluster.id)
                quotas.check(conn, scope, Quota.TOPICS, present + 1)
                NOTIFICATIONS.add(conn, scope, made)

        self._store.transact(work)

    def delete(self, scope: Scope, name: str, topic: str) -> None:
        """Let a topic hear no more of a cluster; one that heard of nothing is no error. Raises ClusterNotFound."""

        def work(conn: Connection) -> None:
            cluster = clusters.lock(conn, scope, name)
            NOTIFICATIONS.remove(conn, scope, id=id_of(cluster.id, topic))

        self._store.transact(work)

    def list(self, scope: Scope, names: Sequence[str] = (), *, managed: bool = True) -> Sequence[Notification]:
        """Who hears of these clusters, of all where none is named; by the cluster's name and the topic.

        Args:
            managed: of clusters that have an operator, too.
        """
        with self._store.read() as conn:
            among = {"cluster_name": list(names)} if names else {}
            found = NOTIFICATIONS.all(conn, scope, **among)
            without = frozenset() if managed else managed_ids(conn, scope)
        found = [each for each in found if each.cluster_id not in without]
        return sorted(found, key=lambda each: (each.cluster_name, each.topic))


def _in_order(kinds: Iterable[Notice]) -> tuple[Notice, ...]:
    given = set(kinds)
    return tuple(each for each in Notice if each in given)
