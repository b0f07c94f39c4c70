"""Target tracking: the worked examples of the design."""

import pytest

from backend.domain.scaling import Capacity, Stay
from backend.policies.target_tracking import needed, scale_in, scale_out


def at(desired, warm=None, minimum=1, maximum=20):
    return Capacity(minimum, maximum, desired, desired if warm is None else warm)


OUT = [
    # capacity, points, target, becomes, stay; all that is desired had its share in the metric, warm or not
    (at(4), [90.0], 50.0, 8, None),
    (at(10), [51.0], 50.0, 11, None),
    (at(4), [200.0, 90.0], 50.0, 8, None),  # the newest counts
    (at(6, warm=4), [90.0], 50.0, 11, None),
    (at(8, warm=4), [45.0], 50.0, 8, Stay.UNCHANGED),  # never in by too much
    (at(0, minimum=0), [30.0], 50.0, 1, None),
    (at(0, minimum=0), [130.0], 50.0, 3, None),
    (at(15), [90.0], 50.0, 20, None),
    (at(20), [90.0], 50.0, 20, Stay.AT_MAXIMUM),
    (at(4), [], 50.0, 4, Stay.NO_DATA),
    (at(5), [1.1], 1.1, 5, Stay.UNCHANGED),
]


@pytest.mark.parametrize(("capacity", "points", "target", "becomes", "stay"), OUT)
def test_out(capacity, points, target, becomes, stay):
    decision = scale_out(target, capacity, points, capacity.desired)
    assert (decision.desired, decision.stay) == (becomes, stay)


def test_what_came_since_the_metric_was_measured_may_be_enough():
    assert scale_out(50.0, at(3), [130.0], nodes=1).stay is Stay.UNCHANGED
    assert scale_out(50.0, at(3), [60.0], nodes=3).desired == 4
    assert scale_out(50.0, at(6), [90.0], nodes=4).desired == 8  # two of them serve for too short to be in it
    assert scale_out(50.0, at(8), [90.0], nodes=4).stay is Stay.UNCHANGED
    assert scale_out(50.0, at(9), [90.0], nodes=4).stay is Stay.UNCHANGED


IN = [
    (at(2), [20.0], (), 1, None),
    (at(7), [42.0], (), 6, None),
    (at(7), [10.0, 42.0, 10.0], (), 6, None),  # the largest counts
    (at(3), [49.9], (), 3, Stay.UNCHANGED),
    (at(3, warm=2), [1.0], (), 3, Stay.WARMING),
    (at(3), [0.0], (), 1, None),
    (at(3, minimum=0), [0.0], (), 0, None),
    (at(1), [0.0], (), 1, Stay.AT_MINIMUM),
    (at(10), [5.0], ((100.0, [70.0]),), 7, None),  # another needs seven
    (at(10), [5.0], ((100.0, [95.0]),), 10, Stay.OTHERS),
    (at(10), [5.0], ((100.0, []),), 10, Stay.OTHERS),  # another does not know
    (at(10), [], (), 10, Stay.NO_DATA),
]


@pytest.mark.parametrize(("capacity", "points", "others", "becomes", "stay"), IN)
def test_in(capacity, points, others, becomes, stay):
    decision = scale_in(50.0, capacity, points, others)
    assert (decision.desired, decision.stay) == (becomes, stay)


def test_what_is_taken_away_does_not_bring_it_back():
    for nodes in range(1, 40):
        for value in (0.5, 3.3, 10.0, 22.5, 39.9, 45.0):
            left = needed(nodes, value, 50.0)
            assert value * nodes / left <= 50.0 + 1e-6
