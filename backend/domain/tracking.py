"""Target tracking: a metric that a policy holds at a value. Values.

Source: Amazon EC2 Auto Scaling API Reference, TargetTrackingConfiguration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from backend.domain.alarms import Comparison, Watched, query_document, query_of, stat_document, stat_of
from backend.domain.metric_queries import MetricStat, Query
from backend.domain.metrics import MINUTE, metric
from backend.domain.words import known

LOW_SHARE: Final = 0.9
"""Of the target, below which it is too little. Source: conformance/recorded aas/scale_in, alb_policy_bound_native."""
HIGH_PERIODS: Final = 3
LOW_PERIODS: Final = 15
LOW_FINE_PERIODS: Final = 30
"""Of less than a minute. Source: conformance/recorded aas/high_resolution."""


class Predefined(StrEnum):
    """Metrics of a cluster that have a name; AWS's own."""

    CPU = "ASGAverageCPUUtilization"
    CPU_FINE = "ASGAverageCPUUtilizationHighResolution"
    NETWORK_IN = "ASGAverageNetworkIn"
    NETWORK_OUT = "ASGAverageNetworkOut"
    REQUESTS = "ALBRequestCountPerTarget"


_OF_SERVERS: Final = {
    Predefined.CPU: ("CPUUtilization", MINUTE),
    Predefined.CPU_FINE: ("CPUUtilization", 10),
    Predefined.NETWORK_IN: ("NetworkIn", MINUTE),
    Predefined.NETWORK_OUT: ("NetworkOut", MINUTE),
}


@dataclass(frozen=True, slots=True)
class Tracking:
    """What a policy tracks.

    Attributes:
        target: in the metric's own unit.
        no_scale_in: it adds nodes and takes none away.
        predefined: the metric by its name; else it is ``stat``, or the answer to the one of ``queries`` that is
            returned.
        label: of a balancer and a target group, ``app/NAME/ID/targetgroup/NAME/ID``.
        periods_given: ids of queries whose period was said; an empty one for that of ``stat``.
    """

    target: float
    no_scale_in: bool = False
    predefined: Predefined | None = None
    label: str | None = None
    stat: MetricStat | None = None
    queries: tuple[Query, ...] = ()
    periods_given: tuple[str, ...] = ()

    @property
    def measured(self) -> tuple[Any, ...]:
        """What it tracks, whatever its target: no two policies of a cluster track the same."""
        return (self.predefined, self.label, self.stat, self.queries)

    def watched(self, cluster_name: str) -> tuple[Watched, Watched]:
        """What the two alarms look at: too much, and too little."""
        stat = self.stat if self.predefined is None else self._stat(self.predefined, cluster_name)
        high = Watched(Comparison.ABOVE, self.target, HIGH_PERIODS, stat=stat, queries=self.queries)
        periods = LOW_PERIODS if high.period >= MINUTE else LOW_FINE_PERIODS
        low = Watched(Comparison.BELOW, self.target * LOW_SHARE, periods, stat=stat, queries=self.queries)
        return high, low

    def _stat(self, predefined: Predefined, cluster_name: str) -> MetricStat:
        if predefined is Predefined.REQUESTS:
            balancer, _, group = (self.label or "").partition("/targetgroup/")
            dimensions = {"LoadBalancer": balancer, "TargetGroup": f"targetgroup/{group}"}
            of = metric("AWS/ApplicationELB", "RequestCountPerTarget", dimensions)
            return MetricStat(of, MINUTE, "Sum", "None")
        name, period = _OF_SERVERS[predefined]
        return MetricStat(metric("AWS/EC2", name, {"AutoScalingGroupName": cluster_name}), period, "Average")

    def document(self) -> dict[str, Any]:
        """As a JSON value."""
        return {
            "target": self.target,
            "no_scale_in": self.no_scale_in,
            "predefined": self.predefined and str(self.predefined),
            "label": self.label,
            "stat": self.stat and stat_document(self.stat),
            "queries": [query_document(query) for query in self.queries],
            "periods_given": list(self.periods_given),
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Tracking:
        """Of such a document."""
        return cls(
            told["target"],
            told["no_scale_in"],
            told["predefined"] and known(Predefined, told["predefined"]),
            told["label"],
            told["stat"] and stat_of(told["stat"]),
            tuple(query_of(query) for query in told["queries"]),
            tuple(told["periods_given"]),
        )
