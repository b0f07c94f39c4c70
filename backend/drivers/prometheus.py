"""Metrics of a Prometheus server, or of anything that speaks its HTTP API: one question for many servers at once.

The server is the operator's own, and still it is not trusted: an answer that is late, long, redirected or no answer of
Prometheus's tells nothing.

Source: Prometheus documentation, "HTTP API", range queries.
"""

from __future__ import annotations

import base64
import json
import math
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from backend.clock import Clock
from backend.domain.scope import Scope
from backend.domain.web_addresses import WebAddress, resolved
from backend.drivers.errors import CloudUnavailable, NotAuthorized
from backend.drivers.metric_sources import Asked, Measure, Told, sane
from backend.drivers.name_lookups import Lookups, resolve
from backend.drivers.prometheus_queries import CpuUnit, Query
from backend.drivers.web_exchange import Deadline, body_of, connection_to, whole

_STEP: Final = 60
_MINUTE: Final = timedelta(seconds=_STEP)
_AT_ONCE: Final = 250
"""Servers that one question is about."""
_MOST_BYTES: Final = 4 * 1024 * 1024
_SHOWN: Final = 200
_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}")
_REFUSED: Final = frozenset({401, 403})
_LATEST: Final = 2.0**40
"""Seconds since 1970, beyond all years of ours."""


@dataclass(frozen=True, slots=True)
class PrometheusSettings:
    """How a server is asked.

    Attributes:
        address: of the server, with the path before ``/api/v1``.
        queries: what it is asked for each measure that it knows.
        window: what rates are taken over, as PromQL says it: at least two scrapes.
        seconds: for one question and its answer; all of a project's in one minute have three times that.
        authorization: the header; empty: none.
        trust: file of certificates that are trusted; None: those of the system.
    """

    address: WebAddress
    queries: Mapping[Measure, Query]
    window: str = "2m"
    seconds: float = 10.0
    authorization: str = field(default="", repr=False)
    trust: str | None = None


def basic(user: str, password: str) -> str:
    """The header of a name and a password."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


class Prometheus:
    """See the port."""

    name: Final = "prometheus"
    free: Final = False
    minutes: Final = 5
    late: Final = 0

    def __init__(self, settings: PrometheusSettings, clock: Clock, lookups: Lookups | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self._lookups = lookups or Lookups(resolve)
        self._tls: ssl.SSLContext | None = None

    @property
    def measures(self) -> frozenset[Measure]:
        return frozenset(self._settings.queries)

    def ask(self, scope: Scope, asked: Asked) -> Told:
        """See the port. Which project servers are of is not asked: their ids are nobody else's."""
        ends_at = self._clock.monotonic() + 3 * self._settings.seconds
        found: dict[tuple[Measure, str], dict[datetime, float]] = {}
        for measure, subjects in asked.subjects.items():
            query = self._settings.queries[measure]
            cores = measure is Measure.CPU and query.unit is CpuUnit.CORES
            ids = sorted(each for each in subjects if _ID.fullmatch(each))
            if cores:  # of whom nobody knows how many processors they have nothing can be said
                ids = [each for each in ids if asked.processors.get(each)]
            for at in range(0, len(ids), _AT_ONCE):
                chunk = ids[at : at + _AT_ONCE]
                for server, values in self._range(query, chunk, asked, ends_at).items():
                    scale = 100.0 / asked.processors[server] if cores else 1.0
                    believed = {start: sane(measure, value * scale) for start, value in values.items()}
                    series = {start: value for start, value in believed.items() if value is not None}
                    if series:
                        found[measure, server] = series
        return Told(found)

    def _range(
        self, query: Query, ids: Sequence[str], asked: Asked, ends_at: float
    ) -> Mapping[str, Mapping[datetime, float]]:
        """By id the values of minutes, each as it stood at the minute's end."""
        form = {
            "query": query.about(ids, self._settings.window),
            "start": int((asked.since + _MINUTE).timestamp()),
            "end": int(asked.until.timestamp()),
            "step": _STEP,
        }
        document = self._exchanged("/api/v1/query_range", urlencode(form).encode(), ends_at)
        return _read(document, query.label, frozenset(ids), asked)

    def _exchanged(self, path: str, body: bytes, ends_at: float) -> Mapping[str, Any]:
        """The document that is answered. Raises CloudUnavailable, NotAuthorized."""
        address = self._settings.address
        now = self._clock.monotonic()
        deadline = Deadline(self._clock, min(now + self._settings.seconds, ends_at))
        try:
            addresses = resolved(self._lookups.addresses(address.host, address.port, deadline.left))
            if not addresses:
                raise CloudUnavailable(f"{address.host} has no address")
            with connection_to(address, addresses, deadline, self._context) as connection:
                raw = whole(connection, self._request(path, body), deadline, _MOST_BYTES)
            status, answered = body_of(raw)
        except (OSError, ValueError, UnicodeError) as error:
            raise CloudUnavailable(f"Prometheus at {address.authority}: {error}") from error
        if status in _REFUSED:
            raise NotAuthorized(f"Prometheus at {address.authority} answered {status}")
        return _document(status, answered, address)

    def _request(self, path: str, body: bytes) -> bytes:
        address = self._settings.address
        headers = {
            "Host": address.authority,
            "User-Agent": "coppice",
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
            "Content-Length": str(len(body)),
            "Connection": "close",
            **({"Authorization": self._settings.authorization} if self._settings.authorization else {}),
        }
        lines = [f"POST {address.path.rstrip('/')}{path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1", "replace") + body

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=self._settings.trust)
        return self._tls


def _document(status: int, body: bytes, address: WebAddress) -> Mapping[str, Any]:
    """The data of an answer that Prometheus gave. Raises CloudUnavailable."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or told.get("status") not in ("success", "error"):
        raise CloudUnavailable(f"{address.authority} answered {status}, and nothing that Prometheus says")
    if told["status"] == "error":
        words = f"{told.get('errorType')}: {told.get('error')}"[:_SHOWN]
        raise CloudUnavailable(f"Prometheus at {address.authority} answered {status} {words}")
    data = told.get("data")
    if not 200 <= status < 300 or not isinstance(data, dict) or data.get("resultType") != "matrix":
        raise CloudUnavailable(f"Prometheus at {address.authority} answered {status}, and no matrix")
    return data


def _read(data: Mapping[str, Any], label: str, ids: frozenset[str], asked: Asked) -> dict[str, dict[datetime, float]]:
    """The values of those that were asked for; whatever else is in an answer is passed over."""
    found: dict[str, dict[datetime, float]] = {}
    result = data.get("result")
    for each in result if isinstance(result, list) else ():
        labels = each.get("metric") if isinstance(each, dict) else None
        named = labels.get(label) if isinstance(labels, dict) else None
        values = each.get("values") if isinstance(each, dict) else None
        if not isinstance(named, str) or named not in ids or named in found or not isinstance(values, list):
            continue
        pairs = (_pair(value) for value in values)
        series = {at - _MINUTE: value for at, value in filter(None, pairs) if asked.since < at <= asked.until}
        if series:
            found[named] = series
    return found


def _pair(told: object) -> tuple[datetime, float] | None:
    """An instant and a value, ``[1435781430, "1.5"]``; None of what is no measurement, as NaN and +Inf."""
    if not isinstance(told, list) or len(told) != 2 or not isinstance(told[1], str):
        return None
    seconds = told[0]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < _LATEST:
        return None
    try:
        value = float(told[1])
    except ValueError:
        return None
    if not math.isfinite(value):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC), value
    except (ValueError, OverflowError, OSError):
        return None
