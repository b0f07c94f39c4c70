"""Links in messages: who follows one signs nothing, and asks for nothing else than it names."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

import pytest

from gateway.limits import TokenBuckets
from gateway.links import SHARES, share
from gateway.request import Request
from tests.gateway.test_pipeline import said
from tests.gateway.world import HOST, World, action
from translators import load, registry  # noqa: F401 - registers every operation
from translators.registry import Linked

ARN = "arn:aws:sns:us-east-1:123456789012:news"


def followed(name="ConfirmSubscription", method="GET", **given):
    query = urlencode({"Action": name, "TopicArn": ARN, "Token": "t", **given})
    return Request(method, "/", query, {"host": HOST})


@pytest.fixture
def asked():
    return []


@pytest.fixture
def world(asked):
    def concerns(backend, params):
        asked.append((backend, params))
        return {"t": ("p-2", "us-east-1"), "elsewhere": ("p-2", "nowhere-1")}.get(params["Token"])

    made = World(options={"find_linked": {"ConfirmSubscription": Linked("sns", "ConfirmSubscription", concerns)}.get})
    made.on("sns", "ConfirmSubscription", {"SubscriptionArn": f"{ARN}:1"}).on("sns", "Publish").on("sns", "ListTopics")
    return made


def test_a_link_reaches_its_operation_in_the_project_that_it_is_about(world, asked):
    answer = world.pipeline().answer(followed())
    assert (answer.status, b"<ConfirmSubscriptionResult>" in answer.body) == (200, True)
    (call,) = world.calls
    assert asked == [("the backend", {"TopicArn": ARN, "Token": "t"})]
    assert (call.service, call.operation, call.scope) == ("sns", "ConfirmSubscription", ("p-2", "us-east-1"))
    assert (call.signed, call.caller.access_key, call.caller.roles) == (False, "", frozenset())
    (record,) = world.records
    assert (record.service, record.operation, record.account) == ("sns", "ConfirmSubscription", "123456789012")
    assert call.request_id == answer.headers["x-amzn-requestid"]


def test_who_signs_is_known_by_that(world, asked):
    world.pipeline().answer(action("sns", "ConfirmSubscription", {"TopicArn": ARN, "Token": "t"}))
    (call,) = world.calls
    assert (call.signed, call.scope, asked) == (True, ("p-1", "us-east-1"), [])


GOOD = followed()


@pytest.mark.parametrize(
    "request_",
    [
        followed("Publish", Message="x"),
        followed("ListTopics"),
        followed("confirmsubscription"),
        followed(Token="no"),
        followed(Token="elsewhere"),
        replace(GOOD, method="POST"),
        replace(GOOD, method="POST", query="", body=GOOD.query.encode()),
        replace(GOOD, body=b"Action=Publish"),
        replace(GOOD, path="/queue"),
        replace(GOOD, query=""),
        replace(GOOD, query=f"{GOOD.query}&x={'x' * 2048}"),
        replace(GOOD, headers={"host": HOST, "authorization": ""}),
    ],
    ids=range(12),
)
def test_nothing_else_is_opened(world, request_):
    assert said(world.pipeline().answer(request_))[:2] == (403, "MissingAuthenticationToken")
    assert world.calls == []


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (replace(GOOD, query=f"{GOOD.query}&X-Amz-Signature=00"), "MissingAuthenticationToken"),
        (replace(GOOD, query=f"{GOOD.query}&X-Amz-Credential=key"), "IncompleteSignature"),
        (replace(GOOD, headers={"host": HOST, "authorization": "AWS4-HMAC-SHA256 x"}), "IncompleteSignature"),
        (replace(GOOD, query=f"{GOOD.query}&Action=Publish"), "MalformedQueryString"),
        (replace(GOOD, query=GOOD.query + "".join(f"&a{number}=" for number in range(8))), "MalformedQueryString"),
        (followed(Token=""), None),
        (replace(GOOD, query="Action=ConfirmSubscription"), "InvalidParameter"),
        (replace(GOOD, method="HEAD"), "UnsupportedHttpVerb"),
    ],
)
def test_what_is_half_a_link_is_refused(world, request_, code):
    answer = world.pipeline().answer(request_)
    assert answer.status >= 400
    if code is not None:
        assert said(answer)[1] == code
    assert world.calls == []


def test_links_take_no_token_of_a_caller(world):
    world.options["throttle"] = TokenBuckets(0.001, 2)
    pipeline = world.pipeline()
    bad = followed(Token="no")
    assert [pipeline.answer(bad).status for _ in range(3)] == [403, 403, 400]
    assert said(pipeline.answer(followed()))[1] == "Throttling"
    assert pipeline.answer(action("sns", "ListTopics")).status == 200


def test_who_follows_links_at_random_keeps_nobody_else_from_theirs(world):
    world.options["throttle"] = TokenBuckets(0.001, 2)
    pipeline = world.pipeline()
    bad = replace(followed(Token="no"), peer="192.0.2.1")
    assert [pipeline.answer(bad).status for _ in range(3)] == [403, 403, 400]
    assert pipeline.answer(replace(GOOD, peer="192.0.2.2")).status == 200
    assert pipeline.answer(replace(GOOD, peer="2001:db8::1")).status == 200


def test_whose_tokens_a_link_takes():
    key = b"secret"
    assert share("2001:db8::1", key) == share("2001:db8::ffff:1", key) != share("2001:db8:0:1::1", key)
    assert share("::ffff:192.0.2.1", key) == share("192.0.2.1", key) != share("192.0.2.2", key)
    assert share("", key) == share("x" * 100_000, key) == share("fe80::1%", key)
    assert share("fe80::1%eth0", key) == share("fe80::2", key)
    every = [share(f"198.51.{high}.{low}", key) for high in range(40) for low in range(250)]
    assert {int(each) for each in every} == set(range(SHARES))
    assert every != [share(f"198.51.{high}.{low}", b"another") for high in range(40) for low in range(250)]
    assert share("192.0.2.1", b"")
    assert share("192.0.2.1", b"k" * 100)


def test_two_operations_are_linked():
    assert sorted(registry._linked) == ["ConfirmSubscription", "Unsubscribe"]
