import pytest

from backend.domain.activity import Cause, CauseKind
from backend.errors import AboveMaximum, BelowMinimum, BoundsCrossed, CapacityOutOfBounds
from backend.services import capacity
from tests.factories import NOW, cluster, spec


@pytest.mark.parametrize(
    ("minimum", "maximum", "desired", "finding"),
    [
        (0, 0, 0, None),
        (1, 3, 2, None),
        (3, 1, 2, BoundsCrossed),
        (1, 3, 0, CapacityOutOfBounds),
        (1, 3, 4, CapacityOutOfBounds),
    ],
)
def test_check(minimum, maximum, desired, finding):
    if finding is None:
        capacity.check(minimum, maximum, desired)
        return
    with pytest.raises(finding):
        capacity.check(minimum, maximum, desired)


@pytest.mark.parametrize(
    ("values", "after"),
    [
        ({}, (1, 4, 2)),
        ({"minimum": 3}, (3, 4, 3)),
        ({"maximum": 1}, (1, 1, 1)),
        ({"minimum": 5, "maximum": 9}, (5, 9, 5)),
        ({"desired": 4}, (1, 4, 4)),
        ({"minimum": 0, "maximum": 0, "desired": 0}, (0, 0, 0)),
        ({"cooldown_seconds": 1}, (1, 4, 2)),
    ],
)
def test_what_is_not_told_follows(values, after):
    assert capacity.changed(spec(), values) == after


@pytest.mark.parametrize(
    ("values", "finding"),
    [
        ({"desired": 5}, CapacityOutOfBounds),
        ({"minimum": 3, "desired": 2}, CapacityOutOfBounds),
        ({"minimum": 5}, BoundsCrossed),
    ],
)
def test_what_is_told_must_fit(values, finding):
    with pytest.raises(finding):
        capacity.changed(spec(), values)


def test_steps():
    here = cluster()
    assert capacity.lowered(here, 1) == 1
    assert capacity.raised(here, 2) == 4
    with pytest.raises(BelowMinimum) as below:
        capacity.lowered(here, 2)
    assert (below.value.desired, below.value.minimum, below.value.maximum, below.value.count) == (2, 1, 4, 2)
    with pytest.raises(AboveMaximum):
        capacity.raised(here, 3)


def test_the_last_five_causes_are_remembered():
    causes = ()
    for number in range(7):
        causes = capacity.remembered(causes, Cause(CauseKind.USER_SET_DESIRED, NOW, {"after": number}))
    assert [cause.data["after"] for cause in causes] == [2, 3, 4, 5, 6]
