"""Queues and their messages in SQL: put and counted; each statement within one project and region.

FIFO queues are locked as a whole, for there the order of two senders, or of two receivers of a group, is the point.
What receivers do is in ``receiving``.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    select,
)

from backend.domain.queues import (
    Counts,
    MessageRefused,
    Outgoing,
    Queue,
    QueueMissing,
    Sent,
    arn_parts,
    deduplication_of,
)
from backend.domain.scope import Scope
from backend.store import deduplications, outbox
from backend.store.batches import chunks
from backend.store.queue_tables import messages as table
from backend.store.queue_tables import queues as queue_table
from backend.store.records import Records
from backend.store.types import to_micros

QUEUES: Final = Records(queue_table, Queue)
_c = table.c
_NUMBERS: Final = 1000
"""Numbers that a microsecond has."""


def named(conn: Connection, scope: Scope, name: str, *, hold: bool = False) -> Queue:
    """Held, it stays as it is until the transaction ends. Raises QueueMissing."""
    found = (QUEUES.hold if hold else QUEUES.one)(conn, scope, name=name)
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
        key = deduplications.key_of(each.group or "" if queue.group_deduplication else "", told)
        known = deduplications.had(conn, queue.id, key, now)
        if known is None:
            row = _row(scope, queue, each, now, number)
            row["deduplication"] = told
            rows.append(row)
            known = Sent(row["id"], number)
            deduplications.remember(conn, queue.id, key, known, now)
            number += 1
        sent.append(known)
    if rows:
        conn.execute(insert(table), rows)
        QUEUES.change(conn, scope, queue.id, last_number=number - 1)
    return sent


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


def within(scope: Scope, queue: Queue) -> ColumnElement[bool]:
    """The messages of a queue."""
    return and_(_c.project_id == scope.project_id, _c.region == scope.region, _c.queue_id == queue.id)


def counts(conn: Connection, scope: Scope, queue: Queue, now: datetime) -> Counts:
    """How many messages there are, by what they wait for."""
    hidden, received = _c.visible_at > now, _c.receives > 0
    sums = (
        func.coalesce(func.sum(case((each, 1), else_=0)), 0)
        for each in (_c.visible_at <= now, and_(hidden, received), and_(hidden, ~received))
    )
    row = conn.execute(select(*sums).where(within(scope, queue), _c.expires_at > now)).one()
    return Counts(*(int(each) for each in row))


def kept(conn: Connection, project_id: str, now: datetime | None = None) -> tuple[int, int]:
    """(messages, bytes) that a project has in all its queues, everywhere; what is about to be told to URLs counts, too.

    Args:
        now: what has expired by then does not count; None: it does, and the count is in indices alone.
    """
    own = select(func.count(), func.coalesce(func.sum(_c.size), 0)).where(_c.project_id == project_id)
    row = conn.execute(own if now is None else own.where(_c.expires_at > now)).one()
    return int(row[0]) + outbox.kept(conn, project_id), int(row[1])


def empty(conn: Connection, scope: Scope, queue: Queue, sent_before: datetime, limit: int) -> int:
    """Delete up to ``limit`` messages of a queue, there or gone, that were sent by then; how many there were."""
    some = select(_c.id).where(within(scope, queue), _c.sent_at <= sent_before).limit(limit)
    ids = list(conn.execute(some).scalars())
    for chunk in chunks(ids):
        conn.execute(delete(table).where(_c.queue_id == queue.id, _c.id.in_(list(chunk))))
    return len(ids)
