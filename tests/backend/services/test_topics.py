"""Topics as services: their limits, which count for those who hear them, too."""

from __future__ import annotations

import pytest
from sqlalchemy import event, select

from backend.domain.messages import Telling, Unreached
from backend.domain.queues import QueueLimits
from backend.domain.scope import Scope
from backend.domain.topics import MOST_FILTERS, FilterScope, Publication, Subscription
from backend.errors import LimitExceeded
from backend.services.queues import Queues
from backend.services.topics import Topics
from backend.store import outbox_tables
from backend.store import queues as queue_rows
from backend.store import topics as topic_rows
from backend.store.rooms import Rooms
from backend.store.shelves import Shelves

SCOPE = Scope("p-1", "one")
LIMITS = QueueLimits(messages=5, most_bytes=1000)
HOME = ("us-east-1", "123456789012")


def arn(service, name):
    return f"arn:aws:{service}:{HOME[0]}:{HOME[1]}:{name}"


def envelope(_topic, _subscription, published):
    return published.publication.message


@pytest.fixture
def topics(world):
    made = Topics(world.store, world.clock, LIMITS)
    made.create(SCOPE, "news", {}, {})
    return made


@pytest.fixture
def queues(world):
    made = Queues(world.store, world.clock, LIMITS)
    for name in "abc":
        made.create(SCOPE, name, {}, {})
    return made


def subscribe(topics, endpoint, protocol="sqs", **settings):
    topic = topics.find(SCOPE, "news")
    wanted = Subscription(
        "", topic.id, protocol, endpoint, "", topic.created_at, "me", None, protocol == "sqs", "", **settings
    )
    return topics.subscribe(SCOPE, "news", wanted, settings=list(settings), invitation=lambda *_: "come")


def publish(topics, *texts):
    return topics.publish(SCOPE, arn("sns", "news"), [Publication(text) for text in texts], envelope)


def kept(world):
    with world.store.read() as conn:
        return queue_rows.kept(conn, SCOPE.project_id)


def test_what_a_topic_tells_takes_room_for_each_who_hears_it(topics, queues, world):
    for name in "abc":
        subscribe(topics, arn("sqs", name))
    publish(topics, "x")
    for _ in range(2):
        with pytest.raises(LimitExceeded) as full:
            publish(topics, "y")
        assert full.value.what == "messages"
    assert kept(world) == (3, 3)
    world.clock.wait(11)
    for name in "ab":
        queues.purge(SCOPE, name)
    with pytest.raises(LimitExceeded) as full:
        publish(topics, "x" * 400)
    assert full.value.what == "bytes"
    publish(topics, "x")


def test_one_publication_is_bounded_with_all_who_hear_it(topics, queues, monkeypatch):
    monkeypatch.setattr(topic_rows, "MOST_TOLD_BYTES", 250)
    for name in "abc":
        subscribe(topics, arn("sqs", name))
    with pytest.raises(LimitExceeded):
        publish(topics, "x" * 90)
    publish(topics, "x" * 80)


def test_what_waits_for_urls_takes_room(topics, world):
    subscribe(topics, "https://a.example/", "https")
    token = topics._store.transact(lambda conn: topic_rows.SUBSCRIPTIONS.all(conn, SCOPE)[0].told_token)
    topics.confirm(SCOPE, "news", token, authenticated=True)
    for _ in range(4):
        publish(topics, "x")
    world.clock.wait(11)
    with pytest.raises(LimitExceeded):
        publish(topics, "x")


def test_no_more_waits_for_urls_than_may_wait_at_once(topics, queues, world):
    """What a caller publishes and subscribes finds a bound; queues hear all the same."""
    few = Topics(world.store, world.clock, LIMITS, most_waiting=2)
    subscribe(topics, arn("sqs", "a"))
    publish(few, "x")
    subscribe(topics, "https://a.example/", "https")
    token = topics._store.transact(lambda conn: topic_rows.SUBSCRIPTIONS.all(conn, SCOPE, protocol="https")[0])
    topics.confirm(SCOPE, "news", token.told_token, authenticated=True)
    publish(few, "y")
    with pytest.raises(LimitExceeded) as full:
        publish(few, "z")
    assert (full.value.what, full.value.limit) == ("messages", 2)
    with pytest.raises(LimitExceeded):
        subscribe(few, "https://b.example/", "https")
    with world.store.read() as conn:
        assert len(conn.execute(select(outbox_tables.messages.c.id)).all()) == 2
        assert len(topic_rows.SUBSCRIPTIONS.all(conn, SCOPE)) == 2


@pytest.mark.parametrize("service", ["sns", "sqs"])
def test_what_the_outbox_tells_waits_where_there_is_no_room(topics, queues, world, service):
    for name in "abc":
        subscribe(topics, arn("sqs", name))
    shelves = Shelves(
        lambda _scope, region, account: (region, account) == HOME, lambda _: envelope, Rooms(world.clock, LIMITS)
    )
    shelf, target = (shelves.topic, arn("sns", "news")) if service == "sns" else (shelves.queue, arn("sqs", "a"))

    def tell(number):
        telling = Telling(f"m-{number}", "x" * 100)
        world.store.transact(lambda conn: shelf(conn, SCOPE, target, telling, world.clock.now()))

    taken = 1 if service == "sns" else 5
    for number in range(taken):
        tell(number)
    with pytest.raises(Unreached):
        tell(taken)


def test_a_topic_has_no_more_filters_than_aws_lets_it(topics, monkeypatch):
    assert MOST_FILTERS == 200
    monkeypatch.setattr("backend.services.topics.MOST_FILTERS", 2)
    for name in "ab":
        subscribe(topics, arn("sqs", name), filter={"a": ["x"]})
    free = subscribe(topics, arn("sqs", "free"))
    with pytest.raises(LimitExceeded) as full:
        subscribe(topics, arn("sqs", "c"), filter={"a": ["x"]})
    assert full.value.what == "filters"
    with pytest.raises(LimitExceeded):
        topics.change_subscription(SCOPE, "news", free.id, {"filter": {"a": ["x"]}})
    topics.change_subscription(SCOPE, "news", free.id, {"filter": None})
    had = subscribe(topics, arn("sqs", "a"), filter={"a": ["x"]})
    topics.change_subscription(SCOPE, "news", had.id, {"filter": {"a": ["y"]}})
    assert topics.subscription(SCOPE, "news", had.id)[1].filter == {"a": ["y"]}


def test_filters_are_asked_before_anything_is_locked(topics, queues, world):
    subscribe(topics, arn("sqs", "a"), filter={"a": ["x"]}, filter_scope=FilterScope.BODY)
    asked = []

    @event.listens_for(world.store.engine, "before_cursor_execute")
    def note(conn, _cursor, statement, *_):
        if conn.get_execution_options().get("coppice_write"):
            asked.append(statement)

    publish(topics, '{"a": "x"}')
    assert not [statement for statement in asked if "FROM subscriptions" in statement]
    assert kept(world)[0] == 1


def test_a_url_is_invited_once_a_minute(topics, world):
    def invited():
        with world.store.read() as conn:
            return len(conn.execute(select(outbox_tables.messages.c.id)).all())

    for _ in range(3):
        subscribe(topics, "https://a.example/", "https")
    subscribe(topics, "https://b.example/", "https")
    assert invited() == 2
    world.clock.wait(60)
    subscribe(topics, "https://a.example/", "https")
    assert invited() == 3
