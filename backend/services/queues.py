"""Queues: made, set, listed and deleted; messages sent, received, hidden and deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import uuid4

from backend.clock import Clock
from backend.domain.ids import derived_uuid
from backend.domain.queues import (
    MOST_TAGS,
    PURGE_PAUSE,
    Counts,
    DeadLettersMissing,
    MessageRefused,
    Outgoing,
    PurgedLately,
    Queue,
    QueueExists,
    QueueLimits,
    QueueMissing,
    ReceiptInvalid,
    Received,
    Sent,
    opened,
)
from backend.domain.scope import Scope
from backend.errors import Finding, LimitExceeded
from backend.services.arrivals import Arrivals, Ticket
from backend.store import counting, receiving
from backend.store import queues as rows
from backend.store.queues import QUEUES
from backend.store.rooms import Rooms
from backend.store.session import Connection, Store

_AT_ONCE: Final = 1000
"""Messages that one transaction deletes."""


class Queues:
    """Each call may raise StoreUnavailable; those that name a queue QueueMissing."""

    def __init__(
        self, store: Store, clock: Clock, limits: QueueLimits | None = None, rooms: Rooms | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits or QueueLimits()
        self._rooms = rooms or Rooms(clock, self._limits)
        self.arrivals = Arrivals(store, clock)

    # Queues

    def find(self, scope: Scope, name: str) -> Queue:
        with self._store.read() as conn:
            return rows.named(conn, scope, name)

    def list(self, scope: Scope) -> Sequence[Queue]:
        """All of a project in a region, by name."""
        with self._store.read() as conn:
            return sorted(QUEUES.all(conn, scope), key=lambda each: each.name)

    def sources(self, scope: Scope, name: str) -> Sequence[Queue]:
        """Those whose dead letters come into this one, by name."""
        with self._store.read() as conn:
            rows.named(conn, scope, name)
            return sorted(QUEUES.all(conn, scope, dead_letters=name), key=lambda each: each.name)

    def counts(self, scope: Scope, queue: Queue) -> Counts:
        with self._store.read() as conn:
            return rows.counts(conn, scope, queue, self._clock.now())

    def create(self, scope: Scope, name: str, settings: Mapping[str, Any], tags: Mapping[str, str]) -> Queue:
        """A new queue, or the one of that name that is there with the same settings.

        Args:
            settings: fields of Queue -> values; of those that are left out a queue that is there may have any.

        Raises:
            QueueExists, DeadLettersMissing
            LimitExceeded: too many queues, or tags.
        """
        _check_tags(tags)
        now = self._clock.now()

        def work(conn: Connection) -> Queue:
            present = QUEUES.one(conn, scope, name=name)
            if present is not None:
                for setting, value in settings.items():
                    if getattr(present, setting) != value:
                        raise QueueExists(name, setting)
                return present
            counting.check(conn, scope, "queues", self._limits.queues, partial(QUEUES.count, conn, scope))
            made = Queue(id=str(uuid4()), name=name, created_at=now, changed_at=now, tags=tags, **settings)
            _check_dead_letters(conn, scope, made)
            QUEUES.add(conn, scope, made)
            return made

        return counting.transact(self._store, work)

    def change(self, scope: Scope, name: str, settings: Mapping[str, Any]) -> None:
        """Set some of its settings (fields of Queue). Raises DeadLettersMissing."""
        now = self._clock.now()

        def work(conn: Connection) -> None:
            present = rows.named(conn, scope, name)
            _check_dead_letters(conn, scope, replace(present, **settings))
            QUEUES.change(conn, scope, present.id, changed_at=now, **settings)

        self._store.transact(work)

    def set_policy(self, scope: Scope, name: str, made: Callable[[Queue], Any]) -> None:
        """Give it the policy that is made of the queue as it is; what ``made`` raises changes nothing."""
        now = self._clock.now()

        def work(conn: Connection) -> None:
            present = rows.named(conn, scope, name, hold=True)
            QUEUES.change(conn, scope, present.id, changed_at=now, policy=made(present))

        self._store.transact(work)

    def retag(self, scope: Scope, name: str, put: Mapping[str, str], remove: Sequence[str] = ()) -> None:
        """Set and take away tags. Raises LimitExceeded."""

        def work(conn: Connection) -> None:
            queue = rows.named(conn, scope, name, hold=True)
            tags = {key: value for key, value in {**queue.tags, **put}.items() if key not in remove}
            _check_tags(tags)
            QUEUES.change(conn, scope, queue.id, tags=tags)

        self._store.transact(work)

    def delete(self, scope: Scope, name: str) -> None:
        """Delete a queue with what lies in it."""

        def work(conn: Connection) -> Queue:
            queue = rows.named(conn, scope, name)
            QUEUES.remove(conn, scope, id=queue.id)
            return queue

        # Should this be cut short, what is left of the messages goes when they were kept long enough.
        self._empty(scope, self._store.transact(work))

    def purge(self, scope: Scope, name: str) -> None:
        """Delete all that was sent so far. Raises PurgedLately."""
        now = self._clock.now()

        def work(conn: Connection) -> Queue:
            queue = rows.named(conn, scope, name, hold=True)
            if queue.purged_at is not None and now - queue.purged_at < PURGE_PAUSE:
                raise PurgedLately(name)
            QUEUES.change(conn, scope, queue.id, purged_at=now)
            return queue

        self._empty(scope, self._store.transact(work))

    def _empty(self, scope: Scope, queue: Queue) -> None:
        now = self._clock.now()
        while self._store.transact(lambda conn: rows.empty(conn, scope, queue, now, _AT_ONCE)) == _AT_ONCE:
            pass

    # Messages

    def send(self, scope: Scope, queue: Queue, outgoing: Sequence[Outgoing]) -> Sequence[Sent]:
        """Put messages into a queue, all or none.

        Raises:
            MessageRefused
            LimitExceeded: the project has too many, or too long ones.
        """
        size = sum(each.size for each in outgoing)
        self._rooms.take(scope.project_id, len(outgoing), size, partial(self._kept, scope.project_id))
        now = self._clock.now()
        sent = self._store.transact(lambda conn: rows.send(conn, scope, queue, outgoing, now))
        self.arrivals.came(queue.id, len(outgoing))
        return sent

    def _kept(self, project_id: str, now: datetime | None) -> tuple[int, int]:
        with self._store.read() as conn:
            return rows.kept(conn, project_id, now)

    def receive(
        self, scope: Scope, queue: Queue, most: int, visibility_seconds: int, attempt: str | None = None
    ) -> Sequence[Received]:
        """Take up to so many messages; they are hidden from others for so long.

        Args:
            attempt: of a receiver that asks again because it heard no answer: it is told the same messages.

        Raises:
            LimitExceeded: too many are hidden already.
        """
        now = self._clock.now()
        if queue.fifo:
            return self._receive_in_turn(scope, queue, most, visibility_seconds, attempt)
        with self._store.read() as conn:
            if not receiving.anything(conn, scope, [queue.id], now):
                return []
            receiving.check_in_flight(conn, scope, queue, most, now)
        nonce = str(uuid4())
        received = self._store.transact(
            lambda conn: receiving.receive(
                conn, scope, queue, now, most=most, visibility_seconds=visibility_seconds, nonce=nonce
            )
        )
        if received:
            self.arrivals.taken(queue.id)
        return received

    def _receive_in_turn(
        self, scope: Scope, queue: Queue, most: int, visibility_seconds: int, attempt: str | None
    ) -> Sequence[Received]:
        """What is to be taken is looked for before the queue is locked, for it may be the last of very many."""
        now = self._clock.now()
        with self._store.read() as conn:
            dying = receiving.dying(conn, scope, queue.id, now)
        if dying:
            self._store.transact(lambda conn: receiving.bury_due(conn, scope, queue, now))
        told = None if attempt is None else derived_uuid(queue.id, attempt)
        with self._store.read() as conn:
            ids = receiving.offered(conn, scope, queue, now, most=most, nonce=told)
            if not ids:
                return []
            receiving.check_in_flight(conn, scope, queue, most, now)
        nonce = told or str(uuid4())
        received = self._store.transact(
            lambda conn: receiving.receive(
                conn, scope, queue, now, most=most, visibility_seconds=visibility_seconds, nonce=nonce, ids=ids
            )
        )
        if received:
            self.arrivals.taken(queue.id)
        return received

    def expect(self, scope: Scope, queue: Queue) -> Ticket:
        """Wait for a message that could be received."""
        now = self._clock.now()
        with self._store.read() as conn:
            # Of a FIFO queue a look tells only what can be taken: there is nothing to wait for first.
            again = not queue.fifo and bool(receiving.anything(conn, scope, [queue.id], now))
        return self.arrivals.expect(scope, queue, again=again)

    def remove(self, scope: Scope, queue: Queue, receipts: Sequence[str]) -> Sequence[Finding | None]:
        """Delete messages by their receipts; of each what stands against it. Raises nothing of any one."""
        read = [_opened(queue, each) for each in receipts]
        known = [each for each in read if not isinstance(each, Finding)]
        now = self._clock.now()
        expired: set[str] = set()
        if known:
            expired = self._store.transact(lambda conn: receiving.remove(conn, scope, queue, known, now))
            self.arrivals.came(queue.id, len(known))  # in a FIFO queue the next one's turn has come
        return [
            each if isinstance(each, Finding) else ReceiptInvalid(text, "expired") if each[0] in expired else None
            for text, each in zip(receipts, read, strict=True)
        ]

    def hide(self, scope: Scope, queue: Queue, receipt: str, seconds: int) -> None:
        """Hide a received message for so long from now on. Raises ReceiptInvalid, NotInFlight."""
        read = _opened(queue, receipt)
        if isinstance(read, Finding):
            raise read
        now = self._clock.now()
        self._store.transact(lambda conn: receiving.hide(conn, scope, queue, read, now, seconds=seconds))
        if seconds == 0:
            self.arrivals.came(queue.id)


def refused(queue: Queue, message: Outgoing) -> MessageRefused | None:
    """What stands against a message in a queue, before anything is written."""
    try:
        rows.check(queue, message)
    except MessageRefused as reason:
        return reason
    return None


def _opened(queue: Queue, text: str) -> tuple[str, str] | ReceiptInvalid:
    parts = opened(text)
    if parts is None:
        return ReceiptInvalid(text, "form")
    queue_id, message_id, nonce = parts
    return (message_id, nonce) if queue_id == queue.id else ReceiptInvalid(text, "queue")


def _check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > MOST_TAGS:
        raise LimitExceeded("tags", MOST_TAGS)


def _check_dead_letters(conn: Connection, scope: Scope, queue: Queue) -> None:
    if queue.dead_letters is None:
        return
    try:
        target = rows.named(conn, scope, queue.dead_letters)
    except QueueMissing:
        raise DeadLettersMissing(queue.dead_letters) from None
    if target.fifo != queue.fifo:
        raise DeadLettersMissing(queue.dead_letters, "kind")
    if not allows(target, queue.name):
        raise DeadLettersMissing(queue.dead_letters, "denied")


def allows(target: Queue, source: str) -> bool:
    """Whether a queue lets another one send its dead letters."""
    allowed = target.redrive_allow or {}
    permission = allowed.get("permission", "allowAll")
    return permission == "allowAll" or (permission == "byQueue" and source in allowed.get("sources", ()))
