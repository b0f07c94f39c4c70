"""The default cooldown. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta


def until(finished_at: datetime, cooldown_seconds: int, standing: datetime | None) -> datetime | None:
    """When the cooldown ends that a finished launch or termination starts; it never ends one earlier.

    Args:
        standing: the end of the cooldown that runs already.

    Source: Auto Scaling User Guide, "Scaling cooldowns".
    """
    if cooldown_seconds <= 0:
        return standing
    ends = finished_at + timedelta(seconds=cooldown_seconds)
    return ends if standing is None or ends > standing else standing
