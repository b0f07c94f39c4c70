from __future__ import annotations

import pytest

from backend.policies.sweep import SweepRule

RULE = SweepRule(number=10, percent=50)


@pytest.mark.parametrize(
    ("orphans", "total", "brakes"),
    [(0, 0, False), (10, 10, False), (11, 11, True), (11, 22, False), (12, 22, True), (25, 50, False), (26, 50, True)],
)
def test_many_and_a_large_part_together_brake(orphans, total, brakes):
    assert RULE.brakes(orphans, total) is brakes


@pytest.mark.parametrize(
    ("known", "unknown", "released", "total", "held"),
    [
        (3, 0, 0, 3, 0),
        (0, 1, 0, 100, 1),  # one is enough where nothing tells that it was made here
        (12, 0, 0, 12, 12),
        (6, 6, 0, 12, 12),
        (6, 0, 6, 12, 6),
        (0, 0, 12, 12, 0),
    ],
)
def test_what_rests(known, unknown, released, total, held):
    assert RULE.held(known, unknown, released, total) == held
