"""Forecasts that are due: made of what was measured, and given to their cluster ahead of each hour, once for each.

What was measured is read, and the forecast made, with no transaction open. A policy that was written meanwhile has its
forecast made again, and that one thrown away. No call to the cloud is made.

A forecast takes a bounded time, and a project's together take a quarter of an engine's: what is beyond that is made
later, and until then its cluster goes by what was foreseen before.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from backend.domain.activity import Cause, CauseKind
from backend.domain.cluster import Cluster, ClusterStatus
from backend.domain.metric_queries import ExpressionRefused
from backend.domain.metrics import HOUR, Datum, floored, measured, metric
from backend.domain.prediction import HOURLY, Expected
from backend.domain.scaling import Decision, PolicyKind, ScalingPolicy, Stay
from backend.domain.steps import TooManySteps
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.load_history import history
from backend.policies.forecasting import forecast
from backend.policies.group_metrics import DIMENSION, NAMESPACE
from backend.policies.predictive_scaling import Raised, capacities, decide
from backend.store import clusters, forecasts, metrics, scaling_policies
from backend.store.forecasts import LEASED, ForecastLease, Kept
from backend.store.scaling_policies import POLICIES
from backend.store.session import Connection

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Made:
    """A forecast, or why there is none.

    Attributes:
        asked_at: what the row said when it was begun: when that has changed, the policy was written anew.
    """

    asked_at: datetime
    pause: timedelta
    expected: Expected | None = None
    accuracy: Mapping[str, Any] = field(default_factory=dict)


def foresee(context: Context, lease: ForecastLease) -> Job:
    """The job of a policy's forecast: made where it is time for that, and acted by where an hour is near."""
    began = context.clock.monotonic()
    rest = context.forecasting.left(lease.scope, began)
    made: _Made | None = None
    if not rest:
        made = _make(context, lease)
        context.forecasting.took(lease.scope, began, context.clock.monotonic())
    told: str | None = yield Write(partial(_conclude, context, lease, made, rest))
    if made is not None:
        context.count("forecasts_made" if made.expected is not None else "forecasts_without_data")
    if told:
        context.count("forecasts_acted")
        LOG.info("project=%s region=%s %s", lease.scope.project_id, lease.scope.region, told)


def _make(context: Context, lease: ForecastLease) -> _Made | None:
    """A forecast, where it is time for one."""
    now = context.now()
    with context.store.read() as conn:
        kept = forecasts.of(conn, lease.scope, [lease.policy_id]).get(lease.policy_id)
        policy = POLICIES.one(conn, lease.scope, id=lease.policy_id)
        cluster = clusters.get_by_id(conn, lease.cluster_id)
        if kept is None or kept.make_at > now or cluster is None or policy is None or policy.forecast is None:
            return None
        try:
            past = history(conn, cluster, policy.prediction, now)
        except (ExpressionRefused, TooManySteps, OverflowError) as refusal:  # of numbers that anybody may have put
            LOG.warning("policy=%r project=%s cannot be foreseen: %r", policy.name, lease.scope.project_id, refusal)
            return _Made(kept.make_at, context.settings.forecast)
    found = forecast(past.loads, floored(now, HOUR))
    if found is None or not past.per_unit:
        return _Made(kept.make_at, HOURLY)
    accuracy: dict[str, Any] = {
        "error": found.accuracy.error,
        "last_day": found.accuracy.last_day,
        "last_week": found.accuracy.last_week,
        "season": found.season,
        "correlation": past.correlation,
    }
    shown = {name: value if value is None else round(value, 3) for name, value in accuracy.items()}
    LOG.info("cluster=%r policy=%r project=%s forecast %s", cluster.name, policy.name, lease.scope.project_id, shown)
    expected = Expected(found.begin, found.values, capacities(found.values, past.per_unit))
    return _Made(kept.make_at, context.settings.forecast, expected, accuracy)


def _conclude(
    context: Context, lease: ForecastLease, made: _Made | None, rest: timedelta, conn: Connection
) -> str | None:
    """Write a forecast, and do what it asks for; what that is, for the log. None where the lease was lost.

    Args:
        rest: none is made before that is over, whatever is due.
    """
    cluster = clusters.lock_by_id(conn, lease.cluster_id)
    if LEASED.fence(conn, lease) is None:
        return None
    policy = POLICIES.one(conn, lease.scope, id=lease.policy_id)
    if cluster is None or policy is None or policy.kind is not PolicyKind.PREDICTIVE:
        LEASED.forget(conn, lease)
        return ""
    now = context.now()
    kept = forecasts.of(conn, lease.scope, [policy.id])[policy.id]
    if made is not None and made.asked_at == kept.make_at:
        LEASED.write(conn, lease, make_at=now + made.pause)
        if made.expected is not None:
            forecasts.keep(conn, lease, made.expected, made.accuracy, now)
        kept = forecasts.of(conn, lease.scope, [policy.id])[policy.id]
    done = ""
    if cluster.status is not ClusterStatus.DELETING:
        done = _act(conn, lease, cluster, policy, kept, now)
        scaling_policies.note_foreseen(conn, cluster, now)
    buffer = policy.prediction.buffer
    next_hour = floored(now + buffer, HOUR) + HOURLY
    LEASED.release(conn, lease, min(max(kept.make_at, now + rest), next_hour - buffer))
    return done


def _act(  # noqa: PLR0917 - whose forecast, and of which cluster
    conn: Connection, lease: ForecastLease, cluster: Cluster, policy: ScalingPolicy, kept: Kept, now: datetime
) -> str:
    """Ask for what the hour ahead is to be met with, where that has not been done; what came of it, for the log."""
    prediction, expected = policy.prediction, kept.foreseen
    hour = floored(now + prediction.buffer, HOUR)
    asked = None if expected is None else expected.asked(now, prediction.buffer)
    if asked is not None and kept.acted_for == hour:
        return ""
    upon = scaling_policies.capacity(conn, cluster, policy, now)
    raised = decide(prediction, upon, asked)
    if not policy.enabled:
        raised = Raised(Decision(upon.desired, Stay.DISABLED), upon.maximum)
    also = {} if raised.maximum == upon.maximum else {"maximum": raised.maximum}
    told: dict[str, str | int] = {
        "policy": policy.name,
        "forecast": asked or 0,
        "before": upon.desired,
        "after": raised.decision.desired,
    }
    cause = Cause(CauseKind.FORECAST, now, told)
    scaling_policies.follow(conn, cluster, policy, raised.decision, cause, **also)
    if asked is None or expected is None:
        return ""
    LEASED.write(conn, lease, acted_for=hour)
    _publish(conn, cluster, policy, (expected, kept.accuracy or {}), hour, now)
    if raised.decision.stay is not None and not also:
        return ""
    step = f"{upon.desired}->{raised.decision.desired} maximum={raised.maximum}"
    return f"cluster={cluster.name!r} policy={policy.name!r} forecast={asked} {step}"


def _publish(  # noqa: PLR0917 - what is told of which hour
    conn: Connection,
    cluster: Cluster,
    policy: ScalingPolicy,
    foreseen: tuple[Expected, Mapping[str, Any]],
    hour: datetime,
    now: datetime,
) -> None:
    """Tell the hour's forecast as metrics, unless there is one already: of the policy as it was, or of that name.

    They count among the project's own, for names of policies are without number: those that are too many are not told.

    Source: Auto Scaling User Guide, "Monitor predictive scaling metrics with CloudWatch".
    """
    expected, accuracy = foreseen
    number = (hour - expected.begin) // HOURLY
    if not 0 <= number < len(expected.loads):
        return
    own = [(DIMENSION, cluster.name), ("PolicyName", policy.name)]
    capacity = metric(NAMESPACE, "PredictiveScalingCapacityForecast", own)
    if metrics.points(conn, cluster.scope, capacity, HOUR, hour, hour + HOURLY):
        return
    paired = [*own, ("PairIndex", "0")]
    values = {
        capacity: expected.capacities[number],
        metric(NAMESPACE, "PredictiveScalingLoadForecast", paired): expected.loads[number],
        metric(NAMESPACE, "PredictiveScalingMetricPairCorrelation", paired): accuracy.get("correlation"),
    }
    data: list[Datum] = [measured(of, hour, [float(value)]) for of, value in values.items() if value is not None]
    metrics.add(conn, cluster.scope, data, now)
