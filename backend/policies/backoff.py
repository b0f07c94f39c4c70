"""How long to wait after a launch that failed, and when to give up. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from backend.domain.backoff import Backoff

_MOST_DOUBLINGS = 16


@dataclass(frozen=True, slots=True)
class BackoffRule:
    """Delays double from ``first`` up to ``most``; a cluster that failed long and often enough stops launching.

    Attributes:
        gap: failures further apart are no row: nothing was tried between them. Longer than ``most`` and a boot.
    """

    first: timedelta = timedelta(seconds=5)
    most: timedelta = timedelta(minutes=15)
    gap: timedelta = timedelta(hours=1)
    give_up_after: timedelta = timedelta(hours=24)
    give_up_failures: int = 15


def failed_again(
    rule: BackoffRule, before: Backoff | None, place: tuple[str, str], now: datetime, rng: Random, *, refused: bool
) -> Backoff:
    """The backoff after one more failure.

    Args:
        before: the one that stood, None at the first failure.
        place: zone and profile key.
        rng: spreads the delay by up to a fifth either way, so that clusters do not come back together.
        refused: the cloud was asked and did not do it. One that could not be asked is left alone as long, but says
            nothing about the launch.
    """
    if before is None or now - before.last_failed_at > rule.gap:
        before = Backoff(place[0], place[1], 0, now, now)
    delay = min(rule.first * 2 ** min(before.failures, _MOST_DOUBLINGS), rule.most) * rng.uniform(0.8, 1.2)
    return replace(
        before,
        failures=before.failures + 1,
        last_failed_at=now,
        retry_at=now + delay,
        refusals=before.refusals + refused,
        failing=before.failing + (now - before.last_failed_at if refused else timedelta(0)),
    )


def forgiven(rule: BackoffRule, before: Backoff, now: datetime) -> Backoff | None:
    """What is left of a backoff when all that is desired is there; None for nothing.

    The delay goes on for a while: whoever only moves nodes about has no reason to hurry.
    """
    if now - before.last_failed_at > rule.gap:
        return None
    return replace(before, refusals=0, failing=timedelta(0))


def is_hopeless(rule: BackoffRule, backoffs: Sequence[Backoff]) -> bool:
    """Whether launches of one profile failed for so long, in all zones together without a success, as to stop trying.

    Args:
        backoffs: of the profile that is launched now, by zone.

    Source: Auto Scaling User Guide, "Suspend and resume processes": "An administrative suspension most commonly applies
    to Auto Scaling groups that have been trying to launch instances for over 24 hours but have not succeeded in
    launching any instances." The number of failures is Eucalyptus' own.
    """
    longest = max((backoff.failing for backoff in backoffs), default=timedelta(0))
    return longest >= rule.give_up_after and sum(backoff.refusals for backoff in backoffs) >= rule.give_up_failures
