"""Measurements: groups and servers of each project that has some, each minute."""

from __future__ import annotations

from backend.engine.kinds.kind import Kind, Round
from backend.engine.measurements import look, measure
from backend.store import measuring

KIND = Kind("measurements", measuring.LEASED, lambda settings: settings.measurements_at_once, measure, unhurried=True)
ROUND = Round("measurements", look)
