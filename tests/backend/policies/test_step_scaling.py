"""Which step, and what it makes of a capacity of which a part warms up."""

import pytest

from backend.domain.scaling import Adjustment, Aggregation, Breach, Capacity, PolicyKind, ScalingPolicy, Stay
from backend.domain.scaling_findings import NoStepFound
from backend.policies.step_scaling import decide, step_of
from tests.factories import NOW

OUT = ((0.0, 10.0, 1), (10.0, 20.0, 2), (20.0, None, 3))
IN = ((-10.0, 0.0, -1), (-20.0, -10.0, -2), (None, -20.0, -3))


def policy(ladder, kind=Adjustment.CHANGE, **values):
    return ScalingPolicy("p", "c", "web", "p", PolicyKind.STEP, True, NOW, adjustment=kind, ladder=ladder, **values)


# Source: the model: above the threshold the lower end is in and the upper is not, below it the other way round.
PLACES = [
    (0.0, 1), (9.99, 1), (10.0, 2), (19.99, 2), (20.0, 3), (1e9, 3),
    (-0.01, -1), (-10.0, -2), (-9.99, -1), (-20.0, -3), (-1e9, -3),
]  # fmt: skip


@pytest.mark.parametrize(("difference", "amount"), PLACES)
def test_the_step(difference, amount):
    found = step_of(policy((*OUT, *IN)).steps, difference)
    assert found is not None
    assert found.amount == amount


def test_on_the_threshold_a_step_that_ends_there_is_the_second_choice():
    assert step_of(policy(IN).steps, 0.0).amount == -1
    assert step_of(policy(OUT).steps, -1.0) is None


def breach(*points, threshold=50.0):
    return Breach(points, threshold)


@pytest.mark.parametrize(
    ("aggregation", "desired"), [(None, 5), (Aggregation.AVERAGE, 5), (Aggregation.MINIMUM, 4), (Aggregation.MAXIMUM, 6)]
)  # fmt: skip
def test_points_become_one(aggregation, desired):
    decision = decide(policy(OUT, aggregation=aggregation), Capacity(1, 9, 3, 3), breach(51.0, 63.0, 72.0))
    assert decision.desired == desired


def test_no_step():
    with pytest.raises(NoStepFound) as found:
        decide(policy(OUT), Capacity(1, 9, 3, 3), breach(0.14, 0.14, threshold=85.0))
    assert (found.value.points, found.value.threshold) == ((0.14, 0.14), 85.0)


WARMING = [
    # warm, desired, value, becomes, stay
    (4, 5, 55.0, 5, Stay.UNCHANGED),  # the same step again
    (4, 5, 75.0, 7, None),  # a higher one: the rest
    (4, 7, 55.0, 7, Stay.UNCHANGED),  # a lower one takes nothing back
    (4, 5, 45.0, 5, Stay.WARMING),
    (5, 5, 45.0, 4, None),
    (9, 9, 55.0, 9, Stay.AT_MAXIMUM),
    (1, 1, 45.0, 1, Stay.AT_MINIMUM),
]


@pytest.mark.parametrize(("warm", "desired", "value", "becomes", "stay"), WARMING)
def test_what_warms_up(warm, desired, value, becomes, stay):
    decision = decide(policy((*OUT, *IN)), Capacity(1, 9, desired, warm), breach(value))
    assert (decision.desired, decision.stay) == (becomes, stay)


def test_an_exact_step_takes_nothing_away_while_something_warms_up():
    exact = policy(((0.0, None, 2),), Adjustment.EXACT)
    assert decide(exact, Capacity(1, 9, 5, 4), breach(60.0)).stay is Stay.WARMING
    assert decide(exact, Capacity(1, 9, 5, 5), breach(60.0)).desired == 2
    assert decide(exact, Capacity(1, 9, 1, 1), breach(60.0)).desired == 2
