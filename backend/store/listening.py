"""Who hears of a cluster's nodes: asked where an entry of the journal ends, in the transaction that ends it.

What is not asked there is not obeyed: a rule or a notification may be put while a pass is under way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from sqlalchemy import Connection, bindparam, exists, or_, select

from backend.domain.cluster import Cluster
from backend.domain.scope import Scope
from backend.store import notifications
from backend.store.notification_tables import notifications as notifications_table
from backend.store.rule_tables import rules

_RULED = exists(
    select(1).where(
        rules.c.project_id == bindparam("project"), rules.c.region == bindparam("place"), rules.c.enabled.is_(True)
    )
)
_IS_RULED: Final = select(_RULED)
_NOTIFIED = exists(select(1).where(notifications_table.c.cluster_id == bindparam("cluster")))
_HEARD: Final = select(or_(_RULED, _NOTIFIED))


def is_ruled(conn: Connection, scope: Scope) -> bool:
    """Whether a project has rules of events there."""
    return bool(conn.execute(_IS_RULED, {"project": scope.project_id, "place": scope.region}).scalar_one())


@dataclass(frozen=True)
class Audience:
    """Whoever hears of a cluster's nodes, asked for once in a transaction, and only if somebody wants to know.

    Attributes:
        everywhere: the operator named targets that hear of every cluster.
    """

    conn: Connection
    cluster: Cluster
    everywhere: bool

    @cached_property
    def topics(self) -> Mapping[str, frozenset[str]] | None:
        """Topics with what each hears of, by ARN; None: nobody at all listens."""
        listened = (
            self.everywhere
            or self.conn.execute(
                _HEARD,
                {"project": self.cluster.project_id, "place": self.cluster.region, "cluster": self.cluster.id},
            ).scalar_one()
        )
        return notifications.topics(self.conn, self.cluster.id) if listened else None
