"""boto3: queues and topics, every operation, and what each refuses."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conformance.clients import client, refused
from conformance.fleet import unique
from conformance.product import Access

pytestmark = pytest.mark.embedded("no cloud has a part in queues and topics")


@pytest.fixture(scope="module")
def sqs(server: Access) -> Any:
    return client(server, "sqs")


@pytest.fixture(scope="module")
def sns(server: Access) -> Any:
    return client(server, "sns")


@pytest.fixture
def queue(sqs: Any) -> Iterator[Callable[..., str]]:
    """Makes queues, and takes them away again."""
    made: list[str] = []

    def make(name: str = "", **attributes: str) -> str:
        url: str = sqs.create_queue(QueueName=name or unique("q"), Attributes=attributes)["QueueUrl"]
        made.append(url)
        return url

    yield make
    for url in made:
        sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def topic(sns: Any) -> Iterator[str]:
    arn: str = sns.create_topic(Name=unique("t"))["TopicArn"]
    yield arn
    sns.delete_topic(TopicArn=arn)


def arn_of(sqs: Any, url: str) -> str:
    found: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return found


def received(sqs: Any, url: str, **options: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **options).get(
        "Messages", []
    )
    return found


def test_a_queue_is_found_set_tagged_and_listed(sqs: Any, server: Access, queue: Callable[..., str]) -> None:
    name = unique("q")
    url = queue(name, VisibilityTimeout="7")
    assert url.startswith(server.url + "/")
    assert url.endswith(f"/{name}")
    assert sqs.get_queue_url(QueueName=name)["QueueUrl"] == url
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "3"})
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (told["VisibilityTimeout"], told["DelaySeconds"], told["MaximumMessageSize"]) == ("7", "3", "1048576")
    sqs.tag_queue(QueueUrl=url, Tags={"team": "red", "cost": ""})
    sqs.untag_queue(QueueUrl=url, TagKeys=["cost"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "red"}
    assert sqs.list_queues(QueueNamePrefix=name)["QueueUrls"] == [url]
    sqs.add_permission(QueueUrl=url, Label="l", AWSAccountIds=["123456789012"], Actions=["SendMessage"])
    sqs.remove_permission(QueueUrl=url, Label="l")


def test_lists_go_page_by_page(sqs: Any, queue: Callable[..., str]) -> None:
    prefix = unique("pages")
    urls = [queue(f"{prefix}{number}") for number in range(5)]
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=prefix, PaginationConfig={"PageSize": 2})
    assert [page["QueueUrls"] for page in pages] == [urls[:2], urls[2:4], urls[4:]]


def test_a_message_goes_its_way(sqs: Any, queue: Callable[..., str]) -> None:
    """botocore itself checks the digests of bodies and attributes."""
    url = queue()
    attributes = {
        "n": {"DataType": "Number.int", "StringValue": "5"},
        "b": {"DataType": "Binary", "BinaryValue": b"\0\1"},
    }
    sent = sqs.send_message(QueueUrl=url, MessageBody="grün <&>", MessageAttributes=attributes)
    (message,) = received(sqs, url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"])
    assert (message["Body"], message["MessageAttributes"]) == ("grün <&>", attributes)
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    handle = message["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    with refused("AWS.SimpleQueueService.MessageNotInflight"):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=5)
    (again,) = received(sqs, url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    assert received(sqs, url) == []


def test_batches(sqs: Any, queue: Callable[..., str]) -> None:
    url = queue()
    entries = [{"Id": str(number), "MessageBody": str(number)} for number in range(10)]
    assert len(sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]) == 10
    found = received(sqs, url)
    handles = [{"Id": str(at), "ReceiptHandle": each["ReceiptHandle"]} for at, each in enumerate(found)]
    hidden = [{**each, "VisibilityTimeout": 60} for each in handles]
    assert len(sqs.change_message_visibility_batch(QueueUrl=url, Entries=hidden)["Successful"]) == 10
    handles[0]["ReceiptHandle"] = "nonsense"
    told = sqs.delete_message_batch(QueueUrl=url, Entries=handles)
    assert (len(told["Successful"]), told["Failed"][0]["Code"]) == (9, "ReceiptHandleIsInvalid")
    sqs.purge_queue(QueueUrl=url)
    with refused("AWS.SimpleQueueService.PurgeQueueInProgress", status=403):
        sqs.purge_queue(QueueUrl=url)


def test_who_waits_hears_a_message_when_it_comes(sqs: Any, server: Access, queue: Callable[..., str]) -> None:
    """More wait than the server has threads; others are served meanwhile, and each of the waiting hears a message."""
    url = queue(VisibilityTimeout="600")  # on a busy machine one that was heard would come back while others still wait
    heard: list[str] = []

    def listen() -> None:
        own = client(server, "sqs", recorded=False)
        for _ in range(3):  # a busy machine may take longer to send them all than one may wait
            if messages := own.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages"):
                heard.extend(each["Body"] for each in messages)
                return

    listeners = [threading.Thread(target=listen) for _ in range(24)]
    for each in listeners:
        each.start()
    sqs.list_queues()
    for number in range(24):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    for each in listeners:
        each.join(timeout=90)
    assert sorted(heard, key=int) == [str(number) for number in range(24)]


def test_dead_letters(sqs: Any, queue: Callable[..., str]) -> None:
    graves = queue()
    policy = json.dumps({"deadLetterTargetArn": arn_of(sqs, graves), "maxReceiveCount": 1})
    url = queue(RedrivePolicy=policy)
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    assert received(sqs, url, VisibilityTimeout=0)
    (dead,) = received(sqs, graves, WaitTimeSeconds=5, AttributeNames=["All"])
    assert dead["Attributes"]["DeadLetterQueueSourceArn"] == arn_of(sqs, url)
    assert sqs.list_dead_letter_source_queues(QueueUrl=graves)["queueUrls"] == [url]


def test_fifo(sqs: Any, queue: Callable[..., str]) -> None:
    url = queue(unique("q") + ".fifo", FifoQueue="true", ContentBasedDeduplication="true")
    numbers = [sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g")["SequenceNumber"] for body in "aab"]
    assert numbers[0] == numbers[1] < numbers[2]
    (first,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert received(sqs, url) == []
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert [each["Body"] for each in received(sqs, url)] == ["b"]


def test_what_queues_refuse(sqs: Any, queue: Callable[..., str]) -> None:
    name = unique("q")
    url = queue(name, DelaySeconds="1")
    plain = {"Id": "a", "MessageBody": "x"}
    for code, operation, given in (
        ("QueueAlreadyExists", "create_queue", {"QueueName": name, "Attributes": {"DelaySeconds": "2"}}),
        ("InvalidAttributeName", "set_queue_attributes", {"QueueUrl": url, "Attributes": {"Colour": "red"}}),
        ("InvalidAttributeValue", "set_queue_attributes", {"QueueUrl": url, "Attributes": {"DelaySeconds": "901"}}),
        ("InvalidParameterValue", "receive_message", {"QueueUrl": url, "MaxNumberOfMessages": 11}),
        ("MissingParameter", "send_message", {"QueueUrl": url, "MessageBody": ""}),
        ("ReceiptHandleIsInvalid", "delete_message", {"QueueUrl": url, "ReceiptHandle": "x"}),
        ("AWS.SimpleQueueService.NonExistentQueue", "get_queue_url", {"QueueName": unique("none")}),
        ("AWS.SimpleQueueService.EmptyBatchRequest", "send_message_batch", {"QueueUrl": url, "Entries": []}),
        (
            "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            "send_message_batch",
            {"QueueUrl": url, "Entries": [plain, plain]},
        ),
        (
            "AWS.SimpleQueueService.InvalidBatchEntryId",
            "send_message_batch",
            {"QueueUrl": url, "Entries": [{**plain, "Id": "no blank"}]},
        ),
        (
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            "send_message_batch",
            {"QueueUrl": url, "Entries": [{**plain, "Id": str(number)} for number in range(11)]},
        ),
        (
            "AWS.SimpleQueueService.BatchRequestTooLong",
            "send_message_batch",
            {"QueueUrl": url, "Entries": [{"Id": "a", "MessageBody": "x" * 1048577}]},
        ),
    ):
        with refused(code, status=None):
            getattr(sqs, operation)(**given)


def test_a_topic_tells_its_queues(sqs: Any, sns: Any, queue: Callable[..., str], topic: str) -> None:
    url, raw = queue(), queue()
    first = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn_of(sqs, url))["SubscriptionArn"]
    wanted = {"RawMessageDelivery": "true", "FilterPolicy": json.dumps({"kind": ["good"]})}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn_of(sqs, raw), Attributes=wanted)
    good = {"kind": {"DataType": "String", "StringValue": "good"}}
    sns.publish(TopicArn=topic, Message="hello", Subject="s", MessageAttributes=good)
    entries = [{"Id": "1", "Message": "more"}]
    assert sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)["Successful"][0]["Id"] == "1"
    told = [json.loads(each["Body"]) for each in received(sqs, url)]
    assert [(each["Type"], each.get("Subject"), each["Message"]) for each in told] == [
        ("Notification", "s", "hello"),
        ("Notification", None, "more"),
    ]
    (message,) = received(sqs, raw, MessageAttributeNames=["All"])
    assert (message["Body"], message["MessageAttributes"]) == ("hello", good)
    sns.set_subscription_attributes(SubscriptionArn=first, AttributeName="RawMessageDelivery", AttributeValue="true")
    assert sns.get_subscription_attributes(SubscriptionArn=first)["Attributes"]["RawMessageDelivery"] == "true"
    assert len(sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]) == 2
    assert first in [each["SubscriptionArn"] for each in sns.list_subscriptions()["Subscriptions"]]
    sns.unsubscribe(SubscriptionArn=first)
    with refused("NotFound", status=404):
        sns.get_subscription_attributes(SubscriptionArn=first)


def test_a_topic_is_set_tagged_and_listed(sns: Any, topic: str) -> None:
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="News")
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"] == "News"
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "team", "Value": "red"}, {"Key": "cost", "Value": "1"}])
    sns.untag_resource(ResourceArn=topic, TagKeys=["cost"])
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "team", "Value": "red"}]
    assert topic in [each["TopicArn"] for each in sns.list_topics()["Topics"]]
    sns.add_permission(TopicArn=topic, Label="l", AWSAccountId=["123456789012"], ActionName=["Publish"])
    sns.remove_permission(TopicArn=topic, Label="l")


def test_a_url_is_pending_until_it_has_shown_its_token(sns: Any, topic: str) -> None:
    told = sns.subscribe(TopicArn=topic, Protocol="https", Endpoint="https://hook.example/", ReturnSubscriptionArn=True)
    found = sns.get_subscription_attributes(SubscriptionArn=told["SubscriptionArn"])["Attributes"]
    assert found["PendingConfirmation"] == "true"
    with refused("InvalidParameter"):
        sns.confirm_subscription(TopicArn=topic, Token="0" * 64)
    with refused("InvalidParameter"):
        sns.unsubscribe(SubscriptionArn=told["SubscriptionArn"])


def test_what_topics_refuse(sns: Any, topic: str) -> None:
    for code, operation, given in (
        ("NotFound", "publish", {"TopicArn": f"{topic}-none", "Message": "x"}),
        ("InvalidParameter", "publish", {"TopicArn": topic, "Message": "x" * (256 * 1024 + 1)}),
        ("InvalidParameter", "subscribe", {"TopicArn": topic, "Protocol": "email", "Endpoint": "a@b.example"}),
        (
            "ParameterValueInvalid",
            "publish",
            {"TopicArn": topic, "Message": "x", "MessageAttributes": {"a": {"DataType": "Text", "StringValue": "x"}}},
        ),
    ):
        with refused(code, status=None):
            getattr(sns, operation)(**given)
