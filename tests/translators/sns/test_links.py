"""SubscribeURL and UnsubscribeURL: what a subscriber does who has nothing but a message."""

from __future__ import annotations

import json
from dataclasses import replace
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


def test_who_was_unsubscribed_by_a_link_is_told_and_takes_it_back_as_it_was(world, pipeline, topic):
    arn = subscribed(world, topic, Attributes={"FilterPolicy": '{"a":["b"]}'})
    (invited,) = heard(world)
    follow(pipeline, at(invited, "SubscribeURL"))
    before = world.call("GetSubscriptionAttributes", service="sns", SubscriptionArn=arn)
    end = f"http://cloud.example/?Action=Unsubscribe&SubscriptionArn={arn}"
    world.clock.move(5 * 86_400)
    assert follow(pipeline, end)[0] == 200
    told = heard(world)[-1]
    words = (
        f"You have chosen to deactivate subscription {arn}.\nTo cancel this operation and restore the subscription,"
        " visit the SubscribeURL included in this message."
    )
    assert (told["Type"], told["TopicArn"], told["Message"]) == ("UnsubscribeConfirmation", topic, words)
    with world.store.read() as conn:
        data = conn.execute(select(messages.c.data).order_by(messages.c.created_at.desc())).scalars().first()
    assert (data["type"], data["raw"]) == ("UnsubscribeConfirmation", False)
    attributes = world.call("GetTopicAttributes", service="sns", TopicArn=topic)["Attributes"]
    assert [attributes[f"Subscriptions{each}"] for each in ("Confirmed", "Pending", "Deleted")] == ["0", "0", "1"]
    world.call("Publish", service="sns", TopicArn=topic, Message="unheard")
    assert heard(world)[-1] == told
    back = told["SubscribeURL"]
    assert follow(pipeline, back, Token=invited["Token"]) == (400, "InvalidParameter")
    assert follow(pipeline, back) == (200, arn)
    assert world.call("GetSubscriptionAttributes", service="sns", SubscriptionArn=arn) == before
    assert follow(pipeline, back) == (400, "InvalidParameter")  # as often as it was ended
    assert world.call("GetTopicAttributes", service="sns", TopicArn=topic)["Attributes"]["SubscriptionsDeleted"] == "0"


def test_an_end_is_taken_back_for_three_days_and_not_into_another_that_came_meanwhile(world, pipeline, topic):
    arn = subscribed(world, topic)
    end = f"http://cloud.example/?Action=Unsubscribe&SubscriptionArn={arn}"
    follow(pipeline, at(heard(world)[-1], "SubscribeURL"))
    follow(pipeline, end)
    world.clock.move(1)
    again = subscribed(world, topic)
    assert again != arn
    told = next(each for each in heard(world) if each["Type"] == "UnsubscribeConfirmation")
    assert follow(pipeline, told["SubscribeURL"]) == (200, again)
    assert len(world.call("ListSubscriptions", service="sns")["Subscriptions"]) == 1
    follow(pipeline, at(heard(world)[-1], "SubscribeURL"))
    world.clock.move(1)
    follow(pipeline, end.replace(arn, again))
    world.clock.move(timedelta(days=3).total_seconds())
    assert follow(pipeline, heard(world)[-1]["SubscribeURL"]) == (400, "InvalidParameter")
    world.call("DeleteTopic", service="sns", TopicArn=topic)


def ended(world, pipeline, topic, endpoint, **given):
    """The subscription of a URL that confirmed and ended it, and the link by which it has it again."""
    arn = world.call(
        "Subscribe",
        service="sns",
        TopicArn=topic,
        Protocol="https",
        Endpoint=endpoint,
        ReturnSubscriptionArn=True,
        **given,
    )["SubscriptionArn"]
    world.clock.move(1)
    follow(pipeline, at(heard(world)[-1], "SubscribeURL"))
    world.clock.move(1)
    assert follow(pipeline, f"http://cloud.example/?Action=Unsubscribe&SubscriptionArn={arn}")[0] == 200
    world.clock.move(1)
    return arn, heard(world)[-1]["SubscribeURL"]


FILTERED = {"Attributes": {"FilterPolicy": '{"a":["b"]}'}}


def test_what_was_ended_comes_back_to_no_more_filters_than_there_may_be(world, pipeline, topic, monkeypatch):
    monkeypatch.setattr("backend.services.topics.MOST_FILTERS", 2)
    back = [ended(world, pipeline, topic, f"https://h{number}.example/", **FILTERED) for number in range(3)]
    plain, plainly = ended(world, pipeline, topic, "https://plain.example/")
    assert [follow(pipeline, url)[1] for _, url in back] == [back[0][0], back[1][0], "FilterPolicyLimitExceeded"]
    assert follow(pipeline, plainly) == (200, plain)
    world.call("Unsubscribe", service="sns", SubscriptionArn=back[0][0])
    assert follow(pipeline, back[2][1]) == (200, back[2][0])  # what was refused is kept until there is room


def test_nor_to_more_subscriptions(world, pipeline, topic):
    topics = world.backend.topics
    topics._limits = replace(topics._limits, subscriptions=2)
    back = [ended(world, pipeline, topic, f"https://h{number}.example/") for number in range(2)]
    others = [subscribed(world, topic)]
    assert [follow(pipeline, url)[1] for _, url in back] == [back[0][0], "SubscriptionLimitExceeded"]
    world.call("Unsubscribe", service="sns", SubscriptionArn=back[0][0])
    same = world.call(
        "Subscribe",
        service="sns",
        TopicArn=topic,
        Protocol="https",
        Endpoint="https://h1.example/",
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    assert follow(pipeline, back[1][1]) == (200, same)  # it has one already, which takes no more room
    assert len(world.call("ListSubscriptions", service="sns")["Subscriptions"]) == len(others) + 1


def test_whoever_signs_the_end_means_it(world, pipeline, topic):
    arn = subscribed(world, topic)
    follow(pipeline, at(heard(world)[-1], "SubscribeURL"))
    world.call("Unsubscribe", service="sns", SubscriptionArn=arn)
    assert [each["Type"] for each in heard(world)] == ["SubscriptionConfirmation"]


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
