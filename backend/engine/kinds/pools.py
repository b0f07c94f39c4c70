"""Pools of load balancers: a look at the members of each that is due."""

from __future__ import annotations

from backend.engine.kinds.kind import Kind
from backend.engine.pools import look_at_pool
from backend.store import leases

KIND = Kind("pools", leases.POOLS, lambda settings: settings.pools_at_once, look_at_pool, unhurried=True)
