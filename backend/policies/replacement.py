"""How many nodes may be replaced at once, which goes first, the old or the new, and when the new one is there. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

SHARE_PERCENT = 10
LAUNCH_FIRST = 100, 100 + SHARE_PERCENT
"""The percentages of clusters whose project wants a node launched before the one goes that it replaces.

Source: Auto Scaling User Guide, "Launch replacement instances before terminating old ones": none below what is desired.
How far above is unsourced: as far as rebalancing goes.
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """How replacement goes.

    Attributes:
        at_once: what is under replacement at any time, in units, at least 1.
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


class Arrival(StrEnum):
    """Whether a new node does what its predecessor did: it is on its way there, it does, or it will not."""

    COMING = "coming"
    ARRIVED = "arrived"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A new node, as far as it has come.

    Attributes:
        in_service_at: None where it is not in service.
        healthy: its own health, which tells of its server.
        pools: what each pool that it belongs into says of it: it takes traffic, it may still, it is refused.
        warmup: how long it is in service before it counts.
        patience: pools that do not say for so long after that are not waited for.
    """

    in_service_at: datetime | None
    healthy: bool
    pools: Sequence[Arrival]
    warmup: timedelta
    patience: timedelta


def arrival(new: Newcomer, now: datetime) -> Arrival:
    """How far a successor has come: in service, healthy in its pools and warm.

    Source: Auto Scaling User Guide, "Instance maintenance policies": a launch first "waits for it to be fully ready";
    "Set the default instance warmup for an Auto Scaling group".
    """
    if new.in_service_at is None:
        return Arrival.COMING
    if not new.healthy:
        return Arrival.FAILED
    warm_at = new.in_service_at + new.warmup
    waited = now >= warm_at + new.patience
    if Arrival.FAILED in new.pools:
        return Arrival.FAILED if waited else Arrival.COMING  # it may still become healthy
    if now < warm_at or (Arrival.COMING in new.pools and not waited):
        return Arrival.COMING
    return Arrival.ARRIVED


def margin(maximum: int) -> int:
    """By how much rebalancing may exceed the maximum: a tenth of it, at least one unit."""
    return _share(maximum, SHARE_PERCENT)


def _share(number: int, percent: int) -> int:
    return max(1, number * percent // 100)
