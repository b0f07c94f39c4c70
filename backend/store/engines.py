"""The engines of this installation: who works, who was told to end, and who was not heard of. Leases are ``leased``'s.

Times are the database's, as those of leases are, so that nobody's clock makes another engine look dead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from backend.store.engine_tables import engines

_e = engines.c


@dataclass(frozen=True, slots=True)
class EngineRecord:
    """One engine's process.

    Attributes:
        name: what its claims are told apart by; no two engines ever have the same.
        version: the newest revision of the schema that its code knows.
        started_at, seen_at: by the clock that leases are judged by.
        silence: an engine that was not heard of for so long is dead; each is judged by its own, so that settings that
            change at one engine after the other make none look dead to those that have others.
        draining: it was told to end: it finishes what it has, and claims nothing more.
    """

    name: str
    host: str
    pid: int
    version: str
    started_at: datetime
    seen_at: datetime
    silence: timedelta
    draining: bool = False

    def is_silent(self, now: datetime) -> bool:
        """Whether it was not heard of for too long. ``now``: by the same clock."""
        return self.seen_at <= now - self.silence


_COLUMNS = (_e.name, _e.host, _e.pid, _e.version, _e.started_at, _e.seen_at, _e.silence, _e.draining)
_ALL = select(*_COLUMNS).order_by(_e.started_at, _e.name).limit(bindparam("most"))
_SEEN = (
    update(engines)
    .where(_e.name == bindparam("this"))
    .values(seen_at=bindparam("now"), silence=bindparam("silent_for"), draining=bindparam("ends"))
)
_FORGET = delete(engines).where(_e.name == bindparam("this"))
_UNSEEN = (
    select(_e.name)
    .where(_e.name == bindparam("this"), _e.seen_at <= bindparam("before"))
    .with_for_update(skip_locked=True)
)


def all_of_them(conn: Connection, most: int = 1000) -> Sequence[EngineRecord]:
    """Every engine that has a row, the oldest first; also of those that have not been heard of for long."""
    return [EngineRecord(*row) for row in conn.execute(_ALL, {"most": most})]


def seen(conn: Connection, me: EngineRecord, now: datetime) -> bool:
    """Note that this engine works; whether others still had it among them, or have to learn of it anew."""
    told = {"this": me.name, "now": now, "silent_for": me.silence, "ends": me.draining}
    if conn.execute(_SEEN, told).rowcount:
        return True
    values = {name: getattr(me, name) for name in EngineRecord.__dataclass_fields__}
    conn.execute(insert(engines), {**values, "seen_at": now})
    return False


def forget(conn: Connection, name: str) -> None:
    """It has ended."""
    conn.execute(_FORGET, {"this": name})


def is_unseen(conn: Connection, name: str, before: datetime) -> bool:
    """Whether there is such an engine, of which nobody has heard since; it stays so for this transaction.

    Of one that another transaction holds nobody knows: it is just heard of, or died in that.
    """
    return conn.execute(_UNSEEN, {"this": name, "before": before}).first() is not None


def forget_unseen(conn: Connection, name: str, before: datetime) -> bool:
    """Take out an engine that nobody has heard of since; False where it was heard of after all, or is gone."""
    unseen = is_unseen(conn, name, before)
    if unseen:
        forget(conn, name)
    return unseen
