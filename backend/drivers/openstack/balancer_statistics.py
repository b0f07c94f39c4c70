"""Metrics of Octavia's own statistics of load balancers: bytes and connections. Of requests it counts none.

Source: OpenStack Load Balancing API v2, "Get Load Balancer statistics"; octavia/api/v2/types/load_balancer.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from backend.clock import Clock
from backend.domain.scope import Scope
from backend.drivers.errors import CloudUnavailable
from backend.drivers.metric_sources import OF_BALANCERS, Measure
from backend.drivers.openstack.counters import Counted, CounterSource, added, counter, summed
from backend.drivers.openstack.rest import BALANCING, Declined, Rest


class BalancerStatistics(CounterSource):
    """See the port."""

    name: Final = "octavia"
    measures: Final = OF_BALANCERS

    def __init__(self, rest: Rest, clock: Clock) -> None:
        """Args: rest: whose patience is short."""
        super().__init__(clock)
        self._rest = rest

    def read(self, scope: Scope, subject: str) -> Counted | None:
        """Of all its listeners together. None of what is no balancer any more."""
        try:
            told = self._rest.read(scope, BALANCING, f"/lbaas/loadbalancers/{subject}/stats").get("stats")
        except Declined:
            return None
        if not isinstance(told, dict):
            raise CloudUnavailable("Octavia answered without statistics")
        ways = [{"bytes": told.get("bytes_in")}, {"bytes": told.get("bytes_out")}]
        return {
            "bytes": summed(ways, "bytes"),
            "connections": counter(told.get("total_connections")),
            "active": counter(told.get("active_connections")),
        }

    def values(self, before: Counted, now: Counted, seconds: float) -> Mapping[Measure, float]:
        found: dict[Measure, float] = {}
        for measure, name in ((Measure.BYTES, "bytes"), (Measure.NEW_CONNECTIONS, "connections")):
            if (number := added(before, now, name)) is not None:
                found[measure] = number * 60.0 / seconds
        if (active := now["active"]) is not None:
            found[Measure.ACTIVE_CONNECTIONS] = float(active)
        return found
