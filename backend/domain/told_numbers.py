"""Numbers as others tell them, in documents that nobody vouches for. Pure."""

from __future__ import annotations

import math


def told_number(value: object) -> float | None:
    """A finite number, told as one or as text; None for all else, true and false too."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
