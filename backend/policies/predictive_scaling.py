"""Predictive scaling: as many nodes as a load to come needs, ahead of its hour; none is ever taken away. Pure.

Source: Auto Scaling User Guide, "Predictive scaling for Amazon EC2 Auto Scaling".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, inf, isfinite, sqrt
from statistics import fmean, median
from typing import Final

from backend.domain.prediction import MaximumBreach, Prediction
from backend.domain.scaling import Capacity, Decision, Stay

_ALMOST: Final = 1e-9
_MOST: Final = 10**9
"""More than any bound, and less than what a maximum may be at all; a load may be beyond all numbers."""
_WHOLE: Final = 100
_FEWEST: Final = 3

Hours = Mapping[datetime, float]


@dataclass(frozen=True, slots=True)
class Raised:
    """What comes of a forecast.

    Attributes:
        maximum: of the cluster from now on.
    """

    decision: Decision
    maximum: int


def share(loads: Hours, scaled: Hours, units: Hours) -> float | None:
    """How much load of an hour one unit has for each one of what is measured of it; None where no hour tells.

    Args:
        loads, scaled, units: by hours; those that have all three count.
    """
    found = [
        loads[at] / scaled[at] / units[at]  # the product of the two may be too small for a number
        for at in sorted(loads.keys() & scaled.keys() & units.keys())
        if loads[at] > 0 and scaled[at] > 0 and units[at] > 0
    ]
    known = [each for each in found if isfinite(each) and each > 0]
    return median(known) if known else None


def capacities(loads: Sequence[float], per_unit: float) -> tuple[int, ...]:
    """How many units each of these hours needs.

    Args:
        per_unit: load of an hour that one unit has when it is at its target, above zero.
    """
    return tuple(_units(load / per_unit) for load in loads)


def _units(wanted: float) -> int:
    return ceil(min(wanted, _MOST) - _ALMOST) if wanted > 0 else 0


def decide(prediction: Prediction, capacity: Capacity, asked: int | None) -> Raised:
    """The capacity for the hour ahead.

    Args:
        asked: what its forecast says; None where there is none.
    """
    if asked is None:
        return Raised(Decision(capacity.desired, Stay.NO_DATA), capacity.maximum)
    if not prediction.acts:
        return Raised(Decision(capacity.desired, Stay.FORECAST_ONLY), capacity.maximum)
    maximum = capacity.maximum
    if prediction.breach is MaximumBreach.INCREASE:
        roomy = ceil(asked * (_WHOLE + (prediction.maximum_percent or 0)) / _WHOLE - _ALMOST)
        ceiling = _MOST if capacity.ceiling is None else min(capacity.ceiling, _MOST)
        maximum = max(maximum, min(roomy, ceiling))
    wanted = min(asked, maximum)
    if wanted > capacity.desired:
        return Raised(Decision(wanted), maximum)
    stay = Stay.AT_MAXIMUM if asked > capacity.desired else Stay.UNCHANGED
    return Raised(Decision(capacity.desired, stay), maximum)


def correlation(loads: Hours, scaled: Hours, units: Hours) -> float | None:
    """How closely a load, shared by the units that there were, and what each of them has go together: from -1 to 1.

    None where too few hours tell.
    """
    hours = [at for at in sorted(loads.keys() & scaled.keys() & units.keys()) if units[at] > 0]
    if len(hours) < _FEWEST:
        return None
    one, other = _apart([loads[at] / units[at] for at in hours]), _apart([scaled[at] for at in hours])
    spread = sqrt(sum(each**2 for each in one) * sum(each**2 for each in other))
    found = sum(a * b for a, b in zip(one, other, strict=True)) / spread if spread > 0 else None
    return found if found is not None and isfinite(found) else None


def _apart(values: Sequence[float]) -> list[float]:
    """How far each is from their mean, as a share of the greatest, so that no square is beyond all numbers."""
    greatest = max(map(abs, values))
    if not 0 < greatest < inf:
        return [0.0] * len(values)
    shares = [value / greatest for value in values]
    mean = fmean(shares)
    return [each - mean for each in shares]
