"""Which metrics of servers and target groups somebody looks at, and what of the cloud each of them is made of.

Only what alarms and policies look at is asked for, unless an operator has all of it measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from backend.domain.alarms import stat_of
from backend.domain.metrics import NO_UNIT, Datum, Metric, measured, metric
from backend.domain.scope import Scope
from backend.drivers.metric_sources import Measure, Series
from backend.policies.group_metrics import DIMENSION
from backend.store import looked_at
from backend.store.looked_at import Serving
from backend.store.session import Connection

SERVERS: Final = "AWS/EC2"
BALANCERS: Final = "AWS/ApplicationELB"
NETWORK_BALANCERS: Final = "AWS/NetworkELB"
_INSTANCE: Final = "InstanceId"
_TARGET_GROUP: Final = "TargetGroup"
_BALANCER: Final = "LoadBalancer"
_OF_SERVERS: Final = {
    "CPUUtilization": (Measure.CPU, "Percent"),
    "NetworkIn": (Measure.NETWORK_IN, "Bytes"),
    "NetworkOut": (Measure.NETWORK_OUT, "Bytes"),
}
_PER_TARGET: Final = "RequestCountPerTarget"
_OF_BALANCERS: Final = {
    BALANCERS: {
        "ProcessedBytes": (Measure.BYTES, "Bytes"),
        "NewConnectionCount": (Measure.NEW_CONNECTIONS, "Count"),
        "ActiveConnectionCount": (Measure.ACTIVE_CONNECTIONS, "Count"),
    },
    NETWORK_BALANCERS: {
        "ProcessedBytes": (Measure.BYTES, "Bytes"),
        "NewFlowCount": (Measure.NEW_CONNECTIONS, "Count"),
        "ActiveFlowCount": (Measure.ACTIVE_CONNECTIONS, "Count"),
    },
}
_OF_GROUPS: Final = {_PER_TARGET: NO_UNIT, "RequestCount": "Count"}


@dataclass(frozen=True, slots=True)
class Want:
    """A metric, and what it is made of.

    Attributes:
        subjects: the cloud's ids of servers or of a pool; what was measured of each is a sample.
        among: how many share what was measured.
    """

    metric: Metric
    unit: str
    measure: Measure
    subjects: tuple[str, ...]
    among: int = 1

    def data(self, series: Mapping[tuple[Measure, str], Series]) -> Iterator[Datum]:
        """One for each minute of which anything was measured."""
        minutes: dict[datetime, list[float]] = {}
        for subject in self.subjects:
            for at, value in series.get((self.measure, subject), {}).items():
                minutes.setdefault(at, []).append(value / self.among)
        for at in sorted(minutes):
            yield measured(self.metric, at, minutes[at], unit=self.unit)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a project is wanted.

    Attributes:
        looked_at: what alarms and policies look at; or everything.
        every: everything of servers, for sources that cost nothing.
        types: of the servers, by their ids.
    """

    looked_at: Sequence[Want] = ()
    every: Sequence[Want] = ()
    types: Mapping[str, str] = field(default_factory=dict)


def wanted(conn: Connection, scope: Scope, *, everything: bool, free: bool) -> Wanted:
    """What is wanted of a project now.

    Args:
        everything: what nobody looks at is wanted, too.
        free: there is a source that costs nothing.
    """
    serving = looked_at.serving(conn, scope)
    types = {each.server_id: each.instance_type for each in serving}
    every = list(_every(serving)) if everything or free else []
    if everything:
        asked = looked_at.watched(conn, scope, [BALANCERS, NETWORK_BALANCERS])
        beside = [*_of_groups(conn, scope, asked), *_of_balancers(conn, scope, asked)]
        return Wanted([*every, *beside], every if free else (), types)
    asked = looked_at.watched(conn, scope, [SERVERS, BALANCERS, NETWORK_BALANCERS])
    for cluster, forecast in looked_at.predicted(conn, scope):
        asked |= set(_of_forecast(cluster, forecast))
    found = [*_of_servers(serving, asked), *_of_groups(conn, scope, asked), *_of_balancers(conn, scope, asked)]
    return Wanted(found, every, types)


def _of_forecast(cluster: str, forecast: Mapping[str, Any]) -> Iterator[Metric]:
    """What a predictive policy learns from: its servers, the target groups that it names, and its queries."""
    for name in _OF_SERVERS:
        yield metric(SERVERS, name, [(DIMENSION, cluster)])
    for gauge in forecast.values():
        if not isinstance(gauge, dict):
            continue
        if label := gauge.get("label"):
            balancer, _, group = label.partition("/targetgroup/")
            for name in _OF_GROUPS:
                yield metric(BALANCERS, name, {_BALANCER: balancer, _TARGET_GROUP: f"targetgroup/{group}"})
        for query in gauge.get("queries") or ():
            if query["stat"] is not None:
                yield stat_of(query["stat"]).metric


def _every(serving: Sequence[Serving]) -> Iterator[Want]:
    by_dimension: dict[tuple[str, str], list[str]] = {}
    for each in serving:
        by_dimension.setdefault((_INSTANCE, f"i-{each.short_id}"), []).append(each.server_id)
        by_dimension.setdefault((DIMENSION, each.cluster), []).append(each.server_id)
    for dimension, servers in by_dimension.items():
        for name, (measure, unit) in _OF_SERVERS.items():
            yield Want(metric(SERVERS, name, [dimension]), unit, measure, tuple(servers))


def _of_servers(serving: Sequence[Serving], asked: Iterable[Metric]) -> Iterator[Want]:
    wanted = set(asked)
    return (want for want in _every(serving) if want.metric in wanted)


def _of_groups(conn: Connection, scope: Scope, asked: Iterable[Metric]) -> Iterator[Want]:
    """Of target groups, whichever balancer beside them a metric names: a group has one."""
    named: dict[Metric, str] = {}
    for each in asked:
        dimensions = dict(each.dimensions)
        group = dimensions.get(_TARGET_GROUP, "").rpartition("/")[2]
        if (
            each.namespace == BALANCERS
            and each.name in _OF_GROUPS
            and group
            and not set(dimensions) - {_TARGET_GROUP, _BALANCER}
        ):
            named[each] = group
    pools = looked_at.pools_of(conn, scope, set(named.values()))
    for each in sorted(named, key=lambda of: (of.name, of.dimensions)):
        pool, sharing = pools.get(named[each], ("", 0))
        among = sharing if each.name == _PER_TARGET else 1
        if pool and among:
            yield Want(each, _OF_GROUPS[each.name], Measure.REQUESTS, (pool,), among)


def _of_balancers(conn: Connection, scope: Scope, asked: Iterable[Metric]) -> Iterator[Want]:
    """Of load balancers as a whole."""
    named = {
        each: dict(each.dimensions)[_BALANCER].rpartition("/")[2]
        for each in asked
        if [name for name, _ in each.dimensions] == [_BALANCER] and each.name in _OF_BALANCERS.get(each.namespace, {})
    }
    known = looked_at.balancers_of(conn, scope, set(named.values()))
    for each in sorted(named, key=lambda of: (of.namespace, of.name, of.dimensions)):
        if (balancer := known.get(named[each])) is not None:
            measure, unit = _OF_BALANCERS[each.namespace][each.name]
            yield Want(each, unit, measure, (balancer,))
