import pytest

from backend.domain.cluster_findings import AboveMaximum, BelowMinimum, BoundsCrossed, CapacityOutOfBounds
from backend.policies import bounds
from tests.factories import cluster, spec


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
        bounds.check(minimum, maximum, desired)
        return
    with pytest.raises(finding):
        bounds.check(minimum, maximum, desired)


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
    assert bounds.changed(spec(), values) == after


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
        bounds.changed(spec(), values)


def test_steps():
    here = cluster()
    assert bounds.lowered(here, 1) == 1
    assert bounds.raised(here, 2) == 4
    with pytest.raises(BelowMinimum) as below:
        bounds.lowered(here, 2)
    assert (below.value.desired, below.value.minimum, below.value.maximum, below.value.count) == (2, 1, 4, 2)
    with pytest.raises(AboveMaximum):
        bounds.raised(here, 3)
