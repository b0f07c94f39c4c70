"""Schedules: clusters are given what those that are due say."""

from __future__ import annotations

from backend.engine.kinds.kind import Kind
from backend.engine.scheduling import follow
from backend.store import schedules

KIND = Kind("schedules", schedules.LEASED, lambda settings: settings.schedules_at_once, follow, unhurried=True)
