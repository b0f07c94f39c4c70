"""Rows of forecasts, and what was foreseen by days. Whoever writes one holds its cluster first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from backend.domain.metrics import HOUR, floored
from backend.domain.prediction import HOURLY, Expected, Prediction, Told
from backend.domain.scope import Scope
from backend.store.leased import Lease, Leased
from backend.store.records import Records
from backend.store.scaling_tables import forecasts as table
from backend.store.scaling_tables import foreseen, scaling_policies
from backend.store.types import from_micros, to_micros

_t, _f = table.c, foreseen.c
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a policy's forecast.

    Attributes:
        id: the policy's.
        make_at: when it is made anew.
        made_at: when it was last made; None: never.
        expected: the document of what was foreseen then.
        accuracy: how good it was on what is past, by name: ``error``, ``last_day``, ``last_week``, ``season``.
        acted_for: the start of the hour that the policy last acted for.
    """

    id: str
    cluster_id: str
    make_at: datetime
    made_at: datetime | None = None
    expected: Mapping[str, Any] | None = None
    accuracy: Mapping[str, Any] | None = None
    acted_for: datetime | None = None

    @property
    def foreseen(self) -> Expected | None:
        if self.expected is None:
            return None
        told = self.expected
        return Expected(from_micros(told["begin"]), tuple(told["loads"]), tuple(told["capacities"]))


FORECASTS: Final = Records(table, Kept)


@dataclass(slots=True, kw_only=True, eq=False)
class ForecastLease(Lease):
    """A claimed forecast."""

    cluster_id: str

    @property
    def policy_id(self) -> str:
        return self.key[0]


LEASED: Final = Leased(table, ForecastLease, key=("id",))


def ask(conn: Connection, scope: Scope, policy_id: str, cluster_id: str, now: datetime) -> None:
    """Have a forecast made at once for a policy that was written; what it foresaw before is told until then."""
    if FORECASTS.change(conn, scope, policy_id, make_at=now, acted_for=None):
        LEASED.pull(conn, (policy_id,), now)
    else:
        FORECASTS.add(conn, scope, Kept(policy_id, cluster_id, now), due_at=now, epoch=0)


def of(conn: Connection, scope: Scope, policy_ids: Collection[str]) -> dict[str, Kept]:
    """Those of these policies, by the policy's id."""
    return FORECASTS.of(conn, scope, policy_ids)


def forget(conn: Connection, scope: Scope, policy_id: str) -> None:
    """Delete all that was foreseen for a policy; an engine that has it at work finds its lease lost."""
    if FORECASTS.remove(conn, scope, id=policy_id):
        conn.execute(delete(foreseen).where(_f.policy_id == policy_id))


def forget_cluster(conn: Connection, cluster_id: str) -> None:
    """Delete those of a cluster that is being removed."""
    own = select(_t.id).where(_t.cluster_id == cluster_id)
    ids = list(conn.execute(own).scalars())
    conn.execute(delete(foreseen).where(_f.policy_id.in_(ids)))
    conn.execute(delete(table).where(_t.cluster_id == cluster_id))


def keep(conn: Connection, lease: ForecastLease, expected: Expected, accuracy: Mapping[str, Any], at: datetime) -> None:
    """Write a forecast that was made then, by whoever holds the lease: what is past stays as it was foreseen before."""
    told = {
        "begin": to_micros(expected.begin),
        "loads": list(expected.loads),
        "capacities": list(expected.capacities),
    }
    LEASED.write(conn, lease, made_at=at, expected=told, accuracy=dict(accuracy))
    days: dict[datetime, dict[int, list[float]]] = {}
    for number, (load, units) in enumerate(zip(expected.loads, expected.capacities, strict=True)):
        start = expected.begin + HOURLY * number
        day = floored(start, 24 * HOUR)
        days.setdefault(day, {})[(start - day) // HOURLY] = [load, units]
    for day, hours in sorted(days.items()):
        _keep_day(conn, lease.policy_id, day, hours)


def _keep_day(conn: Connection, policy_id: str, day: datetime, hours: Mapping[int, Sequence[float]]) -> None:
    this = (_f.policy_id == policy_id, _f.day == day)
    known = conn.execute(select(_f.hours).where(*this)).scalar()
    merged = {hour: values for hour, *values in known or ()} | dict(hours)
    told = [[hour, *values] for hour, values in sorted(merged.items())]
    if known is None:
        conn.execute(insert(foreseen), {"policy_id": policy_id, "day": day, "hours": told})
    else:
        conn.execute(update(foreseen).where(*this).values(hours=told))


def told(conn: Connection, kept: Kept, start: datetime, end: datetime) -> Told | None:
    """What was foreseen for the hours that begin from ``start`` on and before ``end``; None where nothing ever was."""
    if kept.made_at is None:
        return None
    days = select(_f.day, _f.hours).where(_f.policy_id == kept.id, _f.day > start - _DAY, _f.day < end)
    found = {
        row.day + HOURLY * hour: (float(load), int(units))
        for row in conn.execute(days.order_by(_f.day))
        for hour, load, units in row.hours
    }
    return Told({at: values for at, values in found.items() if start <= at < end}, kept.made_at)


@dataclass(frozen=True, slots=True)
class Foreseeing:
    """A predictive policy with what is kept of its forecast, for an operator.

    Attributes:
        stayed: why it last left the capacity as it was, a word of Stay.
    """

    scope: Scope
    cluster_name: str
    name: str
    enabled: bool
    prediction: Prediction
    stayed: str | None
    kept: Kept


def everywhere(conn: Connection, limit: int, project: str | None = None) -> list[Foreseeing]:
    """Those of all projects, or of one, by project, region, cluster and name."""
    p = scaling_policies.c
    policy = (p.cluster_name, p.name, p.enabled, p.forecast, p.stayed)
    kept = (_t.id, _t.cluster_id, _t.make_at, _t.made_at, _t.expected, _t.accuracy, _t.acted_for)
    asked = select(p.project_id, p.region, *policy, *kept).join_from(scaling_policies, table, p.id == _t.id)
    if project is not None:
        asked = asked.where(p.project_id == project)
    asked = asked.where(p.forecast.is_not(None)).order_by(p.project_id, p.region, p.cluster_name, p.name).limit(limit)
    return [
        Foreseeing(Scope(row[0], row[1]), row[2], row[3], row[4], Prediction.of(row[5]), row[6], Kept(*row[7:]))
        for row in conn.execute(asked)
    ]
