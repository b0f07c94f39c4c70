"""Brokers that answer, hang, refuse or are something else: sockets of a test's own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from backend.drivers.brokers import Broker, asked

STARTS = b"\x01\x00\x00\x00\x00\x01\xdd\x00\x0a\x00\x0a"


@contextmanager
def answering(said: bytes | None) -> Iterator[tuple[int, list[bytes]]]:
    """Something on a port that answers one connection with that; None: never."""
    heard: list[bytes] = []
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                if said is None:
                    ended.wait(30)
                    return
                heard.append(connection.recv(100))
                connection.sendall(said)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], heard
        ended.set()
        thread.join()


def test_a_broker_that_speaks_its_protocol_answers_and_is_told_no_secret():
    with answering(STARTS) as (port, heard):
        assert asked(f"rabbit://coppice:secret@127.0.0.1:{port}/vhost", 5.0) == [Broker(f"127.0.0.1:{port}")]
    assert heard == [b"AMQP\x00\x00\x09\x01"]


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"AMQP\x00\x00\x09\x01", b""])
def test_what_says_something_else_is_none(said):
    with answering(said) as (port, _):
        (found,) = asked(f"rabbit://127.0.0.1:{port}/", 5.0)
    assert found.fault


def test_one_that_takes_connections_and_says_nothing_is_not_waited_for():
    with answering(None) as (port, _):
        assert asked(f"rabbit://u:p@127.0.0.1:{port}/", 0.05) == [
            Broker(f"127.0.0.1:{port}", "does not answer in time")
        ]


def test_of_an_encrypted_one_it_is_enough_that_it_takes_connections():
    with answering(b"") as (port, _):
        assert asked(f"rabbit://u:p@127.0.0.1:{port}/?ssl=True", 5.0) == [Broker(f"127.0.0.1:{port}")]


def test_each_is_asked_and_nothing_but_its_place_is_told():
    with socket.socket() as unheard, answering(STARTS) as (port, _):
        unheard.bind(("127.0.0.1", 0))
        nobody = unheard.getsockname()[1]
        found = asked(f"rabbit://u:secret@127.0.0.1:{nobody},u:secret@127.0.0.1:{port}/v", 5.0)
    assert [each.place for each in found] == [f"127.0.0.1:{nobody}", f"127.0.0.1:{port}"]
    assert [bool(each.fault) for each in found] == [True, False]
    assert "secret" not in str(found)


@pytest.mark.parametrize("url", ["fake://", "fake:///", "rabbit:///"])
def test_a_url_without_a_host_has_no_broker(url):
    assert asked(url, 5.0) == []


@pytest.mark.parametrize(
    "signs",
    ["s3cr/et", "12/34", "s3cr#et", "12#34", "s3cr,et", "12,34", "1234?5", "s3cr?et", "[", "s3[cr]et", "12,[34"],
)
@pytest.mark.parametrize("others", ["", "v:p@127.0.0.1:1,"])
def test_of_a_password_that_is_not_escaped_nothing_is_told_or_looked_up(monkeypatch, signs, others):
    monkeypatch.setattr(socket, "create_connection", lambda *_: pytest.fail("it was connected to something"))
    (found,) = asked(f"rabbit://{others}coppice:{signs}@mq1:5672/", 0.05)
    assert found == Broker("?", "its URL cannot be read: is a sign of the password not escaped?")


def test_a_virtual_host_may_have_signs_of_its_own():
    with answering(STARTS) as (port, _):
        assert asked(f"rabbit://u:p@127.0.0.1:{port}/v@h", 5.0) == [Broker(f"127.0.0.1:{port}")]


def test_a_name_that_no_host_has_is_told():
    assert asked("rabbit://u:p@a..b/", 0.05) == [Broker("a..b:5672", "is no name of a host")]


def test_a_port_that_is_none_is_told_without_the_password():
    (found,) = asked("rabbit://u:secret@host.invalid:70000/", 0.05)
    assert found.fault
    assert "secret" not in str(found)
