"""A coordinator that misses engines between two of their beats is told of at the start."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.commands.engines import hastiness


@pytest.mark.parametrize(
    ("url", "beat", "told"),
    [
        ("redis://a?membership_timeout=6", 3, ""),
        ("redis://a", 30, ""),
        (
            "redis://u:s3cret@a?membership_timeout=3",
            3,
            (
                "[engine] coordinator: membership_timeout=3 is less than 2 beats of 3 s,"
                " so that engines are missed which are well"
            ),
        ),
    ],
)
def test_a_coordinator_waits_for_two_beats_at_least(url, beat, told):
    assert hastiness(url, timedelta(seconds=beat)) == told
