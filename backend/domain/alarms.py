"""Alarms: a state that follows what is measured, and what is done when it changes. Values.

Source: Amazon CloudWatch API Reference, PutMetricAlarm; CloudWatch User Guide, "Using Amazon CloudWatch alarms".
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import Any, Final
from uuid import uuid4

from backend.domain.ids import derived_uuid
from backend.domain.metric_queries import MetricStat, Query
from backend.domain.metrics import MINUTE, Metric, floored
from backend.domain.scope import Scope
from backend.errors import Finding

DAY: Final = 86_400
WEEK: Final = 604_800
_FINE: Final = 10
_SETTLES: Final = timedelta(seconds=10)
"""So long after its end a period is judged: until then data still come in."""


ONE_LINE: Final = "The expression must return a single time series"  # unsourced
"""Why an alarm does not watch an expression that answers several lines."""


class AlarmState(StrEnum):
    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class Comparison(StrEnum):
    """AWS's own names."""

    ABOVE_OR_ON = "GreaterThanOrEqualToThreshold"
    ABOVE = "GreaterThanThreshold"
    BELOW = "LessThanThreshold"
    BELOW_OR_ON = "LessThanOrEqualToThreshold"

    def breaches(self, value: float, threshold: float) -> bool:
        match self:
            case Comparison.ABOVE_OR_ON:
                return value >= threshold
            case Comparison.ABOVE:
                return value > threshold
            case Comparison.BELOW:
                return value < threshold
            case _:
                return value <= threshold


class Missing(StrEnum):
    """What periods without data count as; AWS's own names."""

    MISSING = "missing"
    IGNORE = "ignore"
    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"


@dataclass(frozen=True, slots=True)
class Watched:
    """What an alarm looks at, and when that is a breach.

    Attributes:
        periods: evaluation periods: N of M out of N.
        datapoints: M; None where it was not given: all of them.
        missing: None where it was not given.
        ignores_low_samples: percentiles of few samples keep the state; None where that was not said.
        stat: of a metric.
        queries: or the answer to the one of these that is returned.
    """

    comparison: Comparison
    threshold: float
    periods: int
    datapoints: int | None = None
    missing: Missing | None = None
    ignores_low_samples: bool | None = None
    stat: MetricStat | None = None
    queries: tuple[Query, ...] = ()

    @property
    def period(self) -> int:
        """Seconds."""
        if self.stat is not None:
            return self.stat.period
        periods = [query.stat.period for query in self.queries if query.stat is not None]
        periods += [query.period for query in self.queries if query.period is not None]
        return max(periods, default=MINUTE)

    @property
    def enough(self) -> int:
        """M."""
        return self.datapoints or self.periods

    @property
    def reach(self) -> int:
        """How many periods are looked at: more than are judged, since some may have no data.

        Source: CloudWatch User Guide, "evaluation range"; conformance/recorded alarm_evaluation: nine of 10 s where
        three are judged.
        """
        return self.periods + max(self.periods // 3, 2, ceil(MINUTE / self.period))

    @property
    def treatment(self) -> Missing:
        """Source: conformance/recorded alarm_namespaces: what is measured of DynamoDB ignores what is missing."""
        if self.missing is not None:
            return self.missing
        table = self.stat is not None and self.stat.metric.namespace == "AWS/DynamoDB"
        return Missing.IGNORE if table else Missing.MISSING

    def document(self) -> dict[str, Any]:
        """As a JSON value."""
        return {
            "comparison": str(self.comparison),
            "threshold": self.threshold,
            "periods": self.periods,
            "datapoints": self.datapoints,
            "missing": self.missing and str(self.missing),
            "ignores_low_samples": self.ignores_low_samples,
            "stat": self.stat and stat_document(self.stat),
            "queries": [query_document(query) for query in self.queries],
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Watched:
        """Of such a document."""
        return cls(
            Comparison(told["comparison"]),
            told["threshold"],
            told["periods"],
            told["datapoints"],
            told["missing"] and Missing(told["missing"]),
            told["ignores_low_samples"],
            told["stat"] and stat_of(told["stat"]),
            tuple(query_of(query) for query in told["queries"]),
        )


def stat_document(stat: MetricStat) -> dict[str, Any]:
    """As a JSON value."""
    metric = stat.metric
    return {
        "namespace": metric.namespace,
        "name": metric.name,
        "dimensions": [list(pair) for pair in metric.dimensions],
        "period": stat.period,
        "statistic": stat.statistic,
        "unit": stat.unit,
    }


def stat_of(told: Mapping[str, Any]) -> MetricStat:
    """Of such a document."""
    dimensions = tuple((name, value) for name, value in told["dimensions"])
    metric = Metric(told["namespace"], told["name"], dimensions)
    return MetricStat(metric, told["period"], told["statistic"], told["unit"])


def query_document(query: Query) -> dict[str, Any]:
    """As a JSON value."""
    return {
        "id": query.id,
        "stat": query.stat and stat_document(query.stat),
        "expression": query.expression,
        "label": query.label,
        "returned": query.returned,
        "period": query.period,
    }


def query_of(told: Mapping[str, Any]) -> Query:
    """Of such a document."""
    stat = told["stat"] and stat_of(told["stat"])
    return Query(told["id"], stat, told["expression"], told["label"], told["returned"], told["period"])


@dataclass(frozen=True, slots=True)
class Alarm:
    """A stored alarm.

    Attributes:
        watched: the document of Watched.
        metric_key: the metric of its statistic, None where it is of queries; see ``metric_key``.
        policy_id: the target tracking policy that it is of.
        reason, reason_data: why it has its state: in words, and as a JSON text.
        updated_at: when its state, or the reason of it, was last written; ``transitioned_at``: when it last changed.
        configured_at: when what it watches or does was last written.
        acts: what is to be done: the document of a Transition whose actions have not been carried out.
        next_at: when it is evaluated next.
    """

    id: str
    name: str
    created_at: datetime
    configured_at: datetime
    updated_at: datetime
    transitioned_at: datetime
    watched: Mapping[str, Any]
    description: str | None = None
    enabled: bool = True
    ok_actions: tuple[str, ...] = ()
    alarm_actions: tuple[str, ...] = ()
    insufficient_actions: tuple[str, ...] = ()
    state: AlarmState = AlarmState.INSUFFICIENT_DATA
    reason: str = ""
    reason_data: str | None = None
    metric_key: str | None = None
    policy_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    acts: Mapping[str, Any] | None = None
    next_at: datetime | None = None

    @property
    def rule(self) -> Watched:
        return Watched.of(self.watched)

    def actions(self, state: AlarmState) -> tuple[str, ...]:
        """What is done when it comes to that state."""
        match state:
            case AlarmState.OK:
                return self.ok_actions
            case AlarmState.ALARM:
                return self.alarm_actions
            case _:
                return self.insufficient_actions


@dataclass(frozen=True, slots=True)
class WantedAlarm:
    """An alarm as asked for: what it does not name, it has not."""

    name: str
    watched: Watched
    description: str | None = None
    enabled: bool = True
    ok_actions: tuple[str, ...] = ()
    alarm_actions: tuple[str, ...] = ()
    insufficient_actions: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    policy_id: str | None = None


_POLICY: Final = re.compile(r"arn:[^:]*:autoscaling:[^:]*:[^:]*:scalingPolicy:([0-9a-f-]{36}):.+")


def policy_of(action: str) -> str | None:
    """The id of the scaling policy that an action executes; None where it is another kind of action."""
    found = _POLICY.fullmatch(action)
    return found[1] if found else None


class HistoryKind(StrEnum):
    """AWS's own names."""

    CONFIGURATION = "ConfigurationUpdate"
    STATE = "StateUpdate"
    ACTION = "Action"


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """What happened to an alarm; it outlives it.

    Attributes:
        data: a JSON text.
    """

    id: str
    alarm: str
    at: datetime
    kind: HistoryKind
    summary: str
    data: str


_SUMMARY: Final = 255


def happened(alarm: str, kind: HistoryKind, summary: str, told: Mapping[str, Any], at: datetime) -> HistoryItem:
    """What happened to the alarm of that name then. ``told``: a JSON value."""
    data = json.dumps(told, separators=(",", ":"), ensure_ascii=False)
    return HistoryItem(str(uuid4()), alarm, at, kind, summary[:_SUMMARY], data)


class AlarmFlaw(StrEnum):
    """Why an alarm is refused; the translators know AWS's sentence for each."""

    MANY_SECONDS = "many_seconds"
    MANY_SECONDS_OF_WEEK = "many_seconds_of_week"
    MORE_THAN_ALL = "more_than_all"


@dataclass(eq=False)
class AlarmRefused(Finding):
    flaw: AlarmFlaw


@dataclass(eq=False)
class AlarmNotFound(Finding):
    name: str


@dataclass(eq=False)
class TaggedAlarmNotFound(Finding):
    """As AlarmNotFound, said of tags."""

    name: str


@dataclass(eq=False)
class ReasonDataUnreadable(Finding):
    """What is given as the data of a reason is no JSON."""


def alarm_id(scope: Scope, name: str) -> str:
    """A name is given once in a project and region: the id says which."""
    return derived_uuid("alarm", scope.project_id, scope.region, name)


def metric_key(metric: Metric) -> str:
    """The same for the same metric; of any project."""
    return derived_uuid("metric", json.dumps([metric.namespace, metric.name, metric.dimensions]))


def next_evaluation(alarm_id: str, period: int, now: datetime) -> datetime:
    """When an alarm is evaluated next: each minute, or each ten seconds, at a phase of its own that stays."""
    every = MINUTE if period >= MINUTE else _FINE
    phase = timedelta(milliseconds=zlib.crc32(alarm_id.encode()) % (_FINE * 1000))
    if every == MINUTE:
        phase += _SETTLES
    at = floored(now, every) + phase
    return at if at > now else at + timedelta(seconds=every)


def window_end(period: int, now: datetime) -> datetime:
    """Where the newest period that is judged ends. Windows slide by the minute, or by ten seconds."""
    return floored(now - _SETTLES, MINUTE if period >= MINUTE else _FINE)


def slots(period: int, number: int, end: datetime) -> Sequence[datetime]:
    """Starts of so many periods before ``end``, the newest first."""
    return [end - timedelta(seconds=period * each) for each in range(1, number + 1)]
