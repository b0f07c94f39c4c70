"""How long to wait after a launch that failed, and when to give up. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from backend.domain.backoff import Backoff

_MOST_DOUBLINGS = 16


@dataclass(frozen=True, slots=True)
class BackoffRule:
    """Delays double from ``first`` up to ``most``; a cluster that failed long and often enough stops launching."""

    first: timedelta = timedelta(seconds=5)
    most: timedelta = timedelta(minutes=15)
    give_up_after: timedelta = timedelta(hours=24)
    give_up_failures: int = 15


def failed_again(
    rule: BackoffRule, before: Backoff | None, place: tuple[str, str], now: datetime, rng: Random
) -> Backoff:
    """The backoff after one more failure.

    Args:
        before: the one that stood, None at the first failure.
        place: zone and profile key.
        rng: spreads the delay by up to a fifth either way, so that clusters do not come back together.
    """
    failures = 1 if before is None else before.failures + 1
    delay = min(rule.first * 2 ** min(failures - 1, _MOST_DOUBLINGS), rule.most) * rng.uniform(0.8, 1.2)
    first = now if before is None else before.first_failed_at
    return Backoff(place[0], place[1], failures, first, now + delay)


def is_hopeless(rule: BackoffRule, backoffs: Sequence[Backoff], last_success: datetime | None, now: datetime) -> bool:
    """Whether launches failed for so long, without one success, that the cluster should stop trying.

    Source: Auto Scaling User Guide, "Suspend and resume processes": administrative suspension.
    """
    if not backoffs:
        return False
    first = min(backoff.first_failed_at for backoff in backoffs)
    if last_success is not None and last_success >= first:
        return False
    failures = sum(backoff.failures for backoff in backoffs)
    return failures >= rule.give_up_failures and now - first >= rule.give_up_after
