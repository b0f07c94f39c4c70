"""GetMetricStatistics: statistics of one metric, unit by unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.domain.metrics import MINUTE, Datapoint, is_statistic
from translators.cloudwatch.errors import combination, invalid, missing
from translators.cloudwatch.listing import named
from translators.registry import Call, Result, operation

_MOST: Final = 1440
SHORT: Final = (1, 5, 10, 20, 30)


@operation("cloudwatch", "GetMetricStatistics")
def get(call: Call) -> Result:
    params = call.params
    simple, extended = params.get("Statistics") or (), params.get("ExtendedStatistics") or ()
    if not simple and not extended:
        words = "The request must contain either of the parameters Statistics or ExtendedStatistics."  # unsourced
        raise missing(words)
    _check(params, extended)
    of = named(params)
    start, end, period = params["StartTime"], params["EndTime"], params["Period"]
    found = call.backend.metrics.periods(call.scope, of, period, start, end)
    points = [
        _told(point, simple, extended)
        for unit, each in found.items()
        if params.get("Unit") in {None, unit}
        for point in each
    ]
    return {"Label": of.name, "Datapoints": points}


def _check(params: Mapping[str, Any], extended: Sequence[str]) -> None:
    start, end, period = params["StartTime"], params["EndTime"], params["Period"]
    if start >= end:
        raise invalid("The parameter StartTime must be less than the parameter EndTime.")
    check_period(period, "Period")
    for number, text in enumerate(extended, 1):
        if not is_statistic(text):
            words = (
                f"The value {text} for parameter ExtendedStatistics.member.{number}.<list element> is not supported."
            )
            raise invalid(words)
    points = int((end - start).total_seconds() // period)
    if points > _MOST:
        raise combination(
            f"You have requested up to {points} datapoints, which exceeds the limit of {_MOST}."
            " You may reduce the datapoints requested by increasing Period, or decreasing the time range."
        )


def check_period(period: int, name: str) -> None:
    """Raises AWSError where there are no periods of that length."""
    if period < MINUTE and period not in SHORT:
        raise invalid(f"The parameter {name} must be a value in the set [{', '.join(map(str, SHORT))}].")
    if period > MINUTE and period % MINUTE:
        raise invalid(f"The parameter {name} must be a multiple of {MINUTE}.")  # unsourced


def _told(point: Datapoint, simple: Sequence[str], extended: Sequence[str]) -> Mapping[str, Any]:
    values = {name: point.value(name) for name in simple}
    further = {name: value for name in extended if (value := point.value(name)) is not None}
    return {
        "Timestamp": point.at,
        "Unit": point.unit,
        **{name: value for name, value in values.items() if value is not None},
        **({"ExtendedStatistics": further} if further else {}),
    }
