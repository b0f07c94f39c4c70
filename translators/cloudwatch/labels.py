"""What the answers of GetMetricData are called: as was said, with what the line itself fills in, or where nobody has
said it, by what tells it from others.

Source: conformance/recorded, cloudwatch; CloudWatch User Guide, "Using dynamic labels".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from backend.domain.metric_queries import Line, MetricStat
from backend.policies.math_values import told_safely
from translators.cloudwatch.errors import validation
from translators.cloudwatch.numbers import java

_PLACE: Final = re.compile(r"\$\{([^}]*)\}")
_PROPERTY: Final = re.compile(r"PROP\('([^']+)'\)")
MOST_PLACES: Final = 5

_OF_VALUES: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "AVG": lambda values: math.fsum(values) / len(values),
    "SUM": math.fsum,
    "MIN": min,
    "MAX": max,
    "FIRST": lambda values: values[0],
    "LAST": lambda values: values[-1],
}


def labels(stats: Mapping[str, MetricStat]) -> Mapping[str, str]:
    """Id -> label: the metric's name, or what tells it from the other answers that have no label either."""
    every = list(stats.values())
    namespaces = _differs([each.metric.namespace for each in every])
    names = _differs([each.metric.name for each in every])
    dimensions = [dict(each.metric.dimensions) for each in every]
    differing = [
        name
        for name in sorted({name for each in dimensions for name in each})
        if _differs([each.get(name, "") for each in dimensions])
    ]
    statistics = _differs([each.statistic for each in every])
    periods = _differs([str(each.period) for each in every])
    found = {}
    for key, stat in stats.items():
        own = dict(stat.metric.dimensions)
        parts = [stat.metric.namespace] if namespaces else []
        parts += [stat.metric.name] if names else []
        parts += [own[name] for name in differing if name in own]
        parts = parts or [stat.metric.name]
        parts += [stat.statistic] if statistics else []
        parts += [str(stat.period)] if periods else []
        found[key] = " ".join(parts)
    return found


def _differs(words: Sequence[str]) -> bool:
    return len(set(words)) > 1


def check(label: str, path: str) -> None:
    """Raises AWSError where a label has places that nothing fills."""
    places = _PLACE.findall(label)
    if len(places) > MOST_PLACES:
        raise validation(f"The parameter {path} must not have more than {MOST_PLACES} dynamic values.")  # unsourced
    for place in places:
        if place not in {"LABEL", "DATAPOINT_COUNT", *_OF_VALUES} and not _PROPERTY.fullmatch(place):
            raise validation(f"The dynamic value ${{{place}}} in {path} is not supported by Coppice.")


def filled(label: str, line: Line, default: str, properties: Mapping[str, str]) -> str:
    """A label with its places filled.

    Args:
        default: what the line would be called without a label.
        properties: of the account; those of a metric come with the line.
    """

    def fill(found: re.Match[str]) -> str:
        place = found[1]
        if place == "LABEL":
            return default
        if named := _PROPERTY.fullmatch(place):
            return {**properties, **_properties(line)}.get(named[1], "")
        if place == "DATAPOINT_COUNT":
            return str(len(line.values))
        values = [line.values[at] for at in sorted(line.values)]
        told = told_safely(_OF_VALUES[place], values) if values else None
        return "" if told is None else java(told)

    return _PLACE.sub(fill, label)


def _properties(line: Line) -> Mapping[str, str]:
    if line.stat is None:
        return {"Period": str(line.period)}
    metric = line.stat.metric
    told = {"MetricName": metric.name, "Namespace": metric.namespace, "Stat": line.stat.statistic}
    return {**told, "Period": str(line.period), **{f"Dim.{name}": value for name, value in metric.dimensions}}
