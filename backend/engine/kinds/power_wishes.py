"""Acts on servers that wait for a busy cloud: each that is due is tried."""

from __future__ import annotations

from backend.engine.kinds.kind import Kind
from backend.engine.power_wishes import fulfil
from backend.store.power_wishes import LEASED

KIND = Kind("power_wishes", LEASED, lambda settings: settings.powers_at_once, fulfil, unhurried=True)
