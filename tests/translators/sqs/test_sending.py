"""Messages as callers send them: what is refused of what goes with them."""

from __future__ import annotations

import pytest

from tests.factories import World
from translators.errors import AWSError

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


@pytest.fixture
def send():
    world = World()
    url = world.call("CreateQueue", service="sqs", QueueName="q")["QueueUrl"]

    def sent(trace):
        given = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}
        return world.call("SendMessage", service="sqs", QueueUrl=url, MessageBody="x", MessageSystemAttributes=given)

    yield sent
    world.close()


@pytest.mark.parametrize("trace", [TRACE, f"Self=1-67891234-12456789abcdef012345678;{TRACE};Lineage=a:1|b:2"])
def test_trace_headers(send, trace):
    assert "MD5OfMessageSystemAttributes" in send(trace)


@pytest.mark.parametrize(
    "trace", ["x", "Parent=1", f"{TRACE};Own={'x' * 512}", f"{TRACE};a b=c", f"{TRACE};" * 3 + "\n"]
)
def test_what_is_no_trace_header(send, trace):
    with pytest.raises(AWSError) as refused:
        send(trace)
    assert refused.value.code == "InvalidParameterValue"


def test_a_trace_header_is_text(send):
    with pytest.raises(AWSError) as refused:
        send(f"{TRACE};a=\0")
    assert refused.value.code == "InvalidMessageContents"


@pytest.fixture
def queue():
    world = World()
    url = world.call("CreateQueue", service="sqs", QueueName="q")["QueueUrl"]
    yield lambda operation, **given: world.call(operation, service="sqs", QueueUrl=url, **given)
    world.close()


@pytest.mark.parametrize("name", ["MessageAttributes", "MessageSystemAttributes"])
@pytest.mark.parametrize("given", [{"StringListValues": ["a"]}, {"BinaryListValues": []}])
def test_lists_of_values_are_refused_as_aws_refuses_them(queue, name, given):
    """The newer members of the model, which AWS keeps for later."""
    attributes = {"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE, **given}}
    with pytest.raises(AWSError) as refused:
        queue("SendMessage", MessageBody="x", **{name: attributes})
    words = "Message attribute list values in SendMessage operation are not supported."
    assert (refused.value.code, refused.value.message) == ("AWS.SimpleQueueService.UnsupportedOperation", words)
    entries = [{"Id": "1", "MessageBody": "x"}, {"Id": "2", "MessageBody": "x", name: attributes}]
    with pytest.raises(AWSError) as refused:
        queue("SendMessageBatch", Entries=entries)
    assert refused.value.message == words.replace("SendMessage", "SendMessageBatch")
    assert "Messages" not in queue("ReceiveMessage")
