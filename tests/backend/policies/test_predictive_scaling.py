"""What a forecast asks for: units for loads, and what becomes of the cluster's capacity."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.prediction import Expected, Gauge, MaximumBreach, Mode, Pair, Prediction
from backend.domain.scaling import Capacity, Stay
from backend.policies.predictive_scaling import capacities, correlation, decide, share

BEGIN = datetime(2026, 11, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
CPU = Gauge(Pair.CPU)


def hours(*values):
    return {BEGIN + HOUR * number: value for number, value in enumerate(values)}


def prediction(breach=None, percent=None, mode=Mode.SCALE):
    return Prediction(50.0, CPU, mode=mode, breach=breach, maximum_percent=percent)


def test_units_for_loads():
    assert capacities([0.0, 1.0, 3000.0, 3001.0, 24_000.0, 1e300], 3000.0) == (0, 1, 1, 2, 8, 10**9)
    assert capacities([3000.0 * (0.1 + 0.2) * 10], 3000.0) == (3,)  # not four for a fraction of arithmetic


def test_a_load_s_share_of_what_a_unit_has():
    loads, scaled, units = hours(6000, 9000, 500, 0), hours(50, 30, 0, 4), hours(2, 5, 1, 1)
    assert share(loads, scaled, units) == 60.0
    assert share(loads, {}, units) is None
    assert share(loads, scaled, dict.fromkeys(units, 0.0)) is None


@pytest.mark.parametrize(
    ("breach", "percent", "asked", "desired", "stay", "maximum"),
    [
        (None, None, 6, 6, None, 10),
        (None, None, 4, 4, Stay.UNCHANGED, 10),
        (None, None, 2, 4, Stay.UNCHANGED, 10),  # never fewer
        (None, None, 50, 10, None, 10),
        (MaximumBreach.HONOR, None, 50, 10, None, 10),
        (MaximumBreach.INCREASE, 0, 50, 50, None, 50),
        (MaximumBreach.INCREASE, 10, 50, 50, None, 55),  # as the manual has it
        (MaximumBreach.INCREASE, 10, 5, 5, None, 10),
        (MaximumBreach.INCREASE, 100, 3, 4, Stay.UNCHANGED, 10),
        (None, None, None, 4, Stay.NO_DATA, 10),
    ],
)
def test_what_is_desired_then(breach, percent, asked, desired, stay, maximum):
    raised = decide(prediction(breach, percent), Capacity(1, 10, 4, 4), asked)
    assert (raised.decision.desired, raised.decision.stay, raised.maximum) == (desired, stay, maximum)


def test_at_the_maximum_it_says_so():
    assert decide(prediction(), Capacity(1, 10, 10, 10), 12).decision.stay is Stay.AT_MAXIMUM


@pytest.mark.parametrize("mode", [None, Mode.ONLY])
def test_who_only_foresees_does_nothing(mode):
    raised = decide(prediction(MaximumBreach.INCREASE, 10, mode), Capacity(1, 10, 4, 4), 50)
    assert (raised.decision.desired, raised.decision.stay, raised.maximum) == (4, Stay.FORECAST_ONLY, 10)


def test_the_hour_ahead_is_asked_for_from_the_buffer_on():
    expected = Expected(BEGIN, (0.0,) * 3, (5, 8, 2))
    at = BEGIN + timedelta(minutes=54, seconds=59)
    buffer = timedelta(seconds=300)
    assert expected.asked(at, buffer) == 5
    assert expected.asked(at + timedelta(seconds=1), buffer) == 8
    assert expected.asked(BEGIN + 2 * HOUR - timedelta(minutes=1), buffer) == 8  # the hour is not over
    assert expected.asked(BEGIN + 2 * HOUR, buffer) == 2
    assert expected.asked(BEGIN + 3 * HOUR, buffer) is None
    assert expected.asked(BEGIN - timedelta(minutes=6), buffer) is None


def test_how_closely_they_go_together():
    one = hours(100, 200, 300)
    assert correlation(one, hours(10, 20, 30), hours(1, 1, 1)) == pytest.approx(1.0)
    assert correlation(one, hours(30, 20, 10), hours(1, 1, 1)) == pytest.approx(-1.0)
    assert correlation(one, hours(10, 10, 10), hours(1, 1, 1)) is None
    assert correlation(hours(1, 2), hours(1, 2), hours(1, 1)) is None


@pytest.mark.parametrize("size", [1e-300, 1e160, 1e308])
def test_numbers_as_large_or_small_as_there_are_go_together_like_any_other(size):
    one, other = hours(*(size * each for each in (0.1, 0.2, 0.3))), hours(*(size * each for each in (0.3, 0.2, 0.1)))
    assert correlation(one, one, hours(1, 1, 1)) == pytest.approx(1.0)
    assert correlation(one, other, hours(1, 1, 1)) == pytest.approx(-1.0)
    assert correlation(one, other, hours(1e-300, 1, 1)) is None or size < 1


def test_a_share_of_what_is_too_small_to_be_multiplied():
    tiny = hours(1e-200)
    assert share(hours(1e-300), tiny, tiny) == pytest.approx(1e100)
    assert share(hours(1.0), tiny, tiny) is None


@pytest.mark.parametrize(("ceiling", "maximum", "desired"), [(None, 55, 50), (52, 52, 50), (20, 20, 20), (3, 10, 10)])
def test_the_maximum_is_raised_to_what_it_may_be_at_the_most(ceiling, maximum, desired):
    raised = decide(prediction(MaximumBreach.INCREASE, 10), Capacity(1, 10, 4, 4, ceiling=ceiling), 50)
    assert (raised.decision.desired, raised.maximum) == (desired, maximum)
    again = decide(prediction(MaximumBreach.INCREASE, 10), Capacity(1, maximum, desired, 4, ceiling=ceiling), 50)
    assert (again.decision.stay, again.maximum) == (Stay.UNCHANGED if desired == 50 else Stay.AT_MAXIMUM, maximum)


def test_no_maximum_is_beyond_what_a_group_s_may_be():
    raised = decide(prediction(MaximumBreach.INCREASE, 100), Capacity(1, 10, 4, 4), 10**9)
    assert raised.maximum < 2**31


def test_as_a_document():
    one = prediction(MaximumBreach.INCREASE, 10)
    assert Prediction.of(one.document()) == one
