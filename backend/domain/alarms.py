"""Alarms: a state that follows what is measured, and what is done when it changes. Values.

Source: Amazon CloudWatch API Reference, PutMetricAlarm; CloudWatch User Guide, "Using Amazon CloudWatch alarms".
"""

from __future__ import annotations

import json
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
from backend.domain.words import known
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
            known(Comparison, told["comparison"]),
            told["threshold"],
            told["periods"],
            told["datapoints"],
            told["missing"] and known(Missing, told["missing"]),
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
        acts: what is to be done about its state and is not done yet; see domain.alarm_work.
        next_at: when it is evaluated next; a composite one has none while no other alarm has changed.
        composite: of a composite alarm, the document of domain.composites.Composite; it watches nothing then.
        because: why a composite alarm has its state, in facts, where it came to it by its rule: see ``because``.
        seen: states of the alarms in its rule, in their order, as they were when it was looked at last.
        held: the document of a Held, while its actions are held back.
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
    composite: Mapping[str, Any] | None = None
    because: Mapping[str, Any] | None = None
    seen: tuple[str, ...] | None = None
    held: Mapping[str, Any] | None = None

    @property
    def rule(self) -> Watched:
        return Watched.of(self.watched)

    @property
    def holder(self) -> Holder | None:
        """What holds actions back, where there are any."""
        return Holder(self.held["by"]) if self.held is not None and self.held["was"] is not None else None

    def actions(self, state: AlarmState) -> tuple[str, ...]:
        """What is done when it comes to that state."""
        match state:
            case AlarmState.OK:
                return self.ok_actions
            case AlarmState.ALARM:
                return self.alarm_actions
            case _:
                return self.insufficient_actions


class Holder(StrEnum):
    """What holds actions back; AWS's own names."""

    ALARM = "Alarm"
    WAIT = "WaitPeriod"
    EXTENSION = "ExtensionPeriod"


@dataclass(frozen=True, slots=True)
class Held:
    """Actions of a change of state that are held back.

    Attributes:
        was: the state before the change; None where there was none, and the time in which one would be held runs.
        until: when they are carried out, if nothing comes between; None while the suppressor is in alarm.
    """

    by: Holder
    was: AlarmState | None
    until: datetime | None = None

    def document(self) -> dict[str, Any]:
        """As a JSON value."""
        until = None if self.until is None else self.until.isoformat()
        return {"by": str(self.by), "was": self.was and str(self.was), "until": until}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Held:
        """Of such a document."""
        until = told["until"] and datetime.fromisoformat(told["until"])
        return cls(Holder(told["by"]), told["was"] and AlarmState(told["was"]), until)


@dataclass(frozen=True, slots=True)
class Standing:
    """A state that an alarm comes to, and why.

    Attributes:
        reason, data: in words and as a JSON text,
        because: or in facts: a JSON value.
    """

    state: AlarmState
    reason: str = ""
    data: str | None = None
    because: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class WantedAlarm:
    """An alarm as asked for: what it does not name, it has not.

    Attributes:
        composite: of a composite alarm; see Alarm.
    """

    name: str
    watched: Watched
    description: str | None = None
    enabled: bool = True
    ok_actions: tuple[str, ...] = ()
    alarm_actions: tuple[str, ...] = ()
    insufficient_actions: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    policy_id: str | None = None
    composite: Mapping[str, Any] | None = None


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
        composite: whether it was a composite alarm; None: it was none.
    """

    id: str
    alarm: str
    at: datetime
    kind: HistoryKind
    summary: str
    data: str
    composite: bool | None = None


_SUMMARY: Final = 255


def happened(alarm: Alarm, kind: HistoryKind, summary: str, told: Mapping[str, Any], at: datetime) -> HistoryItem:
    """What happened to that alarm then. ``told``: a JSON value."""
    data = json.dumps(told, separators=(",", ":"), ensure_ascii=False)
    composite = None if alarm.composite is None else True
    return HistoryItem(str(uuid4()), alarm.name, at, kind, summary[:_SUMMARY], data, composite)


class AlarmFlaw(StrEnum):
    """Why an alarm is refused; the translators know AWS's sentence for each."""

    MANY_SECONDS = "many_seconds"
    MANY_SECONDS_OF_WEEK = "many_seconds_of_week"
    MORE_THAN_ALL = "more_than_all"
    NO_SERVER = "no_server"


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
    every, phase = _rhythm(alarm_id, period)
    at = floored(now, every) + phase
    return at if at > now else at + timedelta(seconds=every)


def is_minute_of(alarm: Alarm, now: datetime) -> bool:
    """Whether a minute of the state that an alarm is in has ended since it was evaluated last.

    Of one that is evaluated more often that is so each sixth time, and sooner where evaluations come late.

    Args:
        alarm: with the turn that this evaluation was to be in (``next_at``).
    """
    every, phase = _rhythm(alarm.id, alarm.rule.period)
    began = floored(alarm.transitioned_at - phase, every)

    def minutes(at: datetime) -> int:
        return (floored(at - phase, every) - began) // timedelta(seconds=MINUTE)

    return minutes(now) > minutes((alarm.next_at or now) - timedelta(seconds=every))


def _rhythm(alarm_id: str, period: int) -> tuple[int, timedelta]:
    """Seconds between two evaluations of an alarm, and when in that time they are."""
    phase = timedelta(milliseconds=zlib.crc32(alarm_id.encode()) % (_FINE * 1000))
    return (MINUTE, phase + _SETTLES) if period >= MINUTE else (_FINE, phase)


def window_end(period: int, now: datetime) -> datetime:
    """Where the newest period that is judged ends. Windows slide by the minute, or by ten seconds."""
    return floored(now - _SETTLES, MINUTE if period >= MINUTE else _FINE)


def slots(period: int, number: int, end: datetime) -> Sequence[datetime]:
    """Starts of so many periods before ``end``, the newest first."""
    return [end - timedelta(seconds=period * each) for each in range(1, number + 1)]
