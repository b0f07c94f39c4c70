"""Metrics of Nova's diagnostics, where nobody else measures: one question a server a minute, of some hundred servers.

Each question is one to the server's host.

Source: OpenStack Compute API, "Show Server Diagnostics", microversion 2.48; by default it is for administrators.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.clock import Clock
from backend.domain.scope import Scope
from backend.drivers.metric_sources import OF_SERVERS, Measure
from backend.drivers.openstack.counters import Counted, CounterSource, added, summed
from backend.drivers.openstack.rest import COMPUTE, Declined, Rest

_NANOSECONDS: Final = 1e9


class Diagnostics(CounterSource):
    """See the port."""

    name: Final = "diagnostics"
    measures: Final = OF_SERVERS

    def __init__(self, rest: Rest, clock: Clock) -> None:
        """Args: rest: whose patience is short."""
        super().__init__(clock)
        self._rest = rest

    def read(self, scope: Scope, subject: str) -> Counted | None:
        """Of all its processors, and of all its ports, together. None where it does not run."""
        try:
            told = self._rest.read(scope, COMPUTE, f"/servers/{subject}/diagnostics")
        except Declined:
            return None
        processors, ports = _listed(told, "cpu_details"), _listed(told, "nic_details")
        return {
            "processors": len(processors),
            "busy": summed(processors, "time"),
            "received": summed(ports, "rx_octets"),
            "sent": summed(ports, "tx_octets"),
        }

    def values(self, before: Counted, now: Counted, seconds: float) -> Mapping[Measure, float]:
        processors = now["processors"]
        if not processors or processors != before.get("processors"):
            return {}
        found: dict[Measure, float] = {}
        if (busy := added(before, now, "busy")) is not None:
            found[Measure.CPU] = 100.0 * busy / (_NANOSECONDS * seconds * processors)
        for measure, name in ((Measure.NETWORK_IN, "received"), (Measure.NETWORK_OUT, "sent")):
            if (number := added(before, now, name)) is not None:
                found[measure] = number * 60.0 / seconds
        return found


def _listed(told: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    found = told.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
