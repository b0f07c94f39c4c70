"""Receivers' addresses through WSGI: what comes through, and what is turned away before anybody is asked."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial

import pytest

from backend.domain.receivers import WantedReceiver
from backend.domain.scaling import Adjustment, PolicyKind, WantedPolicy
from backend.services.scaling_policies import Said
from backend.tracing import Role
from gateway.app import create_app
from gateway.audit import Audit
from gateway.limits import TokenBuckets
from gateway.receivers import Receivers
from tests.backend.engine.world import EngineWorld
from tests.factories import SCOPE
from tests.gateway.world import World, action
from tests.spans import TracesKept
from translators.passages import Passages
from translators.receivers import MOST_BYTES, Heard, receive

KNOWN = ("abc", "def")


def served(throttle=None, audit=None, **answer):
    """The application with receivers of two tokens, and what they heard."""
    heard = []

    def receive(token, message, admit):
        if not admit(token if token in KNOWN else ""):
            of = {"project_id": "p-1", "region": "R1"} if token in KNOWN else {}
            return Heard(503, {"error": "Rate exceeded"}, "Throttling", **of)
        if token not in KNOWN:
            return Heard(404, {"error": "none"}, "ReceiverUnknown")
        heard.append((token, message))
        return Heard(200, {"outcome": "scaled"}, "scaled", "p-1", "R1", {"ReceiverId": f"of-{token}"})

    receivers = Receivers(
        receive,
        lambda: 0.0,
        throttle,
        audit=audit,
        account_of=lambda _: "123456789012",
        region_of=lambda _: "us-east-1",
    )
    return create_app(World().pipeline(), lambda: None, receivers=receivers).test_client(), heard


def test_a_message_comes_through_as_it_is_with_no_signature():
    app, heard = served()
    answer = app.post("/receivers/abc?instance=i-1", data=b'{"a": 1}', headers={"X-Openstack-Request-Id": "req-1"})
    assert (answer.status_code, answer.json, answer.content_type) == (200, {"outcome": "scaled"}, "application/json")
    ((token, message),) = heard
    assert (token, message.body, message.instance) == ("abc", b'{"a": 1}', "i-1")
    assert message.headers["x-openstack-request-id"] == "req-1"


def test_the_token_may_stand_in_a_header():
    app, heard = served()
    assert app.post("/receivers/-", headers={"Authorization": "Bearer abc"}).status_code == 200
    assert heard[0][0] == "abc"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/receivers/" + "x" * 200, b"", 404),
        ("/receivers/x?" + "y" * 600, b"", 413),
        ("/receivers/x", b"z" * (MOST_BYTES + 1), 413),
    ],
)
def test_what_is_turned_away(path, body, status):
    app, heard = served()
    assert app.post(path, data=body).status_code == status
    assert heard == []


def statuses(app, *tokens):
    return [app.post(f"/receivers/{token}").status_code for token in tokens]


def test_who_knocks_too_often_is_told_to_try_again():
    """Alertmanager tries again upon 5xx alone."""
    app, heard = served(TokenBuckets(rate=0.001, burst=2))
    assert statuses(app, "abc", "abc", "abc") == [200, 200, 503]
    assert len(heard) == 2


def test_wrong_tokens_and_other_receivers_shut_nobody_out_behind_the_same_proxy():
    app, _ = served(TokenBuckets(rate=0.001, burst=2))
    assert statuses(app, "x", "y", "z") == [404, 404, 503]
    assert statuses(app, "abc", "abc", "abc", "def", "z") == [200, 200, 503, 200, 503]


def test_the_audit_trail_tells_of_each_message(tmp_path):
    audit = Audit(tmp_path / "audit.log", now=lambda: datetime(2026, 1, 2, tzinfo=UTC))
    app, _ = served(TokenBuckets(rate=0.001, burst=1), audit)
    assert statuses(app, "abc", "abc", "x", "y", "z" * 200) == [200, 503, 404, 503, 404]
    first, second, third = map(json.loads, (tmp_path / "audit.log").read_text().splitlines())
    assert first.pop("request_id") != second["request_id"]
    assert first == {
        "time": "2026-01-02T00:00:00.000+00:00",
        "account": "123456789012",
        "project_id": "p-1",
        "user_id": "",
        "user": "",
        "assumed_role": "",
        "access_key": "",
        "source": "127.0.0.1",
        "region": "us-east-1",
        "action": "receivers:HearAlarm",
        "about": {"ReceiverId": "of-abc"},
        "outcome": "success",
        "status": 200,
        "code": "scaled",
    }
    assert [(each["project_id"], each["outcome"], each["code"]) for each in (second, third)] == [
        ("p-1", "failure", "Throttling"),
        ("", "failure", "ReceiverUnknown"),
    ]


def test_the_audit_trail_tells_in_cadfs_form_what_came_of_it(tmp_path):
    app, _ = served(audit=Audit(tmp_path / "audit.log", "cadf"))
    app.post("/receivers/abc")
    event = json.loads((tmp_path / "audit.log").read_text())
    assert (event["action"], event["outcome"], event["target"]["id"]) == ("update", "success", "of-abc")
    assert event["reason"] == {"reasonType": "scaled", "reasonCode": "200"}


def test_only_a_post_is_a_message_and_all_else_is_a_request_of_awss():
    app, heard = served()
    for answer in (app.get("/receivers/x"), app.post("/receivers/")):
        assert answer.content_type.startswith("text/xml")
    assert heard == []
    without = create_app(World().pipeline(), lambda: None).test_client()
    assert without.post("/receivers/x").content_type.startswith("text/xml")
    assert action("autoscaling", "DescribeTags").path == "/"


def traced(world, traces):
    """The application with real receivers over an engine's world, and its engine; both keep spans."""
    world.engine = world.new_engine("one", traces=traces)
    receivers = Receivers(partial(receive, world.backend), world.clock.monotonic, along=Passages(traces))
    return create_app(World().pipeline(), lambda: None, receivers=receivers).test_client()


@pytest.fixture
def engines():
    made = EngineWorld()
    yield made
    made.close()


def test_a_message_is_a_span_and_the_pass_that_it_calls_for_tells_so(engines):
    traces = TracesKept()
    app = traced(engines, traces)
    cluster = engines.make(desired=1)
    policy = WantedPolicy("out", PolicyKind.SIMPLE, adjustment=Adjustment.CHANGE, amount=1)
    engines.backend.scaling_policies.put(SCOPE, cluster.name, policy, Said(lambda _: "arn", lambda _: {}))
    receiver, token = engines.backend.receivers.add(SCOPE, WantedReceiver(cluster.name, policy_name="out"))
    engines.pass_time(20)
    engines.clock.move(400)  # no cooldown is under way
    answer = app.post(f"/receivers/{token}", headers={"traceparent": "00-garbage"})
    assert answer.json["outcome"] == "scaled"
    (span,) = traces.named("receivers.HearAlarm")
    assert (span.role, span.ended, span.failed) == (Role.ANSWERS, True, "")
    assert span.told == {
        "coppice.request_id": answer.headers["X-Request-Id"],
        "coppice.receiver": receiver.id,
        "coppice.outcome": "scaled",
        "coppice.account": SCOPE.project_id,
        "coppice.region": SCOPE.region,
        "coppice.group": cluster.name,
        "rpc.service": "receivers",
        "rpc.method": "HearAlarm",
        "http.response.status_code": 200,
    }
    assert token not in str(traces.spans)
    engines.engine.tick(engines.clock.now())
    caused = [each for each in traces.named("engine clusters") if each.links == (span.context,)]
    assert [each.told["coppice.request_id"] for each in caused] == [answer.headers["X-Request-Id"]]


def test_a_message_to_nobody_tells_its_code_and_no_token(engines):
    traces = TracesKept()
    app = traced(engines, traces)
    answer = app.post("/receivers/some-token")
    assert answer.status_code == 404
    (span,) = traces.named("receivers.HearAlarm")
    assert (span.told["error.type"], span.failed) == ("ReceiverUnknown", "")
    assert span.told["coppice.request_id"] == answer.headers["X-Request-Id"]
    assert "some-token" not in str(span)
    assert app.post("/receivers/" + "x" * 200).status_code == 404  # nobody was asked
    assert len(traces.spans) == 1
