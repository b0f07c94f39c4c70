"""Where messages go, as the composition root joined it: words for them, and what takes them. Knows no sink."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from backend.domain.consultations import Question
from backend.domain.messages import MOST_WAITING, Message, Refused, SinkError, Telling
from backend.domain.scope import Scope
from backend.domain.web_addresses import web_address
from backend.store import failures
from backend.store.failures import Failure

LOG = logging.getLogger(__name__)

_WEB = ("http:", "https:")

Send = Callable[[Scope, str, Telling], None]
"""Tells a target something; see ``drivers.sinks``."""

Shelf = Callable[[Connection, Scope, str, Telling, datetime], None]
"""Puts a message into what this database keeps for that target, in the transaction that takes it out of the outbox.

It raises Refused and Gone as sinks do, before it has written anything.
"""

Decide = Callable[[Connection, str, datetime], None]
"""An action is decided by its default: whoever was to decide it was never told."""


def plain(message: Message) -> Telling:
    """The facts of a message, in no words but ours."""
    return Telling(message.id, f"{message.kind}: {dict(message.data)}")


def undecided(_conn: Connection, _action_id: str, _now: datetime) -> None:
    """Nothing waits for an answer."""


def anywhere(_scope: Scope, _arn: str) -> bool:
    """Every ARN is a project's own."""
    return True


def _nothing() -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Outlets:
    """What takes messages.

    Attributes:
        words: a message as it is told.
        shelves: targets that this database keeps, by kind.
        sinks: targets that are told by a call, by kind.
        reserved: kinds of targets that are the operator's: no caller may name one.
        everywhere: the operator named targets that hear of every event: all is written that may be told.
        decide: what becomes of an action whose message was given up.
        reaches: whether an ARN is in a project's own region and account: what is kept here takes nothing for others.
        consult: asks somebody outside which nodes may go: their servers' short ids; it raises SinkError. None: nobody.
        most_waiting: messages of a project in a region that wait at once; rules tell nobody while there are more.
    """

    words: Callable[[Message], Telling] = plain
    shelves: Mapping[str, Shelf] = field(default_factory=_nothing)
    sinks: Mapping[str, Send] = field(default_factory=_nothing)
    reserved: Collection[str] = frozenset()
    everywhere: bool = False
    decide: Decide = undecided
    most_waiting: int = MOST_WAITING
    reaches: Callable[[Scope, str], bool] = anywhere
    consult: Callable[[Question], Collection[str]] | None = None

    def takes(self, target: str) -> bool:
        """Whether a caller may have messages sent to it: what is kept here has an ARN, what is called has none."""
        kind = kind_of(target)
        if kind in self.reserved or (target.startswith(_WEB) and web_address(target) is None):
            return False
        return kind in (self.shelves if target.startswith("arn:") else self.sinks)


def kind_of(target: str) -> str:
    """The kind of a target: the service of an ARN (``sqs``), or what one of ours begins with (``log:``)."""
    parts = target.split(":")
    return parts[2] if parts[0] == "arn" and len(parts) > 2 else parts[0]


def shelve(shelf: Shelf, conn: Connection, message: Message, telling: Telling, now: datetime) -> None:
    """Have a shelf take a message, all of it or nothing.

    Raises:
        SinkError: it was not taken; Refused, too, where the fault is ours, for it would come again with each attempt
            and take along what others wait for.
    """
    try:
        with conn.begin_nested():
            shelf(conn, message.scope, message.target, telling, now)
    except SinkError:
        raise
    except Exception as error:
        if failures.of(error) is not Failure.FAULT:
            raise  # the whole transaction is run again
        LOG.exception("message %s to %s could not be taken", message.id, message.target)
        raise Refused(f"a fault of Coppice: {type(error).__name__}") from error
