"""Queues and their messages in SQL: put, taken, hidden, deleted; each statement within one project and region.

Messages are taken by a conditional order of rows: whoever takes some locks them, others pass them over. FIFO queues are
locked as a whole, for there the order of two senders, or of two receivers of a group, is the point.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from backend.domain.queues import (
    DEDUPLICATION,
    MOST_IN_FLIGHT,
    Counts,
    MessageRefused,
    NotInFlight,
    Outgoing,
    Queue,
    QueueMissing,
    Received,
    Sent,
    arn_parts,
    deduplication_of,
    receipt,
)
from backend.domain.scope import Scope
from backend.errors import LimitExceeded
from backend.store.batches import chunks
from backend.store.queue_tables import deduplications
from backend.store.queue_tables import messages as table
from backend.store.queue_tables import queues as queue_table
from backend.store.records import Records
from backend.store.types import Instant, to_micros

QUEUES: Final = Records(queue_table, Queue)
_c = table.c
_NUMBERS: Final = 1000
"""Numbers that a microsecond has."""
_MOST_MOVED: Final = 100
"""Messages that become dead letters while one receiver waits."""


def named(conn: Connection, scope: Scope, name: str) -> Queue:
    """Raises QueueMissing."""
    found = QUEUES.one(conn, scope, name=name)
    if found is None:
        raise QueueMissing(name)
    return found


def of_arn(conn: Connection, scope: Scope, arn: str) -> Queue:
    """The queue that an ARN names; whose region and account it tells is looked at by who takes it from a caller.

    Raises:
        QueueMissing
    """
    parts = arn_parts(arn)
    if parts is None:
        raise QueueMissing(arn)
    return named(conn, scope, parts[2])


def lock(conn: Connection, scope: Scope, queue: Queue) -> Queue:
    """The queue as it is now, which nobody else changes before this transaction ends. Raises QueueMissing."""
    held = select(queue_table.c.id).where(queue_table.c.id == queue.id).with_for_update()
    conn.execute(held)
    found = QUEUES.one(conn, scope, id=queue.id)
    if found is None:
        raise QueueMissing(queue.name)
    return found


def put(  # noqa: PLR0917 - what a message is
    conn: Connection,
    scope: Scope,
    queue_arn: str,
    body: str,
    attributes: dict[str, dict[str, str]] | None,
    now: datetime,
) -> Sent:
    """Send a message to the queue of an ARN.

    Args:
        attributes: name -> {"type", "text" or "bytes" (base64)}.

    Raises:
        QueueMissing: there is none.
        MessageRefused: it takes no such message (too long; of no group where the queue is FIFO).
    """
    return send(conn, scope, of_arn(conn, scope, queue_arn), [Outgoing(body, attributes or {})], now)[0]


def send(conn: Connection, scope: Scope, queue: Queue, outgoing: Sequence[Outgoing], now: datetime) -> list[Sent]:
    """Put messages into a queue, in their order. Raises MessageRefused, QueueMissing."""
    for each in outgoing:
        check(queue, each)
    if queue.fifo:
        return _send_in_order(conn, scope, lock(conn, scope, queue), outgoing, now)
    first = to_micros(now) * _NUMBERS
    rows = [_row(scope, queue, each, now, first + at) for at, each in enumerate(outgoing)]
    conn.execute(insert(table), rows)
    return [Sent(row["id"]) for row in rows]


def check(queue: Queue, each: Outgoing) -> None:
    """Raises MessageRefused where the queue takes no such message."""
    if each.size > queue.most_bytes:
        raise MessageRefused("size", queue.most_bytes)
    if not queue.fifo:
        if each.deduplication is not None:
            raise MessageRefused("deduplication", value=each.deduplication)
        return
    if each.group is None:
        raise MessageRefused("group_missing")
    if each.delay_seconds:
        raise MessageRefused("delay", value=str(each.delay_seconds))
    if deduplication_of(queue, each) is None:
        raise MessageRefused("deduplication_missing")


def _send_in_order(
    conn: Connection, scope: Scope, queue: Queue, outgoing: Sequence[Outgoing], now: datetime
) -> list[Sent]:
    number = max(queue.last_number + 1, to_micros(now) * _NUMBERS)
    rows: list[dict[str, Any]] = []
    sent: list[Sent] = []
    for each in outgoing:
        told = deduplication_of(queue, each) or ""
        key = key_of(each.group or "" if queue.group_deduplication else "", told)
        known = had(conn, queue.id, key, now)
        if known is None:
            row = _row(scope, queue, each, now, number)
            row["deduplication"] = told
            rows.append(row)
            known = Sent(row["id"], number)
            remember(conn, queue.id, key, known, now)
            number += 1
        sent.append(known)
    if rows:
        conn.execute(insert(table), rows)
        QUEUES.change(conn, scope, queue.id, last_number=number - 1)
    return sent


def key_of(*parts: str) -> str:
    """What stands for a group and an id in what is kept in mind."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def content_key(text: str) -> str:
    """The id of a message that was given none."""
    return hashlib.sha256(text.encode()).hexdigest()


def had(conn: Connection, owner_id: str, key: str, now: datetime) -> Sent | None:
    """What was said of a message of that key that a queue or a topic had in the last five minutes."""
    d = deduplications.c
    statement = select(d.message_id, d.number).where(d.owner_id == owner_id, d.key == key, d.expires_at > now)
    row = conn.execute(statement).first()
    return None if row is None else Sent(row.message_id, row.number)


def remember(conn: Connection, owner_id: str, key: str, sent: Sent, now: datetime) -> None:
    """Keep in mind what was said of a message, in the place of what is forgotten by now."""
    d = deduplications.c
    conn.execute(delete(deduplications).where(d.owner_id == owner_id, d.key == key))
    values = {"owner_id": owner_id, "key": key, "message_id": sent.id, "number": sent.number or 0}
    conn.execute(insert(deduplications), {**values, "expires_at": now + DEDUPLICATION})


def _row(scope: Scope, queue: Queue, each: Outgoing, now: datetime, number: int) -> dict[str, Any]:
    delay = queue.delay_seconds if each.delay_seconds is None or queue.fifo else each.delay_seconds
    return {
        "id": str(uuid4()),
        "project_id": scope.project_id,
        "region": scope.region,
        "queue_id": queue.id,
        "number": number,
        "visible_at": now + timedelta(seconds=delay),
        "sent_at": now,
        "expires_at": now + timedelta(seconds=queue.retention_seconds),
        "size": each.size,
        "body": each.body,
        "attributes": dict(each.attributes),
        "trace": each.trace,
        "sender": each.sender,
        "group_name": each.group,
        "deduplication": each.deduplication,
        "receives": 0,
    }


def anything(conn: Connection, scope: Scope, queue_ids: Collection[str], now: datetime) -> set[str]:
    """Which of these queues have a message that might be taken; of FIFO ones it may be that it has to wait its turn."""
    own = and_(_c.project_id == scope.project_id, _c.region == scope.region)
    found: set[str] = set()
    for each in queue_ids:
        statement = select(_c.id).where(own, _c.queue_id == each, _c.visible_at <= now, _c.expires_at > now).limit(1)
        dying = select(_c.id).where(own, _c.dead_queue_id == each, _c.dead_at <= now).limit(1)
        if conn.execute(statement).first() is not None or conn.execute(dying).first() is not None:
            found.add(each)
    return found


def receive(
    conn: Connection,
    scope: Scope,
    queue: Queue,
    now: datetime,
    *,
    most: int,
    visibility_seconds: int,
    nonce: str,
) -> list[Received]:
    """Take messages: they are hidden for so long, and those that were taken too often become dead letters.

    Args:
        nonce: a UUID of this receipt. Where it was used before, what was taken with it and is hidden still is told
            again and hidden anew.

    Raises:
        LimitExceeded: too many are hidden already.
        QueueMissing
    """
    if queue.fifo:
        queue = lock(conn, scope, queue)
        before = select(table).where(_within(scope, queue), _c.nonce == nonce, _c.visible_at > now).order_by(_c.number)
        if told := conn.execute(before).all():
            return _hand_out(conn, queue, told, now, visibility_seconds=visibility_seconds, nonce=nonce, again=True)
    dead = None if queue.dead_letters is None else QUEUES.one(conn, scope, name=queue.dead_letters)
    for each in filter(None, (dead, queue)):
        _bury_due(conn, scope, each, now)
    if _hidden(conn, scope, queue, now) + most > MOST_IN_FLIGHT:
        raise LimitExceeded("in_flight", MOST_IN_FLIGHT)
    taken: list[Any] = []
    moved = 0
    while len(taken) < most and moved < _MOST_MOVED:
        passed = [row.id for row in taken]
        rows = _candidates(conn, scope, queue, now, most=most - len(taken), passed=passed)
        spent = [row for row in rows if dead and queue.most_receives and row.receives >= queue.most_receives]
        if dead is not None and spent:
            _bury(conn, queue, dead, spent, now)
            moved += len(spent)
        gone = {row.id for row in spent}
        taken += [row for row in rows if row.id not in gone]
        if not spent:
            break
    last = [row.id for row in taken if dead and queue.most_receives and row.receives + 1 >= queue.most_receives]
    received = _hand_out(conn, queue, taken, now, visibility_seconds=visibility_seconds, nonce=nonce)
    if dead is not None and last:
        until = now + timedelta(seconds=visibility_seconds)
        doomed = update(table).where(_c.queue_id == queue.id, _c.id.in_(last))
        conn.execute(doomed.values(dead_queue_id=dead.id, dead_at=until))
    return received


def _within(scope: Scope, queue: Queue) -> ColumnElement[bool]:
    return and_(_c.project_id == scope.project_id, _c.region == scope.region, _c.queue_id == queue.id)


def _hidden(conn: Connection, scope: Scope, queue: Queue, now: datetime) -> int:
    """How many are hidden because somebody took them; no more are counted than there may be."""
    some = select(_c.id).where(_within(scope, queue), _c.visible_at > now, _c.receives > 0).limit(MOST_IN_FLIGHT)
    return int(conn.execute(select(func.count()).select_from(some.subquery())).scalar_one())


def _candidates(
    conn: Connection, scope: Scope, queue: Queue, now: datetime, *, most: int, passed: Sequence[str]
) -> Sequence[Any]:
    statement = select(table).where(_within(scope, queue), _c.visible_at <= now, _c.expires_at > now)
    if passed:
        statement = statement.where(_c.id.not_in(passed))
    if not queue.fifo:
        # The one that has been there longest first; another receiver's choice is passed over.
        ordered = statement.order_by(_c.visible_at, _c.number).limit(most)
        return conn.execute(ordered.with_for_update(skip_locked=True)).all()
    # Of a group nothing is taken that comes after what is hidden: the queue is locked, so nobody hides any meanwhile.
    hidden = (
        select(_c.group_name.label("group_name"), func.min(_c.number).label("first"))
        .where(_within(scope, queue), _c.visible_at > now, _c.expires_at > now)
        .group_by(_c.group_name)
        .subquery()
    )
    joined = statement.join_from(table, hidden, hidden.c.group_name == _c.group_name, isouter=True)
    free = joined.where(or_(hidden.c.first.is_(None), _c.number < hidden.c.first))
    return conn.execute(free.order_by(_c.number).limit(most)).all()


def _bury_due(conn: Connection, scope: Scope, dead: Queue, now: datetime) -> None:
    """Move what was received for the last time and is hidden no more to this queue, whoever looks for it first."""
    due = (
        select(table)
        .where(_c.project_id == scope.project_id, _c.region == scope.region)
        .where(_c.dead_queue_id == dead.id, _c.dead_at <= now)
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
            _within(scope, queue), _c.id.in_([id_ for id_, _ in receipts])
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
        conn.execute(delete(table).where(_within(scope, queue), ids, tuple_(_c.id, _c.nonce).in_(wanted)))
    return expired


def hide(conn: Connection, scope: Scope, queue: Queue, taken: tuple[str, str], now: datetime, *, seconds: int) -> None:
    """Hide the message of a receipt, by (id, nonce), for so long from now on. Raises NotInFlight."""
    message_id, nonce = taken
    until = now + timedelta(seconds=seconds)
    statement = (
        update(table)
        .where(_within(scope, queue), _c.id == message_id, _c.nonce == nonce, _c.visible_at > now)
        .values(visible_at=until, dead_at=case((_c.dead_queue_id.is_(None), None), else_=literal(until, Instant)))
    )
    if not conn.execute(statement).rowcount:
        raise NotInFlight(message_id)


def counts(conn: Connection, scope: Scope, queue: Queue, now: datetime) -> Counts:
    """How many messages there are, by what they wait for."""
    hidden, received = _c.visible_at > now, _c.receives > 0
    row = conn.execute(
        select(
            func.coalesce(func.sum(case((_c.visible_at <= now, 1), else_=0)), 0),
            func.coalesce(func.sum(case((and_(hidden, received), 1), else_=0)), 0),
            func.coalesce(func.sum(case((and_(hidden, ~received), 1), else_=0)), 0),
        ).where(_within(scope, queue), _c.expires_at > now)
    ).one()
    return Counts(*(int(each) for each in row))


def kept(conn: Connection, project_id: str) -> tuple[int, int]:
    """(messages, bytes) that a project has in all its queues, everywhere."""
    row = conn.execute(
        select(func.count(), func.coalesce(func.sum(_c.size), 0)).where(_c.project_id == project_id)
    ).one()
    return int(row[0]), int(row[1])


def empty(conn: Connection, scope: Scope, queue: Queue, sent_before: datetime, limit: int) -> int:
    """Delete up to ``limit`` messages of a queue, there or gone, that were sent by then; how many there were."""
    some = select(_c.id).where(_within(scope, queue), _c.sent_at <= sent_before).limit(limit)
    ids = list(conn.execute(some).scalars())
    for chunk in chunks(ids):
        conn.execute(delete(table).where(_c.queue_id == queue.id, _c.id.in_(list(chunk))))
    return len(ids)
