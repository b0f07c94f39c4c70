"""Streams of the outbox: what is due of one is told to its target, in order, at least once, until it is given up.

What this database keeps itself (queues, topics) takes a message in the transaction that takes it out of the outbox, and
so has it once. Everybody else is told by a call, in a lane of its own, with no transaction open; what was taken is
written afterwards, and an engine that dies in between has it told again under the same id.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from backend.domain.messages import KNOWN_KINDS, Gone, Message, SinkError, Telling, Unreached
from backend.domain.scope import Scope
from backend.domain.web_addresses import shown
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.lanes import Call
from backend.errors import NewerWord
from backend.store import clusters, leases, outbox
from backend.store.leases import StreamLease
from backend.store.outbox import Waiting
from backend.store.outlets import Send, Shelf, kind_of, shelve
from backend.store.session import Connection

LOG = logging.getLogger(__name__)
LANE = "sinks"
_WORDS_LANE = "words"
"""What is kept here waits for no target that does not answer, not even for its words."""
_BATCHES = 20
"""Of one stream in a row; then others have their turn."""
_CALL_SECONDS = 20.0
"""No further message is begun in a call that has taken so long."""
_SHELF_SECONDS = 1.0
"""No further message is begun in a transaction that has taken so long."""
_VAIN = 2
"""A call ends after so many messages that were not taken: it is the target, and not the message."""
_MOST_DOUBLINGS = 20


class Faulty(Unreached):
    """A fault of ours kept a message from being told, or that it is of a newer version, and no target did.

    It may be mended while there is patience, or an engine that knows more may come by.
    """


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one message.

    Attributes:
        error: None where it was taken.
        dead: it was given up.
    """

    waiting: Waiting
    error: SinkError | None
    dead: bool = False


def deliver(context: Context, lease: StreamLease) -> Job:
    """The job of one stream."""
    for _ in range(_BATCHES):
        now = context.now()
        with context.store.read() as conn:
            found = outbox.waiting(conn, lease.stream_id, now, context.settings.messages_batch)
        due = in_turn(found, now)
        if not due:
            break
        # Where that was all, the stream is given back in the transaction that tells what came of it.
        last = len(found) < context.settings.messages_batch
        target = due[0].message.target
        shelf = context.outlets.shelves.get(kind_of(target))
        if shelf is not None:  # the words are found in a call, too: they may ask the cloud
            (tellings,) = yield [Call(lease.scope, partial(_worded, context, due), lane=_WORDS_LANE)]
            noted = yield Write(partial(_shelve, context, lease, shelf, tellings, last=last))
        else:
            send = context.outlets.sinks.get(kind_of(target), _nowhere)
            (tried,) = yield [Call(lease.scope, partial(_send, context, send, target, due), lane=LANE)]
            noted = yield Write(partial(_conclude, context, lease, tried, last=last))
        if noted is None:  # another engine has it, and tells it again
            return
        _tell(context, noted)
        if last:
            return
        if any(isinstance(each.error, Unreached) for each in noted):
            break
    yield Write(partial(_release, lease))


def in_turn(found: Iterable[Waiting], now: datetime) -> list[Waiting]:
    """What is told now: no message before one that is not due yet, but for those that hold up nobody any more."""
    due: list[Waiting] = []
    held = False
    for each in found:
        if each.due_at <= now and not (held and each.holds):
            due.append(each)
        held = held or (each.holds and each.due_at > now)
    return due


def _nowhere(_scope: Scope, target: str, _telling: Telling) -> None:
    """Takes nothing: what this installation has no way to."""
    raise Gone(f"there is no way to {shown(target)}")


def _worded(context: Context, due: Sequence[Waiting]) -> list[tuple[Waiting, Telling | SinkError]]:
    """Each with its words, or with why it has none."""
    return [(each, _words(context, each.message)) for each in due]


def _words(context: Context, message: Message) -> Telling | SinkError:
    if message.kind not in KNOWN_KINDS:  # it waits for an engine of the version that wrote it
        return Faulty(f"only a newer Coppice knows messages of the kind {message.kind}")
    try:
        return context.outlets.words(message)
    except NewerWord as newer:
        return Faulty(f"only a newer Coppice knows the {newer.kind} {newer.said}")
    except Exception as error:  # noqa: BLE001 - a fault in one message's words keeps nobody else's from being told
        return _fault(message, error)


def _fault(message: Message, error: Exception) -> Faulty:
    LOG.error("message %s to %s could not be told", message.id, shown(message.target), exc_info=error)
    return Faulty(f"a fault of Coppice: {type(error).__name__}")


def _send(context: Context, send: Send, target: str, due: Sequence[Waiting]) -> list[Tried]:
    """Tell them one after the other, as far as the target takes them and the time goes."""
    tried: list[Tried] = []
    clock, vain = context.clock, 0
    ends_at = clock.monotonic() + _CALL_SECONDS
    for waiting in due:
        error = _sent(context, send, target, waiting.message)
        tried.append(Tried(waiting, error))
        vain += isinstance(error, Unreached) and not isinstance(error, Faulty)
        if vain >= _VAIN or _holds_up(waiting, error) or clock.monotonic() >= ends_at:
            break
    return tried


def _sent(context: Context, send: Send, target: str, message: Message) -> SinkError | None:
    """Tell it; why it was not taken, None where it was."""
    words = _words(context, message)
    if isinstance(words, SinkError):
        return words
    try:
        send(message.scope, target, words)
    except SinkError as error:
        return error
    except Exception as error:  # noqa: BLE001 - as with its words
        return _fault(message, error)
    return None


def _holds_up(waiting: Waiting, error: SinkError | None) -> bool:
    """Whether those after it wait for its next attempt."""
    return isinstance(error, Unreached) and waiting.attempts + 1 < outbox.IN_ORDER


def _shelve(
    context: Context,
    lease: StreamLease,
    shelf: Shelf,
    tellings: Sequence[tuple[Waiting, Telling | SinkError]],
    conn: Connection,
    *,
    last: bool,
) -> Sequence[Tried] | None:
    """Hand messages to what this database keeps; None where the lease was lost.

    Only what is in the outbox still: where the answer to a commit was lost, this may be done already.
    """
    if not _held(conn, lease, [each for each, _ in tellings]):
        return None
    left = outbox.left(conn, lease.stream_id, [each.message.id for each, _ in tellings])
    now = context.now()
    tried: list[Tried] = []
    ends_at = context.clock.monotonic() + _SHELF_SECONDS
    for each, telling in tellings:
        if each.message.id not in left:
            continue
        error = _shelved(conn, shelf, each.message, telling, now)
        tried.append(Tried(each, error))
        if _holds_up(each, error):
            break
        if context.clock.monotonic() >= ends_at:
            break
    return _noted(context, conn, lease, tried, last=last)


def _shelved(
    conn: Connection, shelf: Shelf, message: Message, telling: Telling | SinkError, now: datetime
) -> SinkError | None:
    """Put it there; why it was not taken, None where it was."""
    if isinstance(telling, SinkError):
        return telling
    try:
        shelve(shelf, conn, message, telling, now)
    except SinkError as error:
        return error
    return None


def _conclude(
    context: Context, lease: StreamLease, tried: Sequence[Tried], conn: Connection, *, last: bool
) -> Sequence[Tried] | None:
    """Write what came of a call; None where the lease was lost."""
    if not _held(conn, lease, [each.waiting for each in tried if each.error is not None]):
        return None
    return _noted(context, conn, lease, tried, last=last)


def _held(conn: Connection, lease: StreamLease, concerned: Iterable[Waiting]) -> bool:
    """Whether the lease is held; the groups whose actions may be decided are locked before it, as everywhere."""
    owners = {each.message.cluster_id for each in concerned if each.message.action_id is not None}
    if owners:
        clusters.lock_many(conn, owners)
    return leases.STREAMS.fence(conn, lease) is not None


def _noted(
    context: Context, conn: Connection, lease: StreamLease, tried: Sequence[Tried], *, last: bool
) -> Sequence[Tried]:
    """Write what came of each message, and give the stream back after the last; each with whether it was given up."""
    outbox.told(conn, [each.waiting.message.id for each in tried if each.error is None])
    now = context.now()
    noted: list[Tried] = []
    for each in tried:
        error, waiting = each.error, each.waiting
        dead = error is not None and _hopeless(context, error, waiting, now)
        noted.append(replace(each, dead=dead))
        if dead:
            outbox.give_up(conn, waiting, str(error), now)
            if waiting.message.action_id is not None:
                context.outlets.decide(conn, waiting.message.action_id, now)
        elif error is not None:
            outbox.put_off(conn, waiting, str(error), now, now + _pause(context, waiting))
    if last:
        _give_back(conn, lease)
    return noted


def _hopeless(context: Context, error: SinkError, waiting: Waiting, now: datetime) -> bool:
    patience = context.settings.message_patience
    return not isinstance(error, Unreached) or now - (waiting.failing_since or now) >= patience


def _pause(context: Context, waiting: Waiting) -> timedelta:
    """Doubling to a bound, and spread, so that what failed together does not come back together."""
    settings = context.settings
    pause: timedelta = settings.message_pause * 2 ** min(waiting.attempts, _MOST_DOUBLINGS)
    rng = context.rng("message", waiting.message.id, waiting.attempts)
    return min(pause, settings.message_longest_pause) * rng.uniform(0.8, 1.2)


def _tell(context: Context, tried: Sequence[Tried]) -> None:
    """Count what was done, and say in the log what was not."""
    dead = [each for each in tried if each.dead]
    taken = sum(each.error is None for each in tried)
    for what, number in (("messages", taken), ("dead_messages", len(dead))):
        if number:
            context.count(what, number)
    for each in dead:
        message = each.waiting.message
        LOG.warning(
            "project=%s region=%s group=%s message %s to %s was given up: %s",
            message.project_id,
            message.region,
            message.cluster_name,
            message.id,
            shown(message.target),
            each.error,
        )


def _release(lease: StreamLease, conn: Connection) -> None:
    if leases.STREAMS.fence(conn, lease) is not None:
        _give_back(conn, lease)


def _give_back(conn: Connection, lease: StreamLease) -> None:
    """Give the stream back, which is held, due when its next message is; an empty one is forgotten."""
    due_at = outbox.next_due(conn, lease.stream_id)
    if due_at is None:
        leases.STREAMS.forget(conn, lease)
    else:
        leases.STREAMS.release(conn, lease, due_at)
