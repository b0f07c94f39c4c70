"""Public addresses of servers: each that is due is taken, led to its server, or given back."""

from __future__ import annotations

from backend.engine.kinds.kind import Kind
from backend.engine.launch_addresses import settle
from backend.store.launch_addresses import LEASED

KIND = Kind("launch_addresses", LEASED, lambda settings: settings.addresses_at_once, settle, unhurried=True)
