"""Queues and what lies in them: a queue with its settings, messages on their way in and out, receipts. Values and sums.

Source: Amazon SQS Developer Guide and API Reference; conformance/recorded.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from backend.errors import Finding

MOST_BYTES: Final = 1024 * 1024
"""Of a message with its attributes, and of all messages of a batch."""
MOST_IN_FLIGHT: Final = 120_000
MOST_TAGS: Final = 50
DEDUPLICATION: Final = timedelta(minutes=5)
PURGE_PAUSE: Final = timedelta(seconds=60)
FIFO_SUFFIX: Final = ".fifo"

_ARN: Final = re.compile(r"arn:aws[a-z-]*:sqs:([\w.-]+):([0-9]{12}):([A-Za-z0-9_-]{1,75}(?:\.fifo)?|[\w-]{1,80})")
_RECEIPT_BYTES: Final = 48


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """What a project may have.

    Attributes:
        queues, topics, subscriptions: in a region.
        messages, most_bytes: in all its queues; a moment's more is let through, for they are counted now and then.
    """

    queues: int = 1000
    topics: int = 1000
    subscriptions: int = 10_000
    messages: int = 1_000_000
    most_bytes: int = 4 * 1024**3


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue and its settings.

    Attributes:
        visibility_seconds: how long a received message is hidden.
        delay_seconds: how long a new one is.
        retention_seconds: how long one is kept that nobody deletes.
        wait_seconds: how long a receiver waits where nothing is there.
        content_deduplication: a FIFO message without an id of its own is told by the digest of its body.
        group_deduplication: ids of two groups never mean the same message.
        group_limit: the limit of messages a second is each group's own; shown, there is no such limit here.
        dead_letters: name of the queue that takes what was received too often; None: there is none.
        most_receives: how often a message may be received before it goes there.
        redrive_allow: which queues may name this one as theirs, as given.
        policy: as given; nothing asks it.
        kms_key, kms_reuse_seconds, managed_encryption: shown; the database is as encrypted as its disk.
        last_number: of the last FIFO message that was sent.
    """

    id: str
    name: str
    created_at: datetime
    changed_at: datetime
    visibility_seconds: int = 30
    delay_seconds: int = 0
    retention_seconds: int = 345_600
    most_bytes: int = MOST_BYTES
    wait_seconds: int = 0
    content_deduplication: bool = False
    group_deduplication: bool = False
    group_limit: bool = False
    dead_letters: str | None = None
    most_receives: int | None = None
    redrive_allow: Mapping[str, Any] | None = None
    policy: Any = None
    kms_key: str | None = None
    kms_reuse_seconds: int | None = None
    managed_encryption: bool = True
    tags: Mapping[str, str] = field(default_factory=dict)
    purged_at: datetime | None = None
    last_number: int = 0

    @property
    def fifo(self) -> bool:
        return self.name.endswith(FIFO_SUFFIX)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages of a queue wait, are hidden because they were received, and are delayed."""

    waiting: int
    in_flight: int
    delayed: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as it is sent.

    Attributes:
        attributes: name -> {"type", "text" or "bytes" (base64)}.
        trace: the header of a distributed trace, which receivers are told.
        sender: who sent it, as receivers are told.
        group: of a FIFO message; of others it says whose they are.
        deduplication: the id by which a FIFO queue knows a message that it has had; None: what the queue says.
        delay_seconds: None: the queue's.
    """

    body: str
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    trace: str | None = None
    sender: str = ""
    group: str | None = None
    deduplication: str | None = None
    delay_seconds: int | None = None

    @property
    def size(self) -> int:
        """Bytes of the body and of names, types and values of attributes."""
        return len(self.body.encode()) + sum(
            len(name.encode()) + len(each["type"].encode()) + len(value_of(each))
            for name, each in self.attributes.items()
        )


@dataclass(frozen=True, slots=True)
class Sent:
    """What is said of a message that was sent; ``number`` only of FIFO ones."""

    id: str
    number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message as it is received.

    Attributes:
        receipt: what its receiver deletes it by, another one at each receipt.
        receives: how often it was received, this time among them.
        source: name of the queue that it lay in before it became a dead letter.
    """

    id: str
    receipt: str
    body: str
    attributes: Mapping[str, Mapping[str, str]]
    sender: str
    sent_at: datetime
    first_received_at: datetime
    receives: int
    number: int
    trace: str | None = None
    group: str | None = None
    deduplication: str | None = None
    source: str | None = None


def value_of(attribute: Mapping[str, str]) -> bytes:
    """The bytes of an attribute's value."""
    return base64.b64decode(attribute["bytes"]) if "bytes" in attribute else attribute["text"].encode()


def digest(text: str) -> str:
    """MD5 of a body, as senders and receivers check it."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def attributes_digest(attributes: Mapping[str, Mapping[str, str]]) -> str:
    """MD5 of attributes: of each, in the order of the names, its name, type, kind of value and value with lengths.

    Source: Amazon SQS Developer Guide, "Calculating the MD5 message digest for message attributes".
    """
    told = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        each = attributes[name]
        for part in (name.encode(), each["type"].encode()):
            told.update(struct.pack("!I", len(part)) + part)
        value = value_of(each)
        told.update(b"\2" if "bytes" in each else b"\1")
        told.update(struct.pack("!I", len(value)) + value)
    return told.hexdigest()


def deduplication_of(queue: Queue, message: Outgoing) -> str | None:
    """The id by which the queue knows a message again; None where nothing tells it."""
    if message.deduplication is not None:
        return message.deduplication
    return hashlib.sha256(message.body.encode()).hexdigest() if queue.content_deduplication else None


def receipt(queue_id: str, message_id: str, nonce: str) -> str:
    """What a receiver is given to delete a message by."""
    return base64.b64encode(UUID(queue_id).bytes + UUID(message_id).bytes + UUID(nonce).bytes).decode()


def opened(text: str) -> tuple[str, str, str] | None:
    """(queue, message, nonce) of a receipt; None where the text is none."""
    try:
        raw = base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != _RECEIPT_BYTES:
        return None
    queue, message, nonce = (str(UUID(bytes=raw[at : at + 16])) for at in (0, 16, 32))
    return queue, message, nonce


def arn_parts(arn: str) -> tuple[str, str, str] | None:
    """(region, account, name) of a queue's ARN; None where the text is none."""
    found = _ARN.fullmatch(arn)
    return (found[1], found[2], found[3]) if found else None


@dataclass(eq=False)
class QueueMissing(Finding):
    """``queue``: as it was named."""

    queue: str


@dataclass(eq=False)
class QueueExists(Finding):
    """One of that name is there, with another value of ``setting`` (a field of Queue)."""

    name: str
    setting: str


@dataclass(eq=False)
class DeadLettersMissing(Finding):
    """There is no such queue for dead letters, or (``why``: kind) it is no FIFO queue where the source is one."""

    name: str
    why: str = "missing"


@dataclass(eq=False)
class PurgedLately(Finding):
    name: str


@dataclass(eq=False)
class ReceiptInvalid(Finding):
    """``why``: form, queue (another one's), expired (of a FIFO queue)."""

    receipt: str
    why: str


@dataclass(eq=False)
class NotInFlight(Finding):
    """The message is not hidden by a receipt; or there is none."""

    receipt: str


@dataclass(eq=False)
class MessageRefused(Finding):
    """``why``: group_missing, deduplication_missing, delay, deduplication (of a queue that is no FIFO), size.

    ``most``: bytes that the queue takes.
    """

    why: str
    most: int = 0
    value: str = ""
