"""PutMetricData: what was measured is read, checked by the service's own rules, and kept.

Source: Amazon CloudWatch API Reference, PutMetricData and MetricDatum; conformance/recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from backend.domain.metrics import MINUTE, NO_UNIT, Datum, measured, metric
from translators.cloudwatch.errors import combination, exclusive, invalid, missing
from translators.cloudwatch.numbers import in_range, java
from translators.errors import AWSError
from translators.registry import Call, Result, operation

MOST_DATA: Final = 1000
MOST_VALUES: Final = 150
PAST: Final = timedelta(days=14)
FUTURE: Final = timedelta(hours=2)
_RESOLUTIONS: Final = (1, MINUTE)


@operation("cloudwatch", "PutMetricData")
def put(call: Call) -> Result:
    """An entity that data are told to be of is not kept: nothing asks for it."""
    params, now = call.params, call.backend.metrics.now()
    if params.get("EntityMetricData") and params.get("StrictEntityValidation") is None:
        raise combination("Field StrictEntityValidation is required when setting EntityMetricData")
    groups = list(_groups(params))
    if not any(data for _, data in groups):
        raise missing("At least one MetricDatum object must be present in the request.")
    if sum(len(data) for _, data in groups) > MOST_DATA:
        raise invalid(f"The collection MetricData must not have a size greater than {MOST_DATA}.")
    read = [
        _datum(params["Namespace"], datum, f"{path}.{number}", now)
        for path, data in groups
        for number, datum in enumerate(data, 1)
    ]
    call.backend.metrics.put(call.scope, [datum for datum in read if datum is not None])
    return {}


def _groups(params: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
    yield "MetricData.member", params.get("MetricData") or ()
    for number, each in enumerate(params.get("EntityMetricData") or (), 1):
        yield f"EntityMetricData.member.{number}.MetricData.member", each.get("MetricData") or ()


def _datum(namespace: str, told: Mapping[str, Any], path: str, now: datetime) -> Datum | None:
    """One datum; None where it counts nothing. Raises AWSError."""
    _check_members(told, path)
    at = _time(told.get("Timestamp") or now, f"{path}.Timestamp", now)
    resolution = told.get("StorageResolution", MINUTE)
    if resolution not in _RESOLUTIONS:
        raise invalid(f"The parameter {path}.StorageResolution must be a value in the set [ 1, {MINUTE} ].")
    of = metric(namespace, told["MetricName"], _dimensions(told, path))
    unit, fine = told.get("Unit") or NO_UNIT, resolution == 1
    if told.get("Value") is not None:
        return measured(of, at, [_number(told["Value"], f"{path}.Value")], (), unit, fine)
    if told.get("StatisticValues") is not None:
        samples, total, least, most = _set(told["StatisticValues"], f"{path}.StatisticValues")
        return Datum(of, at, samples, total, least, most, None, unit, fine) if samples else None
    values = [_number(value, f"{path}.Values.member.{number}") for number, value in enumerate(told["Values"], 1)]
    counts = _counts(told, path)
    return measured(of, at, values, counts, unit, fine) if any(counts) or not counts else None


def _check_members(told: Mapping[str, Any], path: str) -> None:
    """Which of the ways to say a value may stand together."""
    given = {name for name in ("Value", "Values", "StatisticValues") if told.get(name) not in (None, [])}
    if told.get("Counts") and "Values" not in given:
        raise combination("The parameter values must appears when the counts parameter is specified.")
    if not given:
        raise combination("At least one of the parameters must be specified.")
    for other in ("Values", "StatisticValues"):  # the two of them may
        if "Value" in given and other in given:
            raise exclusive(f"{path}.Value", f"{path}.{other}")
    if "Values" in given and len(told["Values"]) > MOST_VALUES:
        raise invalid(f"The collection {path}.Values must not have a size greater than {MOST_VALUES}.")


def _counts(told: Mapping[str, Any], path: str) -> Sequence[float]:
    counts = told.get("Counts") or ()
    if counts and len(counts) != len(told["Values"]):
        raise invalid(f"The parameters {path}.Values and {path}.Counts must be of the same size.")
    read = [_number(count, f"{path}.Counts.member.{number}") for number, count in enumerate(counts, 1)]
    if any(count < 0 for count in read):
        raise invalid(f"The parameter {path}.Counts must contain only values greater than 0.")
    return read


def _set(told: Mapping[str, Any], path: str) -> tuple[float, float, float, float]:
    """(samples, sum, least, largest) of a statistic set. Raises AWSError."""
    names = ("SampleCount", "Sum", "Minimum", "Maximum")
    samples, total, least, most = (_number(told[name], f"{path}.{name}") for name in names)
    if samples < 0:
        raise invalid(f"The parameter {path}.SampleCount must be greater than 0.")  # unsourced
    if least > most:
        raise invalid(f"The parameter {path}.Maximum must be greater than {path}.Minimum.")
    return samples, total, least, most


def _dimensions(told: Mapping[str, Any], path: str) -> Sequence[tuple[str, str]]:
    pairs = [(each["Name"], each["Value"]) for each in told.get("Dimensions") or ()]
    if len({name for name, _ in pairs}) < len(pairs):
        raise invalid(f"The parameter {path}.Dimensions must not contain duplicate dimension names.")  # unsourced
    for number, pair in enumerate(pairs, 1):
        for name, text in zip(("Name", "Value"), pair, strict=True):
            if not text.strip() or not text.isascii() or not text.isprintable():
                raise _unreadable(f"{path}.Dimensions.member.{number}.{name}")
    return pairs


def _unreadable(path: str) -> AWSError:
    return invalid(
        f"The parameter {path} must contain only ASCII characters, and one that is not a blank."
    )  # unsourced


def _time(at: datetime, path: str, now: datetime) -> datetime:
    if at < now - PAST:
        raise invalid(f"The parameter {path} must specify a time within the past two weeks.")
    if at > now + FUTURE:
        raise invalid(f"The parameter {path} must specify a time no more than two hours in the future.")
    return at


def _number(number: float, path: str) -> float:
    if not in_range(number):
        raise invalid(f"The value {java(number)} for parameter {path} is invalid.")
    return float(number)
