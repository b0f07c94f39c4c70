"""Web servers that are told things: signatures, answers, and addresses that no caller reaches through us."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from ipaddress import ip_network

import pytest

from backend.clock import SystemClock
from backend.domain.messages import Gone, Refused, Telling, Unreached
from backend.drivers.name_lookups import Lookups
from backend.drivers.webhooks import WebhookRule, WebhookSink, secret_of, signature, told_secret
from backend.errors import KeysUnreached, StoreUnavailable
from tests.factories import NOW, SCOPE, HandClock

LOOPBACK = ip_network("127.0.0.0/8")
TELLING = Telling("m", '{"a":"é"}', attributes={"x-amz-sns-message-type": "Notification\r\nX: y"})


class _Server:
    """Answers connections with these bytes; keeps what it read."""

    def __init__(self, answer):
        self.answer = answer
        self.heard = b""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        try:
            connection, _ = self._socket.accept()
        except OSError:  # closed before anybody came
            return
        with connection:
            while b"\r\n\r\n" not in self.heard or not self.heard.endswith(b"}"):
                more = connection.recv(65536)
                if not more:
                    break
                self.heard += more
            if self.answer is None:
                connection.recv(1)  # until the other side has lost its patience
            else:
                connection.sendall(self.answer)

    def close(self):
        self._socket.close()
        self._thread.join(5)


@pytest.fixture
def served():
    opened = []

    def serve(answer=b"HTTP/1.1 200 OK\r\n\r\n"):
        opened.append(_Server(answer))
        return opened[-1]

    yield serve
    for each in opened:
        each.close()


def _sink(resolve=None, allowed=(LOOPBACK,), clock=None, seconds=5.0):
    found = resolve or (lambda _host, _port: ["127.0.0.1"])
    return WebhookSink(lambda: [b"key"], clock or SystemClock(), WebhookRule(allowed, seconds), Lookups(found))


def test_a_message_is_one_signed_request_to_the_address_that_was_looked_at(served):
    server = served()
    clock = HandClock()
    _sink(clock=clock).send(SCOPE, f"http://hooks.example:{server.port}/a?b=c", TELLING)
    head, _, body = server.heard.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    at = int(NOW.timestamp())
    assert lines[0] == "POST /a?b=c HTTP/1.1"
    assert headers["Host"] == f"hooks.example:{server.port}"
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("m", str(at))
    secret = secret_of(b"key", SCOPE.project_id)
    assert headers["webhook-signature"] == signature(secret, "m", at, TELLING.body)
    assert headers["x-amz-sns-message-type"] == "Notification X: y"
    assert "X" not in headers
    assert body.decode() == TELLING.body


def test_while_there_are_several_keys_a_message_has_the_signatures_of_all(served):
    """Source: Standard Webhooks, "Webhook headers": signatures are apart by blanks, so that secrets may change."""
    server, clock = served(), HandClock()
    sink = replace(_sink(clock=clock), keys=lambda: [b"new", b"old"])
    sink.send(SCOPE, f"http://hooks.example:{server.port}/", TELLING)
    (told,) = [line for line in server.heard.decode().split("\r\n") if line.startswith("webhook-signature: ")]
    at = int(NOW.timestamp())
    both = [signature(secret_of(key, SCOPE.project_id), "m", at, TELLING.body) for key in (b"new", b"old")]
    assert told.removeprefix("webhook-signature: ").split() == both


@pytest.mark.parametrize("why", [KeysUnreached, StoreUnavailable])
def test_without_keys_a_message_waits(served, why):
    server = served()

    def away():
        raise why("it is away")

    with pytest.raises(Unreached, match="nothing can be signed now: it is away"):
        replace(_sink(), keys=away).send(SCOPE, f"http://hooks.example:{server.port}/", TELLING)


def test_the_signature_is_that_of_the_standard():
    """Source: the example of standard-webhooks, whose libraries check it."""
    import base64

    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert told_secret(secret) == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = '{"test": 2432232314}'
    told = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert told == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("change", "value"), [("secret", b"other"), ("message_id", "other"), ("timestamp", 2), ("body", "other")]
)
def test_whatever_is_changed_breaks_the_signature(change, value):
    given = {"secret": b"s", "message_id": "m", "timestamp": 1, "body": "b"}
    assert signature(**{**given, change: value}) != signature(**given)


def test_projects_have_secrets_of_their_own():
    assert secret_of(b"key", "a") != secret_of(b"key", "b")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (204, None),
        (410, Gone),
        (400, Refused),
        (422, Refused),
        (404, Unreached),
        (429, Unreached),
        (301, Unreached),
        (500, Unreached),
    ],
)
def test_answers(served, status, error):
    server = served(f"HTTP/1.1 {status} X\r\nLocation: http://127.0.0.1/\r\n\r\n".encode())
    if error is None:
        _sink().send(SCOPE, f"http://h:{server.port}/", TELLING)
        return
    with pytest.raises(error, match=str(status)):
        _sink().send(SCOPE, f"http://h:{server.port}/", TELLING)


def test_what_answers_no_http_is_unreached(served):
    with pytest.raises(Unreached, match="no HTTP"):
        _sink().send(SCOPE, f"http://h:{served(b'SSH-2.0-x').port}/", TELLING)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", None),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 X\r\n\r\n", "answered 500"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "no HTTP"),
        (b"HTTP/1.1 100 Continue\r\nA: b\r\n", "did not answer"),
        (b"HTTP/1.1 102 Processing\r\n\r\n" * 1000, "did not answer"),
        (b"", "no HTTP"),
        (b"HTTP/1.1 200", None),
    ],
)
def test_an_interim_answer_is_not_the_answer(served, answer, error):
    url = f"http://h:{served(answer).port}/"
    if error is None:
        _sink().send(SCOPE, url, TELLING)
        return
    with pytest.raises(Unreached, match=error):
        _sink().send(SCOPE, url, TELLING)


def test_the_next_address_is_spoken_to_where_one_takes_no_connection(served):
    server = served()
    _sink(lambda _host, _port: ["127.0.0.2", "127.0.0.3", "127.0.0.1"]).send(SCOPE, f"http://h:{server.port}/", TELLING)
    assert server.heard.startswith(b"POST / HTTP/1.1")


def test_who_never_answers_is_left_when_the_time_is_up(served):
    with pytest.raises(Unreached, match="timed out"):
        _sink(seconds=0.2).send(SCOPE, f"http://h:{served(None).port}/", TELLING)


def test_what_speaks_no_tls_is_unreached(served):
    with pytest.raises(Unreached):
        _sink().send(SCOPE, f"https://h:{served(b'x' * 100).port}/", TELLING)


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["169.254.169.254"], ["fe80::1%eth0"], ["::ffff:7f00:1"]]
)  # fmt: skip
def test_names_that_lead_inside_are_refused_before_anything_is_sent(addresses):
    sink = _sink(lambda _host, _port: addresses, allowed=())
    with pytest.raises(Refused, match="is not told anything"):
        sink.send(SCOPE, "https://inside.example/", TELLING)


def test_a_name_is_resolved_once(served):
    server, asked = served(), []

    def once(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    _sink(once).send(SCOPE, f"http://rebinding.example:{server.port}/", TELLING)
    assert asked == ["rebinding.example"]


def test_unknown_names_are_unreached():
    def unknown(_host, _port):
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(Unreached, match="is not known"):
        _sink(unknown).send(SCOPE, "https://nowhere.example/", TELLING)


@pytest.mark.parametrize("speak", ["send", "ask"])
def test_a_name_that_is_never_resolved_is_left_when_the_time_is_up(speak):
    over, ended = threading.Event(), []

    def hangs(_host, _port):
        ended.append(over.wait(5))
        return ["127.0.0.1"]

    try:
        with pytest.raises(Unreached, match="timed out"):
            getattr(_sink(hangs, seconds=0.2), speak)(SCOPE, "https://slow.example/", TELLING)
        assert not ended
    finally:
        over.set()


def test_lookups_that_hang_are_bounded_and_make_room_when_they_end():
    over = threading.Event()
    lookups = Lookups(lambda _host, _port: ["127.0.0.1"] if over.wait(5) else [], most=1)
    for words in ("^timed out$", "too many names"):
        with pytest.raises(TimeoutError, match=words):
            lookups.addresses("slow.example", 80, lambda: 0.05)
    over.set()
    assert lookups.addresses("slow.example", 80, lambda: 5.0) == ["127.0.0.1"]


def test_what_is_no_url_is_refused_and_not_told():
    with pytest.raises(Refused) as found:
        _sink().send(SCOPE, "https://user:pass@h/", TELLING)
    assert "pass" not in str(found.value)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
        (b"HTTP/1.0 201 Made\r\n\r\nabc", b"abc"),
        (CHUNKED, b"abc"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
)
def test_a_question_is_answered_by_the_body(served, answer, body):
    server = served(answer)
    assert _sink().ask(SCOPE, f"http://choose.example:{server.port}/", TELLING) == body
    assert b"webhook-signature: v1," in server.heard


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 500 Oh\r\n\r\n", "answered 500"),
        (b"HTTP/1.1 302 There\r\nLocation: /x\r\n\r\n", "answered 302"),
        (b"no HTTP at all", "is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\nabc\r\n", "is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 40 + b"\r\n\r\nabc", "is no HTTP"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 70_000, "more than 65536 bytes"),
        (b"", "is no HTTP"),
        (None, "timed out"),
    ],
)
def test_a_question_that_is_not_answered(served, answer, words):
    server = served(answer)
    with pytest.raises(Unreached, match=words):
        _sink(seconds=0.3).ask(SCOPE, f"http://choose.example:{server.port}/", TELLING)


@pytest.mark.parametrize("host", [".example", f"{'a' * 64}.example", "a..example"])
def test_what_can_be_no_name_is_unreached_before_anybody_is_connected_to(host):
    with pytest.raises(Unreached, match="is not known"):
        _sink().send(SCOPE, f"https://{host}/", TELLING)


def test_nobody_inside_is_asked():
    with pytest.raises(Refused):
        _sink(allowed=()).ask(SCOPE, "http://choose.example/", TELLING)
    with pytest.raises(Refused):
        _sink().ask(SCOPE, "ftp://choose.example/", TELLING)
