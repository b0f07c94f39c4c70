"""How the bus is listened to, over a stand-in for the library, which CI does not have; the real one is in the lane."""

from __future__ import annotations

import logging
import sys
import threading
from types import SimpleNamespace

import pytest

from backend.domain.events import Event, Subject
from backend.drivers.messaging import Unusable
from backend.drivers.openstack import bus
from backend.drivers.openstack.bus import BusSettings
from backend.drivers.optional import NoLibrary
from tests.factories import HandClock, uuid_of

SETTINGS = BusSettings(
    "R1", "rabbit://u:p@broker/", (("nova", "versioned_notifications"), ("keystone", "notifications")), "us"
)
SERVER = uuid_of("server")


class Library:
    """What of oslo.messaging and oslo.service is used; ``done`` when all listeners have started."""

    def __init__(self):
        self.order, self.listeners, self.done, self.fault = [], [], threading.Event(), None
        self.service = SimpleNamespace(
            BackendType=SimpleNamespace(THREADING="threading"), init_backend=self.order.append
        )
        self.messaging = SimpleNamespace(
            Target=lambda exchange, topic: (exchange, topic),
            get_notification_transport=self._transport,
            get_notification_listener=self._listener,
        )

    @staticmethod
    def _transport(conf, url):
        if not url.startswith("rabbit://"):
            raise ValueError(f"No 'oslo.messaging.drivers' driver found for {url}")
        return url

    def _listener(self, transport, targets, endpoints, executor, pool, allow_requeue):
        def start(override_pool_size):
            if self.fault is not None:
                raise self.fault
            self.listeners.append((transport, targets, executor, pool, allow_requeue, override_pool_size, endpoints[0]))
            if len(self.listeners) == len(SETTINGS.topics):
                self.done.set()

        return SimpleNamespace(start=start)


def nobody():
    raise AssertionError("nothing was lost")


def listen(heard=lambda _: None, clock=None, lost=nobody, settings=(SETTINGS,)):
    bus.listen(settings, lambda _region: heard, lost, clock or HandClock())


@pytest.fixture
def library(monkeypatch):
    made = Library()
    monkeypatch.setitem(sys.modules, "oslo_service", SimpleNamespace(backend=made.service))
    monkeypatch.setitem(sys.modules, "oslo_messaging", made.messaging)
    yield made
    for name in bus._NOISY:
        for each in logging.getLogger(name).filters[:]:
            logging.getLogger(name).removeFilter(each)


def test_each_topic_has_a_queue_of_ours_one_thread_and_nothing_comes_again(library):
    heard = []
    listen(heard.append)
    assert library.done.wait(30)
    assert library.order == ["threading"], "chosen before the library is loaded"
    assert [each[:6] for each in library.listeners] == [
        (SETTINGS.url, [("nova", "versioned_notifications")], "threading", "us-nova-versioned_notifications", False, 1),
        (SETTINGS.url, [("keystone", "notifications")], "threading", "us-keystone-notifications", False, 1),
    ]
    endpoint = library.listeners[0][-1]
    endpoint.info({}, "nova-compute:a", "instance.delete.end", {"nova_object.data": {"uuid": SERVER}}, {})
    endpoint.error({}, None, "instance.create.error", {"nova_object.data": {"uuid": SERVER}}, None)
    endpoint.info(None, None, None, None, None)
    assert heard == [Event(Subject.SERVER, SERVER), Event(Subject.SERVER, SERVER), None]


def test_a_flood_of_what_is_no_message_is_a_line_a_minute_without_traceback(library, caplog):
    clock = HandClock()
    listen(clock=clock)
    assert library.done.wait(30)
    log = logging.getLogger(bus._NOISY[0])
    for number in range(100):
        try:
            raise ValueError("garbage")
        except ValueError:
            log.exception("not to be\nread %s %s", "x" * 10_000, number)
        clock.move(1)
    lines = [record for record in caplog.records if record.name == log.name]
    assert [record.getMessage()[-1] for record in lines] == ["x", "x"]
    assert all(len(record.getMessage()) <= 300 and "\n" not in record.getMessage() for record in lines)
    assert "Traceback" not in caplog.text


def test_without_the_library_a_sentence_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "oslo_service", None)
    with pytest.raises(NoLibrary, match=r"^oslo\.messaging is not installed, which \[events\] urls needs$"):
        listen()


def test_where_one_url_is_of_no_use_nothing_is_listened_to_and_none_of_its_words_are_told(library, caplog):
    bad = BusSettings("R2", "rabit://u:s3cret@broker/", SETTINGS.topics, "us")
    with pytest.raises(
        Unusable, match=r"^\[events\] urls: oslo\.messaging cannot use that of R2 \(ValueError\)$"
    ) as why:
        listen(settings=(SETTINGS, bad))
    assert why.value.__context__ is None
    assert why.value.__cause__ is None
    assert library.listeners == []
    assert "s3cret" not in caplog.text


def test_a_region_that_cannot_be_listened_to_is_told_in_a_line_and_to_who_listens(library, caplog):
    library.fault, lost = ValueError("rabbit://u:p@broker/"), threading.Event()
    listen(lost=lost.set)
    assert lost.wait(30)
    (said,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert said.getMessage() == "region=R1 the bus of the cloud cannot be listened to: ValueError"
    assert said.exc_info is None
    assert "u:p" not in caplog.text


@pytest.mark.parametrize(
    "name",
    [
        "oslo.messaging._drivers.impl_rabbit",
        "oslo.messaging._drivers.pool",
        "oslo.service.backend._threading.loopingcall",
        "oslo_messaging._drivers.amqpdriver",
        "amqp",
    ],
)
def test_loggers_that_are_renamed_are_quiet_as_well(library, caplog, name):
    listen()
    for _ in range(3):
        logging.getLogger(name).error("the broker is away")
    assert len([record for record in caplog.records if record.name == name]) == 1
