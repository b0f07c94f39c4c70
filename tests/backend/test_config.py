"""Settings that exclude each other are refused in words."""

from __future__ import annotations

import pytest
from oslo_config import cfg

from tests.backend.configured import configured


def _chosen(tmp_path, text):
    return configured(tmp_path, f"[engine]\n{text}")


@pytest.mark.parametrize(("beat", "silence"), [(10, 9), (3, 3), (3, 8.9)])
def test_an_engine_may_miss_beats_before_it_is_taken_for_dead(tmp_path, beat, silence):
    with pytest.raises(cfg.ConfigSourceValueError, match="silence_seconds is less than 3 times beat_seconds"):
        _chosen(tmp_path, f"beat_seconds = {beat}\nsilence_seconds = {silence}\n")


@pytest.mark.parametrize(("beat", "silence"), [(3, 9), (1.1, 3.3), (0.1, 9)])
def test_three_beats_are_enough(tmp_path, beat, silence):
    found = _chosen(tmp_path, f"beat_seconds = {beat}\nsilence_seconds = {silence}\n").engine
    assert (found.beat.total_seconds(), found.silence.total_seconds()) == (beat, silence)
