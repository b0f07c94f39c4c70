"""Receivers' addresses through WSGI: what comes through, and what is turned away before anybody is asked."""

from __future__ import annotations

import pytest

from gateway.app import create_app
from gateway.limits import TokenBuckets
from gateway.receivers import Receivers
from tests.gateway.world import World, action
from translators.receivers import MOST_BYTES


def served(status=200, throttle=None):
    heard = []

    def receive(token, message):
        heard.append((token, message))
        return status, {"outcome": "scaled"}

    receivers = Receivers(receive, lambda: 0.0, throttle)
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


def test_who_knocks_too_often_waits():
    app, heard = served(throttle=TokenBuckets(rate=0.001, burst=2))
    assert [app.post("/receivers/x").status_code for _ in range(3)] == [200, 200, 429]
    assert len(heard) == 2


def test_only_a_post_is_a_message_and_all_else_is_a_request_of_awss():
    app, heard = served()
    for answer in (app.get("/receivers/x"), app.post("/receivers/")):
        assert answer.content_type.startswith("text/xml")
    assert heard == []
    without = create_app(World().pipeline(), lambda: None).test_client()
    assert without.post("/receivers/x").content_type.startswith("text/xml")
    assert action("autoscaling", "DescribeTags").path == "/"
