"""Messages: what is due of each stream of the outbox is told to its target."""

from __future__ import annotations

from backend.engine.delivering import deliver
from backend.engine.kinds.kind import Kind
from backend.store import leases

KIND = Kind("messages", leases.STREAMS, lambda settings: settings.streams_at_once, deliver, unhurried=True)
