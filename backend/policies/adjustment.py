"""What an amount makes of a capacity. Pure."""

from __future__ import annotations

from backend.domain.scaling import Adjustment, Capacity, Decision, Stay

_WHOLE = 100


def adjusted(kind: Adjustment, amount: int, capacity: int, magnitude: int | None = None) -> int:
    """The capacity after an adjustment, whatever its bounds are; never below none.

    Of a percentage the part above one unit is dropped and what is less than one unit is one.

    Args:
        amount: units, or percent.
        capacity: units.
        magnitude: how many units a percentage changes at the least.

    Source: Auto Scaling User Guide, "Scaling adjustment types".
    """
    match kind:
        case Adjustment.EXACT:
            return max(amount, 0)
        case Adjustment.PERCENT:
            units = abs(capacity * amount) // _WHOLE or int(capacity * amount != 0)
            units = max(units, magnitude or 0) if amount else 0
            amount = units if amount > 0 else -units
    return max(capacity + amount, 0)


def bounded(wanted: int, capacity: Capacity) -> Decision:
    """That capacity within the cluster's bounds, and no less than forecasts ask for where so much is there.

    Source: Auto Scaling User Guide, "Predictive scaling": each policy determines the desired capacity, and the largest
    of them is what is desired.
    """
    kept = min(capacity.foreseen, capacity.desired)
    desired = min(max(wanted, kept, capacity.minimum), capacity.maximum)
    if desired != capacity.desired:
        return Decision(desired)
    if wanted == desired:
        return Decision(desired, Stay.UNCHANGED)
    if wanted < desired and kept > capacity.minimum:
        return Decision(desired, Stay.FORESEEN)
    return Decision(desired, Stay.AT_MAXIMUM if wanted > desired else Stay.AT_MINIMUM)
