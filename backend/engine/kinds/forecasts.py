"""Forecasts: those of policies that are due are made, and what they ask for is given to their clusters."""

from __future__ import annotations

from backend.engine.forecasting import foresee
from backend.engine.kinds.kind import Kind
from backend.store.forecasts import LEASED

KIND = Kind("forecasts", LEASED, lambda settings: settings.forecasts_at_once, foresee, unhurried=True)
