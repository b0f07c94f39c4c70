"""Every kind of work an engine does. The loop knows these tables, and none of their rows by name."""

from __future__ import annotations

from backend.engine.kinds import (
    alarms,
    balancers,
    clusters,
    forecasts,
    launch_addresses,
    measurements,
    measuring,
    messages,
    networks,
    packings,
    pools,
    power_wishes,
    prefix_lists,
    scavenges,
    schedules,
    security_groups,
    watches,
)
from backend.engine.kinds.kind import AnyKind, Round

KINDS: tuple[AnyKind, ...] = (
    watches.KIND,
    clusters.KIND,
    balancers.KIND,
    pools.KIND,
    networks.KIND,
    networks.MAKINGS,
    prefix_lists.KIND,
    security_groups.KIND,
    launch_addresses.KIND,
    power_wishes.KIND,
    messages.KIND,
    schedules.KIND,
    alarms.KIND,
    forecasts.KIND,
    scavenges.KIND,
    packings.KIND,
    measurements.KIND,
)
"""Rows that are leased, in the order in which they are claimed: looks come first, for passes live by what they see."""

ROUNDS: tuple[Round, ...] = (scavenges.ROUND, measurements.ROUND, measuring.measuring(KINDS))
"""What each engine does by itself now and then."""
