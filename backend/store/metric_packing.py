"""Points of metrics whose hour is over, packed: in a row an hour by the minute, and rolled up in rows a day.

What is packed of an hour stands in all three grains, or in none. Points that come later are packed into what is there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select, tuple_, update

from backend.domain.metrics import HOUR, MINUTE, Datapoint, by_period, floored
from backend.domain.scope import Scope
from backend.store.batches import chunks
from backend.store.metric_tables import metric_points, metric_series
from backend.store.metrics import FINE_FOR, GRAINS, SETTLED, Grain, pack_time, point_of
from backend.store.packing import pack, unpack

_s = metric_series.c
_p = metric_points.c
Block = tuple[str, datetime]
Hours = Mapping[Block, Sequence[Datapoint]]
_HOUR: Final = timedelta(seconds=HOUR)


def pack_due(conn: Connection, scope: Scope, now: datetime, limit: int) -> int:
    """Pack what is due of up to ``limit`` series; how many there were."""
    due = select(_s.id).where(_s.project_id == scope.project_id, _s.region == scope.region, _s.pack_at <= now)
    ids = sorted(conn.execute(due.order_by(_s.pack_at).limit(limit)).scalars())
    for chunk in chunks(ids):
        held = select(_s.id, _s.fine).where(_s.id.in_(chunk)).order_by(_s.id).with_for_update()
        fine = {row.id: row.fine for row in conn.execute(held)}
        _pack(conn, fine, now)
    return len(ids)


def next_due(conn: Connection, scope: Scope) -> datetime | None:
    """When the next series of a project is to be packed."""
    asked = select(func.min(_s.pack_at)).where(_s.project_id == scope.project_id, _s.region == scope.region)
    found: datetime | None = conn.execute(asked).scalar()
    return found


def _pack(conn: Connection, fine: Mapping[str, bool], now: datetime) -> None:
    """Pack these series, which are held; ``fine``: those that have points by the second."""
    for is_fine in (False, True):
        ids = [key for key, value in fine.items() if value is is_fine]
        if not ids:
            continue
        before = floored(now - SETTLED - (FINE_FOR if is_fine else timedelta(0)), HOUR)
        over = _p.series_id.in_(ids), _p.at < before
        hours: dict[Block, list[Datapoint]] = defaultdict(list)
        for row in conn.execute(select(metric_points).where(*over).order_by(_p.series_id, _p.at)):
            hours[row.series_id, floored(row.at, HOUR)].append(point_of(row))
        if hours:
            _roll_up(conn, {block: by_period(points, MINUTE) for block, points in hours.items()})
            conn.execute(delete(metric_points).where(*over))
        _put_off(conn, ids, is_fine, now)


def _put_off(conn: Connection, ids: Sequence[str], fine: bool, now: datetime) -> None:
    """Have each of these packed when the hour of its next point is over."""
    left = select(_p.series_id, func.min(_p.at).label("first")).where(_p.series_id.in_(ids)).group_by(_p.series_id)
    first = {row.series_id: row.first for row in conn.execute(left)}
    due = [{"key": key, "due": pack_time(first[key], fine, now) if key in first else None} for key in ids]
    conn.execute(update(metric_series).where(_s.id == bindparam("key")).values(pack_at=bindparam("due")), due)


def _roll_up(conn: Connection, hours: Hours) -> None:
    minutes, *coarser = GRAINS
    there = _blocks(conn, minutes, hours)
    whole = {block: by_period([*there.get(block, ()), *points], MINUTE) for block, points in hours.items()}
    _write(conn, minutes, whole, there)
    for grain in coarser:
        _into_days(
            conn, grain, {block: points if block in there else hours[block] for block, points in whole.items()}, there
        )


def _into_days(conn: Connection, grain: Grain, hours: Hours, known: Mapping[Block, Any]) -> None:
    """Put hours into the rows of their days.

    Args:
        known: the hours that are told whole, since their minutes were there: they go in the place of what is there.
            Of others it is not known: they are added.
    """
    days: dict[Block, list[tuple[datetime, Sequence[Datapoint]]]] = defaultdict(list)
    for (key, hour), points in hours.items():
        days[key, floored(hour, grain.block)].append((hour, points))
    there = _blocks(conn, grain, days)
    changed = {}
    for block, parts in days.items():
        points = list(there.get(block, ()))
        for hour, fresh in parts:
            if (block[0], hour) in known:
                points = [point for point in points if not hour <= point.at < hour + _HOUR]
            points += fresh
        changed[block] = by_period(points, grain.seconds)
    _write(conn, grain, changed, there)


def _blocks(conn: Connection, grain: Grain, wanted: Mapping[Block, Any]) -> Mapping[Block, Sequence[Datapoint]]:
    t, found = grain.table.c, {}
    for chunk in chunks(sorted(wanted)):
        for row in conn.execute(select(grain.table).where(tuple_(t.series_id, t.at).in_(chunk))):
            found[row.series_id, row.at] = unpack(row.at, row.points)
    return found


def _write(conn: Connection, grain: Grain, blocks: Hours, there: Mapping[Block, Any]) -> None:
    t = grain.table.c
    exact = grain is GRAINS[0]
    packed = {block: pack(block[1], points, exact=exact) for block, points in sorted(blocks.items())}
    changed = [{"key": key, "start": at, "new": packed[key, at]} for key, at in packed if (key, at) in there]
    made = [{"series_id": key, "at": at, "points": packed[key, at]} for key, at in packed if (key, at) not in there]
    if changed:
        where = t.series_id == bindparam("key"), t.at == bindparam("start")
        conn.execute(update(grain.table).where(*where).values(points=bindparam("new")), changed)
    if made:
        conn.execute(insert(grain.table), made)
