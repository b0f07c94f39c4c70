"""Where messages go, as the composition root joined it: words for them, and what takes them. Knows no sink."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from backend.domain.messages import Message, Telling
from backend.drivers.sinks import Sink
from backend.store.outbox import Shelf
from backend.store.session import Connection

Decide = Callable[[Connection, str, datetime], None]
"""An action is decided by its default: whoever was to decide it was never told."""


def plain(message: Message) -> Telling:
    """The facts of a message, in no words but ours."""
    return Telling(message.id, f"{message.kind}: {dict(message.data)}")


def undecided(_conn: Connection, _action_id: str, _now: datetime) -> None:
    """Nothing waits for an answer."""


def _nothing() -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Outlets:
    """What takes messages.

    Attributes:
        words: a message as it is told.
        shelves: targets that this database keeps, by kind.
        sinks: targets that are told by a call, by kind.
        decide: what becomes of an action whose message was given up.
    """

    words: Callable[[Message], Telling] = plain
    shelves: Mapping[str, Shelf] = field(default_factory=_nothing)
    sinks: Mapping[str, Sink] = field(default_factory=_nothing)
    decide: Decide = undecided


def kind_of(target: str) -> str:
    """The kind of a target: the service of an ARN (``sqs``), or what one of ours begins with (``log:``)."""
    parts = target.split(":")
    return parts[2] if parts[0] == "arn" and len(parts) > 2 else parts[0]
