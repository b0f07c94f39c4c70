"""Series of metrics in SQL: what was measured is added, periods are read, and names are listed.

What a series is called, project and region among that, is in its id: who reads within a scope reads no other's. A
series is locked, in the order of ids, by whoever adds to it or packs it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    func,
    insert,
    null,
    or_,
    select,
    tuple_,
    type_coerce,
    union_all,
    update,
)

from backend.domain.metrics import (
    FIVE_MINUTES,
    HOUR,
    MINUTE,
    Datapoint,
    Datum,
    Metric,
    MetricLimits,
    by_period,
    floored,
    merged,
)
from backend.domain.page import Page
from backend.domain.scope import Scope
from backend.domain.steps import Steps
from backend.store import counting
from backend.store.batches import chunks
from backend.store.leased import Lease, Leased
from backend.store.metric_tables import (
    metric_fives,
    metric_hours,
    metric_minutes,
    metric_packings,
    metric_points,
    metric_series,
)
from backend.store.packing import unpack

_s = metric_series.c
_p = metric_points.c
DAY: Final = 86_400
_STALE: Final = timedelta(minutes=10)
"""How old what is known of a series' newest point may be."""
FINE_FOR: Final = timedelta(hours=3)
"""How long points are kept by the second that were measured so."""
SETTLED: Final = timedelta(minutes=10)
"""Points of an hour are packed so long after it, when hardly any still come in."""


BEHIND: Final = timedelta(minutes=15)
"""By so much packing may be late while data of times gone by are still taken. It bounds what waits in rows."""
COUNTED: Final = timedelta(days=15)
"""Series without data for so long are not counted among those that a project may have."""


@dataclass(frozen=True, slots=True)
class Grain:
    """Points of one length, packed.

    Attributes:
        seconds: of a period.
        block: seconds that a row holds.
    """

    table: Table
    seconds: int
    block: int


GRAINS: Final = (
    Grain(metric_minutes, MINUTE, HOUR),
    Grain(metric_fives, FIVE_MINUTES, DAY),
    Grain(metric_hours, HOUR, DAY),
)


@dataclass(slots=True, kw_only=True, eq=False)
class PackingLease(Lease):
    """A project and region whose series are packed."""


PACKINGS: Final = Leased(metric_packings, PackingLease, key=("project_id", "region"))


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """Which metrics are wanted; an empty member asks for nothing in particular.

    Attributes:
        dimensions: (name, value or None) that a metric has, among others.
        since: that have points from then on.
    """

    namespace: str | None = None
    name: str | None = None
    dimensions: Sequence[tuple[str, str | None]] = ()
    since: datetime | None = None


def metric_id(scope: Scope, metric: Metric) -> str:
    """What stands for a metric of a project in a region."""
    return _digest([scope.project_id, scope.region, metric.namespace, metric.name, metric.dimensions])


def series_id(metric_id: str, unit: str) -> str:
    """What stands for a metric in one unit."""
    return _digest([metric_id, unit])


def _digest(parts: Sequence[Any]) -> str:
    told = hashlib.sha256(json.dumps(parts, separators=(",", ":"), ensure_ascii=False).encode()).digest()
    return base64.urlsafe_b64encode(told[:16]).decode().rstrip("=")


# Writing


def add(
    conn: Connection, scope: Scope, data: Sequence[Datum], now: datetime, limits: MetricLimits | None = None
) -> int:
    """Add what was measured: to the same second, or minute, of a series its samples add up.

    Returns:
        How many series were refused, with what was measured of them: they are new, and the project has as many as it
        may have in this region. All else is written.
    """
    fresh: dict[str, dict[datetime, Datapoint]] = {}
    told: dict[str, tuple[str, Datum]] = {}
    for datum in data:
        of = metric_id(scope, datum.metric)
        key = series_id(of, datum.unit)
        told[key] = (of, datum if key not in told or datum.fine else told[key][1])
        # What is too old to be kept by the second needs no row for each.
        slot = datum.slot if datum.slot > now - FINE_FOR else floored(datum.slot, MINUTE)
        point = Datapoint(slot, datum.samples, datum.total, datum.least, datum.most, datum.spread)
        known = fresh.setdefault(key, {}).get(point.at)
        fresh[key][point.at] = point if known is None else merged(known, point)
    refused = _hold(conn, scope, told, fresh, now, limits or MetricLimits())
    _write(conn, {key: points for key, points in fresh.items() if key not in refused})
    return len(refused)


def _hold(  # noqa: PLR0917 - what is measured of which series, and what of that may be
    conn: Connection,
    scope: Scope,
    told: Mapping[str, tuple[str, Datum]],
    fresh: Mapping[str, Mapping[datetime, Datapoint]],
    now: datetime,
    limits: MetricLimits,
) -> Collection[str]:
    """Lock these series, make those that are not there, and say of each when it is to be packed.

    Returns:
        Those that are new, and too many.
    """
    columns = (_s.id, _s.fine, _s.last_at, _s.pack_at)
    changed, known, due = [], set(), []
    for chunk in chunks(sorted(told)):
        for row in conn.execute(select(*columns).where(_s.id.in_(chunk)).order_by(_s.id).with_for_update()):
            known.add(row.id)
            fine = row.fine or told[row.id][1].fine
            last = max(fresh[row.id])
            pack_at = pack_time(min(fresh[row.id]), fine, now)
            if row.pack_at is None:
                due.append(pack_at)
            else:
                pack_at = min(pack_at, row.pack_at)
            if fine != row.fine or last > row.last_at + _STALE or pack_at != row.pack_at:
                values = {"fine": fine, "last_at": max(last, row.last_at), "pack_at": pack_at}
                changed.append({"key": row.id, **{f"new_{name}": value for name, value in values.items()}})
    if changed:
        values = {name: bindparam(f"new_{name}") for name in ("fine", "last_at", "pack_at")}
        conn.execute(update(metric_series).where(_s.id == bindparam("key")).values(values), changed)
    new = [key for key in sorted(told) if key not in known]
    room = _room(conn, scope, now, limits) if new else 0
    made = {key: told[key] for key in new[:room]}
    if made:
        due.append(_make(conn, scope, made, fresh, now))
    if due:
        PACKINGS.demand(conn, (scope.project_id, scope.region), scope, min(due))
    return set(new[room:])


def is_behind(conn: Connection, scope: Scope, now: datetime) -> bool:
    """Whether packing is long due in a project: what is measured of times gone by would only add to that."""
    first = conn.execute(
        select(func.min(_s.pack_at)).where(_s.project_id == scope.project_id, _s.region == scope.region)
    ).scalar()
    return first is not None and first < now - BEHIND


def _room(conn: Connection, scope: Scope, now: datetime, limits: MetricLimits) -> int:
    """How many more series the project may have there."""
    counting.hold(conn, scope, "series")
    of_scope = select(func.count()).where(
        _s.project_id == scope.project_id, _s.region == scope.region, _s.last_at >= now - COUNTED
    )
    return max(limits.series - int(conn.execute(of_scope).scalar_one()), 0)


def _make(
    conn: Connection,
    scope: Scope,
    told: Mapping[str, tuple[str, Datum]],
    fresh: Mapping[str, Mapping[datetime, Datapoint]],
    now: datetime,
) -> datetime:
    """Make these series; when the first of them is to be packed."""
    rows: list[dict[str, Any]] = [
        {
            "id": key,
            "metric_id": of,
            "project_id": scope.project_id,
            "region": scope.region,
            "namespace": datum.metric.namespace,
            "name": datum.metric.name,
            "dimensions": [list(pair) for pair in datum.metric.dimensions],
            "unit": datum.unit,
            "fine": datum.fine,
            "last_at": max(fresh[key]),
            "pack_at": pack_time(min(fresh[key]), datum.fine, now),
        }
        for key, (of, datum) in told.items()
    ]
    conn.execute(insert(metric_series), rows)
    first: datetime = min(row["pack_at"] for row in rows)
    return first


def pack_time(at: datetime, fine: bool, now: datetime) -> datetime:
    """When the hour of a point is packed; it is some time to come, for more may follow of what came late."""
    over = floored(at, HOUR) + timedelta(seconds=HOUR) + (FINE_FOR if fine else timedelta(0))
    return max(over, now) + SETTLED


def _write(conn: Connection, fresh: Mapping[str, Mapping[datetime, Datapoint]]) -> None:
    keys = [(key, at) for key in sorted(fresh) for at in sorted(fresh[key])]
    there: dict[tuple[str, datetime], Datapoint] = {}
    for chunk in chunks(keys):
        asked = select(metric_points).where(tuple_(_p.series_id, _p.at).in_(chunk)).with_for_update()
        there |= {(row.series_id, row.at): point_of(row) for row in conn.execute(asked)}
    changed, made = [], []
    for key, at in keys:
        point, known = fresh[key][at], there.get((key, at))
        if known is None:
            made.append({"series_id": key, **_columns(point)})
        else:
            values = _columns(merged(known, point))
            changed.append({"key": key, "slot": values.pop("at"), **{f"new_{n}": v for n, v in values.items()}})
    if changed:
        names = ("samples", "total", "least", "most", "spread")
        statement = update(metric_points).where(_p.series_id == bindparam("key"), _p.at == bindparam("slot"))
        conn.execute(statement.values({name: bindparam(f"new_{name}") for name in names}), changed)
    if made:
        conn.execute(insert(metric_points), made)


def _columns(point: Datapoint) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(point, name) for name in ("at", "samples", "total", "least", "most")}
    return {**values, "spread": None if point.spread is None else sorted(point.spread.items())}


def point_of(row: Any, unit: str | None = None) -> Datapoint:
    """A row of ``metric_points`` as a value."""
    spread = None if row.spread is None else {float(value): float(count) for value, count in row.spread}
    return Datapoint(row.at, row.samples, row.total, row.least, row.most, spread, unit)


def weight(point: Datapoint) -> int:
    """What a point takes of time and room."""
    return 1 + (0 if point.spread is None else len(point.spread))


# Reading


def points(  # noqa: PLR0917 - which periods of which series
    conn: Connection,
    scope: Scope,
    metric: Metric,
    period_seconds: int,
    start: datetime,
    end: datetime,
    unit: str | None = None,
    steps: Steps | None = None,
    *,
    spreads: bool = True,
) -> list[Datapoint]:
    """The periods of a metric that start from ``start`` on and before ``end``, ascending; those without data are not.

    Args:
        period_seconds: periods begin at multiples of it, counted from ``start``.
        unit: data of that unit alone; None: of any, put together.
        spreads: how samples are spread is wanted, which costs most of what is read.

    Raises:
        TooManySteps: see ``by_unit``.
    """
    found = by_unit(conn, scope, metric, period_seconds, start, end, steps, spreads=spreads)
    if unit is not None:
        return found.get(unit, [])
    if len(found) == 1:
        return next(iter(found.values()))
    every = (replace(point, unit=None) for each in found.values() for point in each)
    return by_period(every, period_seconds, start)


def by_unit(  # noqa: PLR0917 - as above
    conn: Connection,
    scope: Scope,
    metric: Metric,
    period_seconds: int,
    start: datetime,
    end: datetime,
    steps: Steps | None = None,
    *,
    spreads: bool = True,
) -> dict[str, list[Datapoint]]:
    """As ``points``, of each unit that has data then by itself, in the order of their names.

    Args:
        spreads: how samples are spread is told, too, which takes far more than all else.

    Raises:
        TooManySteps: of which reading a point as it is kept costs what it weighs.
    """
    steps = steps or Steps()
    asked = select(_s.id, _s.unit).where(_s.metric_id == metric_id(scope, metric)).order_by(_s.unit)
    found = {}
    for row in conn.execute(asked).all():
        raw = _raw(conn, row, period_seconds, start, end, steps, spreads=spreads)
        if periods := by_period(raw, period_seconds, start):
            found[row.unit] = periods
    return found


def _raw(  # noqa: PLR0917 - as above
    conn: Connection,
    series: Any,
    period_seconds: int,
    start: datetime,
    end: datetime,
    steps: Steps,
    *,
    spreads: bool,
) -> Iterable[Datapoint]:
    """Points of a series within a time, as they are kept, packed ones of the coarsest grain that fits.

    One statement reads those that are packed and those that are not: between two of them some might be packed.
    """
    grain = fitting(period_seconds, start)
    t = grain.table.c
    loose = select(*LOOSE, (_p.spread if spreads else nothing(_p.spread)).label("spread"), nothing(t.points)).where(
        _p.series_id == series.id, _p.at >= start, _p.at < end
    )
    blocks = select(t.at, *map(nothing, (*LOOSE[1:], _p.spread)), t.points).where(
        t.series_id == series.id, t.at >= floored(start, grain.block), t.at < end
    )
    for row in conn.execute(union_all(loose, blocks)):
        if row.points is None:
            points = [point_of(row, series.unit)]
            steps.take(weight(points[0]))
        else:
            points = unpack(row.at, row.points, series.unit, spreads=spreads, steps=steps)
        yield from (point for point in points if start <= point.at < end)


LOOSE: Final = (_p.at, _p.samples, _p.total, _p.least, _p.most)


def nothing(column: Column[Any]) -> ColumnElement[Any]:
    """Nothing, where others have a column."""
    return type_coerce(null(), column.type).label(column.name)


def fitting(period_seconds: int, start: datetime) -> Grain:
    """The coarsest grain that periods can be made of which begin so.

    Shorter periods than a minute have what was measured by the second, and of older ones the minutes.
    """
    fits = [g for g in GRAINS if period_seconds % g.seconds == 0 and floored(start, g.seconds) == start]
    return fits[-1] if fits else GRAINS[0]


def present(
    conn: Connection, scope: Scope, wanted: Collection[Metric], start: datetime, end: datetime
) -> set[tuple[Metric, datetime]]:
    """Of which of these metrics there is something, whatever its unit, and in which minutes from ``start`` on.

    Of the present and the hour before: what is packed is not looked at.
    """
    by_id = {metric_id(scope, metric): metric for metric in wanted}
    found: set[tuple[Metric, datetime]] = set()
    for chunk in chunks(sorted(by_id)):
        asked = select(_s.metric_id, _p.at).join_from(metric_series, metric_points, _p.series_id == _s.id)
        rows = conn.execute(asked.where(_s.metric_id.in_(chunk), _p.at >= start, _p.at < end))
        found |= {(by_id[row.metric_id], floored(row.at, MINUTE)) for row in rows}
    return found


# Names


def page(
    conn: Connection, scope: Scope, query: MetricQuery, limit: int, after: tuple[str, str, str] | None = None
) -> Page[tuple[Metric, str]]:
    """Metrics with their ids, by namespace and name.

    Args:
        after: (namespace, name, id) of the last one of the page before.
    """
    columns = (_s.namespace, _s.name, _s.metric_id, _s.dimensions)
    found: list[tuple[Metric, str]] = []
    while True:
        statement = select(*columns).where(_s.project_id == scope.project_id, _s.region == scope.region)
        for column, wanted in ((_s.namespace, query.namespace), (_s.name, query.name)):
            if wanted is not None:
                statement = statement.where(column == wanted)
        if query.since is not None:
            statement = statement.where(_s.last_at >= query.since)
        if after is not None:
            statement = statement.where(_beyond(after))
        rows = conn.execute(statement.order_by(_s.namespace, _s.name, _s.metric_id).limit(_ROWS)).all()
        for row in rows:
            key = (row.namespace, row.name, row.metric_id)
            if key == after:  # another unit of it
                continue
            after, named = key, Metric(row.namespace, row.name, tuple((name, value) for name, value in row.dimensions))
            if _has(named, query.dimensions):
                if len(found) == limit:
                    return Page(found, "more")
                found.append((named, row.metric_id))
        if len(rows) < _ROWS:
            return Page(found)


_ROWS: Final = 1000


def _beyond(after: tuple[str, str, str]) -> Any:
    namespace, name, of = after
    return or_(
        _s.namespace > namespace,
        and_(_s.namespace == namespace, _s.name > name),
        and_(_s.namespace == namespace, _s.name == name, _s.metric_id > of),
    )


def _has(metric: Metric, wanted: Collection[tuple[str, str | None]]) -> bool:
    own = dict(metric.dimensions)
    return all(name in own and value in {None, own[name]} for name, value in wanted)
