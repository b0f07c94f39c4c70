"""How many servers of one cluster a cloud is asked to build at once. Pure.

A cloud that is asked for more than it builds at once is slower for it, and its users' other requests wait: each of
Nova's hosts asks Placement, one by one, about every server that was given to it whenever it begins with another one.
So a cluster grows by waves, and each may be as large as all that came up before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

_WORTH_A_REQUEST: Final = 0.375


@dataclass(frozen=True, slots=True)
class WindowRule:
    """Attributes:
    first: that many may be under way at once, or as many as came up lately.
    memory: what is lately.
    """

    first: int = 1_000_000
    memory: timedelta = timedelta(minutes=10)


def room(rule: WindowRule, came_up: int, under_way: int, wanted: int) -> int:
    """How many of those wanted are asked for now: some at a time, for each request costs the cloud something, too.

    Args:
        came_up: servers that were asked for lately and came up.
        under_way: servers that are being built.
    """
    size = max(rule.first, came_up)
    free = size - under_way
    return min(free, wanted) if free >= min(wanted, max(1, size * _WORTH_A_REQUEST)) else 0
