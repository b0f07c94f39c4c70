"""Metrics of Nova's diagnostics, where nobody else measures: one question a server a minute, of some hundred servers.

Each question is one to the server's host, so those that were asked longest ago come first, and what there is no time
for waits for the next minute. What is told are counters; two readings make a value.

Source: OpenStack Compute API, "Show Server Diagnostics", microversion 2.48; by default it is for administrators.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from backend.clock import Clock
from backend.domain.scope import Scope
from backend.drivers.errors import CloudUnavailable
from backend.drivers.metric_sources import OF_SERVERS, Asked, Measure, Series, Told
from backend.drivers.openstack.rest import COMPUTE, Declined, Rest

_MOST: Final = 200
"""Servers of a project that are asked for; beyond them, in turn."""
_SECONDS: Final = 20.0
"""For all questions of a project in a minute."""
_LEAST: Final = timedelta(seconds=20)
_LONGEST: Final = timedelta(minutes=5)
"""Readings that are so far from each other make a value."""
_NANOSECONDS: Final = 1e9
_MOST_COUNTED: Final = 2**63


@dataclass(frozen=True, slots=True)
class _Reading:
    """Counters of a server as they stood.

    Attributes:
        processors, busy: how many it has, and the nanoseconds that they were busy for together; None: not told.
        received, sent: bytes of all its ports; None: not told.
    """

    at: datetime
    processors: int
    busy: int | None
    received: int | None
    sent: int | None

    def kept(self) -> list[Any]:
        return [self.at.timestamp(), self.processors, self.busy, self.received, self.sent]

    @classmethod
    def of(cls, kept: Sequence[Any]) -> _Reading:
        return cls(datetime.fromtimestamp(kept[0], UTC), *kept[1:])


class Diagnostics:
    """See the port."""

    name: Final = "diagnostics"
    measures: Final = OF_SERVERS
    free: Final = False
    minutes: Final = 1
    late: Final = 0

    def __init__(self, rest: Rest, clock: Clock) -> None:
        """Args: rest: whose patience is short."""
        self._rest = rest
        self._clock = clock

    def ask(self, scope: Scope, asked: Asked) -> Told:
        """See the port. Whoever is asked first tells nothing yet."""
        wanted = {server for servers in asked.subjects.values() for server in servers}
        before = {server: _Reading.of(kept) for server, kept in asked.readings.items() if server in wanted}
        never = datetime.min.replace(tzinfo=UTC)
        turns = sorted(wanted, key=lambda server: (before[server].at if server in before else never, server))
        readings = dict(before)
        series: dict[tuple[Measure, str], Series] = {}
        ends_at = self._clock.monotonic() + _SECONDS
        lost: CloudUnavailable | None = None
        answered = False
        for server in turns[:_MOST]:
            if self._clock.monotonic() >= ends_at:
                break
            try:
                now = self._read(scope, server)
            except CloudUnavailable as error:  # of a host that does not answer; others may
                lost = error
                continue
            answered = True
            readings.pop(server, None)
            if now is not None:
                readings[server] = now
                for measure, value in _between(before.get(server), now).items():
                    if server in asked.subjects.get(measure, frozenset()):
                        series[measure, server] = {asked.until - timedelta(minutes=1): value}
        if lost is not None and not answered:
            raise lost
        return Told(series, {server: reading.kept() for server, reading in readings.items()})

    def _read(self, scope: Scope, server: str) -> _Reading | None:
        """What a server's counters say; None where it does not run.

        Raises:
            CloudUnavailable, NotAuthorized
        """
        try:
            told = self._rest.read(scope, COMPUTE, f"/servers/{server}/diagnostics")
        except Declined:
            return None
        now = self._clock.now()
        processors, ports = _listed(told, "cpu_details"), _listed(told, "nic_details")
        return _Reading(
            now,
            len(processors),
            _sum(processors, "time"),
            _sum(ports, "rx_octets"),
            _sum(ports, "tx_octets"),
        )


def _listed(told: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    found = told.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _sum(parts: Sequence[Mapping[str, Any]], name: str) -> int | None:
    """None where there are none, or one of them does not tell: some hypervisors know but a few of these."""
    total = 0
    for part in parts:
        value = part.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MOST_COUNTED:
            return None
        total += value
    return total if parts else None


def _between(before: _Reading | None, now: _Reading) -> Mapping[Measure, float]:
    """What happened between two readings; nothing of counters that began anew."""
    if before is None or before.processors != now.processors or not _LEAST <= now.at - before.at <= _LONGEST:
        return {}
    seconds = (now.at - before.at).total_seconds()
    found: dict[Measure, float] = {}
    if (busy := _added(before.busy, now.busy)) is not None and now.processors:
        found[Measure.CPU] = 100.0 * busy / (_NANOSECONDS * seconds * now.processors)
    for measure, added in (
        (Measure.NETWORK_IN, _added(before.received, now.received)),
        (Measure.NETWORK_OUT, _added(before.sent, now.sent)),
    ):
        if added is not None:
            found[measure] = added * 60.0 / seconds
    return found


def _added(before: int | None, now: int | None) -> int | None:
    return now - before if before is not None and now is not None and now >= before else None
