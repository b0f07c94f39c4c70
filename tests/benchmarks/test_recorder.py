"""The proxy that counts: what it makes of a request, and a request through it."""

from __future__ import annotations

import http.server
import threading
import urllib.request

import pytest

from benchmarks.recorder import Passed, Recorder, kinds, parsed


def test_a_request_to_a_proxy_becomes_one_to_the_service():
    head = parsed(
        b"GET http://127.0.0.1:8774/v2.1/servers?limit=1 HTTP/1.1\r\n"
        b"Host: 127.0.0.1:8774\r\nProxy-Connection: keep-alive\r\nConnection: keep-alive\r\nX-Auth-Token: t\r\n\r\n"
    )
    assert (head.method, head.host, head.port, head.path) == ("GET", "127.0.0.1", 8774, "/v2.1/servers")
    assert head.bytes == (
        b"GET /v2.1/servers?limit=1 HTTP/1.1\r\nHost: 127.0.0.1:8774\r\nX-Auth-Token: t\r\nConnection: close\r\n\r\n"
    )


def test_a_service_is_asked_on_its_own_port():
    assert parsed(b"GET http://cloud/ HTTP/1.1\r\n\r\n").port == 80


@pytest.mark.parametrize(
    "head", [b"GET / HTTP/1.1\r\n\r\n", b"CONNECT cloud:443 HTTP/1.1\r\n\r\n", b"nonsense\r\n\r\n"]
)
def test_anything_else_is_no_request_to_a_proxy(head):
    with pytest.raises(ValueError):
        parsed(head)


def test_kinds_leave_ids_out_and_begin_with_what_took_longest():
    server = "GET :8774/servers/0b2a5479-821f-4394-9321-c88233287832"
    passed = [
        Passed(server, 0.0, 1.0),
        Passed(server.replace("0b2a", "1b2a"), 0.0, 2.0),
        Passed("GET :8774/servers", 0.0, 5.0),
        Passed("GET :8774/servers", 0.0),
    ]
    assert kinds(passed) == [("GET :8774/servers", 2, 5.0), ("GET :8774/servers/ID", 2, 3.0)]


class Echo(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def service():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_requests_pass_and_are_written_down(service, monkeypatch):
    sent = bytes(range(256)) * 2000
    with Recorder() as recorder:
        for name, value in recorder.environment.items():
            monkeypatch.setenv(name, value)
        opener = urllib.request.build_opener()
        for _ in range(2):
            with opener.open(f"{service}/servers", data=sent, timeout=10) as answer:
                assert answer.read() == sent
    assert [each.what for each in recorder.passed] == [f"POST :{service.rpartition(':')[2]}/servers"] * 2
