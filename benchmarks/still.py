"""A cloud in which nothing happens: Keystone, Nova and Neutron over HTTP, as far as a watching engine asks them.

A thousand servers would take a real small cloud half an hour to boot, and an idle engine would ask the same of it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from backend.drivers.compute import Server

REGION = "RegionOne"
PAGE = 1000
_LONG_AGO = "2020-01-01T00:00:00Z"
_SERVICES = {"compute": "/compute/v2.1", "network": "/network", "image": "/image", "identity": "/identity"}


@dataclass(frozen=True, slots=True)
class Still:
    """A running one.

    Attributes:
        asked: method and path of each request, with the moment it came.
    """

    url: str
    asked: Sequence[tuple[float, str]]


@contextmanager
def still(servers: Sequence[Server], zones: Sequence[str]) -> Iterator[Still]:
    """A cloud of these servers, on a port of its own until the block ends."""
    documents = sorted((document_of(server) for server in servers), key=lambda each: each["id"])
    asked: list[tuple[float, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer()

        def _answer(self) -> None:
            asked.append((time.monotonic(), f"{self.command} {self.path}"))
            base = f"http://{self.headers['Host']}"
            status, body = answer(self.command, self.path, base, documents, zones)
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("X-Subject-Token", "still")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: Any) -> None:
            """Not on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Still(f"http://127.0.0.1:{server.server_port}", asked)
        finally:
            server.shutdown()
            thread.join()


def clouds_file(folder: Path, url: str) -> Path:
    """A clouds.yaml that leads to a cloud of ``still``."""
    auth = {
        "auth_url": f"{url}/identity/v3",
        "username": "coppice",
        "password": "secret",
        "project_name": "service",
        "user_domain_name": "Default",
        "project_domain_name": "Default",
    }
    clouds = folder / "clouds.yaml"  # JSON is YAML
    clouds.write_text(json.dumps({"clouds": {"coppice": {"auth": auth, "region_name": REGION}}}))
    return clouds


def answer(
    method: str, target: str, base: str, documents: Sequence[dict[str, Any]], zones: Sequence[str]
) -> tuple[int, Any]:
    """Status and document for a request; 404 where such a cloud would not be asked."""
    url = urlsplit(target)
    query = parse_qs(url.query, keep_blank_values=True)
    fixed: dict[str, Callable[[], Any]] = {
        "GET /compute/v2.1/os-availability-zone": lambda: {
            "availabilityZoneInfo": [{"zoneName": zone, "zoneState": {"available": True}} for zone in zones]
        },
        "GET /network/v2.0/networks": lambda: {"networks": []},
        "GET /network/v2.0/subnets": lambda: {"subnets": []},
        "GET /network/v2.0/security-groups": lambda: {"security_groups": []},
        "GET /network/v2.0/ports": lambda: {"ports": []},
    }
    asked = f"{method} {url.path}"
    if asked == "POST /identity/v3/auth/tokens":
        return 201, {"token": _token(base)}
    if asked == "GET /compute/v2.1/servers/detail":
        return 200, _page([] if "changes-since" in query else documents, query.get("marker", [""])[0])
    return (200, fixed[asked]()) if asked in fixed else (404, {"itemNotFound": {"code": 404, "message": asked}})


def document_of(server: Server) -> dict[str, Any]:
    """A server in Nova's words."""
    return {
        "id": server.id,
        "name": server.name,
        "status": "ACTIVE",
        "created": _LONG_AGO,
        "updated": _LONG_AGO,
        "OS-EXT-AZ:availability_zone": server.zone,
        "flavor": {"original_name": server.flavor},
        "image": {"id": server.image_id},
        "metadata": {"coppice:launch": server.launch_id},
        "addresses": {},
    }


def _page(documents: Sequence[dict[str, Any]], marker: str) -> dict[str, Any]:
    left = [each for each in documents if each["id"] > marker]
    links = {"servers_links": [{"rel": "next", "href": "next"}]} if len(left) > PAGE else {}
    return {"servers": left[:PAGE], **links}


def _token(base: str) -> dict[str, Any]:
    catalog = []
    for kind, path in _SERVICES.items():
        endpoint = {"id": kind, "interface": "public", "region": REGION, "region_id": REGION, "url": base + path}
        catalog.append({"type": kind, "name": kind, "id": kind, "endpoints": [endpoint]})
    return {
        "methods": ["password"],
        "user": {"id": "coppice", "name": "coppice", "domain": {"id": "default", "name": "Default"}},
        "issued_at": _LONG_AGO,
        "expires_at": "2100-01-01T00:00:00.000000Z",
        "catalog": catalog,
    }
