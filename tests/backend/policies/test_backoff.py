from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from backend.domain.backoff import Backoff
from backend.policies.backoff import BackoffRule, failed_again, forgiven, is_hopeless
from tests.factories import NOW

RULE = BackoffRule()
PLACE = ("us-east-1a", "configuration:lc")


def _after(failures: int, **values: Any) -> Backoff:
    return Backoff(*PLACE, failures, NOW, NOW, **values)


def _row(minutes: Sequence[float], refused: Sequence[bool] | None = None) -> Backoff:
    """The backoff after failures at these minutes."""
    found: Backoff | None = None
    for at, asked in zip(minutes, refused or [True] * len(minutes), strict=True):
        found = failed_again(RULE, found, PLACE, NOW + timedelta(minutes=at), Random(1), refused=asked)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 5), (1, 10), (2, 20), (7, 640), (8, 900), (50, 900), (5000, 900)]
)
@pytest.mark.parametrize("refused", [True, False])
def test_delays_double_up_to_the_most_and_spread_by_a_fifth(failures, seconds, refused):
    before = _after(failures) if failures else None
    for seed in range(20):
        after = failed_again(RULE, before, PLACE, NOW, Random(seed), refused=refused)
        assert after.failures == failures + 1
        assert (after.zone, after.profile_key, after.last_failed_at) == (*PLACE, NOW)
        assert seconds * 0.8 <= (after.retry_at - NOW).total_seconds() <= seconds * 1.2


@pytest.mark.parametrize(
    ("minutes", "refused", "expected"),
    [
        ([0, 30, 60], [True, True, True], (3, 3, 60)),
        ([0, 30, 91], [True, True, True], (1, 1, 0)),  # nothing was tried for more than an hour
        ([0, 30, 60, 90], [True, False, False, True], (4, 2, 30)),  # the cloud was away from 30 to 60
        ([0, 30, 60], [False, False, False], (3, 0, 0)),
    ],
)
def test_only_time_in_which_the_cloud_refused_counts(minutes, refused, expected):
    found = _row(minutes, refused)
    assert (found.failures, found.refusals, found.failing) == (*expected[:2], timedelta(minutes=expected[2]))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(15, 24)], True),
        ([(14, 24)], False),
        ([(15, 23)], False),
        ([(8, 24), (7, 2)], True),
        ([(8, 12), (7, 12)], False),  # side by side, not one after the other
        ([], False),
    ],
)
def test_giving_up_takes_a_day_of_failing_and_fifteen_refusals(rows, expected):
    backoffs = [_after(refusals, refusals=refusals, failing=timedelta(hours=hours)) for refusals, hours in rows]
    assert is_hopeless(RULE, backoffs) is expected


def test_a_day_of_refusals_every_quarter_of_an_hour_is_hopeless_and_a_day_out_of_reach_is_not():
    day = [15.0 * number for number in range(97)]
    assert is_hopeless(RULE, [_row(day)])
    assert not is_hopeless(RULE, [_row(day, [False] * 97)])
    assert not is_hopeless(RULE, [_row([*day[:50], *(at + 120 for at in day[50:])])])


def test_what_is_forgiven_goes_on_to_delay_for_a_while():
    row = _row([0, 30, 60])
    kept = forgiven(RULE, row, NOW + timedelta(minutes=120))
    assert kept == replace(row, refusals=0, failing=timedelta(0))
    assert forgiven(RULE, row, NOW + timedelta(minutes=121)) is None
