from __future__ import annotations

from datetime import timedelta

import pytest

from backend.policies.brake import NOTHING, BrakeRule, Extent, Tally, extent, holds, is_confirmed
from tests.factories import NOW

RULE = BrakeRule()


@pytest.mark.parametrize(
    ("total", "bad", "expected"),
    [(1, 1, None), (2, 1, None), (2, 2, Extent.GROUP), (3, 2, Extent.GROUP), (4, 2, None), (5, 3, Extent.GROUP)],
)
def test_more_than_half_of_a_group_and_more_than_one(total, bad, expected):
    assert extent(RULE, Tally(total, bad), NOTHING, NOTHING) is expected


@pytest.mark.parametrize(
    ("project", "region", "expected"),
    [
        (Tally(19, 10), NOTHING, Extent.PROJECT),
        (Tally(20, 10), NOTHING, None),
        (Tally(9, 9), NOTHING, None),
        (Tally(5, 5), Tally(500, 260), Extent.REGION),  # many projects of a few nodes each
        (Tally(5, 5), Tally(500, 250), None),  # half: a zone of two
        (Tally(5, 5), Tally(19, 19), None),
    ],
)
def test_a_group_of_one_has_a_part_in_what_befalls_its_project_or_region(project, region, expected):
    assert extent(RULE, Tally(1, 1), project, region) is expected


def test_a_group_in_which_nothing_is_bad_has_no_part_in_it():
    assert extent(RULE, Tally(3, 0), Tally(100, 90), Tally(900, 800)) is None


def test_a_hold_has_an_end():
    assert holds(RULE, NOW, NOW + RULE.most - timedelta(seconds=1))
    assert not holds(RULE, NOW, NOW + RULE.most)


def test_what_the_cloud_does_not_know_is_gone_when_it_says_so_late_enough():
    assert is_confirmed(RULE, NOW, None)
    assert not is_confirmed(RULE, NOW, NOW)
    assert is_confirmed(RULE, NOW, NOW + RULE.confirm)
