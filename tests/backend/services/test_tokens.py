from __future__ import annotations

from datetime import timedelta

import pytest

from backend.domain.token import ClientToken
from backend.services.tokens import LONGEST, SURE, Claim, Tokens
from tests.factories import NOW, HandClock

TOKEN = ClientToken("RunInstances", "t", "f" * 64)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("age", "unclear", "made", "at_work"),
    [
        (LONGEST - SECOND, False, 0, True),
        (LONGEST - SECOND, False, 1, True),
        (LONGEST - SECOND, False, 2, False),
        (LONGEST, False, 0, False),
        (SURE - SECOND, True, 0, True),
        (SURE - SECOND, True, 1, False),
        (SURE, True, 0, False),
    ],
)
def test_how_long_an_earlier_request_may_be_at_work(world, age, unclear, made, at_work):
    clock = HandClock()
    clock.move(age.total_seconds())
    claim = Claim(TOKEN, NOW, again=True, unclear=unclear)
    assert Tokens(world.store, clock).is_at_work(claim, made, 2) is at_work
