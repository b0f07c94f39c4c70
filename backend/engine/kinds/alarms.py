"""Alarms: those of a project that are due are judged, and do what they are to do."""

from __future__ import annotations

from backend.engine.alarming import look
from backend.engine.kinds.kind import Kind
from backend.store.alarms import ROUNDS

KIND = Kind("alarms", ROUNDS, lambda settings: settings.alarms_at_once, look, unhurried=True)
