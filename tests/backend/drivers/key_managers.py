"""Key managers to ask: one in memory that goes away, and what castellan speaks to over HTTP, as far as it is used."""

from __future__ import annotations

import base64
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from backend.errors import KeysUnreached


@dataclass
class FakeManager:
    """A KeyManager in memory.

    Attributes:
        away: it cannot be asked.
        asked: references that it was asked for.
    """

    kept: dict[str, bytes] = field(default_factory=dict)
    away: bool = False
    asked: list[str] = field(default_factory=list)

    def get(self, reference: str) -> bytes:
        self.asked.append(reference)
        if self.away:
            raise KeysUnreached("the manager is away")
        if reference not in self.kept:
            raise KeysUnreached(f"the manager has not the key {reference}")
        return self.kept[reference]

    def put(self, secret: bytes) -> str:
        if self.away:
            raise KeysUnreached("the manager is away")
        reference = uuid.uuid4().hex
        self.kept[reference] = secret
        return reference


class _Server(ThreadingHTTPServer):
    """One thread a connection; those that hang end with the test."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.kept: dict[str, Any] = {}
        self.status = 200
        self.hangs = False
        self.drips = False
        self.over = threading.Event()
        self.heard: list[tuple[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, method: str, path: str, headers: Any, body: Any) -> tuple[int, Any, dict[str, str]]:
        raise NotImplementedError


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def handle(self) -> None:
        with suppress(ConnectionError):  # whoever asked has gone
            super().handle()

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.heard.append((self.command, self.path))
        if self.server.hangs:
            self.server.over.wait(60)
            return
        status, told, headers = self.server.answer(self.command, self.path, self.headers, body)
        raw = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        if self.server.drips:
            raw = b" " * 500 + raw
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        for number in range(len(raw) if self.server.drips else 0):
            if self.server.over.wait(0.02):
                return
            self.wfile.write(raw[number : number + 1])
        if not self.server.drips:
            self.wfile.write(raw)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - as http.server calls them


class Vault(_Server):
    """Vault's AppRole login and its second version of the key-value store.

    Source: Vault's manual, "AppRole auth method (API)", "KV secrets engine - version 2 (API)".
    """

    def answer(self, method: str, path: str, headers: Any, body: Any) -> tuple[int, Any, dict[str, str]]:
        if self.status != 200:
            return self.status, {"errors": ["sealed"]}, {}
        if path == "/v1/auth/approle/login":
            known = body == {"role_id": "coppice", "secret_id": "s3cret-id"}
            told = {"auth": {"client_token": "t0ken", "lease_duration": 600}}
            return (200, told, {}) if known else (400, {"errors": ["invalid role or secret ID"]}, {})
        if headers.get("X-Vault-Token") != "t0ken":
            return 403, {"errors": ["permission denied"]}, {}
        name = path.removeprefix("/v1/secret/data/")
        if method == "POST":
            self.kept[name] = body["data"]
            return 200, {}, {}
        if name not in self.kept:
            return 404, {"errors": []}, {}
        return 200, {"data": {"data": self.kept[name], "metadata": {"version": 1}}}, {}


class Barbican(_Server):
    """Keystone's login with a password, and Barbican's secrets.

    Source: Identity API v3, "Password authentication with scoped authorization"; Key Manager API, "Secrets".
    """

    def answer(self, method: str, path: str, headers: Any, body: Any) -> tuple[int, Any, dict[str, str]]:
        if self.status != 200:
            return self.status, {"title": "away"}, {}
        if path == "/v3/auth/tokens":
            return 201, {"token": self._token()}, {"X-Subject-Token": "t0ken"}
        if headers.get("X-Auth-Token") != "t0ken":
            return 401, {"title": "Unauthorized"}, {}
        if path in {"/", "/v1", "/v1/"}:
            link = {"rel": "self", "href": f"{self.url}/v1/"}
            version = {"id": "v1", "status": "CURRENT", "min_version": "1.0", "max_version": "1.1", "links": [link]}
            return 200, {"versions": [version]}, {}
        name = path.removeprefix("/v1/secrets").strip("/").removesuffix("/payload")
        if method == "POST":
            name = str(uuid.uuid4())
            self.kept[name] = body
            return 201, {"secret_ref": f"{self.url}/v1/secrets/{name}"}, {}
        if name not in self.kept:
            return 404, {"title": "Not Found", "description": "Secret not found."}, {}
        kept = self.kept[name]
        if path.endswith("/payload"):
            if kept["payload_content_type"] == "text/plain":
                return 200, kept["payload"].encode(), {"Content-Type": "text/plain"}
            return 200, base64.b64decode(kept["payload"]), {"Content-Type": "application/octet-stream"}
        told = {each: kept.get(each) for each in ("name", "algorithm", "bit_length", "mode", "secret_type")}
        form = "text/plain" if kept["payload_content_type"] == "text/plain" else "application/octet-stream"
        more = {"content_types": {"default": form}, "created": "2026-11-29T18:00:00"}
        more |= {"status": "ACTIVE", "secret_ref": f"{self.url}/v1/secrets/{name}"}
        return 200, {**told, **more}, {}

    def _token(self) -> Any:
        endpoint = {"id": "e", "interface": "public", "region": "R1", "region_id": "R1", "url": self.url}
        return {
            "methods": ["password"],
            "expires_at": "2099-01-01T00:00:00.000000Z",
            "issued_at": "2026-11-29T18:00:00.000000Z",
            "user": {"id": "u", "name": "coppice", "domain": {"id": "default", "name": "Default"}},
            "project": {"id": "p", "name": "service", "domain": {"id": "default", "name": "Default"}},
            "roles": [{"id": "r", "name": "service"}],
            "catalog": [{"id": "s", "type": "key-manager", "name": "barbican", "endpoints": [endpoint]}],
        }


@contextmanager
def serving(server: _Server) -> Iterator[None]:
    """It answers until the block ends."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
