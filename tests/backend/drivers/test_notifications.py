"""Notifications of oslo.messaging, over a stand-in for the library's transport, which CI does not have."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from backend.domain.messages import Telling, Unreached
from backend.drivers.messaging import Unusable
from backend.drivers.notifications import NotificationSink, opened
from backend.drivers.optional import NoLibrary
from tests.factories import SCOPE, HandClock, uuid_of

EVENT = {"detail-type": "EC2 Instance-launch Lifecycle Action", "detail": {"a": 1}}


class Transport:
    """What the library's own notifier hands notifications to: their target, context and all."""

    def __init__(self):
        self.sent = []
        self.opened = []
        self.fault = None

    def open(self, conf, url):
        if not url.startswith(("rabbit://", "kafka://")) or "[" in url:
            raise ValueError(f"Invalid transport URL {url}")
        self.opened.append(url)
        return self

    def _send_notification(self, target, ctxt, message, version, retry=None):
        if self.fault is not None:
            raise self.fault
        self.sent.append((target, ctxt, message, version, retry))


@pytest.fixture
def transport(monkeypatch):
    made = Transport()
    library = SimpleNamespace(
        get_notification_transport=made.open,
        Target=lambda topic: topic,
    )
    threads = SimpleNamespace(BackendType=SimpleNamespace(THREADING="threading"), init_backend=made.opened.append)
    monkeypatch.setitem(sys.modules, "oslo_service", SimpleNamespace(backend=threads))
    monkeypatch.setitem(sys.modules, "oslo_messaging", library)
    return made


@pytest.fixture
def sink(transport):
    return NotificationSink(opened("rabbit://broker/", "notifications"), HandClock())


def test_a_notification_has_the_id_of_its_message_and_names_the_project(sink, transport):
    for _ in range(2):
        sink.send(SCOPE, "oslo:", Telling(uuid_of("message"), "told", "Subject", event=EVENT))
    first, second = transport.sent
    target, context, message, version, retry = first
    assert (target, context, version, retry) == ("notifications.info", {}, 2.0, 0)
    assert message == {
        "message_id": uuid_of("message"),
        "publisher_id": f"coppice.{SCOPE.region}",
        "event_type": "coppice.ec2_instance_launch_lifecycle_action",
        "priority": "INFO",
        "payload": {
            "project_id": SCOPE.project_id,
            "region": SCOPE.region,
            "body": "told",
            "subject": "Subject",
            "event": EVENT,
        },
        "timestamp": "2026-11-22 13:00:00",
    }
    assert first == second


def test_what_is_no_event_is_a_message(sink, transport):
    sink.send(SCOPE, "oslo:", Telling(uuid_of("message"), "told"))
    assert transport.sent[0][2]["event_type"] == "coppice.message"


def test_a_broker_that_takes_nothing_is_heard_and_its_words_are_not_shown(sink, transport):
    transport.fault = ConnectionError("amqp://user:secret@broker")
    with pytest.raises(Unreached, match="ConnectionError") as refused:
        sink.send(SCOPE, "oslo:", Telling(uuid_of("message"), "told"))
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "opened_as"),
    [
        ("rabbit://broker/", "rabbit://broker/?heartbeat_timeout_threshold=10"),
        (
            "rabbit://u:p@a:5672,u:p@b:5672/cells?ssl=1",
            "rabbit://u:p@a:5672,u:p@b:5672/cells?ssl=1&heartbeat_timeout_threshold=10",
        ),
        ("rabbit://broker/?heartbeat_timeout_threshold=60", "rabbit://broker/?heartbeat_timeout_threshold=60"),
        ("kafka://broker/", "kafka://broker/"),
    ],
)
def test_a_broker_that_hangs_is_not_waited_for_a_minute(transport, url, opened_as):
    opened(url, "notifications")
    assert transport.opened == ["threading", opened_as], "its threads are chosen first: it would take eventlet's"


@pytest.mark.parametrize("url", ["rabit://u:s3cret@broker/", "rabbit://u:s3[cret@broker/"])
def test_of_a_url_that_is_of_no_use_none_of_its_words_are_told(transport, url):
    with pytest.raises(Unusable) as why:
        opened(url, "notifications")
    assert str(why.value) == "[messages] notifications_url: oslo.messaging cannot use it (ValueError)"
    assert (why.value.__context__, why.value.__cause__) == (None, None)


def test_the_library_need_not_be_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "oslo_messaging", None)
    with pytest.raises(NoLibrary, match=r"oslo\.messaging is not installed"):
        opened("rabbit://broker/", "notifications")
