"""What the answers of GetMetricData are called where nobody has said it.

Source: conformance/recorded, cloudwatch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backend.domain.metric_queries import MetricStat


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
