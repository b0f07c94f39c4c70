from __future__ import annotations

from datetime import timedelta

import pytest

from backend.policies.replacement import Arrival, Newcomer, Pace, arrival, margin, pace
from tests.factories import NOW


@pytest.mark.parametrize(
    ("desired", "minimum", "maximum", "expected"),
    [
        (0, None, None, Pace(1, launch_first=False)),
        (9, None, None, Pace(1, launch_first=False)),
        (35, None, None, Pace(3, launch_first=False)),
        (10, 50, 100, Pace(5, launch_first=False)),
        (10, 0, 100, Pace(10, launch_first=False)),
        (10, 100, 150, Pace(5, launch_first=True)),
        (10, 90, 110, Pace(1, launch_first=True)),
        (10, 100, 100, Pace(1, launch_first=True)),
    ],
)
def test_pace_follows_the_maintenance_policy(desired, minimum, maximum, expected):
    assert pace(desired, minimum, maximum) == expected


@pytest.mark.parametrize(("maximum", "expected"), [(0, 1), (9, 1), (10, 1), (25, 2), (100, 10)])
def test_rebalancing_may_exceed_the_maximum_by_a_tenth_or_one(maximum, expected):
    assert margin(maximum) == expected


MINUTE = timedelta(minutes=1)
COMING, ARRIVED, FAILED = Arrival


@pytest.mark.parametrize(
    ("minutes", "healthy", "pools", "expected"),
    [
        (None, True, (), COMING),
        (0, False, (), FAILED),
        (0, True, (), COMING),  # not warm
        (1, True, (), ARRIVED),
        (1, True, (ARRIVED, ARRIVED), ARRIVED),
        (1, True, (ARRIVED, COMING), COMING),
        (11, True, (ARRIVED, COMING), ARRIVED),  # waited for long enough
        (1, True, (ARRIVED, FAILED), COMING),
        (11, True, (ARRIVED, FAILED), FAILED),
    ],
)
def test_a_successor_has_arrived_when_it_serves_is_warm_and_takes_traffic(minutes, healthy, pools, expected):
    since = None if minutes is None else NOW - MINUTE * minutes
    assert arrival(Newcomer(since, healthy, pools, MINUTE, 10 * MINUTE), NOW) is expected
