from __future__ import annotations

from datetime import timedelta

import pytest

from backend.policies.cooldown import until
from tests.factories import NOW

LATER = NOW + timedelta(seconds=300)


@pytest.mark.parametrize(
    ("seconds", "standing", "expected"),
    [
        (300, None, LATER),
        (300, NOW, LATER),
        (300, LATER + timedelta(hours=1), LATER + timedelta(hours=1)),
        (0, None, None),
        (0, LATER, LATER),
    ],
)
def test_a_cooldown_is_never_cut_short(seconds, standing, expected):
    assert until(NOW, seconds, standing) == expected
