"""Engine and cloud as Prometheus metrics: what ``engine.measures`` and ``drivers.exchanges`` ask for, kept.

With ``PROMETHEUS_MULTIPROC_DIR`` in the environment before the first import the numbers of all processes come together
where they are read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from backend.commands import CannotDo
from backend.domain.scope import Scope

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer

_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_EVENTS: Final = {
    "passes": "Passes over groups.",
    "listings": "Listings of a project's servers that the cloud answered.",
    "unreached": "Looks at a project's servers that the cloud did not answer.",
    "refused": "Looks at a project's servers that the cloud refused.",
    "settled_groups": "Security groups whose rules at the cloud were looked at, and made as they were asked for.",
    "settled_lists": "Prefix lists whose addresses at the cloud were looked at, and made as they were asked for.",
    "orphans": "Servers of ours that belonged to no group and were deleted.",
    "messages": "Messages that their targets took.",
    "dead_messages": "Messages that were given up.",
    "scavenged": "Old records that were deleted.",
    "series_packed": "Series of metrics whose points of an hour that is over were packed.",
    "archive_faults": "Batches of old records that could not be archived, and stay.",
    "schedules_run": "Runs of scheduled actions.",
    "schedules_skipped": "Runs of scheduled actions of groups that followed none at the time.",
    "schedules_failed": "Runs of scheduled actions that could not be applied.",
    "alarms_judged": "Evaluations of alarms.",
    "alarm_faults": "Alarms that were put off for a fault of Coppice.",
    "source_faults": "Questions to sources of metrics that were not answered.",
    "alarms_acted": "Changes of a group's desired capacity that a scaling policy made for an alarm.",
    "forecasts_made": "Forecasts of predictive policies.",
    "forecasts_without_data": "Forecasts that could not be made of what was measured.",
    "forecasts_acted": "Hours for which a predictive policy changed its group's capacity.",
    "events_heard": "Notifications of the cloud's services that were heard.",
    "events_lost": "Notifications that came faster than they could be looked up: all of their region was looked at.",
    "events_woke": "Looks at a project's servers, at a pool or a balancer that were made due by notifications.",
    "identities_ended": "Users, projects and keys of Keystone of which it told that they ended, or may have.",
    "lost_leases": "Claims that another engine took over while this one was at work on them.",
    "keys_unreached": "Jobs that waited for keys of secrets, which could not be read.",
    "left_to_newer": "Jobs that were left to engines of a newer version, which wrote what they met.",
    "faults": "Jobs that ended in an error of our own.",
    "failed_ticks": "Ticks that ended in an error, such as a database that is away.",
}

_SPARED: Final = {
    "stranger_servers": "Servers with a token that another installation gave them, or that tell of none: left alone.",
    "held_orphans": "Servers, members and ports of ours that belong to no group and rest until an operator's word.",
}


@lru_cache(maxsize=1)
def shared() -> PrometheusMeasures:
    """Those of this process, on Prometheus's own registry."""
    return PrometheusMeasures()


def serve(port: int, host: str) -> WSGIServer:
    """A server of this process's metrics, in a thread of its own. Raises CannotDo."""
    try:
        return start_http_server(port, host)[0]
    except OSError as error:
        raise CannotDo(f"no metrics can be served at {host}:{port} ({error.strerror})") from error


class PrometheusMeasures:
    """One a process and registry: metrics of one name can be made once. ``shared`` gives the process's."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._events = {
            name: Counter(f"coppice_engine_{name}", told, registry=registry) for name, told in _EVENTS.items()
        }
        self._steps = Counter(
            "coppice_engine_steps",
            "What passes did, by kind: from which state to which nodes and members came, and what the cloud was told.",
            ["kind"],
            registry=registry,
        )
        self._refusals = Counter(
            "coppice_engine_refusals",
            "Acts that the cloud did not do, by act and by what it said.",
            ["act", "error"],
            registry=registry,
        )
        self._ended = Counter(
            "coppice_delegation_refusals",
            "How often a project began to refuse the engine.",
            ["project", "region"],
            registry=registry,
        )
        self._refusing = Gauge(
            "coppice_delegation_refused",
            "1 while a project refuses the engine.",
            ["project", "region"],
            registry=registry,
            multiprocess_mode="mostrecent",  # every engine reads it from the database: the last one knows best
        )
        self._lag = Gauge(
            "coppice_engine_lag_seconds",
            "How long the work of a kind that waits longest has been due.",
            ["kind"],
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self._spared = {
            name: Gauge(
                f"coppice_engine_{name}", told, ["project", "region"], registry=registry, multiprocess_mode="mostrecent"
            )
            for name, told in _SPARED.items()
        }
        self._requests = Counter(
            "coppice_cloud_requests",
            "Requests to the cloud's services, by HTTP method and status (none: no answer).",
            ["service", "method", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "coppice_cloud_request_seconds",
            "Time until the cloud's services answered.",
            ["service", "method"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._told: frozenset[Scope] = frozenset()
        self._spared_in: frozenset[Scope] = frozenset()

    def count(self, what: str, number: int) -> None:
        self._events[what].inc(number)

    def step(self, kind: str, number: int) -> None:
        self._steps.labels(kind).inc(number)

    def refusal(self, act: str, error: str) -> None:
        self._refusals.labels(act, error).inc()

    def delegation_ended(self, scope: Scope) -> None:
        self._ended.labels(scope.project_id, scope.region).inc()

    def lag(self, kind: str, seconds: float) -> None:
        self._lag.labels(kind).set(seconds)

    def refusing(self, scopes: Collection[Scope]) -> None:
        now = frozenset(scopes)
        for scope in now | self._told:
            self._refusing.labels(scope.project_id, scope.region).set(scope in now)
        self._told = now

    def spared(self, projects: Mapping[Scope, tuple[int, int]]) -> None:
        for scope in self._spared_in | projects.keys():
            for gauge, number in zip(self._spared.values(), projects.get(scope, (0, 0)), strict=True):
                gauge.labels(scope.project_id, scope.region).set(number)
        self._spared_in = frozenset(projects)

    def exchanged(self, service: str, method: str, status: str, seconds: float) -> None:
        """One request to the cloud; see ``drivers.exchanges``."""
        self._requests.labels(service, method, status).inc()
        self._seconds.labels(service, method).observe(seconds)
