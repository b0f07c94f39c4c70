"""gunicorn with our worker, over real sockets."""

import contextlib
import os
import select
import socket
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from gateway.config import GatewaySettings, gunicorn_options

PATIENCE = 60  # seconds of a test, on a machine that has much else to do
LONG = 600  # what a server would wait for, if it did: no test has so long
LARGE = 12 * 1024 * 1024
GOOD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
SERVER = """
import sys
import flask
from gunicorn.app.base import BaseApplication
from gateway.app import create_app
from gateway.config import GatewaySettings, gunicorn_options
from gateway.request import LATER, MAY_WAIT, WAITED, Later
from tests.gateway.world import World

class Server(BaseApplication):
    def load_config(self):
        settings = GatewaySettings(workers=1, threads=2, client_seconds=float(sys.argv[2]), graceful_seconds=int(sys.argv[3]))
        options = gunicorn_options(settings)
        options["worker_class"].gathered_bytes = int(sys.argv[6])
        options["worker_class"].linger_seconds = float(sys.argv[7])
        for name, value in options.items():
            self.cfg.set(name, value)
        self.cfg.set("bind", "fd://" + sys.argv[1])
        self.cfg.set("loglevel", "critical")
        self.cfg.set("worker_connections", int(sys.argv[4]))

    def load(self):
        app = create_app(World().pipeline(), lambda: None, str)
        app.add_url_rule("/large", "large", lambda: "a" * int(sys.argv[5]))
        came, polls = [], []

        def poll():
            # Answers when somebody has asked for /come, or when its time is over.
            polls.append(1)
            waited = flask.request.environ[WAITED]
            if not came and waited < 600 and flask.request.environ[MAY_WAIT]:
                flask.request.environ[LATER] = Later(600, lambda: bool(came), flask.request.headers.get("X-Account", ""))
                return "not yet"
            return f"came {len(came)} {flask.request.get_data(as_text=True)}"

        def soon():
            if flask.request.environ[WAITED] < 0.2:
                flask.request.environ[LATER] = Later(0.2, lambda: False)
            return "over"

        def come():
            came.append(1)
            return "ok"

        app.add_url_rule("/poll", "poll", poll, methods=["POST"])
        app.add_url_rule("/soon", "soon", soon)
        app.add_url_rule("/come", "come", come)
        app.add_url_rule("/polls", "polls", lambda: f"polls {len(polls)}.")
        return app

Server().run()
"""


@pytest.fixture(scope="module")
def address():
    yield from serving(client_seconds=LONG)


@pytest.fixture(scope="module")
def hasty():
    """A server that gives its clients little time."""
    yield from serving(client_seconds=0.7)


@pytest.fixture(scope="module")
def few():
    """A server that holds few connections at once."""
    yield from serving(client_seconds=LONG, connections=40)


def serving(client_seconds, graceful_seconds=1, connections=1000, gathered=64 * 1024 * 1024, linger=LONG):
    # The socket listens before the server starts: nobody has to wait for it.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        descriptor = os.dup(listener.fileno())
        os.set_inheritable(descriptor, True)
        environment = {**os.environ, "PYTHONPATH": str(Path.cwd()), "PYTHONWARNINGS": "default"}
        given = (descriptor, client_seconds, graceful_seconds, connections, LARGE, gathered, linger)
        command = [sys.executable, "-c", SERVER, *map(str, given)]
        server = subprocess.Popen(command, pass_fds=(descriptor,), env=environment, stderr=subprocess.DEVNULL)
        os.close(descriptor)
        try:
            # To start takes a machine that has much else to do longer than any test waits for an answer.
            talk(listener.getsockname(), GOOD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), LONG)
            yield listener.getsockname()
        finally:
            server.terminate()
            server.wait(timeout=2 * PATIENCE)


def talk(address, data, patience=PATIENCE):
    """Everything a server says to some bytes until it hangs up."""
    with socket.create_connection(address, timeout=patience) as connection:
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
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
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
    with socket.create_connection(hasty, timeout=PATIENCE) as connection:
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
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
        GOOD + b"POST",
    ]
    # Five times as many as threads, each with as long as no test has.
    slow = [socket.create_connection(address, timeout=PATIENCE) for _ in halves]
    for connection, half in zip(slow, halves, strict=True):
        connection.sendall(half)
    assert slow[-1].recv(65536).startswith(b"HTTP/1.1 200")
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        connection.sendall(GOOD)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    for connection in slow:
        connection.close()


def test_clients_that_do_not_close_hold_up_nobody(address):
    refused = b"nonsense\r\n\r\n"
    closing = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    unclosed = [socket.create_connection(address, timeout=PATIENCE) for _ in range(6)]
    for number, connection in enumerate(unclosed):
        connection.sendall((refused, closing)[number % 2])
    for connection in unclosed:
        while connection.recv(65536):
            pass
    # Each of them would be waited for so long that nobody else is served meanwhile.
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        connection.sendall(GOOD)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    for connection in unclosed:
        connection.close()


def test_who_goes_on_sending_after_the_end_loses_no_answer(address):
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + b"more" * 1000)
        connection.sendall(b"and more" * 10_000)
        said = b""
        while piece := connection.recv(65536):
            said += piece
    assert said.endswith(b"ok\n")


def test_a_request_in_pieces(address):
    request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nConnection: close\r\n\r\nAction"
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        for start in range(0, len(request), 7):
            connection.sendall(request[start : start + 7])
        said = b""
        while piece := connection.recv(65536):
            said += piece
    assert document(said)["Code"] == "MissingAuthenticationToken"


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
    server = serving(client_seconds=LONG, graceful_seconds=3 * PATIENCE, linger=2)
    address = next(server)
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        said = b""
        while not said.endswith(b"ok\n"):
            said += connection.recv(65536)
        # Closing waits for the end of the server, for less than its grace.
        server.close()
        assert connection.recv(65536) == b""


def test_a_chunked_body_with_trailers_is_read(address):
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    said = talk(address, head + b"5;a=b\r\na=b&c\r\n0;last\r\nX-Sum: 1\r\nHost: y\r\n\r\n")
    assert document(said)["Code"] == "MissingAuthenticationToken"


def test_a_chunked_body_over_the_limit_gets_its_answer(address):
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    said = talk(address, head + (b"10000\r\n" + b"a" * 65536 + b"\r\n") * 70)
    assert said.startswith(b"HTTP/1.1 413")
    assert b"\r\nConnection: close\r\n" in said
    assert document(said)["Code"] == "RequestEntityTooLarge"


def test_who_waits_for_our_word_is_told_once(address):
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n"
        )
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"Action")
        said = b""
        while piece := connection.recv(65536):
            said += piece
    assert said.startswith(b"HTTP/1.1 403")


def test_what_nobody_would_read_is_not_waited_for(address):
    said = talk(address, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 413")
    said = talk(address, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: a-miracle\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 417")


def test_requests_that_come_together_are_answered_in_turn(address):
    last = GOOD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    said = talk(address, GOOD * 20 + b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nHTTP/" + last + GOOD)
    assert [part[:3] for part in said.split(b"HTTP/1.1 ")[1:]] == [b"200"] * 20 + [b"403", b"200"]


def test_the_server_tells_no_version(address):
    said = talk(address, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    servers = [line for line in said.partition(b"\r\n\r\n")[0].split(b"\r\n") if line.lower().startswith(b"server:")]
    assert servers == [b"Server: gunicorn"]


def test_who_does_not_take_an_answer_holds_no_thread(address):
    asked = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"
    greedy = []
    for _ in range(6):  # with two threads
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.settimeout(PATIENCE)
        connection.connect(address)
        connection.sendall(asked)
        greedy.append(connection)
    for connection in greedy:
        assert connection.recv(12) == b"HTTP/1.1 200"
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        connection.sendall(GOOD)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    # Whoever takes it late has all of it, and another answer after that.
    greedy[0].sendall(GOOD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    length = 0
    while piece := greedy[0].recv(1 << 20):
        length += len(piece)
        end = piece
    assert length > LARGE
    assert end.endswith(b"ok\n")
    for connection in greedy:
        connection.close()


def test_idle_connections_give_way(few):
    kept = [socket.create_connection(few, timeout=PATIENCE) for _ in range(30)]
    for connection in kept:
        connection.sendall(GOOD)
        said = b""
        while not said.endswith(b"ok\n"):
            said += connection.recv(65536)
    kept += [socket.create_connection(few, timeout=PATIENCE) for _ in range(30)]
    for connection in kept[30:]:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n")
    for _ in range(3):
        with socket.create_connection(few, timeout=PATIENCE) as connection:
            connection.sendall(GOOD)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    assert kept[0].recv(1) == b""  # who was idle longest went first
    kept[-1].sendall(b"\r\n")
    assert kept[-1].recv(65536).startswith(b"HTTP/1.1 403")
    for connection in kept:
        connection.close()


def test_settings_make_gunicorn_options():
    options = gunicorn_options(GatewaySettings(host="0.0.0.0", port=1234, workers=3, threads=5, client_seconds=7))
    assert (options["bind"], options["workers"], options["threads"]) == (["0.0.0.0:1234"], 3, 5)
    assert gunicorn_options(GatewaySettings(operator_bind="127.0.0.1:9100"))["bind"][1:] == ["127.0.0.1:9100"]
    assert options["worker_class"].client_seconds == 7
    assert GatewaySettings().throttle() is None
    assert GatewaySettings(throttle_rate=1, throttle_burst=2).throttle().burst == 2


POLL = b"POST /poll HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"


def heard(connection, ending):
    """What a server says, until it has said this."""
    said = b""
    while not said.endswith(ending):
        piece = connection.recv(65536)
        assert piece, said
        said += piece
    return said


def test_those_who_wait_for_an_answer_hold_no_thread():
    """Ten wait where there are two threads: others are served, and all are answered when something comes."""
    serve = serving(client_seconds=LONG)
    address = next(serve)
    waiting = [socket.create_connection(address, timeout=PATIENCE) for _ in range(10)]
    for each in waiting:
        each.sendall(POLL)
    gone = waiting.pop()
    gone.close()
    with socket.create_connection(address, timeout=PATIENCE) as other:
        other.sendall(GOOD)
        heard(other, b"ok\n")
        other.sendall(b"GET /come HTTP/1.1\r\nHost: x\r\n\r\n")
        heard(other, b"ok")
    for each in waiting:
        heard(each, b"came 1 body")
        each.sendall(GOOD)  # the connection goes on
        heard(each, b"ok\n")
        each.close()
    serve.close()


def padded(size, account=""):
    """A request that waits, of about so many bytes."""
    head = f"POST /poll HTTP/1.1\r\nHost: x\r\nX-Account: {account}\r\nContent-Length: {size}\r\n\r\n"
    return head.encode() + b" " * (size - 1) + b"."


def test_what_those_who_wait_have_sent_takes_no_room_from_others():
    serve = serving(client_seconds=LONG, gathered=256 * 1024)
    address = next(serve)
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(socket.create_connection(address, timeout=PATIENCE))
        for number in range(1, 9):
            stack.enter_context(socket.create_connection(address, timeout=PATIENCE)).sendall(padded(50_000))
            said = b""
            while b"polls %d." % number not in said:
                other.sendall(b"GET /polls HTTP/1.1\r\nHost: x\r\n\r\n")
                said = heard(other, b".")
    serve.close()


def test_a_long_request_is_not_kept_waiting(address):
    with socket.create_connection(address, timeout=PATIENCE) as client:
        client.sendall(padded(65_000 + 2048))
        assert b"came 0" in heard(client, b" .")


def test_the_room_to_wait_in_is_shared_among_accounts():
    """Of twenty places one account is given ten, however many it asks for; another finds room."""
    serve = serving(client_seconds=LONG, connections=40)
    address = next(serve)
    with contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(socket.create_connection(address, timeout=PATIENCE)) for _ in range(15)]
        for each in waiting:
            each.sendall(padded(4, "one"))
        answered = set()
        while len(answered) < 5:
            readable, _, _ = select.select([each for each in waiting if each not in answered], [], [], PATIENCE)
            assert readable
            for each in readable:
                assert b"came 0" in heard(each, b" .")
                answered.add(each)
        another = stack.enter_context(socket.create_connection(address, timeout=PATIENCE))
        another.sendall(padded(4, "another"))
        said = b""
        while b"polls 21." not in said:  # five were asked twice
            with socket.create_connection(address, timeout=PATIENCE) as other:
                other.sendall(b"GET /polls HTTP/1.1\r\nHost: x\r\n\r\n")
                said = heard(other, b".")
        with socket.create_connection(address, timeout=PATIENCE) as other:
            other.sendall(b"GET /come HTTP/1.1\r\nHost: x\r\n\r\n")
            heard(other, b"ok")
        for each in (another, *(each for each in waiting if each not in answered)):
            assert b"came 1" in heard(each, b" .")
    serve.close()


def test_who_waits_is_answered_when_the_time_is_over(address):
    assert talk(address, b"GET /soon HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").endswith(b"over")


def test_who_sends_another_request_waits_no_longer_for_the_first():
    serve = serving(client_seconds=LONG)
    address = next(serve)
    with socket.create_connection(address, timeout=PATIENCE) as client:
        client.sendall(POLL)
        client.sendall(GOOD)
        said = heard(client, b"ok\n")
    assert b"came 0 body" in said
    serve.close()


def test_a_server_that_stops_answers_those_who_wait():
    serve = serving(client_seconds=LONG, graceful_seconds=10)
    address = next(serve)
    with (
        socket.create_connection(address, timeout=PATIENCE) as client,
        socket.create_connection(address, timeout=PATIENCE) as other,
    ):
        client.sendall(POLL)
        other.sendall(GOOD)
        heard(other, b"ok\n")
        other.close()
        serve.close()
        heard(client, b"came 0 body")
