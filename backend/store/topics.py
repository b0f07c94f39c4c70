"""Topics and subscriptions in SQL, and what becomes of a publication: rows of queues and of the outbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, func, insert, literal, select

from backend.domain import filters
from backend.domain.ids import derived_uuid
from backend.domain.messages import Message, MessageKind
from backend.domain.queues import MessageRefused, Outgoing, Queue, QueueMissing, Sent, arn_parts
from backend.domain.scope import Scope
from backend.domain.topics import (
    Envelope,
    FilterScope,
    Publication,
    PublicationRefused,
    Published,
    Subscription,
    Topic,
    TopicMissing,
    subscription_of,
)
from backend.errors import LimitExceeded
from backend.store import deduplications, outbox, queues
from backend.store.queue_tables import ended_subscriptions as ended_table
from backend.store.queue_tables import subscriptions as subscription_table
from backend.store.queue_tables import topics as topic_table
from backend.store.records import Records
from backend.store.rooms import Rooms
from backend.store.types import to_micros

TOPICS: Final = Records(topic_table, Topic)
SUBSCRIPTIONS: Final = Records(subscription_table, Subscription)
ENDED: Final = Records(ended_table, Subscription)
"""Those that were ended by a link, with the token that takes it back; what is read of them may be over."""
_QUEUE: Final = "sqs"
_NUMBERS: Final = 1000
MOST_TOLD_BYTES: Final = 64 * 1024**2
"""Of what is published at once, to all who hear it together."""


def named(conn: Connection, scope: Scope, name: str, *, hold: bool = False) -> Topic:
    """Held, it stays as it is until the transaction ends. Raises TopicMissing."""
    found = (TOPICS.hold if hold else TOPICS.one)(conn, scope, name=name)
    if found is None:
        raise TopicMissing(name)
    return found


def filtering(conn: Connection, scope: Scope, topic: Topic) -> list[Subscription]:
    """Subscriptions of a topic that have a filter, without the filters."""
    return SUBSCRIPTIONS.without(conn, scope, "filter", subscription_table.c.filter.is_not(None), topic_id=topic.id)


def of_arn(conn: Connection, scope: Scope, arn: str) -> Topic:
    """The topic that an ARN names; whose region and account it tells is looked at by who takes it from a caller.

    Raises:
        TopicMissing
    """
    return named(conn, scope, arn.rpartition(":")[2])


def heard(conn: Connection, scope: Scope, topic: Topic) -> tuple[int, int, int]:
    """(confirmed, pending, lately ended) subscriptions of a topic."""
    c = subscription_table.c
    own = (c.project_id == scope.project_id, c.region == scope.region, c.topic_id == topic.id)
    every, confirmed = conn.execute(select(func.count(), func.count(c.confirmed_at)).where(*own)).one()
    return int(confirmed), int(every) - int(confirmed), ENDED.count(conn, scope, topic_id=topic.id)


def project_of(conn: Connection, subscription_id: str, *, ended: bool = False) -> str | None:
    """The project of a subscription, which nothing else is told of to who has no more than its id.

    Args:
        ended: of one that was ended by a link, too.
    """
    for c in (subscription_table.c, ended_table.c)[: 1 + ended]:
        found: str | None = conn.execute(select(c.project_id).where(c.id == subscription_id)).scalar()
        if found is not None:
            return found
    return None


def end(conn: Connection, scope: Scope, subscription: Subscription, token: str, expires_at: datetime) -> None:
    """End a subscription so that whoever shows the token until then has it again."""
    names = subscription_table.c.keys()
    kept = [literal(token) if name == "token" else subscription_table.c[name] for name in names]
    found = select(*kept, literal(expires_at, ended_table.c.expires_at.type)).where(
        subscription_table.c.id == subscription.id
    )
    conn.execute(insert(ended_table).from_select([*names, "expires_at"], found))
    SUBSCRIPTIONS.remove(conn, scope, id=subscription.id)


def ended(conn: Connection, scope: Scope, topic: Topic, told_token: str, now: datetime) -> Subscription | None:
    """The subscription that was ended by a link, as it was; None where the token takes nothing back, or no more."""
    id_ = subscription_of(told_token)
    found = ENDED.one(conn, scope, topic_id=topic.id, id=id_) if id_ else None
    if found is None or not found.has_token(told_token):
        return None
    over = conn.execute(select(ended_table.c.expires_at).where(ended_table.c.id == found.id)).scalar_one() <= now
    return None if over else found


def alike(conn: Connection, scope: Scope, wanted: Subscription) -> Subscription | None:
    """The subscription of its topic that the same endpoint has."""
    return SUBSCRIPTIONS.one(
        conn, scope, topic_id=wanted.topic_id, protocol=wanted.protocol, endpoint_key=wanted.endpoint_key
    )


def resume(conn: Connection, scope: Scope, found: Subscription) -> None:
    """Have one that was ended by a link again."""
    ENDED.remove(conn, scope, id=found.id)
    SUBSCRIPTIONS.add(conn, scope, found)


def hearers(
    conn: Connection, scope: Scope, topic: Topic, publications: Sequence[Publication], rooms: Rooms
) -> list[list[Subscription]]:
    """Who is told of each publication, with room for them; it is asked before anything is written.

    Raises:
        LimitExceeded: the project has no room for so much, or it is too much for one time.
    """
    all_ = SUBSCRIPTIONS.all(conn, scope, topic_id=topic.id)
    confirmed = [each for each in all_ if each.confirmed_at is not None]
    hearing: list[list[Subscription]] = []
    size = 0
    for each in publications:
        told = filters.Told(each.attributes, each.message)
        hearing.append([subscription for subscription in confirmed if passes(subscription, told)])
        size += len(hearing[-1]) * each.full_size
    if size > MOST_TOLD_BYTES:
        raise LimitExceeded("bytes", MOST_TOLD_BYTES)
    project_id = scope.project_id
    number = sum(len(each) for each in hearing)
    if number:
        rooms.take(project_id, number, size, lambda then: queues.kept(conn, project_id, then))
    return hearing


def check_waiting(conn: Connection, scope: Scope, hearing: Sequence[Sequence[Subscription]], most: int) -> None:
    """Raises LimitExceeded where more would wait to be told to URLs than may wait at once in a project and region.

    What goes on in place of a message that waited (``shelves``) is not asked: it would wait for itself.
    """
    urls = sum(each.protocol != _QUEUE for told in hearing for each in told)
    if urls and urls > outbox.room(conn, scope, most):
        raise LimitExceeded("messages", most)


def publish(  # noqa: PLR0917 - what is said where, and to whom
    conn: Connection,
    scope: Scope,
    topic: Topic,
    publications: Sequence[Publication],
    hearing: Sequence[Sequence[Subscription]],
    now: datetime,
    *,
    envelope: Envelope,
) -> list[Sent]:
    """Tell who hears a topic: queues in this transaction, others by rows of the outbox.

    Args:
        hearing: of each publication (``hearers``).

    Raises:
        PublicationRefused, TopicMissing
    """
    for each in publications:
        check(topic, each)
    if topic.fifo:
        conn.execute(select(topic_table.c.id).where(topic_table.c.id == topic.id).with_for_update())
        topic = named(conn, scope, topic.name)
    number = max(topic.last_number + 1, to_micros(now) * _NUMBERS)
    sent: list[Sent] = []
    for each, told in zip(publications, hearing, strict=True):
        made = Sent(each.id or str(uuid4()), number if topic.fifo else None)
        if topic.fifo and (known := _had(conn, topic, each, made, now)) is not None:
            sent.append(known)
            continue
        number += 1
        published = Published(made.id, made.number, now, each)
        for subscription in told:
            _deliver(conn, scope, topic, subscription, published, envelope)
        sent.append(made)
    if topic.fifo:
        TOPICS.change(conn, scope, topic.id, last_number=number)
    return sent


def check(topic: Topic, publication: Publication) -> None:
    """Raises PublicationRefused where the topic takes no such message."""
    if not topic.fifo:
        if publication.deduplication is not None:
            raise PublicationRefused("deduplication")
        return
    if publication.group is None:
        raise PublicationRefused("group_missing")
    if publication.deduplication is None and not topic.content_deduplication:
        raise PublicationRefused("deduplication_missing")


def _had(conn: Connection, topic: Topic, publication: Publication, made: Sent, now: datetime) -> Sent | None:
    """What was said of the same message in the last five minutes; else it is kept in mind."""
    key = deduplications.key_of("", _deduplication(publication))
    known = deduplications.had(conn, topic.id, key, now)
    if known is None:
        deduplications.remember(conn, topic.id, key, made, now)
    return known


def _deduplication(publication: Publication) -> str:
    return publication.deduplication or deduplications.content_key(publication.message)


def passes(subscription: Subscription, told: filters.Told) -> bool:
    """Whether a subscriber wants to hear it."""
    if not subscription.filter:
        return True
    if subscription.filter_scope is FilterScope.BODY:
        return told.passes_body(subscription.filter)
    return told.passes_attributes(subscription.filter)


def _deliver(  # noqa: PLR0917 - who is told what by whom
    conn: Connection,
    scope: Scope,
    topic: Topic,
    subscription: Subscription,
    published: Published,
    envelope: Envelope,
) -> None:
    if subscription.protocol != _QUEUE:
        outbox.add(conn, [to_url(scope, topic, subscription, published, envelope)])
        return
    parts = arn_parts(subscription.endpoint)
    for name in (parts[2] if parts else None, subscription.dead_letters):
        queue = _queue(conn, scope, name) if name else None
        if queue is None:
            continue
        try:
            queues.send(conn, scope, queue, [_outgoing(topic, subscription, queue, published, envelope)], published.at)
        except (MessageRefused, QueueMissing):
            continue
        return


def _queue(conn: Connection, scope: Scope, name: str) -> Queue | None:
    return queues.QUEUES.one(conn, scope, name=name)


def _outgoing(
    topic: Topic, subscription: Subscription, queue: Queue, published: Published, envelope: Envelope
) -> Outgoing:
    publication = published.publication
    return Outgoing(
        body=publication.text(_QUEUE) if subscription.raw else envelope(topic, subscription, published),
        attributes=publication.attributes if subscription.raw else {},
        group=publication.group or (topic.name if queue.fifo else None),
        deduplication=_deduplication(publication) if queue.fifo and topic.fifo else None,
    )


def to_url(scope: Scope, topic: Topic, subscription: Subscription, published: Published, envelope: Envelope) -> Message:
    """The row of the outbox that tells a URL."""
    publication = published.publication
    body = publication.text(subscription.protocol) if subscription.raw else envelope(topic, subscription, published)
    told = {"type": "Notification", "message_id": published.id, "body": body, "raw": subscription.raw}
    return url_message(scope, topic, subscription, derived_uuid(published.id, subscription.id), told, published.at)


def url_message(  # noqa: PLR0917 - whom what is told of
    scope: Scope, topic: Topic, subscription: Subscription, id_: str, told: Mapping[str, Any], now: datetime
) -> Message:
    """A row of the outbox for a subscriber's URL.

    Args:
        told: its type, the id that the subscriber is told, its body, and whether that is all that is sent.
    """
    return Message(
        id=id_,
        project_id=scope.project_id,
        region=scope.region,
        cluster_id=topic.id,
        cluster_name=topic.name[:255],
        kind=MessageKind.PUBLICATION,
        target=subscription.endpoint,
        data={**told, "topic": topic.name, "subscription": subscription.id},
        created_at=now,
    )
