"""How many servers of one cluster a cloud is asked to build at once. Pure.

A cloud that is asked for more than it builds at once is slower for it, and its users' other requests wait: each of
Nova's hosts asks Placement, one by one, about every server that was given to it whenever it begins with another one.
So a cluster grows by waves, and each may be as large as all that came up before it. Each zone has a window of its own:
one whose hosts hang holds back nothing but what is launched there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Final

_WORTH_A_REQUEST: Final = 0.375


@dataclass(frozen=True, slots=True)
class WindowRule:
    """Attributes:
    first: that many may be under way at once in a cluster's zones together, or as many as came up lately.
    memory: what is lately; what is built for longer hangs.
    """

    first: int = 1_000_000
    memory: timedelta = timedelta(minutes=10)


def room(rule: WindowRule, came_up: int, under_way: int, wanted: int, zones: int = 1) -> int:
    """How many of those wanted are asked for now: some at a time, for each request costs the cloud something, too.

    Args:
        came_up: servers that were asked for lately and came up, in the zone.
        under_way: servers that are being built there.
        zones: that share what may be under way at first.
    """
    size = max(ceil(rule.first / zones), came_up)
    free = size - under_way
    return min(free, wanted) if free >= min(wanted, max(1, size * _WORTH_A_REQUEST)) else 0
