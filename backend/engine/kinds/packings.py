"""Packing: points of metrics whose hours are over, of each project that has some."""

from __future__ import annotations

from backend.engine.kinds.kind import Kind
from backend.engine.packing import pack
from backend.store.metrics import PACKINGS

# Two of what is nobody's hurry: half of it, one project, at a time by each engine.
KIND = Kind("packings", PACKINGS, lambda _: 2, pack, unhurried=True)
