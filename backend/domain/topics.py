"""Topics, who hears them, and what is published: values.

Source: Amazon SNS Developer Guide and API Reference; conformance/recorded.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from backend.domain.queues import FIFO_SUFFIX, value_of
from backend.errors import Finding

MOST_BYTES: Final = 256 * 1024
"""Of what is published with its attributes, and of all of a batch."""
MOST_FILTERS: Final = 200
"""Subscriptions of one topic that have a filter; AWS's own bound."""
CONFIRMATION: Final = timedelta(days=3)
"""How long a token of a subscription is good."""

_ID_DIGITS: Final = 32


class FilterScope(StrEnum):
    """Where a filter looks, in AWS's words."""

    ATTRIBUTES = "MessageAttributes"
    BODY = "MessageBody"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic and its settings.

    Attributes:
        display_name, policy, delivery_policy: as given; the last is shown, retries are the outbox's own.
        further: what else was set, by AWS's name: kept and shown.
        last_number: of the last FIFO message.
    """

    id: str
    name: str
    created_at: datetime
    display_name: str = ""
    policy: Any = None
    delivery_policy: Any = None
    content_deduplication: bool = False
    further: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    last_number: int = 0

    @property
    def fifo(self) -> bool:
        return self.name.endswith(FIFO_SUFFIX)


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who hears a topic.

    Attributes:
        protocol: ``sqs``, ``http`` or ``https``.
        endpoint: ARN of a queue, or URL.
        endpoint_key: stands for the endpoint in an index.
        principal: ARN of who made it.
        confirmed_at: None while nobody has shown its token.
        authenticated: whether who confirmed it had signed.
        raw: the message goes alone, in no envelope.
        dead_letters: name of the queue that takes what cannot be delivered.
        token: the secret that whoever hears it shows; what they are told is ``told_token``.
    """

    id: str
    topic_id: str
    protocol: str
    endpoint: str
    endpoint_key: str
    created_at: datetime
    principal: str
    confirmed_at: datetime | None
    authenticated: bool
    token: str
    raw: bool = False
    filter: Any = None
    filter_scope: FilterScope = FilterScope.ATTRIBUTES
    dead_letters: str | None = None
    delivery_policy: Any = None

    @property
    def told_token(self) -> str:
        """What a URL is told so that it confirms: whose secret it is, and the secret."""
        return UUID(self.id).hex + self.token

    def has_token(self, told: str) -> bool:
        """Whether it is this one's, found out in a time that tells nothing of the secret."""
        return hmac.compare_digest(self.told_token.encode(), told.encode())


def subscription_of(told_token: str) -> str | None:
    """The id of the subscription that a token is told to be of."""
    try:
        return str(UUID(told_token[:_ID_DIGITS]))
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Publication:
    """What is published.

    Attributes:
        message: what those hear for whose protocol there is no text of its own.
        texts: protocol -> text.
        attributes: name -> {"type", "text" or "bytes" (base64)}.
        group, deduplication: of a FIFO topic's messages.
        id: of the message; None: a new one.
    """

    message: str
    subject: str | None = None
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    deduplication: str | None = None
    id: str | None = None

    def text(self, protocol: str) -> str:
        """What those of a protocol hear."""
        return self.texts.get(protocol, self.message)

    @property
    def size(self) -> int:
        """Bytes of the message and of names, types and values of attributes."""
        return len(self.message.encode()) + sum(
            len(name.encode()) + len(each["type"].encode()) + len(value_of(each))
            for name, each in self.attributes.items()
        )

    @property
    def full_size(self) -> int:
        """Bytes of all that anybody may be told of it: the subject and the texts of protocols, too."""
        return self.size + len((self.subject or "").encode()) + sum(len(each.encode()) for each in self.texts.values())


@dataclass(frozen=True, slots=True)
class Published:
    """A publication as subscribers are told of it."""

    id: str
    number: int | None
    at: datetime
    publication: Publication


Envelope = Callable[[Topic, Subscription, Published], str]
"""A publication as a subscriber that wants no raw message hears it."""


def endpoint_key(endpoint: str) -> str:
    """What stands for an endpoint in an index."""
    return hashlib.sha256(endpoint.encode()).hexdigest()[:36]


@dataclass(eq=False)
class TopicMissing(Finding):
    topic: str


@dataclass(eq=False)
class TopicDiffers(Finding):
    """One of that name is there; ``what``: attributes, tags."""

    name: str
    what: str


@dataclass(eq=False)
class SubscriptionMissing(Finding):
    subscription: str


@dataclass(eq=False)
class SubscriptionDiffers(Finding):
    """The endpoint hears the topic already, with other attributes."""

    subscription: str


@dataclass(eq=False)
class SignatureMissing(Finding):
    """Only who signs may end it."""

    subscription: str


@dataclass(eq=False)
class SubscriptionPending(Finding):
    """Nobody has confirmed it yet."""

    subscription: str


@dataclass(eq=False)
class TokenUnknown(Finding):
    """No subscription of the topic waits for that token."""

    token: str


@dataclass(eq=False)
class PublicationRefused(Finding):
    """``why``: group_missing, deduplication_missing, deduplication (of a topic that is no FIFO)."""

    why: str
