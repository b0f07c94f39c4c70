"""Points of metrics whose hour is over, packed: in a row an hour by the minute, and rolled up in rows a day.

What is packed of an hour stands in all three grains, or in none. Points that come later are packed into what is there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, or_, select, true, tuple_, update

from backend.domain.metrics import HOUR, MINUTE, Datapoint, by_period, floored
from backend.domain.scope import Scope
from backend.store.batches import chunks
from backend.store.metric_tables import metric_points, metric_series
from backend.store.metrics import FINE_FOR, GRAINS, SETTLED, Grain, pack_time, point_of, weight
from backend.store.packing import pack, unpack

_s = metric_series.c
_p = metric_points.c
Block = tuple[str, datetime]
Hours = Mapping[Block, Sequence[Datapoint]]
_HOUR: Final = timedelta(seconds=HOUR)
_OF_HOUR: Final = 20
"""What an hour weighs beside its points: the rows that it goes into are read and written whole."""
_BYTES: Final = 8
"""Of what is packed, that weigh as much as a point."""
_ROWS: Final = 500


def pack_due(conn: Connection, scope: Scope, now: datetime, limit: int, most: int = 5000) -> int:
    """Pack what is due of up to ``limit`` series and about ``most`` points; how many series have none left.

    Series that have some left stay due.
    """
    due = select(_s.id).where(_s.project_id == scope.project_id, _s.region == scope.region, _s.pack_at <= now)
    ids = sorted(conn.execute(due.order_by(_s.pack_at).limit(limit)).scalars())
    done = 0
    for chunk in chunks(ids):
        held = select(_s.id, _s.fine).where(_s.id.in_(chunk)).order_by(_s.id).with_for_update()
        fine = {row.id: row.fine for row in conn.execute(held)}
        for is_fine in (False, True):
            of_kind = sorted(key for key, value in fine.items() if value is is_fine)
            if of_kind and most > 0:
                packed, weighed = _pack(conn, of_kind, is_fine, now, most)
                done, most = done + packed, most - weighed
    return done


def next_due(conn: Connection, scope: Scope) -> datetime | None:
    """When the next series of a project is to be packed."""
    asked = select(func.min(_s.pack_at)).where(_s.project_id == scope.project_id, _s.region == scope.region)
    found: datetime | None = conn.execute(asked).scalar()
    return found


def _pack(conn: Connection, ids: Sequence[str], fine: bool, now: datetime, most: int) -> tuple[int, int]:
    """Pack these series, which are held, in their order; how many have nothing left, and what was packed weighs."""
    before = floored(now - SETTLED - (FINE_FOR if fine else timedelta(0)), HOUR)
    hours, weighed, last = _over(conn, ids, before, most)
    if hours:
        _roll_up(conn, {block: by_period(points, MINUTE) for block, points in hours.items()})
    # The database may have an order of texts of its own: those that were seen before the last one are done.
    whole = ids if last is None else sorted({key for key, _ in hours} - {last[0]})
    if whole:
        conn.execute(delete(metric_points).where(_p.series_id.in_(whole), _p.at < before))
        _put_off(conn, whole, fine, now)
    if last is not None:
        conn.execute(delete(metric_points).where(_p.series_id == last[0], _p.at <= last[1]))
    return len(whole), weighed


def _over(
    conn: Connection, ids: Sequence[str], before: datetime, most: int
) -> tuple[Mapping[Block, list[Datapoint]], int, Block | None]:
    """Points before an instant by their hours, what they weigh, and the last of them where there may be more."""
    hours: dict[Block, list[Datapoint]] = defaultdict(list)
    seen: set[tuple[int, Block]] = set()
    weighed, last = 0, None
    asked = select(metric_points).where(_p.series_id.in_(ids), _p.at < before).order_by(_p.series_id, _p.at)
    while True:
        further = or_(_p.series_id > last[0], and_(_p.series_id == last[0], _p.at > last[1])) if last else true()
        rows = conn.execute(asked.where(further).limit(_ROWS)).all()
        there = _weights(conn, {(row.series_id, floored(row.at, HOUR)) for row in rows} - hours.keys(), seen)
        for row in rows:
            block = (row.series_id, floored(row.at, HOUR))
            weighed += 0 if block in hours else _OF_HOUR + there[block]
            hours[block].append(point := point_of(row))
            weighed += weight(point)
            last = (row.series_id, row.at)
            if weighed >= most:
                return hours, weighed, last
        if len(rows) < _ROWS:
            return hours, weighed, None


def _weights(conn: Connection, hours: Collection[Block], seen: set[tuple[int, Block]]) -> Mapping[Block, int]:
    """What is packed already weighs that hours go into: it is read and written whole, in each grain.

    Args:
        seen: what has been weighed before, by the length of its periods; what is weighed here is added. Of the hours of
            one day the first has the weight of the day.
    """
    found = dict.fromkeys(hours, 0)
    for grain in GRAINS:
        first: dict[Block, Block] = {}
        for key, hour in sorted(hours):
            block = (key, floored(hour, grain.block))
            if (grain.seconds, block) not in seen:
                seen.add((grain.seconds, block))
                first[block] = (key, hour)
        t = grain.table.c
        for chunk in chunks(sorted(first)):
            asked = select(t.series_id, t.at, func.length(t.points)).where(tuple_(t.series_id, t.at).in_(chunk))
            for key, at, size in conn.execute(asked):
                found[first[key, at]] += size // _BYTES
    return found


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
