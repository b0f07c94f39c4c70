"""Predictive scaling: a load that comes again, and what it is to be met with ahead of time. Values.

Source: Amazon EC2 Auto Scaling API Reference, PredictiveScalingConfiguration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from backend.domain.alarms import query_document, query_of
from backend.domain.metric_queries import MetricStat, Query
from backend.domain.metrics import HOUR, metric

HOURLY: Final = timedelta(seconds=HOUR)
DEFAULT_BUFFER: Final = timedelta(seconds=300)
MOST_BUFFER_SECONDS: Final = HOUR
MINUTES: Final = 60


class Mode(StrEnum):
    """AWS's own names."""

    ONLY = "ForecastOnly"
    SCALE = "ForecastAndScale"


class MaximumBreach(StrEnum):
    """What becomes of a maximum that a forecast comes near to; AWS's own names."""

    HONOR = "HonorMaxCapacity"
    INCREASE = "IncreaseMaxCapacity"


class Pair(StrEnum):
    """A load with what it makes of each node; AWS's own names."""

    CPU = "ASGCPUUtilization"
    NETWORK_IN = "ASGNetworkIn"
    NETWORK_OUT = "ASGNetworkOut"
    REQUESTS = "ALBRequestCount"


class LoadMetric(StrEnum):
    """What a cluster has to do; AWS's own names."""

    CPU = "ASGTotalCPUUtilization"
    NETWORK_IN = "ASGTotalNetworkIn"
    NETWORK_OUT = "ASGTotalNetworkOut"
    REQUESTS = "ALBTargetGroupRequestCount"


class ScalingMetric(StrEnum):
    """What each of its nodes has of it; AWS's own names."""

    CPU = "ASGAverageCPUUtilization"
    NETWORK_IN = "ASGAverageNetworkIn"
    NETWORK_OUT = "ASGAverageNetworkOut"
    REQUESTS = "ALBRequestCountPerTarget"


_PAIRED: Final = {
    Pair.CPU: (LoadMetric.CPU, ScalingMetric.CPU),
    Pair.NETWORK_IN: (LoadMetric.NETWORK_IN, ScalingMetric.NETWORK_IN),
    Pair.NETWORK_OUT: (LoadMetric.NETWORK_OUT, ScalingMetric.NETWORK_OUT),
    Pair.REQUESTS: (LoadMetric.REQUESTS, ScalingMetric.REQUESTS),
}
_OF_SERVERS: Final = {
    LoadMetric.CPU: "CPUUtilization",
    LoadMetric.NETWORK_IN: "NetworkIn",
    LoadMetric.NETWORK_OUT: "NetworkOut",
}
_OF_EACH: Final = {scaling: load for load, scaling in _PAIRED.values()}


@dataclass(frozen=True, slots=True)
class Gauge:
    """One thing that is measured: by a name that it has, or by the answer to the one of its queries that is returned.

    Attributes:
        label: of a balancer and a target group, ``app/NAME/ID/targetgroup/NAME/ID``.
    """

    predefined: str | None = None
    label: str | None = None
    queries: tuple[Query, ...] = ()

    def document(self) -> dict[str, Any]:
        """As a JSON value."""
        queries = [query_document(query) for query in self.queries]
        return {"predefined": self.predefined, "label": self.label, "queries": queries}


def _gauge(told: Mapping[str, Any] | None) -> Gauge | None:
    if told is None:
        return None
    return Gauge(told["predefined"], told["label"], tuple(query_of(query) for query in told["queries"]))


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a policy foresees, and what it does about it; what is None was not given.

    Attributes:
        target: of what each node has, in that metric's own unit.
        pair, load, scaling: either the pair, or both of the others.
        capacity: how many nodes there were, where the load is of queries.
        buffer_seconds: so long before its hour a capacity is asked for.
        maximum_percent: how far beyond a forecast the maximum is raised.
    """

    target: float
    pair: Gauge | None = None
    load: Gauge | None = None
    scaling: Gauge | None = None
    capacity: Gauge | None = None
    mode: Mode | None = None
    breach: MaximumBreach | None = None
    buffer_seconds: int | None = None
    maximum_percent: int | None = None

    @property
    def acts(self) -> bool:
        return self.mode is Mode.SCALE

    @property
    def buffer(self) -> timedelta:
        return DEFAULT_BUFFER if self.buffer_seconds is None else timedelta(seconds=self.buffer_seconds)

    @property
    def labels(self) -> tuple[str, ...]:
        """Of target groups, each once."""
        given = [gauge.label for gauge in (self.pair, self.load, self.scaling) if gauge is not None and gauge.label]
        return tuple(dict.fromkeys(given))

    @property
    def loaded(self) -> LoadMetric | None:
        """Its load, where that has a name."""
        if self.pair is not None:
            return _PAIRED[Pair(self.pair.predefined or "")][0]
        assert self.load is not None
        return None if self.load.predefined is None else LoadMetric(self.load.predefined)

    @property
    def scaled(self) -> ScalingMetric | None:
        """What each node has, where that has a name."""
        if self.pair is not None:
            return _PAIRED[Pair(self.pair.predefined or "")][1]
        assert self.scaling is not None
        return None if self.scaling.predefined is None else ScalingMetric(self.scaling.predefined)

    @property
    def is_paired(self) -> bool:
        """Whether its load is the sum of what each node has: then nothing has to be learnt about the two."""
        return self.scaled is not None and _OF_EACH[self.scaled] is self.loaded

    def load_queries(self, cluster_name: str) -> tuple[Query, ...]:
        """What answers with its load, hour by hour."""
        if (load := self.loaded) is None:
            assert self.load is not None
            return self.load.queries
        return (Query("load", load_stat(load, self._label(self.load), cluster_name)),)

    def scaling_queries(self, cluster_name: str) -> tuple[Query, ...]:
        """What answers with what each node has, hour by hour; requests are those of an hour."""
        if (scaling := self.scaled) is None:
            assert self.scaling is not None
            return self.scaling.queries
        if scaling is ScalingMetric.REQUESTS:
            of = metric("AWS/ApplicationELB", "RequestCountPerTarget", _dimensions(self._label(self.scaling)))
            return (Query("scaling", MetricStat(of, HOUR, "Sum")),)
        stat = load_stat(_OF_EACH[scaling], None, cluster_name)
        return (Query("scaling", MetricStat(stat.metric, HOUR, "Average")),)

    def _label(self, gauge: Gauge | None) -> str | None:
        return (self.pair or gauge or Gauge()).label

    def document(self) -> dict[str, Any]:
        """As a JSON value."""
        gauges = {name: getattr(self, name) for name in _GAUGES}
        return {
            "target": self.target,
            **{name: gauge and gauge.document() for name, gauge in gauges.items()},
            "mode": self.mode and str(self.mode),
            "breach": self.breach and str(self.breach),
            "buffer_seconds": self.buffer_seconds,
            "maximum_percent": self.maximum_percent,
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Prediction:
        """Of such a document."""
        pair, load, scaling, capacity = (_gauge(told[name]) for name in _GAUGES)
        return cls(
            told["target"],
            pair,
            load,
            scaling,
            capacity,
            mode=told["mode"] and Mode(told["mode"]),
            breach=told["breach"] and MaximumBreach(told["breach"]),
            buffer_seconds=told["buffer_seconds"],
            maximum_percent=told["maximum_percent"],
        )


_GAUGES: Final = ("pair", "load", "scaling", "capacity")


def load_stat(load: LoadMetric, label: str | None, cluster_name: str) -> MetricStat:
    """The sum over an hour of a load that has a name."""
    if load is LoadMetric.REQUESTS:
        return MetricStat(metric("AWS/ApplicationELB", "RequestCount", _dimensions(label)), HOUR, "Sum")
    of = metric("AWS/EC2", _OF_SERVERS[load], {"AutoScalingGroupName": cluster_name})
    return MetricStat(of, HOUR, "Sum")


def _dimensions(label: str | None) -> dict[str, str]:
    balancer, _, group = (label or "").partition("/targetgroup/")
    return {"LoadBalancer": balancer, "TargetGroup": f"targetgroup/{group}"}


@dataclass(frozen=True, slots=True)
class Expected:
    """A forecast that was made.

    Attributes:
        begin: the start of its first hour.
        loads, capacities: by hours from then on; capacities in units.
    """

    begin: datetime
    loads: tuple[float, ...]
    capacities: tuple[int, ...]

    def capacity(self, at: datetime) -> int | None:
        """What the hour that is then is to be met with; None where it was not foreseen."""
        number = (at - self.begin) // HOURLY
        return self.capacities[number] if 0 <= number < len(self.capacities) else None

    def asked(self, now: datetime, ahead: timedelta) -> int | None:
        """What is asked for then: for the hour that it is, and from the buffer on for the next."""
        found = [units for at in (now, now + ahead) if (units := self.capacity(at)) is not None]
        return max(found, default=None)


@dataclass(frozen=True, slots=True)
class Told:
    """Forecasts of some hours, as they were last made before these were over.

    Attributes:
        hours: start -> load and capacity, ascending.
        made_at: when the newest was.
    """

    hours: Mapping[datetime, tuple[float, int]]
    made_at: datetime
