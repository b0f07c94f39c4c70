"""Services at the other end of the wire: answers in the shapes that real ones gave, and what they were asked."""

from __future__ import annotations

import http
import http.client
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from requests.adapters import BaseAdapter
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError

HOST = "http://cloud.example"
CATALOG = {
    "compute": f"{HOST}/compute/v2.1",
    "network": f"{HOST}/network",
    "image": f"{HOST}/image",
    "identity": f"{HOST}/identity",
}
REGION = "RegionOne"
_NOVA_KINDS = {
    400: "badRequest",
    403: "forbidden",
    404: "itemNotFound",
    409: "conflictingRequest",
    413: "overLimit",
    503: "serviceUnavailable",
}


@dataclass(frozen=True)
class Asked:
    """One request: the path below the host, the query's values as lists, the parsed body."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def bytes(self) -> bytes:
        """What goes over the wire: a text as it is, anything else as JSON."""
        if self.body is None:
            return b""
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


Answer = Reply | Exception | Callable[[Asked], Reply]


def nova_fault(status: int, message: str, kind: str = "") -> Reply:
    """Of the kind that Nova has for the status, unless another is given."""
    document = {kind or _NOVA_KINDS.get(status, "computeFault"): {"code": status, "message": message}}
    return Reply(status, document, {"x-openstack-request-id": "req-nova-1"})


def keystone_error(status: int, message: str) -> Reply:
    document = {"error": {"code": status, "message": message, "title": http.HTTPStatus(status).phrase}}
    return Reply(status, document, {"x-openstack-request-id": "req-keystone-1"})


def glance_error(status: int, message: str) -> Reply:
    title = http.HTTPStatus(status).phrase
    document = {"message": f"{message}<br /><br />\n\n\n", "code": f"{status} {title}", "title": title}
    return Reply(status, document, {"x-openstack-request-id": "req-glance-1"})


def octavia_fault(status: int, message: str) -> Reply:
    return Reply(status, {"faultcode": "Client", "faultstring": message, "debuginfo": None})


def zaqar_error(status: int, description: str) -> Reply:
    return Reply(status, {"title": "Invalid API request", "description": description})


def proxy_page(status: int, words: str = "The requested URL was not found on this server.") -> Reply:
    """What Apache, HAProxy, nginx or a firewall answers in a service's place."""
    page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1><p>{words}</p></body></html>"
    return Reply(status, page, {"Content-Type": "text/html"})


def neutron_error(status: int, kind: str, message: str) -> Reply:
    return Reply(
        status,
        {"NeutronError": {"type": kind, "message": message, "detail": ""}},
        {"x-openstack-request-id": "req-neutron-1"},
    )


def refused() -> Exception:
    """No connection came about."""
    failure = requests.exceptions.ConnectionError("Max retries exceeded")
    failure.__context__ = MaxRetryError(None, "/")
    failure.__context__.__cause__ = NewConnectionError(None, "Connection refused")
    return failure


def lost() -> Exception:
    """The connection broke after the request was sent."""
    broken = http.client.RemoteDisconnected("Remote end closed connection without response")
    return requests.exceptions.ConnectionError(ProtocolError("Connection aborted.", broken))


def timed_out() -> Exception:
    return requests.exceptions.ReadTimeout("Read timed out. (read timeout=60)")


class FakeServices(BaseAdapter):
    """Carries no bytes: looks the request up among the answers that a test gave; each of a list is given once, in turn,
    the last one for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Asked] = []
        self.times: list[Any] = []
        self.logins: list[Any] = []
        self.login: Callable[[Any], Reply] = granted
        self._answers: list[tuple[str, re.Pattern[str], list[Answer]]] = []

    def on(self, method: str, path: str, *answers: Answer) -> FakeServices:
        """Answer a method and a path (a pattern); later calls go before earlier ones."""
        self._answers.insert(0, (method, re.compile(path), list(answers)))
        return self

    def of(self, method: str, path: str = "") -> list[Asked]:
        """What was asked of paths that contain a text."""
        return [asked for asked in self.asked if asked.method == method and path in asked.path]

    def send(self, request: Any, *_args: Any, **options: Any) -> requests.Response:
        url = urlsplit(request.url)
        body = _parsed(request.body) if request.body else None
        if url.path.endswith("/auth/tokens"):
            self.logins.append(body["auth"])
            return self._response(request, self._given(self.login, body["auth"]))
        asked = Asked(request.method, url.path, parse_qs(url.query, keep_blank_values=True), body, request.headers)
        self.asked.append(asked)
        self.times.append(options.get("timeout"))
        for method, pattern, answers in self._answers:
            if method == request.method and pattern.fullmatch(url.path):
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                return self._response(request, self._given(answer, asked))
        raise AssertionError(f"nobody answers {request.method} {url.path}")

    def close(self) -> None:
        """Nothing is open."""

    @staticmethod
    def _given(answer: Any, asked: Any) -> Reply:
        if isinstance(answer, Exception):
            raise answer
        return answer(asked) if callable(answer) else answer

    @staticmethod
    def _response(request: Any, reply: Reply) -> requests.Response:
        response = requests.Response()
        response.status_code = reply.status
        response.request = request
        response.url = request.url
        response.headers.update({"Content-Type": "application/json", **reply.headers})
        response._content = reply.bytes()
        return response


def _parsed(content: str | bytes) -> Any:
    """The document of a request, or its text where that is none."""
    try:
        return json.loads(content)
    except ValueError:
        return content if isinstance(content, str) else content.decode()


def granted(
    auth: Any,
    catalog: Mapping[str, str] | None = None,
    user: str = "u-service",
    project: str | None = None,
    regions: Sequence[str] = (REGION,),
) -> Reply:
    """A token with the catalog; a further region's services answer under its name (``/RegionTwo/compute``)."""
    services = CATALOG if catalog is None else catalog
    token = {
        "methods": auth["identity"]["methods"],
        "user": {"id": user, "name": "coppice", "domain": {"id": "default", "name": "Default"}},
        "issued_at": "2026-11-22T13:00:00.000000Z",
        "expires_at": "2126-11-22T13:00:00.000000Z",
        "catalog": [
            {
                "type": kind,
                "name": kind,
                "id": kind,
                "endpoints": [
                    {
                        "id": f"{kind}-{region}",
                        "interface": "public",
                        "region": region,
                        "region_id": region,
                        "url": url if region == REGION else url.replace(HOST, f"{HOST}/{region}"),
                    }
                    for region in regions
                ],
            }
            for kind, url in services.items()
        ],
    }
    if project:
        token["project"] = {"id": project, "name": project, "domain": {"id": "default", "name": "Default"}}
    return Reply(201, {"token": token}, {"X-Subject-Token": "token-1"})


def denied(message: str = "The request you have made requires authentication.") -> Reply:
    return keystone_error(401, message)


def pages(noun: str, *pages: list[Any]) -> Iterator[Reply]:
    """Nova's and Neutron's pages of a listing."""
    for number, items in enumerate(pages, start=1):
        more = number < len(pages)
        links = {f"{noun}_links": [{"rel": "next", "href": f"{HOST}/next"}]} if more else {}
        yield Reply(200, {noun: items, **links})
