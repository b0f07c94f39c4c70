"""Metrics of Gnocchi, as Ceilometer puts them there: asked in the project that the servers are of.

Counters are told as what was added in a minute (``rate:mean``), so the archive policy of the metrics must have periods
of 60 s and that method. A rate reaches back to the value before it, however old that is: it is believed only where the
minute before has one, too.

Source: Gnocchi 4.7, "Dynamic Aggregates"; answers of a real one in tests/backend/drivers/openstack/test_gnocchi.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from backend.domain.scope import Scope
from backend.drivers.errors import CloudUnavailable, NotAuthorized, OutcomeUnknown
from backend.drivers.metric_sources import OF_SERVERS, Asked, Measure, Told, sane
from backend.drivers.openstack.rest import METRIC, Declined, Rest

_SECONDS: Final = 60
_MINUTE: Final = timedelta(seconds=_SECONDS)
_AT_ONCE: Final = 100
_METHOD: Final = "rate:mean"
_CPU: Final = "cpu"
_BYTES: Final = {
    Measure.NETWORK_IN: "network.incoming.bytes",
    Measure.NETWORK_OUT: "network.outgoing.bytes",
}
_NOTHING: Final = 404
_FORBIDDEN: Final = 403
_NANOSECONDS: Final = 1e9
_MOST_POINTS: Final = 1000

_Points = dict[datetime, float]


class Gnocchi:
    """See the port."""

    name: Final = "gnocchi"
    measures: Final = OF_SERVERS
    free: Final = False
    minutes: Final = 5
    late: Final = 1

    def __init__(self, rest: Rest) -> None:
        """Args: rest: whose patience is short."""
        self._rest = rest

    def ask(self, scope: Scope, asked: Asked) -> Told:
        """See the port."""
        found: dict[tuple[Measure, str], _Points] = {}
        for measure, subjects in asked.subjects.items():
            ids = sorted(subjects)
            for at in range(0, len(ids), _AT_ONCE):
                chunk = ids[at : at + _AT_ONCE]
                of_these = self._cpu if measure is Measure.CPU else self._bytes
                for server, points in of_these(scope, measure, chunk, asked).items():
                    values = ((start, sane(measure, value)) for start, value in points.items())
                    series = {start: value for start, value in values if value is not None and start >= asked.since}
                    if series:
                        found[measure, server] = series
        return Told(found)

    def _cpu(self, scope: Scope, _measure: Measure, ids: Sequence[str], asked: Asked) -> Mapping[str, _Points]:
        """Per cent of all processors, of nanoseconds that all of them together were busy for."""
        measures, _ = self._rates(scope, _CPU, "instance", {"in": {"id": list(ids)}}, asked)
        return {
            server: {
                at: 100.0 * value / (_NANOSECONDS * _SECONDS * asked.processors[server])
                for at, value in _believed(measures.get(server), _CPU).items()
            }
            for server in ids
            if asked.processors.get(server)
        }

    def _bytes(self, scope: Scope, measure: Measure, ids: Sequence[str], asked: Asked) -> Mapping[str, _Points]:
        """Of all ports of a server together; a minute that one of them lacks tells nothing."""
        named = _BYTES[measure]
        search = {"in": {"instance_id": list(ids)}}
        measures, references = self._rates(scope, named, "instance_network_interface", search, asked)
        ports: dict[str, list[_Points]] = {}
        for port, server in references.items():
            if points := _believed(measures.get(port), named):
                ports.setdefault(server, []).append(points)
        return {
            server: {at: sum(each[at] for each in all_) for at in set.intersection(*map(set, all_))}
            for server, all_ in ports.items()
            if server in ids
        }

    def _rates(
        self, scope: Scope, metric: str, kind: str, search: Mapping[str, Any], asked: Asked
    ) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """What is answered for resources by their ids, and of which server each of them is.

        Raises:
            CloudUnavailable, NotAuthorized
        """
        within = {
            "start": (asked.since - _MINUTE).isoformat(),
            "stop": asked.until.isoformat(),
            "granularity": _SECONDS,
            "details": "true",
        }
        body = {"operations": f"(metric {metric} {_METHOD})", "resource_type": kind, "search": search}
        try:
            answer = self._rest.write(scope, METRIC, "POST", f"/aggregates?{urlencode(within)}", body)
        except OutcomeUnknown as error:  # nothing was to be changed
            raise CloudUnavailable(str(error)) from error
        except Declined as error:
            if error.status == _NOTHING:  # no server of these has that metric
                return {}, {}
            if error.status == _FORBIDDEN:
                raise NotAuthorized(error.message, request_id=error.request_id) from error
            raise CloudUnavailable(f"Gnocchi answered {error.status}: {error.message}") from error
        document = answer.body or {}
        measures, references = document.get("measures"), document.get("references")
        if not isinstance(measures, dict):
            raise CloudUnavailable("Gnocchi answered without measures")
        return measures, dict(_servers(references))


def _servers(references: object) -> Iterator[tuple[str, str]]:
    """(resource, server) of resources that are told in full."""
    for each in references if isinstance(references, list) else ():
        if isinstance(each, dict):
            resource, server = each.get("id"), each.get("instance_id", each.get("id"))
            if isinstance(resource, str) and isinstance(server, str):
                yield resource, server


def _believed(told: object, metric: str) -> _Points:
    """The rates of a resource that are those of their own minute."""
    of_metric = told.get(metric) if isinstance(told, dict) else None
    points = of_metric.get(_METHOD) if isinstance(of_metric, dict) else None
    rates = dict(filter(None, map(_point, points[-_MOST_POINTS:] if isinstance(points, list) else ())))
    return {at: value for at, value in rates.items() if at - _MINUTE in rates and value >= 0}


def _point(told: object) -> tuple[datetime, float] | None:
    """``["2026-11-29T10:05:00+00:00", 60.0, 3e10]``; None of what is no rate of a minute."""
    if not isinstance(told, list) or len(told) != 3 or told[1] != _SECONDS or isinstance(told[2], bool):
        return None
    if not isinstance(told[0], str) or not isinstance(told[2], int | float):
        return None
    try:
        at, value = datetime.fromisoformat(told[0]), float(told[2])
    except (ValueError, OverflowError):
        return None
    return (at, value) if at.tzinfo is not None else None
