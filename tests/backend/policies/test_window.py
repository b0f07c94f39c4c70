from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.policies.window import WindowRule, room


@pytest.mark.parametrize(
    ("came_up", "under_way", "wanted", "expected"),
    [
        (0, 0, 500, 16),
        (0, 11, 500, 0),  # five are too few for a request
        (0, 10, 500, 6),
        (0, 13, 3, 3),  # unless no more are wanted
        (16, 0, 484, 16),
        (100, 20, 400, 80),
        (0, 40, 10, 0),
    ],
)
def test_each_wave_is_as_large_as_what_came_up_before_it(came_up, under_way, wanted, expected):
    assert room(WindowRule(16), came_up, under_way, wanted) == expected


def test_without_a_bound_there_is_always_room():
    assert room(WindowRule(), 0, 5_000, 2_000) == 2_000


counts = st.integers(0, 600)


@given(st.integers(1, 500), counts, counts, counts)
def test_room_is_never_more_than_is_free_or_wanted_and_comes_back(first, came_up, under_way, wanted):
    size = max(first, came_up)
    found = room(WindowRule(first), came_up, under_way, wanted)
    assert 0 <= found <= wanted
    assert found == 0 or found + under_way <= size
    assert room(WindowRule(first), came_up, 0, wanted) == min(size, wanted)
