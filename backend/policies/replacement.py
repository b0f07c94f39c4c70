"""How many nodes may be replaced at once, and which goes first: the old or the new. Pure."""

from __future__ import annotations

from dataclasses import dataclass

SHARE_PERCENT = 10


@dataclass(frozen=True, slots=True)
class Pace:
    """How replacement goes.

    Attributes:
        at_once: nodes under replacement at any time, at least 1.
        launch_first: the new node is in service before the old one goes.
    """

    at_once: int
    launch_first: bool


def pace(desired: int, minimum_percent: int | None, maximum_percent: int | None) -> Pace:
    """The pace that an instance maintenance policy sets; without one a tenth at a time, old one first.

    Args:
        minimum_percent, maximum_percent: of the policy, both None without one.

    Source: Auto Scaling User Guide, "Instance maintenance policies".
    """
    if minimum_percent is None or maximum_percent is None:
        return Pace(_share(desired, SHARE_PERCENT), launch_first=False)
    if maximum_percent > 100:
        return Pace(_share(desired, maximum_percent - 100), launch_first=True)
    if minimum_percent >= 100:
        return Pace(1, launch_first=True)
    return Pace(_share(desired, 100 - minimum_percent), launch_first=False)


def margin(maximum: int) -> int:
    """By how much rebalancing may exceed the maximum: a tenth of it, at least one node."""
    return _share(maximum, SHARE_PERCENT)


def _share(number: int, percent: int) -> int:
    return max(1, number * percent // 100)
