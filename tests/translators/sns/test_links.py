"""SubscribeURL and UnsubscribeURL: what a subscriber does who has nothing but a message."""

from __future__ import annotations

import json
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import select

from backend.domain.ids import account_id
from backend.store.outbox_tables import messages
from gateway.auth.credentials import StaticCredentials
from gateway.pipeline import Pipeline
from gateway.request import Request
from tests.factories import OTHER, SCOPE, World
from translators import load  # noqa: F401 - registers every operation

HOOK = "https://hook.example/"


@pytest.fixture
def world():
    made = World()
    yield made
    made.close()


@pytest.fixture
def pipeline(world):
    return Pipeline(
        credentials=StaticCredentials({}),
        clock=world.clock,
        regions={SCOPE.region: SCOPE.region},
        scope_of=lambda caller, region: type(SCOPE)(caller.project_id, region),
        account_id_of=account_id,
        backend=world.backend,
    )


@pytest.fixture
def topic(world):
    return world.call("CreateTopic", service="sns", Name="news")["TopicArn"]


def heard(world):
    """What URLs are told, oldest first."""
    with world.store.read() as conn:
        told = conn.execute(select(messages.c.data).order_by(messages.c.created_at, messages.c.number)).scalars().all()
    return [json.loads(each["body"]) for each in told]


def follow(pipeline, url, method="GET", **changes):
    parts = urlsplit(url)
    given = {**dict(parse_qsl(parts.query)), **changes}
    query = urlencode({key: value for key, value in given.items() if value is not None})
    answer = pipeline.answer(Request(method, parts.path, query, {"host": parts.netloc}))
    root = ET.fromstring(answer.body)
    texts = {each.tag.rpartition("}")[2]: each.text for each in root.iter()}
    return answer.status, texts.get("SubscriptionArn") or texts.get("Code")


def subscribed(world, topic, **given):
    made = world.call(
        "Subscribe",
        service="sns",
        TopicArn=topic,
        Protocol="https",
        Endpoint=HOOK,
        ReturnSubscriptionArn=True,
        **given,
    )
    return made["SubscriptionArn"]


def state(world, arn):
    told = world.call("GetSubscriptionAttributes", service="sns", SubscriptionArn=arn)["Attributes"]
    return told["PendingConfirmation"], told["ConfirmationWasAuthenticated"]


def at(told, name):
    """A link, as one who reached the service from outside was told it."""
    return f"http://cloud.example{told[name]}"


def test_a_url_confirms_and_ends_its_subscription_by_the_links_it_is_told(world, pipeline, topic):
    arn = subscribed(world, topic)
    (invited,) = heard(world)
    assert dict(parse_qsl(urlsplit(at(invited, "SubscribeURL")).query))["Token"] == invited["Token"]
    assert follow(pipeline, at(invited, "SubscribeURL")) == (200, arn)
    assert follow(pipeline, at(invited, "SubscribeURL")) == (200, arn)  # proxies ask twice
    assert state(world, arn) == ("false", "false")
    world.clock.move(1)
    world.call("Publish", service="sns", TopicArn=topic, Message="hello")
    told = heard(world)[-1]
    assert (told["Message"], told["UnsubscribeURL"].endswith(arn)) == ("hello", True)
    assert follow(pipeline, at(told, "UnsubscribeURL"))[0] == 200
    assert world.call("ListSubscriptions", service="sns")["Subscriptions"] == []
    assert follow(pipeline, at(told, "UnsubscribeURL")) == (403, "MissingAuthenticationToken")


def test_a_token_that_is_not_the_one_confirms_nothing(world, pipeline, topic):
    arn = subscribed(world, topic)
    (invited,) = heard(world)
    url, token = at(invited, "SubscribeURL"), invited["Token"]
    last = "0" if token[-1] != "0" else "1"
    for wrong in (token[:-1] + last, token[:32] + "0" * 64, token[32:], "0" * 96, token + "0", "x" * 96, "é" * 64, ""):
        assert follow(pipeline, url, Token=wrong) == (400, "InvalidParameter"), wrong
    for name in ("other", "news:x"):
        other = f"{topic.rpartition(':')[0]}:{name}"
        assert follow(pipeline, url, TopicArn=other) == (400, "InvalidParameter")
    foreign = topic.replace(account_id(SCOPE.project_id), account_id(OTHER.project_id))
    assert follow(pipeline, url, TopicArn=foreign) == (400, "InvalidParameter")
    assert follow(pipeline, url, TopicArn=topic.replace(SCOPE.region, "nowhere-1")) == (
        403,
        "MissingAuthenticationToken",
    )
    assert follow(pipeline, url, method="POST") == (403, "MissingAuthenticationToken")
    assert state(world, arn)[0] == "true"
    world.clock.move(timedelta(days=3, seconds=1).total_seconds())
    assert follow(pipeline, url) == (400, "InvalidParameter")


def test_who_wants_a_signature_for_the_end_signs(world, pipeline, topic):
    arn = subscribed(world, topic)
    (invited,) = heard(world)
    url = at(invited, "SubscribeURL")
    assert follow(pipeline, url, AuthenticateOnUnsubscribe="true") == (403, "MissingAuthenticationToken")
    given = {"TopicArn": topic, "Token": invited["Token"], "AuthenticateOnUnsubscribe": "true"}
    world.call("ConfirmSubscription", service="sns", **given)
    assert state(world, arn) == ("false", "true")
    end = f"http://cloud.example/?Action=Unsubscribe&SubscriptionArn={arn}"
    assert follow(pipeline, end) == (403, "AuthorizationError")
    world.call("Unsubscribe", service="sns", SubscriptionArn=arn)
    assert world.call("ListSubscriptions", service="sns")["Subscriptions"] == []


def test_a_queue_is_unsubscribed_by_its_account_alone(world, pipeline, topic):
    world.call("CreateQueue", service="sqs", QueueName="q")
    queue = topic.replace(":sns:", ":sqs:").replace(":news", ":q")
    arn = world.call("Subscribe", service="sns", TopicArn=topic, Protocol="sqs", Endpoint=queue)["SubscriptionArn"]
    end = f"http://cloud.example/?Action=Unsubscribe&SubscriptionArn={arn}"
    assert follow(pipeline, end) == (403, "AuthorizationError")
    assert follow(pipeline, end.replace(arn, topic)) == (403, "MissingAuthenticationToken")
    assert follow(pipeline, end.replace(arn, "x")) == (400, "InvalidParameter")
    assert len(world.call("ListSubscriptions", service="sns")["Subscriptions"]) == 1
