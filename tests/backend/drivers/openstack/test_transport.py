from __future__ import annotations

import gzip
import socket
import threading
from contextlib import contextmanager

import pytest
import requests
from keystoneauth1 import exceptions as keystone_errors
from keystoneauth1.session import Session

from backend.clock import SystemClock
from backend.drivers.openstack.transport import BriefAdapter, TimedAdapter, never_sent


@contextmanager
def listening(answer):
    """A server on loopback that hands its first connection to a function."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join()


def asked(url, read_seconds=5.0, **times):
    """What comes of a POST: the exception that keystoneauth makes of its failure."""
    http = requests.Session()
    http.trust_env = False
    http.mount("http://", TimedAdapter(1.0, read_seconds, 2))
    with pytest.raises(keystone_errors.ClientException) as told:
        Session(session=http).post(url, json={}, authenticated=False, **times)
    return told.value


def test_a_refused_connection_carried_nothing():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert never_sent(asked(f"http://127.0.0.1:{port}/"))


def test_a_name_that_does_not_resolve_carried_nothing():
    assert never_sent(asked("http://nowhere.invalid/"))


def test_a_connection_that_breaks_after_the_request_leaves_it_open():
    with listening(lambda connection: None) as url:
        assert not never_sent(asked(url))


def test_an_answer_that_does_not_come_in_time_leaves_it_open():
    done = threading.Event()
    with listening(lambda connection: done.wait(10)) as url:
        failure = asked(url, read_seconds=0.05)
        done.set()
    assert isinstance(failure, keystone_errors.ConnectTimeout)
    assert not never_sent(failure)


def test_who_asks_may_say_how_long_it_takes_at_most():
    done = threading.Event()
    with listening(lambda connection: done.wait(10)) as url:
        failure = asked(url, read_seconds=60.0, timeout=0.05)
        done.set()
    assert isinstance(failure, keystone_errors.ConnectTimeout)


def brief_session(seconds, most):
    http = requests.Session()
    http.trust_env = False
    http.mount("http://", BriefAdapter(SystemClock(), seconds, most, 2))
    return http


def briefly(url, seconds=5.0, most=1000):
    return Session(session=brief_session(seconds, most)).get(url, authenticated=False)


def sends(*pieces):
    def answer(connection):
        for piece in pieces:
            connection.sendall(piece)

    return answer


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n3\r\n678\r\n0\r\n\r\n"
PACKED = gzip.compress(b"12345678", mtime=0)
ZIPPED = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(PACKED) + PACKED


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n12345678", CHUNKED, ZIPPED])
def test_a_brief_answer_is_read_whole(answer):
    with listening(sends(answer)) as url:
        assert briefly(url).content == b"12345678"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n12345",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nno gzip",
    ],
)
def test_a_brief_answer_that_is_too_long_or_broken_is_lost(answer):
    with listening(sends(answer)) as url, pytest.raises(keystone_errors.ClientException):
        briefly(url)


BODY = b"HTTP/1.1 200 OK\r\n\r\n"
HEADERS = b"HTTP/1.1 200 OK\r\nX-Long: "
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5; "


@pytest.mark.parametrize("first", [BODY, HEADERS, CHUNKS, b""])
def test_a_brief_answer_that_comes_drop_by_drop_ends_in_time(first):
    done = threading.Event()

    def drips(connection):
        try:
            connection.sendall(first)
            while not done.wait(0.02):
                connection.sendall(b" ")
        except OSError:  # the other side has lost its patience
            return

    with listening(drips) as url:
        # Where nothing ends it, the test does: by an answer that breaks off, which is no timeout.
        end = threading.Timer(3.0, done.set)
        end.start()
        with pytest.raises(keystone_errors.ConnectTimeout):
            briefly(url, 0.3)
        done.set()
        end.cancel()


def test_a_connection_is_used_again_after_a_brief_answer():
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    def twice(connection):
        connection.sendall(answer)
        connection.recv(65536)
        connection.sendall(answer)

    with listening(twice) as url:
        http = brief_session(5.0, 1000)
        assert [http.get(url).content for _ in range(2)] == [b"ok", b"ok"]
        http.close()
