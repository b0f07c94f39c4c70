"""A collector of OTLP over HTTP, which reads what it is sent, or behaves as badly as it is told."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Collector:
    """What came: spans as the protocol has them, with the attributes of who sent them."""

    url: str = ""
    status: int = 200
    hangs: threading.Event | None = None
    spans: list[Any] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    asked: int = 0
    came: threading.Condition = field(default_factory=threading.Condition)

    def take(self, body: bytes) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        told = ExportTraceServiceRequest.FromString(body)
        with self.came:
            for each in told.resource_spans:
                self.resources.append(attributes(each.resource))
                for scope in each.scope_spans:
                    self.spans.extend(scope.spans)
            self.came.notify_all()

    def wait_for(self, number: int, seconds: float = 30.0) -> list[Any]:
        with self.came:
            assert self.came.wait_for(lambda: len(self.spans) >= number, seconds), f"{len(self.spans)} came"
            return list(self.spans)


def attributes(of: Any) -> dict[str, Any]:
    return {each.key: _value(each.value) for each in of.attributes}


def _value(told: Any) -> Any:
    kind = told.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in told.array_value.values]
    return getattr(told, kind)


@contextmanager
def collector() -> Iterator[Collector]:
    kept = Collector()

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kept.asked += 1
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if kept.hangs is not None:
                kept.hangs.wait(60)
            if kept.status == 200 and self.path == "/v1/traces":
                kept.headers.append(dict(self.headers))
                kept.take(body)
            self.send_response(kept.status if self.path == "/v1/traces" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    server.daemon_threads = True
    kept.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield kept
    finally:
        if kept.hangs is not None:
            kept.hangs.set()
        server.shutdown()
        thread.join()
        server.server_close()
