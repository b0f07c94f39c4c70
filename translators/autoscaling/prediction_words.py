"""What a predictive policy foresees, and what it foresaw, in AWS's words, both ways.

Source of the sentences: badmintoncryer/cdk-preflight pf-asg-predictive-*, where nothing else is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from backend.domain.metric_queries import Query
from backend.domain.metrics import HOUR
from backend.domain.prediction import Gauge, LoadMetric, MaximumBreach, Mode, Pair, Prediction, ScalingMetric, Told
from translators.autoscaling.errors import validation
from translators.autoscaling.scaling_errors import incorrect
from translators.autoscaling.tracking_words import query, query_told
from translators.cloudwatch.alarm_words import MOST_QUERIES

_PAIR: Final = "PredefinedMetricPairSpecification"
_GAUGES: Final[Mapping[str, tuple[str, str | None, type[StrEnum] | None]]] = {
    "load": ("CustomizedLoadMetricSpecification", "PredefinedLoadMetricSpecification", LoadMetric),
    "scaling": ("CustomizedScalingMetricSpecification", "PredefinedScalingMetricSpecification", ScalingMetric),
    "capacity": ("CustomizedCapacityMetricSpecification", None, None),
}
_LABELLED: Final = frozenset({Pair.REQUESTS, LoadMetric.REQUESTS, ScalingMetric.REQUESTS})
_ONE_PAIR: Final = (
    "The metric specification is invalid. A policy must have either one scaling metric and one load metric or one"
    " metric pair."
)


def wanted(params: Mapping[str, Any]) -> Prediction:
    """What a request has foreseen.

    Raises:
        AWSError
    """
    given = params.get("PredictiveScalingConfiguration")
    if given is None:
        raise validation("You must specify PredictiveScalingConfiguration")
    specifications = given["MetricSpecifications"]
    if len(specifications) != 1:
        raise validation("You must specify one metric specification")
    (specification,) = specifications
    pair = specification.get(_PAIR)
    gauges = {name: _gauge(specification, *names) for name, names in _GAUGES.items()}
    individual = gauges["load"], gauges["scaling"]
    if (pair is None and None in individual) or (pair is not None and individual != (None, None)):
        raise validation(_ONE_PAIR)
    load = gauges["load"]
    if gauges["capacity"] is not None and (load is None or load.predefined is not None):
        raise validation("Capacity metric can only be used when you use customized load metric.")
    mode, breach = given.get("Mode"), given.get("MaxCapacityBreachBehavior")
    return Prediction(
        specification["TargetValue"],
        None if pair is None else _named(pair, Pair),
        **gauges,
        mode=None if mode is None else Mode(mode),
        breach=None if breach is None else MaximumBreach(breach),
        buffer_seconds=given.get("SchedulingBufferTime"),
        maximum_percent=given.get("MaxCapacityBuffer"),
    )


def _gauge(
    specification: Mapping[str, Any], customized: str, predefined: str | None, words: type[StrEnum] | None
) -> Gauge | None:
    """One metric, by its name or by queries."""
    named = None if predefined is None else specification.get(predefined)
    queried = specification.get(customized)
    if named is not None and queried is not None:
        raise validation(_ONE_PAIR)
    if named is not None:
        assert words is not None
        return _named(named, words)
    return None if queried is None else Gauge(queries=_queries(queried["MetricDataQueries"]))


def _named(given: Mapping[str, Any], words: type[StrEnum]) -> Gauge:
    kind, label = words(given["PredefinedMetricType"]), given.get("ResourceLabel")
    if kind in _LABELLED and label is None:
        raise validation("A resource label is required")
    if kind not in _LABELLED and label is not None:
        raise validation(f"ResourceLabel is not supported for predefined metric type {kind}")  # unsourced
    return Gauge(str(kind), label)


def _queries(given: Sequence[Mapping[str, Any]]) -> tuple[Query, ...]:
    if len(given) > MOST_QUERIES:
        # unsourced
        raise validation(f"The collection MetricDataQueries must not have a size greater than {MOST_QUERIES}.")
    queries = tuple(query(each, HOUR) for each in given)
    seen: set[str] = set()
    for each in queries:
        if each.id in seen:
            raise validation(incorrect(each.id))
        seen.add(each.id)
    if sum(each.returned for each in queries) != 1:
        raise validation("Any expressions used must create exactly one time series")
    return queries


def told(prediction: Prediction) -> dict[str, Any]:
    """A PredictiveScalingConfiguration. What was not given is not told."""
    members: dict[str, Any] = {
        "MetricSpecifications": [specification_told(prediction)],
        "Mode": prediction.mode and str(prediction.mode),
        "SchedulingBufferTime": prediction.buffer_seconds,
        "MaxCapacityBreachBehavior": prediction.breach and str(prediction.breach),
        "MaxCapacityBuffer": prediction.maximum_percent,
    }
    return {name: value for name, value in members.items() if value is not None}


def specification_told(prediction: Prediction) -> dict[str, Any]:
    """A PredictiveScalingMetricSpecification."""
    members: dict[str, Any] = {"TargetValue": prediction.target}
    if prediction.pair is not None:
        members[_PAIR] = _named_told(prediction.pair)
    for name, (customized, predefined, _) in _GAUGES.items():
        gauge: Gauge | None = getattr(prediction, name)
        if gauge is None:
            continue
        if gauge.predefined is not None and predefined is not None:
            members[predefined] = _named_told(gauge)
        else:
            members[customized] = {"MetricDataQueries": [query_told(each) for each in gauge.queries]}
    return members


def _named_told(gauge: Gauge) -> dict[str, Any]:
    label = {} if gauge.label is None else {"ResourceLabel": gauge.label}
    return {"PredefinedMetricType": gauge.predefined, **label}


def forecast_told(prediction: Prediction, foreseen: Told) -> dict[str, Any]:
    """A GetPredictiveScalingForecastAnswer."""
    hours = list(foreseen.hours)
    load = [load for load, _ in foreseen.hours.values()]
    return {
        "LoadForecast": [
            {"Timestamps": hours, "Values": load, "MetricSpecification": specification_told(prediction)},
        ],
        "CapacityForecast": {
            "Timestamps": hours,
            "Values": [float(units) for _, units in foreseen.hours.values()],
        },
        "UpdateTime": foreseen.made_at,
    }
