"""Load balancers: each that is due is brought to what its rows say."""

from __future__ import annotations

from backend.engine.balancers import tend_balancer
from backend.engine.kinds.kind import Kind
from backend.store import leases

KIND = Kind("balancers", leases.BALANCER_LEASES, lambda settings: settings.balancers_at_once, tend_balancer)
