"""The wire, byte by byte: signatures, hostile bodies, slow and oversized clients; every answer is AWS's."""

from __future__ import annotations

import http.client
import json
import os
import random
import socket
import time
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from conformance.product import Access
from conformance.wire import FORM, Answer, Signed, ago, send

GROUPS = {"Action": "DescribeAutoScalingGroups"}
REGIONS = {"Action": "DescribeRegions"}


def expect(answer: Answer, *codes: str, status: int | None = None) -> str:
    code, message = answer.error()
    assert code in codes, f"{answer.status} {code}: {message}"
    assert status is None or answer.status == status, (answer.status, code)
    assert 400 <= answer.status < 500, answer.status
    return message


def test_a_signed_request_is_answered(server: Access) -> None:
    answer = Signed(server, params=GROUPS).send()
    assert answer.status == 200
    document = answer.document["DescribeAutoScalingGroupsResponse"]
    assert document["@xmlns"] == "http://autoscaling.amazonaws.com/doc/2011-01-01/"
    assert document["ResponseMetadata"]["RequestId"] == answer.request_id
    assert answer.headers["content-type"] == "text/xml"
    ec2 = Signed(server, "ec2", REGIONS).send()
    assert ec2.status == 200
    assert ec2.document["DescribeRegionsResponse"]["requestId"] == ec2.request_id
    assert ec2.document["DescribeRegionsResponse"]["@xmlns"] == "http://ec2.amazonaws.com/doc/2016-11-15/"


def test_get_with_a_signed_query(server: Access) -> None:
    query = GROUPS | {"Version": "2011-01-01"}
    assert Signed(server, method="GET", query=query).send().status == 200


@pytest.mark.parametrize("service", ["autoscaling", "ec2", "sts", "iam"])
def test_bad_signatures(server: Access, service: str) -> None:
    action = {
        "autoscaling": "DescribeAutoScalingGroups",
        "ec2": "DescribeRegions",
        "sts": "GetCallerIdentity",
        "iam": "GetUser",
    }[service]
    asked: dict[str, Any] = {"access": server, "service": service, "params": {"Action": action}}
    unknown, mismatch = {"InvalidClientTokenId", "AuthFailure"}, {"SignatureDoesNotMatch", "AuthFailure"}
    expect(Signed(**asked, key="AKIANOBODYNOBODYNOBO").send(), *unknown)
    expect(Signed(**asked, secret="wrong" * 8).send(), *mismatch)
    expect(Signed(**asked, at=ago(minutes=20)).send(), "RequestExpired", "SignatureDoesNotMatch")
    expect(Signed(**asked, at=ago(minutes=-20)).send(), *mismatch)
    assert Signed(**asked, at=ago(minutes=10)).send().status == 200
    assert Signed(**asked, at=ago(minutes=-10)).send().status == 200


def test_who_asks_in_json_or_cbor_is_refused_in_it(server: Access) -> None:
    prefix, name = "GraniteServiceVersion20100801", "MakeCoffee"
    json_headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": f"{prefix}.{name}"}
    cbor_headers = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
    for key, kind, status in (
        (None, "UnknownOperationException", 400),
        ("AKIANOBODYNOBODYNOBO", "UnrecognizedClientException", 403),
    ):
        answer = Signed(server, "monitoring", body=b"{}", headers=json_headers, key=key).send()
        assert answer.status == status
        assert answer.headers["content-type"] == "application/x-amz-json-1.0"
        assert json.loads(answer.body)["__type"].endswith(f"#{kind}")
        assert answer.headers["x-amzn-query-error"].endswith(";Sender")
        path = f"/service/{prefix}/operation/{name}"
        answer = Signed(server, "monitoring", body=b"\xa0", path=path, headers=cbor_headers, key=key).send()
        assert answer.status == status
        assert (answer.headers["content-type"], answer.headers["smithy-protocol"]) == (
            "application/cbor",
            "rpc-v2-cbor",
        )
        assert f"#{kind}".encode() in answer.body


def test_no_signature(server: Access) -> None:
    body = urlencode(GROUPS | {"Version": "2011-01-01"}).encode()
    answer = send(server, "POST", "/", {"content-type": FORM}, body)
    expect(answer, "MissingAuthenticationToken", status=403)
    expect(send(server, "GET", "/", {}), "MissingAuthenticationToken", "MissingAction")


@pytest.mark.parametrize(
    "authorization",
    [
        "AWS4-HMAC-SHA256 Credential=x",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=zz",
        "AWS4-HMAC-SHA256 Credential=, SignedHeaders=, Signature=",
        "Basic dXNlcjpwYXNz",
        "Bearer x",
        "AWS nobody:signature",
        "x" * 4000,
    ],
    ids=lambda text: text[:30],
)
def test_broken_authorization(server: Access, authorization: str) -> None:
    signed = Signed(server, params=GROUPS)
    headers = signed.signed_headers() | {"authorization": authorization}
    expect(
        send(server, "POST", "/", headers, signed.payload()),
        "IncompleteSignature",
        "MissingAuthenticationToken",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
    )


def test_what_was_signed_is_what_counts(server: Access) -> None:
    signed = Signed(server, params=GROUPS)
    headers = signed.signed_headers()
    body = signed.payload() + b"&MaxRecords=1"
    expect(send(server, "POST", "/", headers, body), "SignatureDoesNotMatch", status=403)
    expect(send(server, "POST", "/other", headers, signed.payload()), "SignatureDoesNotMatch", status=403)
    expect(send(server, "POST", "/?a=b", headers, signed.payload()), "SignatureDoesNotMatch", status=403)
    late = headers | {"x-amz-date": f"{ago(minutes=1):%Y%m%dT%H%M%SZ}"}
    expect(send(server, "POST", "/", late, signed.payload()), "SignatureDoesNotMatch", status=403)
    claimed = Signed(server, params=GROUPS, headers={"x-amz-content-sha256": "0" * 64})
    expect(claimed.send(), "SignatureDoesNotMatch", "InvalidSignature", "XAmzContentSHA256Mismatch")


def test_scope_of_the_signature(server: Access) -> None:
    signed = Signed(server, params=GROUPS)
    headers = signed.signed_headers()
    day = f"{ago():%Y%m%d}"
    stale = headers["authorization"].replace(f"/{day}/", "/20200101/")
    expect(
        send(server, "POST", "/", headers | {"authorization": stale}, signed.payload()),
        "SignatureDoesNotMatch",
        "IncompleteSignature",
    )
    open_end = headers["authorization"].replace("/aws4_request", "/aws3_request")
    expect(
        send(server, "POST", "/", headers | {"authorization": open_end}, signed.payload()),
        "SignatureDoesNotMatch",
        "IncompleteSignature",
    )


def test_presigned(server: Access) -> None:
    asked = Signed(server, params=GROUPS)
    answer = send(server, "GET", asked.presigned(), {})
    assert answer.status == 200, answer.body
    assert "DescribeAutoScalingGroupsResponse" in answer.document
    expect(
        send(server, "GET", Signed(server, params=GROUPS, at=ago(minutes=10)).presigned(60), {}),
        "RequestExpired",
        "SignatureDoesNotMatch",
    )
    expect(
        send(server, "GET", Signed(server, params=GROUPS).presigned(MaxRecords="1"), {}),
        "SignatureDoesNotMatch",
        status=403,
    )
    expect(
        send(server, "GET", Signed(server, params=GROUPS).presigned(**{"X-Amz-Signature": "0" * 64}), {}),
        "SignatureDoesNotMatch",
        status=403,
    )
    assert send(server, "GET", Signed(server, params=GROUPS, at=ago(minutes=30)).presigned(3600), {}).status == 200


def test_unknown_actions_and_versions(server: Access) -> None:
    expect(Signed(server, params={"Action": "MakeCoffee"}).send(), "InvalidAction")
    expect(Signed(server, "ec2", {"Action": "MakeCoffee"}).send(), "InvalidAction")
    expect(Signed(server, params=GROUPS | {"Version": "1999-01-01"}).send(), "InvalidAction", "NoSuchVersion")
    expect(Signed(server, params={"x": "y"}).send(), "MissingAction", "InvalidAction")
    expect(Signed(server, params={}, body=b"").send(), "MissingAction", "InvalidAction")
    expect(Signed(server, params={"Action": "describeautoscalinggroups"}).send(), "InvalidAction")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "BREW"])
def test_other_methods(server: Access, method: str) -> None:
    answer = Signed(server, method=method, query=GROUPS | {"Version": "2011-01-01"}).send()
    assert 400 <= answer.status < 500
    answer.error()


@pytest.mark.parametrize(
    "path", ["/nowhere", "/healthz/deeper", "//", "/%00", "/%ff", "/" + "a" * 3000, "/../etc/passwd"]
)
def test_other_paths(server: Access, path: str) -> None:
    answer = send(server, "GET", path, {})
    assert 400 <= answer.status < 500, answer.status
    answer.error()


def test_health_and_readiness(server: Access) -> None:
    assert send(server, "GET", "/healthz", {}).status == 200
    assert send(server, "GET", "/readyz", {}).status == 200


@pytest.mark.skipif("COPPICE_URL" in os.environ, reason="an engine that runs by itself serves its own")
def test_metrics_of_gateway_and_engine_come_together(server: Access) -> None:
    Signed(server, params=GROUPS).send()
    answer = send(server, "GET", "/metrics", {})
    assert answer.status == 200
    assert b"coppice_requests_total{" in answer.body
    assert b"\ncoppice_engine_passes_total " in answer.body


CREATE = "Action=CreateAutoScalingGroup&Version=2011-01-01&"
TAGS = "Action=CreateOrUpdateTags&Version=2011-01-01&"
HOSTILE = {
    "invalid utf-8": b"Action=DescribeAutoScalingGroups&Version=2011-01-01&AutoScalingGroupNames.member.1=%ff%fe",
    "raw invalid utf-8": b"Action=DescribeAutoScalingGroups&Version=2011-01-01&NextToken=\xff\xfe",
    "nul": (CREATE + "AutoScalingGroupName=a%00b&MinSize=0&MaxSize=0").encode(),
    "controls": (
        CREATE + "AutoScalingGroupName=" + "".join(f"%{n:02x}" for n in range(1, 32)) + "&MinSize=0&MaxSize=0"
    ).encode(),
    "not characters": (
        CREATE + "AutoScalingGroupName=" + quote("\ufffe\uffff\u0085\u2028") + "&MinSize=0&MaxSize=0"
    ).encode(),
    "surrogate": (CREATE + "AutoScalingGroupName=%ed%a0%80&MinSize=0&MaxSize=0").encode(),
    "duplicate action": b"Action=DescribeAutoScalingGroups&Action=DeleteAutoScalingGroup&Version=2011-01-01",
    "duplicate member": (CREATE + "MinSize=0&MinSize=1&MaxSize=2&AutoScalingGroupName=x").encode(),
    "huge index": (TAGS + "Tags.member.999999999.Key=a&Tags.member.999999999.ResourceId=x").encode(),
    "huger index": (TAGS + f"Tags.member.{'9' * 400}.Key=a").encode(),
    "negative index": (TAGS + "Tags.member.-1.Key=a").encode(),
    "word for an index": (TAGS + "Tags.member.one.Key=a").encode(),
    "zero index": (TAGS + "Tags.member.0.Key=a").encode(),
    "deep": (TAGS + "Tags" + ".member.1" * 5000 + "=x").encode(),
    "structure and scalar": (
        CREATE + "LaunchTemplate=x&LaunchTemplate.Version=1&AutoScalingGroupName=x&MinSize=0&MaxSize=0"
    ).encode(),
    "number": (CREATE + "AutoScalingGroupName=x&MinSize=one&MaxSize=0").encode(),
    "huge number": (CREATE + f"AutoScalingGroupName=x&MinSize={'9' * 5000}&MaxSize=0").encode(),
    "float for an integer": (CREATE + "AutoScalingGroupName=x&MinSize=1.5&MaxSize=0").encode(),
    "arabic digits": (CREATE + "AutoScalingGroupName=x&MinSize=%D9%A1&MaxSize=5").encode(),
    "boolean": b"Action=DeleteAutoScalingGroup&Version=2011-01-01&AutoScalingGroupName=x&ForceDelete=perhaps",
    "timestamp": b"Action=PutScheduledUpdateGroupAction&Version=2011-01-01&AutoScalingGroupName=x&ScheduledActionName=s&StartTime=yesterday",
    "no equals": b"Action",
    "ampersands": b"&" * 10_000,
    "equals": b"=" * 10_000,
    "percent": b"Action=%&Version=%zz",
    "many parameters": b"Action=DescribeAutoScalingGroups&Version=2011-01-01"
    + b"".join(b"&x%d=1" % n for n in range(20_000)),
    "json": b'{"Action": "DescribeAutoScalingGroups"}',
    "xml": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "xml in a name": (CREATE + "AutoScalingGroupName=" + quote("]]><script>&amp;") + "&MinSize=0&MaxSize=0").encode(),
    "binary": bytes(range(256)) * 8,
    "sql": (CREATE + "AutoScalingGroupName=" + quote("x'; DROP TABLE clusters; --") + "&MinSize=0&MaxSize=0").encode(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies(server: Access, name: str) -> None:
    answer = Signed(server, body=HOSTILE[name]).send()
    if answer.status == 200:
        assert name in {"invalid utf-8", "duplicate action"}, answer.body
        assert answer.document
    else:
        assert 400 <= answer.status < 500, (answer.status, answer.body[:300])
        answer.error()


def test_hostile_bodies_of_ec2(server: Access) -> None:
    for body in (
        b"Action=DescribeInstances&Version=2016-11-15&InstanceId.999999999=i-0",
        b"Action=DescribeInstances&Version=2016-11-15&Filter.1.Value.1=x",
        b"Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=%00&Filter.1.Value.1=x",
        b"Action=RunInstances&Version=2016-11-15&MinCount=x&MaxCount=1",
        b"Action=CreateTags&Version=2016-11-15&ResourceId.1=&Tag.1.Key=%01",
        b"Action=DescribeLaunchTemplateVersions&Version=2016-11-15",
    ):
        answer = Signed(server, "ec2", body=body).send()
        assert 400 <= answer.status < 500, (body, answer.status, answer.body[:300])
        answer.error()


def test_random_bodies(server: Access) -> None:
    chance = random.Random(20_240_601)
    words = [
        "Action",
        "Version",
        "2011-01-01",
        "AutoScalingGroupName",
        "Tags.member.1.Key",
        "member",
        ".",
        "&",
        "=",
        "%",
        "%00",
        "é",
        "1",
        "-",
    ]
    words += [
        "DescribeTags",
        "DescribeAutoScalingGroups",
        "SetInstanceHealth",
        "Filters.member.1.Values.member.1",
        "\x00",
        "\x1f",
    ]
    for _ in range(150):
        text = "".join(chance.choice(words) for _ in range(chance.randrange(1, 40)))
        answer = Signed(server, body=text.encode()).send()
        assert answer.status == 200 or 400 <= answer.status < 500, (text, answer.status)
        if answer.status != 200:
            answer.error()


def test_hostile_text_comes_back_whole(server: Access, fleet: Any) -> None:
    name = fleet.create()
    value = "<&>\"' \t é ☃ 🦊 ]]> &amp; %00"
    tag = {
        "ResourceId": name,
        "ResourceType": "auto-scaling-group",
        "Key": "k",
        "Value": value,
        "PropagateAtLaunch": False,
    }
    fleet.autoscaling.create_or_update_tags(Tags=[tag])
    assert fleet.group(name)["Tags"][0]["Value"] == value


def test_a_body_that_is_too_large(server: Access) -> None:
    answer = Signed(
        server, body=b"Action=DescribeAutoScalingGroups&Version=2011-01-01&x=" + b"a" * (1024 * 1024)
    ).send()
    assert 400 <= answer.status < 500
    answer.error()


def test_a_body_just_small_enough(server: Access) -> None:
    start = b"Action=DescribeAutoScalingGroups&Version=2011-01-01&NextToken="
    answer = Signed(server, body=start + b"a" * (1024 * 1024 - len(start))).send()
    expect(answer, "InvalidNextToken", "ValidationError")


def test_chunked_bodies(server: Access) -> None:
    signed = Signed(server, params=GROUPS)
    body = signed.payload()
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    answer = send(server, "POST", "/", signed.signed_headers() | {"transfer-encoding": "chunked"}, chunked)
    if answer.status != 200:
        answer.error()
        assert 400 <= answer.status < 500


def test_slow_clients_are_cut_off_and_stop_nobody(server: Access) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: "
    # Far more than there are threads.
    halves = [head + b"100\r\n\r\nAction=", b"POST / HTTP/1.1\r\nHo", head + b"1099511627776\r\n\r\nAction=", b""] * 16
    slow = [socket.create_connection((server.host, server.port), timeout=60) for _ in halves]
    try:
        for one, half in zip(slow, halves, strict=True):
            one.sendall(half)
        began = time.monotonic()
        for _ in range(10):
            assert Signed(server, params=GROUPS).send().status == 200
        assert time.monotonic() - began < 5, "others wait for slow clients"
        for one in slow:
            said = b"".join(iter(lambda one=one: one.recv(65536), b""))
            assert not said or b"<Code>" in said, said
        assert time.monotonic() - began < 45, "slow clients are cut off"
    finally:
        for one in slow:
            one.close()


def test_many_requests_of_one_connection(server: Access) -> None:
    connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
    try:
        for _ in range(5):
            signed = Signed(server, params=GROUPS)
            connection.request("POST", "/", signed.payload(), signed.signed_headers())
            answer = connection.getresponse()
            assert answer.status == 200
            answer.read()
    finally:
        connection.close()
