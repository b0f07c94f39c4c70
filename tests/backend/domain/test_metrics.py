"""What a period of a series says."""

from __future__ import annotations

import pytest

from backend.domain.alarms import metric_key
from backend.domain.metrics import Datapoint, metric
from tests.factories import NOW


def test_what_is_too_large_for_a_number_is_not_told():
    huge = Datapoint(NOW, samples=1e-300, total=2.0**360, least=0, most=2.0**360)
    assert (huge.value("Average"), huge.value("Sum")) == (None, 2.0**360)
    spread = Datapoint(NOW, samples=2e307, total=1e308, least=1, most=100, spread={1.0: 1e307, 100.0: 1e307})
    assert (spread.value("ts100"), spread.value("p50")) == (None, 1)


@pytest.mark.parametrize(
    "other",
    [metric("a", "/b"), metric("a", "b", {"/": ""}), metric("a/", "b", {"c": "d"}), metric("A/", "b")],
)
def test_a_metric_has_a_key_of_its_own(other):
    assert metric_key(metric("a/", "b")) != metric_key(other)
    assert metric_key(metric("a/", "b", {"x": "1", "y": "2"})) == metric_key(metric("a/", "b", {"y": "2", "x": "1"}))
