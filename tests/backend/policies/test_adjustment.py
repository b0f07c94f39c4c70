"""Amounts and capacities, as the user guide tells them."""

import pytest

from backend.domain.scaling import Adjustment, Capacity, Decision, Stay
from backend.policies.adjustment import adjusted, bounded

TABLE = [
    # kind, amount, capacity, magnitude, becomes
    ("ChangeInCapacity", 5, 3, None, 8),
    ("ChangeInCapacity", -5, 3, None, 0),
    ("ExactCapacity", 5, 3, None, 5),
    ("ExactCapacity", 0, 3, None, 0),
    ("PercentChangeInCapacity", 10, 10, None, 11),
    # Source: User Guide: values greater than 1 are rounded down: 12.7 to 12
    ("PercentChangeInCapacity", 127, 10, None, 22),
    # between 0 and 1 to 1, between 0 and -1 to -1
    ("PercentChangeInCapacity", 67, 1, None, 2),
    ("PercentChangeInCapacity", -58, 1, None, 0),
    # less than -1 towards zero: -6.67 to -6
    ("PercentChangeInCapacity", -667, 1, None, 0),
    ("PercentChangeInCapacity", -67, 10, None, 4),
    ("PercentChangeInCapacity", -15, 45, None, 39),
    ("PercentChangeInCapacity", 25, 4, 2, 6),
    ("PercentChangeInCapacity", -25, 4, 2, 2),
    ("PercentChangeInCapacity", 25, 0, 2, 2),
    ("PercentChangeInCapacity", 25, 0, None, 0),
    ("PercentChangeInCapacity", 0, 4, 2, 4),
    ("PercentChangeInCapacity", 100, 4, 2, 8),
]


@pytest.mark.parametrize(("kind", "amount", "capacity", "magnitude", "becomes"), TABLE)
def test_adjusted(kind, amount, capacity, magnitude, becomes):
    assert adjusted(Adjustment(kind), amount, capacity, magnitude) == becomes


def test_bounded():
    here = Capacity(minimum=1, maximum=5, desired=3, warm=3)
    assert bounded(4, here) == Decision(4)
    assert bounded(9, here) == Decision(5)
    assert bounded(0, here) == Decision(1)
    assert bounded(3, here) == Decision(3, Stay.UNCHANGED)
    assert bounded(6, Capacity(1, 5, 5, 5)) == Decision(5, Stay.AT_MAXIMUM)
    assert bounded(0, Capacity(1, 5, 1, 1)) == Decision(1, Stay.AT_MINIMUM)


@pytest.mark.parametrize(
    ("wanted", "foreseen", "desired", "stay"),
    [
        (2, 4, 4, Stay.FORESEEN),
        (2, 3, 3, None),
        (2, 9, 5, Stay.FORESEEN),  # a forecast of more than there is adds nothing here
        (7, 9, 7, None),
        (2, 1, 2, None),
        (0, 1, 1, None),
    ],
)
def test_nothing_goes_below_what_is_foreseen(wanted, foreseen, desired, stay):
    there = 4 if foreseen == 4 else 5
    decision = bounded(wanted, Capacity(1, 10, there, there, foreseen=foreseen))
    assert (decision.desired, decision.stay) == (desired, stay)
