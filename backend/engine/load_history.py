"""What was measured of a policy's load, hour by hour, and how much of it a node may have. Reads, and writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import fmean, median
from typing import Final

from backend.domain.alarms import ONE_LINE
from backend.domain.cluster import Cluster
from backend.domain.metric_queries import ExpressionRefused, MetricStat, Query
from backend.domain.metrics import HOUR, LISTED, MINUTE, floored, metric
from backend.domain.node import SERVING, Node, capacity
from backend.domain.prediction import HOURLY, MINUTES, Gauge, LoadMetric, Prediction, ScalingMetric, load_stat
from backend.domain.steps import Steps
from backend.policies.forecasting import DAY, REACH
from backend.policies.group_metrics import DIMENSION, NAMESPACE
from backend.policies.metric_math import Answers, timeline
from backend.policies.metric_search import searching
from backend.policies.predictive_scaling import correlation, share
from backend.store import metrics, nodes
from backend.store.metric_reading import names, reading
from backend.store.session import Connection

_COUNTED: Final = ("GroupInServiceCapacity", "GroupInServiceInstances")
_STEPS: Final = 150_000
"""Of one forecast: half a second at the most. Fourteen days of three metrics by the minute are 60,000."""

Hours = Mapping[datetime, float]


@dataclass(frozen=True, slots=True)
class History:
    """What was measured.

    Attributes:
        loads: by hours.
        per_unit: load of an hour that one unit has at the policy's target; None where nothing tells.
        correlation: of the load, shared by the units that there were, and of what each has; None where it is not known.
    """

    loads: Hours
    per_unit: float | None
    correlation: float | None = None


def history(conn: Connection, cluster: Cluster, prediction: Prediction, now: datetime) -> History:
    """What was measured until the hour that it is now.

    Raises:
        ExpressionRefused, TooManySteps: of the policy's queries.
    """
    return _Reader(conn, cluster, prediction, now).history()


@dataclass(frozen=True, slots=True)
class _Reader:
    conn: Connection
    cluster: Cluster
    prediction: Prediction
    now: datetime
    steps: Steps = field(default_factory=lambda: Steps(_STEPS))

    @property
    def end(self) -> datetime:
        return floored(self.now, HOUR)

    def history(self) -> History:
        loads = self._hours(self.prediction.load_queries(self.cluster.name), sum)
        if self.prediction.is_paired:
            return History(loads, self._minutes() * self.prediction.target / self._weight())
        scaled = self._scaled()
        units = self._units(loads)
        found = share(loads, scaled, units)
        per_unit = None if found is None else found * self.prediction.target
        return History(loads, per_unit, correlation(loads, scaled, units))

    def _minutes(self) -> int:
        """How often each node is measured in an hour: the load is a sum of so many times what a node has."""
        load = self.prediction.loaded
        if load is None or load is LoadMetric.REQUESTS:
            return MINUTES
        of = load_stat(load, None, self.cluster.name).metric
        begin = self.end - HOURLY * DAY
        found = metrics.points(
            self.conn, self.cluster.scope, of, MINUTE, begin, self.end, steps=self.steps, spreads=False
        )
        by_hour: dict[datetime, int] = {}
        for point in found:
            by_hour[floored(point.at, HOUR)] = by_hour.get(floored(point.at, HOUR), 0) + 1
        return max(round(median(by_hour.values())), 1) if by_hour else MINUTES

    def _serving(self) -> Sequence[Node]:
        return [node for node in nodes.of_cluster(self.conn, self.cluster.id) if node.state in SERVING]

    def _weight(self) -> float:
        """Units that a node counts for, on the average."""
        serving = self._serving()
        return capacity(serving) / len(serving) if serving else 1.0

    def _scaled(self) -> Hours:
        scaled = self._hours(self.prediction.scaling_queries(self.cluster.name), fmean)
        if self.prediction.scaled is not ScalingMetric.REQUESTS:
            return scaled
        return {at: value / MINUTES for at, value in scaled.items()}  # a target is of a minute

    def _units(self, loads: Hours) -> Hours:
        """How many units there were: as the policy's own metric says, else the cluster's, else as there are now."""
        own: Gauge | None = self.prediction.capacity
        if own is not None:
            return self._hours(own.queries, fmean)
        for name in _COUNTED:
            of = metric(NAMESPACE, name, [(DIMENSION, self.cluster.name)])
            if found := self._hours((Query("units", MetricStat(of, HOUR, "Average")),), fmean):
                return found
        here = float(capacity(self._serving()))
        return dict.fromkeys(loads, here)

    def _hours(self, queries: Sequence[Query], folded: Callable[[Iterable[float]], float]) -> Hours:
        """The answer to queries by hours; what is of shorter periods is put together."""
        begin = self.end - HOURLY * REACH
        scope = self.cluster.scope
        read = reading(self.conn, scope, begin, self.end, self.now, self.steps)
        search = searching(names(self.conn, scope, self.now - LISTED), self.steps)
        answers = Answers(queries, read, timeline(begin, self.end), search, self.steps)
        (returned,) = (query.id for query in queries if query.returned)
        lines = answers.of(returned)
        if len(lines) > 1:
            raise ExpressionRefused(returned, ONE_LINE)
        values: dict[datetime, list[float]] = {}
        for line in lines:
            for at, value in line.values.items():
                values.setdefault(floored(at, HOUR), []).append(value)
        return {at: folded(found) for at, found in values.items() if begin <= at <= self.end - timedelta(seconds=HOUR)}
