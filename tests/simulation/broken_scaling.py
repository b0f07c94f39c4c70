"""Deliberate faults of scaling policies: of what counts as warm, and of what is foreseen."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta

from backend.domain.cluster import Cluster
from backend.domain.node import SERVING, Node
from backend.domain.prediction import Prediction
from backend.domain.scaling import Capacity, ScalingPolicy, Stay
from backend.engine import forecasting
from backend.policies import predictive_scaling
from backend.policies.adjustment import bounded
from backend.policies.predictive_scaling import Raised
from backend.store import scaling_policies
from backend.store.forecasts import LEASED, ForecastLease, Kept
from backend.store.session import Connection
from tests.simulation.putting import put


def counts_the_old_as_warm() -> AbstractContextManager[None]:
    """What was made before policies added anything is warm at once, though it came from the pool since."""

    def is_warm(cluster: Cluster, node: Node, warmup: timedelta, now: datetime) -> bool:
        if node.state not in SERVING or node.in_service_at is None:
            return False
        added_at = cluster.scaled_out_at
        return added_at is None or node.created_at < added_at or node.in_service_at + warmup <= now

    return put(scaling_policies, "is_warm", is_warm)


def takes_away_what_is_not_foreseen() -> AbstractContextManager[None]:
    """A forecast of fewer nodes than there are has some taken away."""

    def decide(prediction: Prediction, capacity: Capacity, asked: int | None) -> Raised:
        raised = predictive_scaling.decide(prediction, capacity, asked)
        if asked is None or raised.decision.stay is not Stay.UNCHANGED:
            return raised
        return Raised(bounded(asked, capacity), raised.maximum)

    return put(forecasting, "decide", decide)


def goes_below_what_is_foreseen() -> AbstractContextManager[None]:
    """Other policies know nothing of forecasts."""
    return put(scaling_policies, "foreseen", lambda *_, **__: None)


def acts_whenever_it_looks() -> AbstractContextManager[None]:
    """Nobody remembers the hour that was acted for, and one look is followed by another."""

    def act(
        conn: Connection, lease: ForecastLease, cluster: Cluster, policy: ScalingPolicy, kept: Kept, now: datetime
    ) -> str:
        done = forecasting_act(conn, lease, cluster, policy, replace(kept, acted_for=None), now)
        LEASED.pull(conn, lease.key, now + timedelta(seconds=5))
        return done

    forecasting_act = forecasting._act
    return put(forecasting, "_act", act)
