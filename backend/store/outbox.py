"""Messages that are to be told, each in the transaction of what it tells; and what became of them.

What one group tells one target is a stream, whose messages go out in their order as well as can be: a message is held
up by one before it that was not taken, until that was tried ``IN_ORDER`` times.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update

from backend.domain.ids import derived_uuid
from backend.domain.messages import Message
from backend.domain.scope import Scope
from backend.store import leases
from backend.store.batches import chunks
from backend.store.outbox_tables import messages as table

IN_ORDER = 3
"""After so many attempts in vain, others go ahead of a message."""

_NAMES = [each.name for each in fields(Message)]
_COLUMNS = [table.c[name] for name in _NAMES]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message in its stream.

    Attributes:
        attempts: so often it was not taken,
        failing_since: since then.
        due_at: it is tried then.
    """

    message: Message
    attempts: int
    failing_since: datetime | None
    due_at: datetime

    @property
    def holds(self) -> bool:
        """Whether those after it wait for it."""
        return self.attempts < IN_ORDER


@dataclass(frozen=True, slots=True)
class Dead:
    """A message that nobody tries to tell any more."""

    message: Message
    attempts: int
    dead_at: datetime
    fault: str


def stream_of(message: Message) -> str:
    """The id of the stream that a message belongs to."""
    return derived_uuid(message.project_id, message.region, message.cluster_id, message.target)


def add(conn: Connection, messages: Sequence[Message]) -> None:
    """Store messages; each is due at once."""
    for chunk in chunks(enumerate(messages)):
        conn.execute(insert(table), [_row(each, number) for number, each in chunk])
    streams = {stream_of(each): each for each in messages}
    for stream, each in sorted(streams.items()):
        leases.STREAMS.demand(conn, (stream,), each.scope, each.created_at)


def room(conn: Connection, scope: Scope, most: int) -> int:
    """How many more may wait in a project and region where so many may at once."""
    c = table.c
    those = select(c.id).where(c.project_id == scope.project_id, c.region == scope.region, c.dead_at.is_(None))
    found = conn.execute(select(func.count()).select_from(those.limit(most).subquery())).scalar_one()
    return most - int(found)


def _row(message: Message, number: int) -> dict[str, Any]:
    return {
        **asdict(message),
        "kind": str(message.kind),
        "stream_id": stream_of(message),
        "number": number,
        "attempts": 0,
        "due_at": message.created_at,
    }


def waiting(conn: Connection, stream_id: str, now: datetime, most: int) -> list[Waiting]:
    """What a stream has to tell now, in order: what others have gone ahead of only where it is due again."""
    c = table.c
    late = and_(c.attempts >= IN_ORDER, c.due_at > now)
    statement = (
        select(*_COLUMNS, c.attempts, c.failing_since, c.due_at)
        .where(c.stream_id == stream_id, ~late)
        .order_by(c.created_at, c.number, c.id)
        .limit(most)
    )
    return [Waiting(_message(row), row.attempts, row.failing_since, row.due_at) for row in conn.execute(statement)]


def left(conn: Connection, stream_id: str, ids: Sequence[str]) -> set[str]:
    """Those of them that the stream still has to tell."""
    c = table.c
    found: set[str] = set()
    for chunk in chunks(ids):
        found.update(conn.execute(select(c.id).where(c.stream_id == stream_id, c.id.in_(chunk))).scalars())
    return found


def kept(conn: Connection, project_id: str) -> int:
    """How many messages of a project wait, everywhere."""
    own = select(func.count()).where(table.c.project_id == project_id, table.c.dead_at.is_(None))
    return int(conn.execute(own).scalar_one())


def next_due(conn: Connection, stream_id: str) -> datetime | None:
    """When the stream has something to tell next; None where nothing is left in it."""
    c = table.c
    held = conn.execute(
        select(c.due_at)
        .where(c.stream_id == stream_id, c.attempts < IN_ORDER)
        .order_by(c.created_at, c.number, c.id)
        .limit(1)
    ).scalar()
    late: datetime | None = conn.execute(
        select(func.min(c.due_at)).where(c.stream_id == stream_id, c.attempts >= IN_ORDER)
    ).scalar()
    return min((each for each in (held, late) if each is not None), default=None)


def told(conn: Connection, ids: Sequence[str]) -> None:
    """These have been taken."""
    for chunk in chunks(ids):
        conn.execute(delete(table).where(table.c.id.in_(chunk)))


def put_off(conn: Connection, each: Waiting, fault: str, now: datetime, due_at: datetime) -> None:
    """It was not taken; it is tried again then."""
    conn.execute(
        update(table)
        .where(table.c.id == each.message.id)
        .values(attempts=each.attempts + 1, failing_since=each.failing_since or now, due_at=due_at, fault=fault)
    )


def give_up(conn: Connection, each: Waiting, fault: str, now: datetime) -> None:
    """It is tried no more, until the operator says so."""
    conn.execute(
        update(table)
        .where(table.c.id == each.message.id)
        .values(attempts=each.attempts + 1, stream_id=None, dead_at=now, fault=fault)
    )


def dead(conn: Connection, most: int, project_id: str | None = None, ids: Collection[str] = ()) -> list[Dead]:
    """What was given up, of all projects or of one, oldest first."""
    c = table.c
    statement = select(*_COLUMNS, c.attempts, c.dead_at, c.fault).where(c.dead_at.is_not(None))
    if project_id is not None:
        statement = statement.where(c.project_id == project_id)
    if ids:
        statement = statement.where(or_(*(c.id == each for each in ids)))
    found = conn.execute(statement.order_by(c.dead_at, c.id).limit(most))
    return [Dead(_message(row), row.attempts, row.dead_at, row.fault or "") for row in found]


def resend(conn: Connection, letters: Sequence[Dead], now: datetime) -> None:
    """Try these again, as if they were new; an action that was decided stays as it is."""
    for each in sorted(letters, key=lambda each: stream_of(each.message)):
        stream = stream_of(each.message)
        conn.execute(
            update(table)
            .where(table.c.id == each.message.id)
            .values(
                stream_id=stream, attempts=0, failing_since=None, due_at=now, dead_at=None, fault=None, action_id=None
            )
        )
        leases.STREAMS.demand(conn, (stream,), each.message.scope, now)


def drop(conn: Connection, letters: Sequence[Dead]) -> None:
    """Forget what was given up."""
    told(conn, [each.message.id for each in letters])


def _message(row: Any) -> Message:
    return Message(**{name: getattr(row, name) for name in _NAMES})
