"""Scavenging: what is older than it is kept for goes, some of a kind at a time."""

from __future__ import annotations

from backend.engine.kinds.kind import Kind, Round
from backend.engine.scavenging import look, scavenge
from backend.store import garbage

# Two of what is nobody's: half of it, one kind, at a time by each engine.
KIND = Kind("scavenges", garbage.LEASED, lambda _: 2, scavenge, unhurried=True)
ROUND = Round("scavenging", look)
