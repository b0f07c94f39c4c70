"""A proxy in front of one of the cloud's services that lies or hangs when told to, as those in front of real clouds do."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit, urlunsplit

PAGE = b"<html><head><title>%d</title></head><body><h1>The requested URL was not found or is away</h1></body></html>"
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length", "host"}


class Weather(StrEnum):
    """What the proxy does with requests."""

    FAIR = "hands them on"
    NOT_FOUND = "answers 404 with a page of its own"
    AWAY = "answers 503 with a page of its own"
    HANGING = "answers nothing"


class Proxy:
    """Stands before a service; its weather may be changed at any time.

    Attributes:
        url: what stands for the service's own URL.
        answered: requests by the weather they met.
    """

    def __init__(self, service: str) -> None:
        self._service = urlsplit(service)
        self.weather = Weather.FAIR
        self.answered: Counter[Weather] = Counter()
        self._over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = urlunsplit(self._service._replace(netloc=f"127.0.0.1:{self._server.server_port}"))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                weather = proxy.weather
                proxy.answered[weather] += 1
                if weather is Weather.HANGING:
                    proxy._over.wait(120)
                    self.close_connection = True
                elif weather is Weather.FAIR:
                    self._hand_on(body)
                else:
                    status = 404 if weather is Weather.NOT_FOUND else 503
                    self._answer(status, [("Content-Type", "text/html")], PAGE % status)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _any  # noqa: N815 - names that the base class looks for

            def _hand_on(self, body: bytes) -> None:
                upstream = http.client.HTTPConnection(proxy._service.hostname, proxy._service.port, timeout=90)
                headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
                try:
                    upstream.request(self.command, self.path, body or None, headers)
                    answer = upstream.getresponse()
                    kept = [pair for pair in answer.getheaders() if pair[0].lower() not in _HOP_BY_HOP]
                    self._answer(answer.status, kept, answer.read())
                except OSError:
                    self._answer(502, [("Content-Type", "text/html")], PAGE % 502)
                finally:
                    upstream.close()

            def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
                with contextlib.suppress(OSError):  # whoever asked may be gone: it was killed
                    self.send_response_only(status)
                    for name, value in headers:
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_arguments: Any) -> None:
                """Nobody reads it."""

        return Handler


@contextlib.contextmanager
def before(admin: Any, service: str, region: str) -> Iterator[Proxy]:
    """A proxy that the catalog names in the place of a service, for tokens that are given from now on."""
    (owner,) = [one for one in admin.identity.services() if one.type == service]
    (public,) = admin.identity.endpoints(service_id=owner.id, region_id=region, interface="public")
    own = public.url
    proxy = Proxy(own)
    admin.identity.update_endpoint(public, url=proxy.url)
    try:
        yield proxy
    finally:
        admin.identity.update_endpoint(public, url=own)
        proxy.close()
