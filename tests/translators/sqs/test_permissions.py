"""Permissions on queues: what is kept of them, and how much."""

from __future__ import annotations

import json

import pytest

from tests.factories import World
from translators.errors import AWSError


@pytest.fixture
def world():
    made = World()
    yield made
    made.close()


@pytest.fixture
def url(world):
    return world.call("CreateQueue", service="sqs", QueueName="q")["QueueUrl"]


def add(world, url, label, accounts=("123456789012",), actions=("SendMessage",)):
    given = {"Label": label, "AWSAccountIds": list(accounts), "Actions": list(actions)}
    return world.call("AddPermission", service="sqs", QueueUrl=url, **given)


def labels(world, url):
    told = world.call("GetQueueAttributes", service="sqs", QueueUrl=url, AttributeNames=["Policy"])
    return [each["Sid"] for each in json.loads(told["Attributes"]["Policy"])["Statement"]]


def test_a_policy_grows_to_its_limits(world, url):
    for number in range(20):
        add(world, url, f"l{number}")
    with pytest.raises(AWSError) as refused:
        add(world, url, "more")
    assert (refused.value.code, refused.value.status) == ("OverLimit", 403)
    world.call("RemovePermission", service="sqs", QueueUrl=url, Label="l0")
    for given in (
        {"accounts": [f"{number:012}" for number in range(200)]},
        {"actions": ["SendMessage", "ReceiveMessage"] * 4},
    ):
        with pytest.raises(AWSError) as refused:
            add(world, url, "more", **given)
        assert refused.value.code == "OverLimit"
    add(world, url, "more")
    assert len(labels(world, url)) == 20


def test_who_adds_at_the_same_time_loses_nothing(world, url, monkeypatch):
    queues = world.backend.queues
    find = queues.find

    def and_another(*given):
        found = find(*given)
        monkeypatch.setattr(queues, "find", find)
        add(world, url, "another")
        return found

    monkeypatch.setattr(queues, "find", and_another)
    add(world, url, "one")
    assert sorted(labels(world, url)) == ["another", "one"]


@pytest.mark.parametrize("url", ["http://[", "http://[x/1/q"])
def test_what_is_no_address_names_no_queue(world, url):
    with pytest.raises(AWSError) as refused:
        world.call("ReceiveMessage", service="sqs", QueueUrl=url)
    assert (refused.value.code, refused.value.status) == ("InvalidAddress", 404)
