from __future__ import annotations

import pytest

from backend.policies.replacement import Pace, margin, pace


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
