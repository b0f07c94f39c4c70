"""Questions to metrics: a statistic of one, or an expression over others; and what is answered. Values.

Source: Amazon CloudWatch API Reference, MetricDataQuery.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from backend.domain.metrics import Metric
from backend.errors import Finding


@dataclass(frozen=True, slots=True)
class MetricStat:
    """A statistic of a metric, by periods.

    Attributes:
        period: seconds.
        statistic: as ``Datapoint.value`` knows it.
        unit: of data of that unit alone; None: of any.
    """

    metric: Metric
    period: int
    statistic: str
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """One question, which others may name; a statistic or an expression.

    Attributes:
        id: begins with a lower-case letter.
        returned: whether its answer is told.
        period: seconds, of what an expression searches for.
    """

    id: str
    stat: MetricStat | None = None
    expression: str | None = None
    label: str | None = None
    returned: bool = True
    period: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """Values over time.

    Attributes:
        values: by the start of the period; what has none is missing.
        stat: what it is of, None where it is of an expression.
        units: of the data, where data of several were there and one had to be chosen.
    """

    id: str
    period: int
    values: Mapping[datetime, float]
    label: str | None = None
    stat: MetricStat | None = None
    units: tuple[str, ...] = ()


@dataclass(eq=False)
class ExpressionRefused(Finding):
    """``query``: the id of whose expression it is; ``reason``: what is wrong, naming token and character."""

    query: str
    reason: str
