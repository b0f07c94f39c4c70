"""gunicorn with our worker, over real sockets."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from gateway.config import GatewaySettings, gunicorn_options
from gateway.worker import _Timed, whole

GOOD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
SERVER = """
import sys
from gunicorn.app.base import BaseApplication
from gateway.app import create_app
from gateway.config import GatewaySettings, gunicorn_options
from tests.gateway.world import World

class Server(BaseApplication):
    def load_config(self):
        settings = GatewaySettings(workers=1, threads=2, client_seconds=float(sys.argv[2]), graceful_seconds=int(sys.argv[3]))
        for name, value in gunicorn_options(settings).items():
            self.cfg.set(name, value)
        self.cfg.set("bind", "fd://" + sys.argv[1])
        self.cfg.set("loglevel", "critical")

    def load(self):
        return create_app(World().pipeline(), lambda: None, str)

Server().run()
"""


@pytest.fixture(scope="module")
def address():
    yield from serving(client_seconds=30)


@pytest.fixture(scope="module")
def hasty():
    """A server that gives its clients little time."""
    yield from serving(client_seconds=0.7)


def serving(client_seconds, graceful_seconds=1):
    # The socket listens before the server starts: nobody has to wait for it.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        descriptor = os.dup(listener.fileno())
        os.set_inheritable(descriptor, True)
        environment = {**os.environ, "PYTHONPATH": str(Path.cwd()), "PYTHONWARNINGS": "default"}
        command = [sys.executable, "-c", SERVER, str(descriptor), str(client_seconds), str(graceful_seconds)]
        server = subprocess.Popen(command, pass_fds=(descriptor,), env=environment, stderr=subprocess.DEVNULL)
        os.close(descriptor)
        try:
            yield listener.getsockname()
        finally:
            server.terminate()
            server.wait(timeout=20)


def talk(address, data):
    """Everything a server says to some bytes until it hangs up."""
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(data)
        said = b""
        while piece := connection.recv(65536):
            said += piece
    return said


def document(said):
    head, _, body = said.partition(b"\r\n\r\n")
    assert b"text/xml" in head
    root = ET.fromstring(body)
    return {element.tag.rpartition("}")[2]: element.text for element in root.iter()}


def test_a_request_is_answered(address):
    said = talk(address, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 403")
    assert document(said)["Code"] == "MissingAuthenticationToken"


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(150)) + b"\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        bytes(range(256)) + b"\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_with_a_document(address, data):
    said = talk(address, data)
    assert said.startswith(b"HTTP/1.1 400")
    assert document(said)["Code"] == "MalformedQueryString"


@pytest.mark.parametrize(
    "data",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nConnection: close\r\n\r\nAction=",
    ],
)
def test_slow_clients_are_cut_off(hasty, data):
    with socket.create_connection(hasty, timeout=30) as connection:
        connection.sendall(data)
        while connection.recv(65536):
            pass


def test_slow_clients_hold_no_thread(address):
    halves = [
        b"",
        b"P",
        b"POST / HTTP/1.1\r\nHost: x\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nAction=",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1099511627776\r\n\r\nAction=",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na",
        GOOD + b"POST",
    ]
    # Three times as many as threads, each with 30 s.
    slow = [socket.create_connection(address, timeout=30) for _ in halves]
    for connection, half in zip(slow, halves, strict=True):
        connection.sendall(half)
    assert slow[-1].recv(65536).startswith(b"HTTP/1.1 200")
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(GOOD)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    for connection in slow:
        connection.close()


def test_clients_that_do_not_close_hold_up_nobody(address):
    refused = b"nonsense\r\n\r\n"
    closing = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    unclosed = [socket.create_connection(address, timeout=30) for _ in range(6)]
    for number, connection in enumerate(unclosed):
        connection.sendall((refused, closing)[number % 2])
    for connection in unclosed:
        while connection.recv(65536):
            pass
    # Each of them would be waited for two seconds, one after another.
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(GOOD)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    for connection in unclosed:
        connection.close()


def test_who_goes_on_sending_after_the_end_loses_no_answer(address):
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + b"more" * 1000)
        connection.sendall(b"and more" * 10_000)
        said = b""
        while piece := connection.recv(65536):
            said += piece
    assert said.endswith(b"ok\n")


def test_a_request_in_pieces(address):
    request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nConnection: close\r\n\r\nAction"
    with socket.create_connection(address, timeout=30) as connection:
        for start in range(0, len(request), 7):
            connection.sendall(request[start : start + 7])
        said = b""
        while piece := connection.recv(65536):
            said += piece
    assert document(said)["Code"] == "MissingAuthenticationToken"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", False),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", False),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nContent-LENGTH: 3\r\n\r\nab", False),
        (b"POST / HTTP/1.1\r\nContent-LENGTH: 3\r\n\r\nabc", True),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nContent-Length: -3\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", False),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", True),
        (b"a" * 70_000, True),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n" + b"a" * (1024 * 1024 + 1), True),
    ],
)
def test_whole(data, expected):
    assert whole(data) is expected


def test_a_chunked_body_is_read(address):
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    said = talk(address, head + b"5\r\na=b&c\r\n0\r\n\r\n")
    assert document(said)["Code"] == "MissingAuthenticationToken"


def test_a_body_over_the_limit_gets_its_answer(address):
    body = b"a" * (3 * 1024 * 1024)
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
    said = talk(address, head + body)
    assert said.startswith(b"HTTP/1.1 413")
    assert document(said)["Code"] == "RequestEntityTooLarge"


def test_idle_connections_do_not_hold_up_the_end():
    server = serving(client_seconds=30, graceful_seconds=60)
    address = next(server)
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        said = b""
        while not said.endswith(b"ok\n"):
            said += connection.recv(65536)
        # Closing waits for the end of the server, a third of its grace at most.
        server.close()
        assert connection.recv(65536) == b""


def test_drops_do_not_lengthen_the_time():
    near, far = socket.socketpair()
    with far, _Timed.over(near, 0.2) as timed:
        timed.setblocking(True)
        began = time.monotonic()
        received = 0
        try:
            while time.monotonic() - began < 20:
                far.sendall(b"x")
                received += len(timed.recv(1))
        except ConnectionResetError:
            assert received > 0
        else:
            pytest.fail("the drops were taken for ever")


def test_no_read_takes_longer_than_its_reader_allows():
    near, far = socket.socketpair()
    with far, _Timed.over(near, 60) as timed:
        timed.setblocking(True)
        timed.settimeout(0.05)
        with pytest.raises(ConnectionResetError):
            timed.recv(1)


def test_settings_make_gunicorn_options():
    options = gunicorn_options(GatewaySettings(host="0.0.0.0", port=1234, workers=3, threads=5, client_seconds=7))
    assert (options["bind"], options["workers"], options["threads"]) == ("0.0.0.0:1234", 3, 5)
    assert options["worker_class"].client_seconds == 7
    assert GatewaySettings().throttle() is None
    assert GatewaySettings(throttle_rate=1, throttle_burst=2).throttle().burst == 2
