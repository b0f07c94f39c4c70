from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from backend.domain.backoff import Backoff
from backend.policies.backoff import BackoffRule, failed_again, is_hopeless
from tests.factories import NOW

RULE = BackoffRule()
PLACE = ("us-east-1a", "configuration:lc")


def _after(failures: int) -> Backoff:
    return Backoff(*PLACE, failures, NOW, NOW)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 5), (1, 10), (2, 20), (7, 640), (8, 900), (50, 900), (5000, 900)]
)
def test_delays_double_up_to_the_most_and_spread_by_a_fifth(failures, seconds):
    before = _after(failures) if failures else None
    for seed in range(20):
        after = failed_again(RULE, before, PLACE, NOW, Random(seed))
        assert after.failures == failures + 1
        assert (after.zone, after.profile_key, after.first_failed_at) == (*PLACE, NOW)
        assert seconds * 0.8 <= (after.retry_at - NOW).total_seconds() <= seconds * 1.2


@pytest.mark.parametrize(
    ("failures", "hours", "success_after", "expected"),
    [
        ((15,), 24, None, True),
        ((14,), 24, None, False),
        ((15,), 23, None, False),
        ((8, 7), 24, None, True),
        ((15,), 24, timedelta(hours=1), False),
        ((15,), 24, timedelta(hours=-1), True),
        ((), 24, None, False),
    ],
)
def test_giving_up_takes_a_day_and_fifteen_failures_without_one_success(failures, hours, success_after, expected):
    backoffs = [_after(number) for number in failures]
    success = None if success_after is None else NOW + success_after
    assert is_hopeless(RULE, backoffs, success, NOW + timedelta(hours=hours)) is expected
