"""What receivers do with a queue: look, take, hide, delete; and where dead letters go. Within one project and region.

Messages are taken by a conditional order of rows: whoever takes some locks them, others pass them over.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    Connection,
    and_,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    update,
)

from backend.domain.queues import (
    MOST_IN_FLIGHT,
    NotInFlight,
    Queue,
    Received,
    receipt,
)
from backend.domain.scope import Scope
from backend.errors import LimitExceeded
from backend.store.batches import chunks
from backend.store.queue_tables import messages as table
from backend.store.queues import QUEUES, lock, within
from backend.store.types import Instant

_c = table.c
_MOST_MOVED: Final = 100
"""Messages that become dead letters while one receiver waits."""
_LOOKED_THROUGH: Final = 20_000
"""Messages of a FIFO queue among which one is looked for whose turn it is."""


def anything(conn: Connection, scope: Scope, queue_ids: Collection[str], now: datetime) -> set[str]:
    """Which of these queues have a message that could be taken."""
    own = and_(_c.project_id == scope.project_id, _c.region == scope.region, _c.visible_at <= now, _c.expires_at > now)
    found: set[str] = set()
    for each in queue_ids:
        seen = conn.execute(select(_c.id).where(own, _c.queue_id == each).limit(1)).first() is not None
        if (seen and _takes_turns(conn, scope, each, now)) or dying(conn, scope, each, now):
            found.add(each)
    return found


def _takes_turns(conn: Connection, scope: Scope, queue_id: str, now: datetime) -> bool:
    """Whether something of a queue that has something to see is not waiting for its turn."""
    queue = QUEUES.one(conn, scope, id=queue_id)
    return queue is not None and (not queue.fifo or bool(_in_turn(conn, scope, queue, now, most=1)))


def dying(conn: Connection, scope: Scope, queue_id: str, now: datetime) -> bool:
    """Whether dead letters are due that nobody has moved into the queue yet."""
    own = and_(_c.project_id == scope.project_id, _c.region == scope.region)
    due = select(_c.id).where(own, _c.dead_queue_id == queue_id, _c.dead_at <= now, _c.expires_at > now).limit(1)
    return conn.execute(due).first() is not None


def check_in_flight(conn: Connection, scope: Scope, queue: Queue, most: int, now: datetime) -> None:
    """Raises LimitExceeded where so many more could not be hidden."""
    # How many are hidden for any reason is counted in an index alone; why they are is asked where those are many.
    hidden = select(_c.number).where(_c.queue_id == queue.id, _c.visible_at > now)
    for some in (hidden, hidden.where(within(scope, queue), _c.receives > 0)):
        few = some.limit(MOST_IN_FLIGHT).subquery()
        if int(conn.execute(select(func.count()).select_from(few)).scalar_one()) + most <= MOST_IN_FLIGHT:
            return
    raise LimitExceeded("in_flight", MOST_IN_FLIGHT)


def offered(conn: Connection, scope: Scope, queue: Queue, now: datetime, *, most: int, nonce: str | None) -> list[str]:
    """The ids of what could be taken of a FIFO queue, in order, for ``receive``: it is looked for where nothing waits.

    Args:
        nonce: of a receiver that asks again; what it was told and is hidden still comes first.
    """
    told: list[str] = []
    if nonce is not None:
        again = select(_c.id).where(within(scope, queue), _c.nonce == nonce, _c.visible_at > now).order_by(_c.number)
        told = list(conn.execute(again).scalars())
    return told or _in_turn(conn, scope, queue, now, most=most + _MOST_MOVED)


def receive(
    conn: Connection,
    scope: Scope,
    queue: Queue,
    now: datetime,
    *,
    most: int,
    visibility_seconds: int,
    nonce: str,
    ids: Sequence[str] = (),
) -> list[Received]:
    """Take messages: they are hidden for so long, and those that were taken too often become dead letters.

    Args:
        nonce: a UUID of this receipt; what was taken with it before and is hidden still is told again, hidden anew.
        ids: of a FIFO queue, what may be taken (``offered``), looked for at most a moment ago.

    Raises:
        QueueMissing
    """
    rows: Sequence[Any] = []
    if queue.fifo:
        queue = lock(conn, scope, queue)
        rows = _told_of(conn, scope, queue, ids)
        if told := [row for row in rows if row.nonce == nonce and row.visible_at > now]:
            return _hand_out(conn, queue, told, now, visibility_seconds=visibility_seconds, nonce=nonce, again=True)
        rows = _still_in_turn(rows, now)
    dead = None if queue.dead_letters is None else QUEUES.one(conn, scope, name=queue.dead_letters)
    for each in filter(None, (dead, queue)):
        bury_due(conn, scope, each, now)
    taken: list[Any] = []
    moved = 0
    while len(taken) < most and moved < _MOST_MOVED:
        some: Sequence[Any]
        if queue.fifo:
            some, rows = rows[: most - len(taken)], rows[most - len(taken) :]
        else:
            some = _candidates(conn, scope, queue, now, most=most - len(taken), passed=[row.id for row in taken])
        spent = [row for row in some if dead and queue.most_receives and row.receives >= queue.most_receives]
        if dead is not None and spent:
            _bury(conn, queue, dead, spent, now)
            moved += len(spent)
        gone = {row.id for row in spent}
        taken += [row for row in some if row.id not in gone]
        if not spent:
            break
    last = [row.id for row in taken if dead and queue.most_receives and row.receives + 1 >= queue.most_receives]
    received = _hand_out(conn, queue, taken, now, visibility_seconds=visibility_seconds, nonce=nonce)
    if dead is not None and last:
        until = now + timedelta(seconds=visibility_seconds)
        doomed = update(table).where(_c.queue_id == queue.id, _c.id.in_(last))
        conn.execute(doomed.values(dead_queue_id=dead.id, dead_at=until))
    return received


def _candidates(
    conn: Connection, scope: Scope, queue: Queue, now: datetime, *, most: int, passed: Sequence[str]
) -> Sequence[Any]:
    """What a queue that is no FIFO has longest; another receiver's choice is passed over."""
    statement = select(table).where(within(scope, queue), _c.visible_at <= now, _c.expires_at > now)
    if passed:
        statement = statement.where(_c.id.not_in(passed))
    ordered = statement.order_by(_c.visible_at, _c.number).limit(most)
    return conn.execute(ordered.with_for_update(skip_locked=True)).all()


def _in_turn(conn: Connection, scope: Scope, queue: Queue, now: datetime, *, most: int) -> list[str]:
    """Ids of a FIFO queue's messages whose turn it is: of a group nothing comes after what is hidden.

    It looks through as many as ``_LOOKED_THROUGH``, as AWS does: who comes after so many waits until some are gone.
    """
    numbers = select(_c.number).where(_c.queue_id == queue.id).order_by(_c.number)
    end = conn.execute(numbers.offset(_LOOKED_THROUGH).limit(1)).scalar()
    near = true() if end is None else _c.number < end
    hidden = (
        select(_c.group_name.label("group_name"), func.min(_c.number).label("first"))
        .where(within(scope, queue), _c.visible_at > now, _c.expires_at > now, near)
        .group_by(_c.group_name)
        .subquery()
    )
    free = (
        select(_c.id)
        .join_from(table, hidden, hidden.c.group_name == _c.group_name, isouter=True)
        .where(within(scope, queue), _c.visible_at <= now, _c.expires_at > now, near)
        .where(or_(hidden.c.first.is_(None), _c.number < hidden.c.first))
    )
    return list(conn.execute(free.order_by(_c.number).limit(most)).scalars())


def _told_of(conn: Connection, scope: Scope, queue: Queue, ids: Sequence[str]) -> list[Any]:
    """What there is of these messages, in order."""
    rows: list[Any] = []
    for chunk in chunks(ids):
        rows += conn.execute(select(table).where(within(scope, queue), _c.id.in_(list(chunk)))).all()
    return sorted(rows, key=lambda row: row.number)


def _still_in_turn(rows: Sequence[Any], now: datetime) -> list[Any]:
    """Of a locked FIFO queue's messages that were in turn a moment ago those that are still.

    They are of each group all from its first on, so only what they are themselves has to be looked at again: no other
    comes before them later.
    """
    free: list[Any] = []
    waiting: set[str | None] = set()
    for row in rows:
        if row.visible_at > now:
            waiting.add(row.group_name)
        elif row.group_name not in waiting and row.expires_at > now:
            free.append(row)
    return free


def bury_due(conn: Connection, scope: Scope, dead: Queue, now: datetime) -> None:
    """Move what was received for the last time and is hidden no more to this queue, whoever looks for it first."""
    due = (
        select(table)
        .where(_c.project_id == scope.project_id, _c.region == scope.region)
        .where(_c.dead_queue_id == dead.id, _c.dead_at <= now, _c.expires_at > now)
        .order_by(_c.number)
        .limit(_MOST_MOVED)
    )
    rows = conn.execute(due.with_for_update(skip_locked=True)).all()
    if not rows:
        return
    sources = QUEUES.of(conn, scope, {row.queue_id for row in rows})
    for row in rows:
        source = sources.get(row.queue_id)
        if source and source.dead_letters == dead.name and row.receives >= (source.most_receives or 0):
            _bury(conn, source, dead, [row], now)
        else:  # the queue's settings are others by now
            conn.execute(update(table).where(_c.id == row.id).values(dead_queue_id=None, dead_at=None))


def _bury(conn: Connection, queue: Queue, dead: Queue, rows: Sequence[Any], now: datetime) -> None:
    """Move messages to the queue of dead letters, where they are seen at once.

    How long they are kept counts from when they were sent; in a FIFO queue from now on.
    """
    for row in rows:
        since = now if queue.fifo else row.sent_at
        values = {
            "queue_id": dead.id,
            "visible_at": now,
            "expires_at": since + timedelta(seconds=dead.retention_seconds),
            "nonce": None,
            "source": queue.name,
            "dead_queue_id": None,
            "dead_at": None,
        }
        conn.execute(update(table).where(_c.id == row.id, _c.queue_id == queue.id).values(values))


def _hand_out(
    conn: Connection,
    queue: Queue,
    rows: Sequence[Any],
    now: datetime,
    *,
    visibility_seconds: int,
    nonce: str,
    again: bool = False,
) -> list[Received]:
    if not rows:
        return []
    times = 0 if again else 1
    conn.execute(
        update(table)
        .where(_c.queue_id == queue.id, _c.id.in_([row.id for row in rows]))
        .values(
            visible_at=now + timedelta(seconds=visibility_seconds),
            receives=_c.receives + times,
            nonce=nonce,
            first_received_at=func.coalesce(_c.first_received_at, literal(now, Instant)),
        )
    )
    return [
        Received(
            id=row.id,
            receipt=receipt(queue.id, row.id, nonce),
            body=row.body,
            attributes=row.attributes,
            sender=row.sender,
            sent_at=row.sent_at,
            first_received_at=row.first_received_at or now,
            receives=row.receives + times,
            number=row.number,
            trace=row.trace,
            group=row.group_name,
            deduplication=row.deduplication,
            source=row.source,
        )
        for row in rows
    ]


def remove(
    conn: Connection, scope: Scope, queue: Queue, receipts: Sequence[tuple[str, str]], now: datetime
) -> set[str]:
    """Delete messages by (id, nonce) of their receipts; the ids of those whose receipt had expired.

    A receipt is good until the message is received again; that of a FIFO message for as long as it is hidden.
    """
    expired: set[str] = set()
    if queue.fifo:
        still = select(_c.id, _c.nonce, _c.visible_at).where(
            within(scope, queue), _c.id.in_([id_ for id_, _ in receipts])
        )
        held = {row.id: row for row in conn.execute(still.with_for_update())}
        for id_, nonce in receipts:
            row = held.get(id_)
            if row is not None and (row.nonce != nonce or row.visible_at <= now):
                expired.add(id_)
    wanted = [(id_, nonce) for id_, nonce in receipts if id_ not in expired]
    if wanted:
        # The ids alone are what an index finds.
        ids = _c.id.in_([id_ for id_, _ in wanted])
        conn.execute(delete(table).where(within(scope, queue), ids, tuple_(_c.id, _c.nonce).in_(wanted)))
    return expired


def hide(conn: Connection, scope: Scope, queue: Queue, taken: tuple[str, str], now: datetime, *, seconds: int) -> None:
    """Hide the message of a receipt, by (id, nonce), for so long from now on. Raises NotInFlight."""
    message_id, nonce = taken
    until = now + timedelta(seconds=seconds)
    statement = (
        update(table)
        .where(within(scope, queue), _c.id == message_id, _c.nonce == nonce, _c.visible_at > now)
        .values(visible_at=until, dead_at=case((_c.dead_queue_id.is_(None), None), else_=literal(until, Instant)))
    )
    if not conn.execute(statement).rowcount:
        raise NotInFlight(message_id)
