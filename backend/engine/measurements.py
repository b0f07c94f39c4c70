"""What an engine measures, each minute: group metrics that are switched on, and what sources tell of servers and pools.

A minute is measured once, by whoever has the project's row; one that no engine saw is missing, as at any outage. What
is there already, because somebody put it, is left as it is. Sources are asked one after the other, each for what those
before it did not tell; one that fails rests, and what it would have told is missing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from backend.domain.metrics import MINUTE, Datum, MetricLimits, floored, measured, metric
from backend.domain.scope import Scope
from backend.drivers.catalog import Catalog
from backend.drivers.errors import CloudError
from backend.drivers.metric_sources import Asked, Measure, MetricSource, Series, Told, Unanswered, sane
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.lanes import Call
from backend.engine.wanted import Want, Wanted, wanted
from backend.policies.group_metrics import DIMENSION, NAMESPACE, group_metrics
from backend.store import measuring, metrics
from backend.store.measuring import Rest, SourceLease, SourceStates
from backend.store.session import Connection

LOG = logging.getLogger(__name__)
_MINUTE: Final = timedelta(minutes=1)
# What is measured of clusters is bounded by their number.
_LIMITS: Final = MetricLimits(series=10_000_000)
_FIRST_REST: Final = timedelta(seconds=30)
_LONGEST_REST: Final = timedelta(minutes=10)
_WHY: Final = 200
_Series = dict[tuple[Measure, str], Series]


def look(context: Context) -> timedelta:
    """Have those projects measured that have something to measure; it only reads where all are."""
    with context.store.read() as conn:
        found = measuring.unmeasured(conn, all_clusters=bool(context.cloud.sources))
    coming = floored(context.now(), MINUTE) + _MINUTE
    for scope in found:
        context.store.transact(partial(measuring.demand, scope=scope, at=coming))
    return _MINUTE


def measure(context: Context, lease: SourceLease) -> Job:
    """The job of a project: the minutes that have just ended of its servers and pools, and its groups as they are."""
    now, sources = context.now(), context.cloud.sources
    at = floored(now, MINUTE)
    data: list[Datum] = []
    states: SourceStates | None = None
    if sources:
        with context.store.read() as conn:
            wants = wanted(
                conn,
                lease.scope,
                everything=context.settings.measure_all,
                free=any(source.free for source in sources),
            )
            kept = measuring.states(conn, lease.scope)
        round_ = _Round(lease.scope, at, wants, kept)
        for source in sources:
            asked = round_.question(source)
            if asked is None or round_.rests(source, now):
                continue
            ask = partial(_ask, source, lease.scope, asked, wants.types, context.catalog)
            (answer,) = yield [Call(lease.scope, ask, lane=f"metrics-{source.name}")]
            if isinstance(answer, CloudError):
                context.count("source_faults")
                round_.failed(source, answer, context.now())
                if isinstance(answer, Unanswered):
                    round_.keep(source, answer.readings)
            else:
                round_.told(source, asked, answer)
        data = round_.data()
        states = round_.states if round_.states != kept else None
    yield Write(partial(_write, context, lease, data, at, states))


def _ask(
    source: MetricSource, scope: Scope, asked: Asked, types: Mapping[str, str], catalog: Catalog
) -> Told | CloudError:
    """What a source tells, or why it tells nothing."""
    try:
        if not source.free and Measure.CPU in asked.subjects:
            asked = replace(asked, processors=_processors(scope, types, catalog))
        return source.ask(scope, asked)
    except CloudError as error:
        return error


def _processors(scope: Scope, types: Mapping[str, str], catalog: Catalog) -> Mapping[str, int]:
    """How many each server has, as far as the cloud's flavors tell."""
    try:
        flavors = {flavor.name: flavor.vcpus for flavor in catalog.flavors(scope)}
    except CloudError:
        return {}
    return {server: flavors[type_] for server, type_ in types.items() if type_ in flavors}


@dataclass(slots=True)
class _Round:
    """What sources told of a project in one minute, and what is kept of them for the next.

    Attributes:
        at: when the minute that has just ended did so.
    """

    scope: Scope
    at: datetime
    wants: Wanted
    states: SourceStates
    series: _Series = field(default_factory=dict)

    def question(self, source: MetricSource) -> Asked | None:
        """What is left to ask a source for; None where that is nothing."""
        subjects: dict[Measure, set[str]] = {}
        for want in self._of(source):
            if want.measure in source.measures:
                left = {subject for subject in want.subjects if (want.measure, subject) not in self.series}
                subjects.setdefault(want.measure, set()).update(left)
        told = {measure: frozenset(left) for measure, left in subjects.items() if left}
        if not told:
            return None
        until = self.at - source.late * _MINUTE
        return Asked(told, until - source.minutes * _MINUTE, until, readings=self.states.readings.get(source.name, {}))

    def rests(self, source: MetricSource, now: datetime) -> bool:
        rest = self.states.rests.get(source.name)
        return rest is not None and rest.until > now

    def told(self, source: MetricSource, asked: Asked, told: Told) -> None:
        """Take what may be believed of it: of what was asked, in the minutes that were asked."""
        for (measure, subject), series in told.series.items():
            if subject in asked.subjects.get(measure, frozenset()):
                values = ((at, sane(measure, value)) for at, value in series.items() if asked.since <= at < asked.until)
                if believed := {floored(at, MINUTE): value for at, value in values if value is not None}:
                    self.series[measure, subject] = believed
        rests = {name: rest for name, rest in self.states.rests.items() if name != source.name}
        if len(rests) < len(self.states.rests):
            LOG.warning("source=%s %s tells again what it measures", source.name, _named(self.scope))
        self.states = replace(self.states, rests=rests)
        self.keep(source, told.readings)

    def keep(self, source: MetricSource, told: Mapping[str, Any]) -> None:
        """Have what a source read given back to it when it is asked next."""
        readings: dict[str, Mapping[str, Any]] = {**self.states.readings, source.name: told}
        self.states = replace(self.states, readings={name: each for name, each in readings.items() if each})

    def failed(self, source: MetricSource, error: CloudError, now: datetime) -> None:
        """It rests, longer with each time in a row."""
        before = self.states.rests.get(source.name)
        failures = 1 if before is None else before.failures + 1
        pause = min(_FIRST_REST * 2 ** min(failures - 1, 10), _LONGEST_REST)
        why = str(error)[:_WHY] or type(error).__name__
        if before is None:
            LOG.warning(
                "source=%s %s cannot be asked, what it measures is missing: %s", source.name, _named(self.scope), why
            )
        rests = {**self.states.rests, source.name: Rest(failures, now + pause, why)}
        self.states = replace(self.states, rests=rests)

    def data(self) -> list[Datum]:
        """Of each metric, once: of those that somebody looks at, and of those that cost nothing."""
        wants: dict[Any, Want] = {want.metric: want for want in (*self.wants.every, *self.wants.looked_at)}
        return [datum for want in wants.values() for datum in want.data(self.series)]

    def _of(self, source: MetricSource) -> Iterator[Want]:
        yield from self.wants.looked_at
        if source.free:
            yield from self.wants.every


def _named(scope: Scope) -> str:
    return f"project={scope.project_id} region={scope.region}"


def _write(  # noqa: PLR0917 - what is written of which minute
    context: Context,
    lease: SourceLease,
    data: Sequence[Datum],
    at: datetime,
    states: SourceStates | None,
    conn: Connection,
) -> None:
    if not measuring.begin_minute(conn, lease, at):
        # Done already, when the answer to a commit was lost; or the lease is, and then this gives nothing back.
        measuring.LEASED.release(conn, lease, at + _MINUTE)
        return
    groups = [
        measured(metric(NAMESPACE, name, [(DIMENSION, cluster.name)]), at, [value])
        for cluster, states_ in measuring.counted(conn, lease.scope)
        for name, value in group_metrics(cluster, states_).items()
        if name in cluster.metrics
    ]
    fresh = _fresh(conn, lease.scope, data)
    if groups or fresh:
        metrics.add(conn, lease.scope, [*groups, *fresh], context.now(), _LIMITS)
    if states is not None:
        measuring.keep_states(conn, lease, states)
    if groups or (context.cloud.sources and measuring.has_clusters(conn, lease.scope)):
        measuring.LEASED.release(conn, lease, at + _MINUTE)
    else:
        measuring.LEASED.forget(conn, lease)


def _fresh(conn: Connection, scope: Scope, data: Sequence[Datum]) -> list[Datum]:
    """What is not there yet: whoever put something himself is believed before any source, and nothing counts twice."""
    if not data:
        return []
    since, until = min(datum.at for datum in data), max(datum.at for datum in data) + _MINUTE
    here = metrics.present(conn, scope, {datum.metric for datum in data}, since, until)
    return [datum for datum in data if (datum.metric, datum.at) not in here]
