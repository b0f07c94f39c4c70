"""Whatever bytes, headers and forms come: an answer of AWS's, never a fault of ours, and nothing is kept.

A minute at most, the same each time; ``make fuzz MINUTES=N`` goes on with new ones.
"""

import gc
import gzip
import json
import os
import tracemalloc
from collections import deque
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.app import create_app
from gateway.framing import Need, Refused, Requests, Whole
from gateway.limits import LONGEST_BODY_BYTES, Limits
from gateway.protocol import cbor
from tests.gateway.world import HOST, VERSIONS, World, cbor_action, json_action, signed

MINUTES = float(os.environ.get("COPPICE_FUZZ_MINUTES", "0"))
EXAMPLES = int(MINUTES * 6000) or 150
fuzzed = settings(
    max_examples=EXAMPLES,
    derandomize=not MINUTES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)

AWKWARD = st.sampled_from(
    [
        "",
        "\0",
        "\n",
        "é",
        "\ud800",
        "a" * 5000,
        "*" * 40 + "~",
        "9" * 5000,
        "-1",
        "1e999",
        "NaN",
        "{",
        "[" * 2000,
        "%",
        "<!DOCTYPE",
    ]
)
TEXT = st.text(max_size=30) | AWKWARD
ACTIONS = st.sampled_from(
    ["DescribeAutoScalingGroups", "CreateAutoScalingGroup", "DescribeInstances", "RunInstances", "GetCallerIdentity"]
)
NAMES = TEXT | st.sampled_from(
    [
        "Filter.1.Name",
        "Filter.1.Value.1",
        "Filter.1.Value.99999999999",
        "MaxRecords",
        "AutoScalingGroupNames.member.1",
        "NextToken",
        "Tags.member.1.Key",
        "MinSize",
        ".",
        "a..b",
        ".".join("a" * 100),
        "LaunchTemplate",
        "UserData",
    ]
)
TOKENS = [
    b"GET / HTTP/1.1\r\n",
    b"POST / HTTP/1.1\r\n",
    b"Host: x\r\n",
    b"Content-Length: 3\r\n",
    b"Content-Length: 99999999999\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"0\r\n\r\n",
    b"3\r\nabc\r\n",
    b"ffffffff\r\n",
    b" ",
    b"a" * 70_000,
]


@pytest.fixture(scope="module")
def app():
    world = World(records=deque(maxlen=0), calls=deque(maxlen=0))
    for service, operation in (
        ("autoscaling", "DescribeAutoScalingGroups"),
        ("autoscaling", "CreateAutoScalingGroup"),
        ("ec2", "DescribeInstances"),
        ("ec2", "RunInstances"),
        ("sts", "GetCallerIdentity"),
        ("cloudwatch", "PutMetricData"),
        ("ssm", "GetInventory"),
    ):
        world.on(service, operation)
    return create_app(world.pipeline(), lambda: None, str).test_client()


def answered(app, request):
    headers = {name: value for name, value in request.headers.items() if name != "host"}
    answer = app.open(
        request.path + (f"?{request.query}" if request.query else ""),
        method=request.method,
        data=request.body,
        headers=headers,
        base_url=f"http://{HOST}",
    )
    assert answer.status_code < 500, answer.text
    if answer.headers.get("smithy-protocol"):
        assert not answer.data or isinstance(cbor.decoded(answer.data, Limits()), dict)
    elif answer.content_type.startswith("application/x-amz-json"):
        assert isinstance(json.loads(answer.data or "{}"), dict)
    else:
        ET.fromstring(answer.data)
    return answer.status_code


@fuzzed
@given(pieces=st.lists(st.sampled_from(TOKENS) | st.binary(max_size=20), max_size=30))
def test_bytes(pieces):
    requests = Requests()
    for piece in pieces:
        outcome = requests.feed(piece)
        while isinstance(outcome, Whole) and not outcome.last:
            assert len(outcome.data) <= LONGEST_BODY_BYTES + 100_000
            outcome = requests.next()
        assert requests.size <= LONGEST_BODY_BYTES + 200_000
        if not isinstance(outcome, Need):
            assert isinstance(outcome, Whole) or (isinstance(outcome, Refused) and 400 <= outcome.status < 500)
            break


@fuzzed
@given(
    service=st.sampled_from(sorted(VERSIONS)),
    action=ACTIONS | TEXT,
    form=st.dictionaries(NAMES, TEXT, max_size=8),
)
def test_forms(app, service, action, form):
    pairs = {"Action": action, "Version": VERSIONS[service], **form}
    answered(app, signed(service, body=urlencode(pairs, errors="surrogatepass")))


@fuzzed
@given(
    body=st.binary(max_size=200)
    | st.recursive(st.none() | st.text(), st.lists).map(lambda value: repr(value).encode()),
    kind=st.sampled_from(
        [
            "application/x-amz-json-1.1",
            "application/json",
            "application/cbor",
            "multipart/form-data; boundary=x",
            "text/xml",
        ]
    ),
    encoding=st.sampled_from(["", "gzip", "deflate"]),
)
def test_bodies(app, body, kind, encoding):
    headers = {"Content-Type": kind, "X-Amz-Target": "AutoScaling_20110101.DescribeAutoScalingGroups"}
    if encoding:
        headers["Content-Encoding"] = encoding
    answered(app, signed("autoscaling", body=body, headers=headers))


NAMED = st.sampled_from(
    ["Namespace", "MetricData", "MetricName", "Value", "Timestamp", "Counts", "Filters", "Aggregators", "Values", "Key"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.floats() | st.text(max_size=10) | AWKWARD,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMED | TEXT, inner, max_size=4),
    max_leaves=15,
)


@fuzzed
@given(
    value=VALUES,
    named=st.sampled_from([("cloudwatch", "PutMetricData"), ("ssm", "GetInventory")]),
    spoilt=st.lists(st.tuples(st.integers(0, 200), st.binary(max_size=3)), max_size=2),
    packed=st.booleans(),
)
def test_values(app, value, named, spoilt, packed):
    for make, raw in ((json_action, json.dumps(value).encode()), (cbor_action, cbor.encoded(value))):
        for at, piece in spoilt:
            raw = raw[:at] + piece + raw[at + 1 :]  # noqa: PLW2901 - a body with some bytes of it spoilt
        body, headers = (gzip.compress(raw), {"Content-Encoding": "gzip"}) if packed else (raw, {})
        answered(app, make(*named, body, headers=headers))


HEADER = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60)


@fuzzed
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD", "PATCH"]),
    path=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, blacklist_characters="#?"), max_size=40),
    query=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, blacklist_characters="#"), max_size=60),
    authorization=HEADER
    | st.builds(
        "AWS4-HMAC-SHA256 Credential={}/20200101/{}/{}/aws4_request, SignedHeaders={}, Signature={}".format,
        *[HEADER] * 5,
    ),
    date=HEADER | st.just("20200101T000000Z"),
)
def test_heads(app, method, path, query, authorization, date):
    answer = app.open(
        f"/{path}?{query}",
        method=method,
        headers={"Authorization": authorization, "X-Amz-Date": date},
        base_url=f"http://{HOST}",
    )
    assert answer.status_code < 500, answer.text


def test_nothing_is_kept(app):
    def ask(number):
        wild = f"{number:06}" + "a" * 20_000 + "*"
        form = {
            "Action": "DescribeInstances",
            "Version": VERSIONS["ec2"],
            "Filter.1.Name": wild,
            "Filter.1.Value.1": wild,
        }
        answered(app, signed("ec2", form, region=("us-east-1", f"nowhere-{number}")[number % 2]))

    for number in range(20):
        ask(number)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(20, 120):
        ask(number)
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert kept < 1_000_000  # of 4 MB that were sent
