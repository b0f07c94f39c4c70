"""Topics, their policies and subscriptions: what is refused when it comes, not when it is told."""

from __future__ import annotations

import json

import pytest

from tests.factories import SCOPE, World
from translators.errors import AWSError


@pytest.fixture
def world():
    made = World()
    yield made
    made.close()


@pytest.fixture
def arn(world):
    return world.call("CreateTopic", service="sns", Name="t")["TopicArn"]


def add(world, arn, label, accounts=("123456789012",)):
    given = {"Label": label, "AWSAccountId": list(accounts), "ActionName": ["Publish"]}
    return world.call("AddPermission", service="sns", TopicArn=arn, **given)


def set_(world, arn, name, value):
    given = {"AttributeName": name, "AttributeValue": json.dumps(value)}
    return world.call("SetTopicAttributes", service="sns", TopicArn=arn, **given)


def told(world, arn):
    return world.call("GetTopicAttributes", service="sns", TopicArn=arn)["Attributes"]


def labels(world, arn):
    return [each.get("Sid") for each in json.loads(told(world, arn)["Policy"])["Statement"]]


@pytest.mark.parametrize(("statement", "kept"), [({}, []), ({"Statement": {"Sid": "own"}}, ["own"])])
def test_statements_are_added_to_whatever_policy_there_is(world, arn, statement, kept):
    set_(world, arn, "Policy", {"Version": "2008-10-17", **statement})
    add(world, arn, "l")
    assert labels(world, arn) == [*kept, "l"]
    world.call("RemovePermission", service="sns", TopicArn=arn, Label="l")
    assert labels(world, arn) == kept


def test_a_policy_without_statements_has_none_to_take_away(world, arn):
    set_(world, arn, "Policy", {"Version": "2008-10-17"})
    world.call("RemovePermission", service="sns", TopicArn=arn, Label="l")
    assert labels(world, arn) == []


def test_a_policy_grows_no_longer_than_one_that_is_given(world, arn):
    many = [f"{number:012}" for number in range(700)]
    add(world, arn, "a", many)
    add(world, arn, "b", many)
    with pytest.raises(AWSError) as refused:
        add(world, arn, "c", many)
    assert refused.value.code == "InvalidParameter"
    assert len(told(world, arn)["Policy"]) <= 64 * 1024


def test_who_adds_at_the_same_time_loses_nothing(world, arn, monkeypatch):
    topics = world.backend.topics
    find = topics.find

    def and_another(*given):
        found = find(*given)
        monkeypatch.setattr(topics, "find", find)
        add(world, arn, "another")
        return found

    monkeypatch.setattr(topics, "find", and_another)
    add(world, arn, "one")
    topics.find(SCOPE, "t")  # where nobody else has looked
    assert sorted(labels(world, arn)[1:]) == ["another", "one"]


@pytest.mark.parametrize("http", ["x", None, [], {"defaultHealthyRetryPolicy": "x"}, {"defaultRequestPolicy": None}])
def test_a_delivery_policy_that_could_not_be_told_is_refused(world, arn, http):
    with pytest.raises(AWSError) as refused:
        set_(world, arn, "DeliveryPolicy", {"http": http})
    assert refused.value.code == "InvalidParameter"
    assert "EffectiveDeliveryPolicy" in told(world, arn)


@pytest.mark.parametrize("endpoint", ["http://[", "http://[x/", "http://hook.example/" + "a" * 5000])
def test_an_endpoint_that_cannot_be_kept_is_refused(world, arn, endpoint):
    with pytest.raises(AWSError) as refused:
        world.call("Subscribe", service="sns", TopicArn=arn, Protocol="http", Endpoint=endpoint)
    assert refused.value.code == "InvalidParameter"
