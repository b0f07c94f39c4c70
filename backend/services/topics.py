"""Topics and who hears them: made, set, subscribed to, confirmed, published to."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import uuid4

from backend.clock import Clock
from backend.domain.messages import MOST_WAITING, Message
from backend.domain.queues import QueueLimits, Sent
from backend.domain.scope import Scope
from backend.domain.topics import (
    CONFIRMATION,
    MOST_FILTERS,
    Envelope,
    Publication,
    SignatureMissing,
    Subscription,
    SubscriptionDiffers,
    SubscriptionMissing,
    SubscriptionPending,
    TokenUnknown,
    Topic,
    TopicDiffers,
    endpoint_key,
    subscription_of,
)
from backend.errors import LimitExceeded
from backend.store import counting, deduplications, outbox
from backend.store import topics as rows
from backend.store.rooms import Rooms
from backend.store.session import Connection, Store
from backend.store.topics import ENDED, SUBSCRIPTIONS, TOPICS

_TAGS: Final = 50
_TOKEN_BYTES: Final = 32
_INVITED_AGAIN: Final = timedelta(minutes=1)

Invitation = Callable[[Topic, Subscription, str, datetime], str]
"""What a URL is told so that it confirms, or takes its end back; the text is the message's id."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Subscriptions of a topic, by whether they are confirmed, and those that a link ended and that may come back."""

    confirmed: int
    pending: int
    ended: int


class Topics:
    """Each call may raise StoreUnavailable; who names a topic TopicMissing, who a subscription SubscriptionMissing."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        limits: QueueLimits | None = None,
        rooms: Rooms | None = None,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits or QueueLimits()
        self._rooms = rooms or Rooms(clock, self._limits)
        self._most_waiting = most_waiting

    def find(self, scope: Scope, name: str) -> Topic:
        with self._store.read() as conn:
            return rows.named(conn, scope, name)

    def heard(self, scope: Scope, topic: Topic) -> Heard:
        with self._store.read() as conn:
            return Heard(*rows.heard(conn, scope, topic))

    def list(self, scope: Scope) -> Sequence[Topic]:
        """All of a project in a region, by name."""
        with self._store.read() as conn:
            return sorted(TOPICS.all(conn, scope), key=lambda each: each.name)

    def create(self, scope: Scope, name: str, settings: Mapping[str, Any], tags: Mapping[str, str]) -> Topic:
        """A new topic, or the one of that name that is there with the same settings.

        Args:
            settings: fields of Topic -> values; of ``further`` each name counts by itself.

        Raises:
            TopicDiffers, LimitExceeded
        """
        _check_tags(tags)
        now = self._clock.now()

        def work(conn: Connection) -> Topic:
            present = TOPICS.one(conn, scope, name=name)
            if present is not None:
                _check_alike(present, settings, tags)
                return present
            counting.check(conn, scope, "topics", self._limits.topics, partial(TOPICS.count, conn, scope))
            made = Topic(id=str(uuid4()), name=name, created_at=now, tags=tags, **settings)
            TOPICS.add(conn, scope, made)
            return made

        return counting.transact(self._store, work)

    def change(self, scope: Scope, name: str, settings: Mapping[str, Any]) -> None:
        """Set some of its settings (fields of Topic); of ``further`` the names that are given."""

        def work(conn: Connection) -> None:
            topic = rows.named(conn, scope, name, hold=True)
            values = dict(settings)
            if "further" in values:
                values["further"] = {**topic.further, **values["further"]}
            TOPICS.change(conn, scope, topic.id, **values)

        self._store.transact(work)

    def set_policy(self, scope: Scope, name: str, made: Callable[[Topic], Any]) -> None:
        """Give it the policy that is made of the topic as it is; what ``made`` raises changes nothing."""

        def work(conn: Connection) -> None:
            topic = rows.named(conn, scope, name, hold=True)
            TOPICS.change(conn, scope, topic.id, policy=made(topic))

        self._store.transact(work)

    def retag(self, scope: Scope, name: str, put: Mapping[str, str], remove: Sequence[str] = ()) -> None:
        """Set and take away tags. Raises LimitExceeded."""

        def work(conn: Connection) -> None:
            topic = rows.named(conn, scope, name, hold=True)
            tags = {key: value for key, value in {**topic.tags, **put}.items() if key not in remove}
            _check_tags(tags)
            TOPICS.change(conn, scope, topic.id, tags=tags)

        self._store.transact(work)

    def delete(self, scope: Scope, name: str) -> None:
        """Delete a topic with its subscriptions, if it is there."""

        def work(conn: Connection) -> None:
            topic = TOPICS.hold(conn, scope, name=name)  # before what is of it, as by who subscribes
            if topic is not None:
                for records in (SUBSCRIPTIONS, ENDED):
                    records.remove(conn, scope, topic_id=topic.id)
                TOPICS.remove(conn, scope, id=topic.id)

        self._store.transact(work)

    # Subscriptions

    def subscribe(
        self,
        scope: Scope,
        topic_name: str,
        wanted: Subscription,
        *,
        settings: Sequence[str],
        invitation: Invitation,
    ) -> Subscription:
        """Let somebody hear a topic; the subscription that is there already, where it is alike.

        Args:
            wanted: whose id, topic, key, token and instants are made here; confirmed at once where it has an instant.
            settings: fields that were given, which one that is there must have alike.
            invitation: asks a URL to confirm.

        Raises:
            SubscriptionDiffers, LimitExceeded
        """
        now = self._clock.now()
        wanted = replace(wanted, endpoint_key=endpoint_key(wanted.endpoint))

        def work(conn: Connection) -> Subscription:
            topic = rows.named(conn, scope, topic_name, hold=True)
            present = rows.alike(conn, scope, replace(wanted, topic_id=topic.id))
            if present is not None:
                if any(getattr(present, name) != getattr(wanted, name) for name in settings):
                    raise SubscriptionDiffers(present.id)
                if present.confirmed_at is None:
                    self._invite(conn, scope, topic, present, invitation)
                return present
            self._check_room(conn, scope, topic, wanted)
            made = replace(
                wanted,
                id=str(uuid4()),
                topic_id=topic.id,
                created_at=now,
                confirmed_at=now if wanted.authenticated else None,
                token=secrets.token_hex(_TOKEN_BYTES),
            )
            SUBSCRIPTIONS.add(conn, scope, made)
            if made.confirmed_at is None:
                self._invite(conn, scope, topic, made, invitation)
            return made

        return self._store.transact(work)

    def _check_room(self, conn: Connection, scope: Scope, topic: Topic, wanted: Subscription) -> None:
        """Raises LimitExceeded where the project has no room for one more, or the topic, held, none for its filter."""
        if wanted.filter:
            _check_filters(conn, scope, topic)
        count = partial(SUBSCRIPTIONS.count, conn, scope)
        counting.check(conn, scope, "subscriptions", self._limits.subscriptions, count)

    def _invite(
        self, conn: Connection, scope: Scope, topic: Topic, subscription: Subscription, invitation: Invitation
    ) -> None:
        """Have a URL asked to confirm; whoever subscribes it again and again has it asked once in a while.

        Raises:
            LimitExceeded: too much waits to be told.
        """
        id_, now = str(uuid4()), self._clock.now()
        key = deduplications.key_of("invitation")
        if deduplications.had(conn, subscription.id, key, now) is not None:
            return
        rows.check_waiting(conn, scope, [[subscription]], self._most_waiting)
        deduplications.remember(conn, subscription.id, key, Sent(id_), now, _INVITED_AGAIN)
        body = invitation(topic, subscription, id_, now)
        outbox.add(conn, [_asking("SubscriptionConfirmation", scope, topic, subscription, id_, body, now)])

    def confirm(self, scope: Scope, topic_name: str, token: str, *, authenticated: bool) -> Subscription:
        """Confirm the subscription of a token, with whether only those may end it who sign.

        What was ended by a link comes back by the token that its URL was told, as it was.

        Raises:
            TokenUnknown
            LimitExceeded: others have taken the place of what was ended; it comes back when there is room again.
        """
        now = self._clock.now()

        def work(conn: Connection) -> Subscription:
            topic, id_ = TOPICS.one(conn, scope, name=topic_name), subscription_of(token)
            if topic is not None and rows.ended(conn, scope, topic, token, now) is not None:
                topic = TOPICS.hold(conn, scope, id=topic.id)  # as by who subscribes, and by nobody with a wrong token
            if topic is not None and (ended := rows.ended(conn, scope, topic, token, now)) is not None:
                return self._resume(conn, scope, topic, ended)
            found = SUBSCRIPTIONS.one(conn, scope, topic_id=topic.id, id=id_) if topic and id_ else None
            if found is None or not found.has_token(token) or now - found.created_at > CONFIRMATION:
                raise TokenUnknown(token)
            if found.confirmed_at is None:
                SUBSCRIPTIONS.change(conn, scope, found.id, confirmed_at=now, authenticated=authenticated)
            return found

        return self._store.transact(work)

    def _resume(self, conn: Connection, scope: Scope, topic: Topic, ended: Subscription) -> Subscription:
        """What was ended by a link, again; who subscribed the same endpoint meanwhile has that one."""
        present = rows.alike(conn, scope, ended)
        if present is not None:
            ENDED.remove(conn, scope, id=ended.id)
            return present
        self._check_room(conn, scope, topic, ended)
        rows.resume(conn, scope, ended)
        return ended

    def project_of(self, subscription_id: str, *, ended: bool = False) -> str | None:
        """The project of a subscription, for who follows a link and names no project; None where there is none.

        Args:
            ended: of one that was ended by a link, too.
        """
        with self._store.read() as conn:
            return rows.project_of(conn, subscription_id, ended=ended)

    def subscription(self, scope: Scope, topic_name: str, subscription_id: str) -> tuple[Topic, Subscription]:
        """A subscription and its topic."""
        with self._store.read() as conn:
            return self._subscription(conn, scope, topic_name, subscription_id)

    @staticmethod
    def _subscription(
        conn: Connection, scope: Scope, topic_name: str, subscription_id: str
    ) -> tuple[Topic, Subscription]:
        topic = TOPICS.one(conn, scope, name=topic_name)
        found = SUBSCRIPTIONS.one(conn, scope, id=subscription_id) if topic else None
        if topic is None or found is None or found.topic_id != topic.id:
            raise SubscriptionMissing(subscription_id)
        return topic, found

    def subscriptions(self, scope: Scope, topic_name: str | None = None) -> Sequence[tuple[Topic, Subscription]]:
        """All of a topic, or of all topics, each with its topic, without filters, in the order of their making."""
        with self._store.read() as conn:
            if topic_name is None:
                topics = {each.id: each for each in TOPICS.all(conn, scope)}
                found = SUBSCRIPTIONS.without(conn, scope, "filter")
            else:
                topic = rows.named(conn, scope, topic_name)
                topics = {topic.id: topic}
                found = SUBSCRIPTIONS.without(conn, scope, "filter", topic_id=topic.id)
        told = [(topics[each.topic_id], each) for each in found if each.topic_id in topics]
        return sorted(told, key=lambda pair: (pair[1].created_at, pair[1].id))

    def change_subscription(
        self, scope: Scope, topic_name: str, subscription_id: str, settings: Mapping[str, Any]
    ) -> None:
        """Set some of its settings (fields of Subscription). Raises LimitExceeded: too many filters."""

        def work(conn: Connection) -> None:
            if settings.get("filter"):
                TOPICS.hold(conn, scope, name=topic_name)  # whoever counts its filters has it alone
            topic, found = self._subscription(conn, scope, topic_name, subscription_id)
            if settings.get("filter") and not found.filter:
                _check_filters(conn, scope, topic)
            SUBSCRIPTIONS.change(conn, scope, found.id, **settings)

        self._store.transact(work)

    def unsubscribe(
        self, scope: Scope, topic_name: str, subscription_id: str, *, farewell: Invitation | None = None
    ) -> None:
        """End a subscription, if it is there.

        Args:
            farewell: what its URL is told, with how to take it back, where nobody signed the wish; what was confirmed
                so that it takes a signature is not ended without. None: somebody signed.

        Raises:
            SubscriptionPending, SignatureMissing
        """
        now = self._clock.now()

        def work(conn: Connection) -> None:
            topic = TOPICS.one(conn, scope, name=topic_name)
            found = SUBSCRIPTIONS.one(conn, scope, id=subscription_id) if topic else None
            if topic is None or found is None or found.topic_id != topic.id:
                return
            if found.confirmed_at is None:
                raise SubscriptionPending(subscription_id)
            if farewell is None:
                SUBSCRIPTIONS.remove(conn, scope, id=found.id)
                return
            if found.authenticated:
                raise SignatureMissing(subscription_id)
            self._dismiss(conn, scope, topic, found, farewell, now)

        self._store.transact(work)

    def _dismiss(  # noqa: PLR0917 - who ends what, and is told how
        self,
        conn: Connection,
        scope: Scope,
        topic: Topic,
        found: Subscription,
        farewell: Invitation,
        now: datetime,
    ) -> None:
        """End it so that its URL can take that back; where too much of that is kept, or waits, it just ends."""
        counting.hold(conn, scope, "ended subscriptions")
        full = ENDED.count(conn, scope) >= self._limits.subscriptions
        if full or outbox.room(conn, scope, self._most_waiting) < 1:
            SUBSCRIPTIONS.remove(conn, scope, id=found.id)
            return
        token, id_ = secrets.token_hex(_TOKEN_BYTES), str(uuid4())
        rows.end(conn, scope, found, token, now + CONFIRMATION)
        ended = replace(found, token=token)
        body = farewell(topic, ended, id_, now)
        outbox.add(conn, [_asking("UnsubscribeConfirmation", scope, topic, ended, id_, body, now)])

    # Publishing

    def publish(
        self, scope: Scope, topic_arn: str, publications: Sequence[Publication], envelope: Envelope
    ) -> Sequence[Sent]:
        """Tell all who hear the topic of an ARN: queues have it when this returns, URLs when the engine has told them.

        Raises:
            PublicationRefused
            LimitExceeded: the project has no room for what all of them would be told, or too much waits for URLs.
        """
        now = self._clock.now()
        with self._store.read() as conn:  # filters take their time, in which nobody else has to wait
            topic = rows.of_arn(conn, scope, topic_arn)
            for each in publications:
                rows.check(topic, each)
            hearing = rows.hearers(conn, scope, topic, publications, self._rooms)
            rows.check_waiting(conn, scope, hearing, self._most_waiting)

        def work(conn: Connection) -> Sequence[Sent]:
            present = rows.of_arn(conn, scope, topic_arn)
            return rows.publish(conn, scope, present, publications, hearing, now, envelope=envelope)

        return self._store.transact(work)


def _asking(  # noqa: PLR0917 - who is asked what
    kind: str, scope: Scope, topic: Topic, subscription: Subscription, id_: str, body: str, now: datetime
) -> Message:
    """What asks a URL whether it wants what was done with its subscription."""
    told = {"type": kind, "message_id": id_, "body": body, "raw": False}
    return rows.url_message(scope, topic, subscription, id_, told, now)


def _check_filters(conn: Connection, scope: Scope, topic: Topic) -> None:
    if len(rows.filtering(conn, scope, topic)) >= MOST_FILTERS:
        raise LimitExceeded("filters", MOST_FILTERS)


def _check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > _TAGS:
        raise LimitExceeded("tags", _TAGS)


def _check_alike(present: Topic, settings: Mapping[str, Any], tags: Mapping[str, str]) -> None:
    further = settings.get("further", {})
    alike = all(getattr(present, name) == value for name, value in settings.items() if name != "further")
    if not alike or any(present.further.get(name) != value for name, value in further.items()):
        raise TopicDiffers(present.name, "attributes")
    if tags and dict(present.tags) != dict(tags):
        raise TopicDiffers(present.name, "tags")
