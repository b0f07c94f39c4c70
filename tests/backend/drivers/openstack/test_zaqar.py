"""Messages into Zaqar's queues, over a Zaqar that a test scripts."""

from __future__ import annotations

from functools import partial
from uuid import UUID

import pytest

from backend.domain.messages import Gone, Refused, Telling, Unreached
from backend.drivers.openstack.cloud import open_cloud
from tests.backend.drivers.openstack.fake import (
    CATALOG,
    HOST,
    Reply,
    granted,
    keystone_error,
    lost,
    proxy_page,
    refused,
    zaqar_error,
)
from tests.factories import uuid_of

QUEUE = "/zaqar/v2/queues/moves/messages"
TELLING = Telling(uuid_of("message"), '{"a": "für"}', "Subject", attributes={"kind": "move"})
TAKEN = Reply(201, {"resources": ["/v2/queues/moves/messages/1"]})


@pytest.fixture
def sink(settings, services, clock):
    services.login = partial(granted, catalog={**CATALOG, "messaging": f"{HOST}/zaqar"})
    return open_cloud(settings, clock, services).queues


def test_a_message_is_put_into_a_queue_of_its_project(sink, services, scope):
    services.on("POST", QUEUE, TAKEN)
    sink.send(scope, "zaqar:moves", TELLING)
    (asked,) = services.asked
    body = {"id": TELLING.id, "body": TELLING.body, "subject": "Subject", "attributes": {"kind": "move"}}
    assert asked.body == {"messages": [{"ttl": 345_600, "body": body}]}
    assert services.logins[-1]["scope"] == {"project": {"id": scope.project_id}}
    assert str(UUID(asked.headers["Client-ID"])) == asked.headers["Client-ID"]


def test_it_comes_again_under_the_same_id_and_from_the_same_client(sink, services, scope):
    services.on("POST", QUEUE, lost(), TAKEN)
    with pytest.raises(Unreached):
        sink.send(scope, "zaqar:moves", TELLING)
    sink.send(scope, "zaqar:moves", Telling(TELLING.id, "plain"))
    first, second = services.asked
    assert second.body["messages"][0]["body"] == {"id": TELLING.id, "body": "plain"}
    assert first.headers["Client-ID"] == second.headers["Client-ID"]


@pytest.mark.parametrize(
    ("answer", "finding", "words"),
    [
        (zaqar_error(400, "Message collection size is too large."), Refused, "too large"),
        (zaqar_error(404, "Queue moves does not exist."), Gone, "does not exist"),
        (zaqar_error(403, "You are not let in."), Unreached, "403"),
        (zaqar_error(503, "busy"), Unreached, "busy"),
        (keystone_error(401, "The request you have made requires authentication."), Unreached, "asked"),
        (proxy_page(404), Unreached, "not by the service"),
        (proxy_page(413), Unreached, "not by the service"),
        (refused(), Unreached, "asked"),
    ],
)
def test_what_zaqar_does_not_take(sink, services, scope, answer, finding, words):
    services.on("POST", QUEUE, answer)
    with pytest.raises(finding, match=words):
        sink.send(scope, "zaqar:moves", TELLING)


@pytest.mark.parametrize("name", ["", "a/b", "../v1", "a b", "a" * 65, "a?x=1", "ä", "a\n"])
def test_a_name_is_a_name_and_no_path(sink, services, scope, name):
    with pytest.raises(Refused):
        sink.send(scope, f"zaqar:{name}", TELLING)
    assert services.asked == []


def test_a_cloud_without_zaqar(settings, services, clock, scope):
    with pytest.raises(Unreached, match="no message service"):
        open_cloud(settings, clock, services).queues.send(scope, "zaqar:moves", TELLING)
