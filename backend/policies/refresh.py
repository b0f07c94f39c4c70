"""How far an instance refresh may go at once, and how far it has come. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

COMING, WARM, DONE = 25, 50, 100
"""What a place counts whose new node is in service; warm, while the old one is there; alone. Source: as recorded."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """In the cluster's units.

    Attributes:
        least: as much stays ready to use.
        most: no more are there at once, arriving ones with them.
    """

    least: int
    most: int


def bounds(desired: int, minimum_percent: int, maximum_percent: int | None) -> Bounds:
    """What a refresh keeps to. Without a maximum what goes and what follows it go together, at least one at a time.

    With one that leaves no room between the two, a new one comes before an old one goes.

    Source: the model's RefreshPreferences; rounding: alphagov/tech-ops #208.
    """
    least = -(-desired * minimum_percent // 100)
    if maximum_percent is None:
        return Bounds(least, desired)
    most = desired * maximum_percent // 100
    if most <= desired and (maximum_percent > 100 or least >= desired):
        most = desired + 1
    return Bounds(least, most)


def percent(scores: Sequence[int]) -> int:
    """How much of a refresh is done; of no places at all, all of it."""
    return sum(scores) // len(scores) if scores else DONE


def percent_back(scores: Sequence[int]) -> int:
    """How much of a refresh is still there that is rolled back. Source: as recorded, 100, 50, 0."""
    left = [0 if score == DONE else WARM if score else DONE for score in scores]
    return sum(left) // len(left) if left else 0


def reached(scores: Sequence[int], checkpoints: Collection[int]) -> int | None:
    """The highest checkpoint that is reached, None while none is.

    Source: Auto Scaling User Guide, "Add checkpoints to an instance refresh": those that are passed over are skipped.
    """
    if not scores:
        return max(checkpoints, default=None)
    share = 100 * sum(score == DONE for score in scores) // len(scores)
    return max((each for each in checkpoints if each <= share), default=None)


def until(places: int, checkpoints: Sequence[int], passed: int | None) -> int:
    """How many places may be begun or done before the next checkpoint; all of them where there is none."""
    coming = next((each for each in checkpoints if passed is None or each > passed), None)
    return places if coming is None else -(-places * coming // 100)
