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
