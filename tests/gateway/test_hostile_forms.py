"""What no client sends, in the forms that CloudWatch is spoken to in beside forms: a refusal in the form of the request."""

import json
from collections import deque

import pytest

from gateway.app import create_app
from gateway.limits import Limits
from gateway.protocol import cbor
from tests.gateway.world import HOST, World, cbor_action, json_action

_NAMESPACE = b"\x69Namespace\x61N"
CBOR = {
    "empty text": b"\x60",
    "a list": b"\x80",
    "cut short": b"\xa1\x69Name",
    "a byte more": b"\xa1" + _NAMESPACE + b"\x00",
    "the same key twice": b"\xa2" + _NAMESPACE * 2,
    "a cycle": b"\xa1\x6aMetricData\xd8\x1c\x81\xd8\x1d\x00",
    "a shared value": b"\xa2\x6aMetricData\xd8\x1c\x80\x69Namespace\xd8\x1d\x00",
    "a great number": b"\xa1\x6aMetricData\xc2\x49" + b"\xff" * 9,
    "deep": b"\xa1\x6aMetricData" + b"\x81" * 5000 + b"\x00",
    "deep and open": b"\x9f" * 5000,
    "as long as can be said": b"\xa1\x6aMetricData\x9b" + b"\xff" * 8,
    "text as long as can be said": b"\x7b" + b"\xff" * 8,
    "a number for text": b"\xa1\x69Namespace\x01",
    "text that is none": b"\xa1\x69Namespace\x61\xff",
    "an end without a beginning": b"\xff",
    "JSON": b"{}",
}
JSON = {
    "nothing at all": b"nothing",
    "a list": b"[]",
    "cut short": b'{"Namespace":"N"',
    "a byte more": b'{"Namespace":"N"}}',
    "no number": b'{"Namespace":"N","MetricData":[{"MetricName":"m","Value":NaN}]}',
    "a number without end": b'{"Namespace":"N","MetricData":[{"MetricName":"m","Value":' + b"9" * 5000 + b"}]}",
    "deep": b'{"MetricData":' + b"[" * 50_000,
    "deep and closed": b'{"MetricData":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "a number for text": b'{"Namespace":1}',
    "text that is none": b'{"Namespace":"\xff"}',
    "half of a pair": b'{"Namespace":"\\ud800","MetricData":[]}',
    "CBOR": b"\xa0",
}


@pytest.fixture(scope="module")
def app():
    world = World(records=deque(maxlen=0), calls=deque(maxlen=0))
    world.on("cloudwatch", "PutMetricData")
    return create_app(world.pipeline(), lambda: None, str).test_client()


def answered(app, request):
    headers = {name: value for name, value in request.headers.items() if name != "host"}
    answer = app.open(request.path, method="POST", data=request.body, headers=headers, base_url=f"http://{HOST}")
    assert answer.status_code == 400, answer.data[:300]
    assert answer.headers["x-amzn-query-error"].endswith(";Sender")
    return answer


@pytest.mark.parametrize("name", CBOR)
def test_in_cbor(app, name):
    answer = answered(app, cbor_action("cloudwatch", "PutMetricData", CBOR[name]))
    assert (answer.content_type, answer.headers["smithy-protocol"]) == ("application/cbor", "rpc-v2-cbor")
    assert "__type" in cbor.decoded(answer.data, Limits())


@pytest.mark.parametrize("name", JSON)
def test_in_json(app, name):
    answer = answered(app, json_action("cloudwatch", "PutMetricData", JSON[name]))
    assert answer.content_type == "application/x-amz-json-1.0"
    assert "__type" in json.loads(answer.data)
