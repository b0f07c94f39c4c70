"""Periods of many metrics at once, as alarms that are due together read them: three statements, whatever their number.

It says the same as ``metrics.points`` of each. What is read of them all is bounded: it is for short times.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, Integer, bindparam, select, union_all

from backend.domain.metrics import Datapoint, Metric, by_period, floored
from backend.domain.scope import Scope
from backend.domain.steps import TooManySteps
from backend.store.batches import chunks
from backend.store.metric_tables import metric_points, metric_series
from backend.store.metrics import GRAINS, LOOSE, Grain, fitting, metric_id, nothing
from backend.store.packing import unpack
from backend.store.types import Instant

_s = metric_series.c
_p = metric_points.c
_AT_ONCE: Final = 250
"""Metrics that one statement asks for."""
MOST_ROWS: Final = 20_000
"""That one statement reads: what is measured by the second has many of them."""
_START, _END, _FIRST = (bindparam(name, type_=Instant()) for name in ("start", "end", "first"))
_SERIES: Final = select(_s.id, _s.metric_id, _s.unit).where(_s.metric_id.in_(bindparam("metrics", expanding=True)))


def _kept(grain: Grain) -> Any:
    """Points of series within a time, those that are packed in that grain and those that are not, in one statement."""
    t = grain.table.c
    ids: BindParameter[Any] = bindparam("ids", expanding=True)
    loose = select(_p.series_id, *LOOSE, nothing(t.points)).where(
        _p.series_id.in_(ids), _p.at >= _START, _p.at < _END
    )  # fmt: skip
    blocks = select(t.series_id, t.at, *map(nothing, LOOSE[1:]), t.points).where(
        t.series_id.in_(ids), t.at >= _FIRST, t.at < _END
    )
    return union_all(loose, blocks).limit(bindparam("most", type_=Integer()))


_KEPT: Final = {grain.seconds: _kept(grain) for grain in GRAINS}


def points_of(  # noqa: PLR0917 - which periods of which metrics
    conn: Connection,
    scope: Scope,
    wanted: Iterable[tuple[Metric, str | None]],
    period: int,
    start: datetime,
    end: datetime,
) -> Mapping[tuple[Metric, str | None], list[Datapoint]]:
    """The periods of metrics that start from ``start`` on and before ``end``, ascending; without how samples spread.

    Args:
        wanted: metrics, each with the unit of its data; None: of any unit, put together.
        period: seconds; periods begin at multiples of it, counted from ``start``.

    Raises:
        TooManySteps: there are more rows than are read at once: each is better read by itself.
    """
    asked = list(dict.fromkeys(wanted))
    found: dict[tuple[Metric, str | None], list[Datapoint]] = {}
    for chunk in chunks(asked, _AT_ONCE):
        ids = {metric: metric_id(scope, metric) for metric, _ in chunk}
        series: dict[str, dict[str, str]] = defaultdict(dict)
        for row in conn.execute(_SERIES, {"metrics": sorted(set(ids.values()))}):
            series[row.metric_id][row.unit] = row.id
        kept = _read(conn, [key for each in series.values() for key in each.values()], period, start, end)
        for metric, unit in chunk:
            units = {each: kept.get(key, ()) for each, key in series[ids[metric]].items() if unit in {None, each}}
            found[metric, unit] = _together(units, period, start)
    return found


def _together(units: Mapping[str, Sequence[Datapoint]], period: int, start: datetime) -> list[Datapoint]:
    by_unit = {unit: by_period(points, period, start) for unit, points in sorted(units.items()) if points}
    if len(by_unit) <= 1:
        return next(iter(by_unit.values()), [])
    return by_period((replace(point, unit=None) for each in by_unit.values() for point in each), period, start)


def _read(
    conn: Connection, ids: Sequence[str], period: int, start: datetime, end: datetime
) -> Mapping[str, Sequence[Datapoint]]:  # fmt: skip
    """Points as they are kept, by series."""
    found: dict[str, list[Datapoint]] = defaultdict(list)
    grain = fitting(period, start)
    times = {"start": start, "end": end, "first": floored(start, grain.block)}
    for chunk in chunks(sorted(ids), _AT_ONCE):
        rows = conn.execute(_KEPT[grain.seconds], {"ids": chunk, **times, "most": MOST_ROWS + 1}).all()
        if len(rows) > MOST_ROWS:
            raise TooManySteps
        for row in rows:
            key, at, samples, total, least, most, packed = row
            if packed is None:
                found[key].append(Datapoint(at, samples, total, least, most))
            else:
                found[key] += [point for point in unpack(at, packed, None, spreads=False) if start <= point.at < end]
    return found
