"""Records that have outlived their use, by kind: what there is of them, the oldest first, and its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    select,
    tuple_,
)

from backend.domain.scope import Scope
from backend.store.alarm_tables import alarm_history
from backend.store.batches import chunks
from backend.store.direct_tables import direct_launches
from backend.store.leased import Lease, Leased
from backend.store.metric_tables import metric_fives, metric_hours, metric_minutes, metric_series
from backend.store.outbox_tables import messages as told_messages
from backend.store.queue_tables import deduplications, ended_subscriptions
from backend.store.queue_tables import messages as queue_messages
from backend.store.refresh_tables import refreshes
from backend.store.scaling_tables import foreseen
from backend.store.tables import activities, claimed_nodes, client_tokens, nodes, scavenges, sessions

Before = datetime | BindParameter[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Garbage:
    """A kind of records that grow old.

    Attributes:
        key: the columns of the table's primary key.
        since: from which on it grows old; what has nothing there is in use.
        unless: what keeps a record, however old.
        kept: it is worth an archive: it holds no secret, and somebody may ask for it.
    """

    name: str
    table: Table
    key: tuple[str, ...]
    since: Column[Any]
    unless: ColumnElement[bool] | None = None
    kept: bool = False

    def older(self, before: Before, limit: int, *columns: Column[Any]) -> Select[Any]:
        return select(*columns).where(self.old(before)).order_by(self.since).limit(limit)

    def old(self, before: Before) -> ColumnElement[bool]:
        """Whether a record is older than that, and nothing keeps it."""
        old = self.since < before
        return old if self.unless is None else and_(old, ~self.unless)


ACTIVITIES: Final = Garbage("activities", activities, ("id",), activities.c.ended_at, kept=True)
# A claim is needed for as long as its node lives, and while something made for it may still turn up.
CLAIMS: Final = Garbage(
    "claims",
    claimed_nodes,
    ("node_id",),
    claimed_nodes.c.claimed_at,
    unless=exists().where(nodes.c.id == claimed_nodes.c.node_id),
)
TOKENS: Final = Garbage(
    "tokens", client_tokens, ("project_id", "region", "operation", "token"), client_tokens.c.created_at
)
DIRECT: Final = Garbage("direct", direct_launches, ("id",), direct_launches.c.done_at)
SESSIONS: Final = Garbage("sessions", sessions, ("access_key",), sessions.c.expires_at)
QUEUED: Final = Garbage("queued", queue_messages, ("id",), queue_messages.c.expires_at)
ALARM_HISTORY: Final = Garbage("alarm_history", alarm_history, ("id",), alarm_history.c.at)
DEDUPLICATIONS: Final = Garbage("deduplications", deduplications, ("owner_id", "key"), deduplications.c.expires_at)
UNSUBSCRIBED: Final = Garbage("unsubscribed", ended_subscriptions, ("id",), ended_subscriptions.c.expires_at)
REFRESHES: Final = Garbage("refreshes", refreshes, ("id",), refreshes.c.ended_at)
# What nobody tries to tell any more, and no operator has sent again or dropped. No index has it alone: such are few.
LETTERS: Final = Garbage("letters", told_messages, ("id",), told_messages.c.dead_at)
FORESEEN: Final = Garbage("foreseen", foreseen, ("policy_id", "day"), foreseen.c.day)
MINUTES: Final = Garbage("minutes", metric_minutes, ("series_id", "at"), metric_minutes.c.at)
FIVES: Final = Garbage("fives", metric_fives, ("series_id", "at"), metric_fives.c.at)
HOURS: Final = Garbage("hours", metric_hours, ("series_id", "at"), metric_hours.c.at)
SERIES: Final = Garbage("series", metric_series, ("id",), metric_series.c.last_at)

KINDS: Final[Mapping[str, Garbage]] = {
    each.name: each
    for each in (
        *(ACTIVITIES, CLAIMS, TOKENS, DIRECT, SESSIONS, QUEUED, DEDUPLICATIONS, ALARM_HISTORY, LETTERS),
        *(REFRESHES, FORESEEN, UNSUBSCRIBED),
        *(MINUTES, FIVES, HOURS, SERIES),
    )
}


@dataclass(slots=True, kw_only=True, eq=False)
class ScavengeLease(Lease):
    """One kind of garbage claimed: nobody else takes of it."""

    @property
    def kind(self) -> str:
        return self.key[0]


LEASED: Final = Leased(scavenges, ScavengeLease, key=("id",))
_NOBODY: Final = Scope("", "")
"""Garbage is taken of all projects together, the oldest first."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some old records.

    Attributes:
        keys: their primary keys, by age.
        first: since when the oldest of them is old; None where there are none.
        records: all that they say, by column, as it is stored; of kinds that are archived.
    """

    keys: Sequence[tuple[Any, ...]]
    first: datetime | None = None
    records: Sequence[Mapping[str, Any]] = ()


def waits(conn: Connection, kind: Garbage, before: datetime) -> bool:
    """Whether anything is older than that."""
    return conn.execute(_waits(kind), {"before": before}).first() is not None


@cache
def _waits(kind: Garbage) -> Select[Any]:
    """Asked at each turn, and of every kind: it is not built anew."""
    return kind.older(bindparam("before"), 1, kind.since)


def demand(conn: Connection, kind: Garbage, now: datetime) -> None:
    """Have an engine take what is old of that kind."""
    LEASED.demand(conn, (kind.name,), _NOBODY, now)


def oldest(conn: Connection, kind: Garbage, before: datetime, limit: int, *, records: bool) -> Batch:
    """Up to ``limit`` records older than that, the oldest first; with all that they say where that is wanted."""
    keys = [kind.table.c[name] for name in kind.key]
    columns = list(kind.table.c) if records else [*keys, kind.since]
    rows = conn.execute(kind.older(before, limit, *columns)).mappings().all()
    return Batch(
        [tuple(row[name] for name in kind.key) for row in rows],
        rows[0][kind.since.name] if rows else None,
        [dict(row) for row in rows] if records else (),
    )


def drop(conn: Connection, kind: Garbage, keys: Sequence[tuple[Any, ...]], before: datetime) -> None:
    """Delete these records, as far as they are older than that still: what was made anew under its key is another."""
    columns = [kind.table.c[name] for name in kind.key]
    for chunk in chunks(sorted(keys)):
        among = columns[0].in_([key[0] for key in chunk]) if len(columns) == 1 else tuple_(*columns).in_(chunk)
        conn.execute(delete(kind.table).where(among, kind.old(before)))
