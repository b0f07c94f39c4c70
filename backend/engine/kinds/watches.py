"""Watches: a look at the servers of each project and region that is due."""

from __future__ import annotations

from backend.engine.kinds.kind import Kind
from backend.engine.observation import observe
from backend.store import leases

KIND = Kind("watches", leases.WATCHES, lambda settings: settings.watches_at_once, observe)
