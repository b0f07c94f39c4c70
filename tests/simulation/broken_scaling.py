"""Deliberate faults of scaling policies: of what counts as warm."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from backend.domain.cluster import Cluster
from backend.domain.node import SERVING, Node
from backend.store import scaling_policies
from tests.simulation.putting import put


def counts_the_old_as_warm() -> AbstractContextManager[None]:
    """What was made before policies added anything is warm at once, though it came from the pool since."""

    def is_warm(cluster: Cluster, node: Node, warmup: timedelta, now: datetime) -> bool:
        if node.state not in SERVING or node.in_service_at is None:
            return False
        added_at = cluster.scaled_out_at
        return added_at is None or node.created_at < added_at or node.in_service_at + warmup <= now

    return put(scaling_policies, "is_warm", is_warm)
