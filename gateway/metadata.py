"""EC2's metadata service for guests, behind Neutron's metadata agent or asked directly. A WSGI application of its own.

Neutron's agent makes a request of its own of each of a guest's: only method, path and body come through, with the
server's id, its project and a signature over the id. So a token of IMDSv2 can be handed out there and never checked.
What is Nova's (``/openstack``) and all of servers that Coppice does not know goes on to Nova as it came.

Asked directly the instance is the first part of the path (``/i-0123.../latest/meta-data/``), for tests and SDKs on a
developer's machine (``AWS_EC2_METADATA_SERVICE_ENDPOINT``): then tokens are checked as AWS does.

Source: neutron agent/metadata/proxy_base.py; EC2 User Guide, "Use the Instance Metadata Service".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import logging
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Protocol
from urllib.parse import quote, unquote, urlsplit

from translators.token_keys import TokenKeys

VERSIONS: Final = (
    "1.0",
    "2007-01-19",
    "2007-03-01",
    "2007-08-29",
    "2007-10-10",
    "2007-12-15",
    "2008-02-01",
    "2008-09-01",
    "2009-04-04",
    "2016-09-02",
    "2018-09-24",
    "2021-03-23",
    "latest",
)
_USER_DATA: Final = ("user-data",)
_TOKEN_PATH: Final = ("latest", "api", "token")
_TTL: Final = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
_LONGEST_SECONDS: Final = 21_600
_LONGEST_PATH: Final = 1024
_LONGEST_BODY: Final = 64 * 1024
_LONGEST_ANSWER: Final = 4 * 1024 * 1024
_KEPT_SECONDS: Final = 5.0
_MOST_KEPT: Final = 2000
_PASSED: Final = frozenset({200, 400, 403, 404, 409, 500, 502, 503, 504})
"""Statuses that the agent hands on to the guest; any other breaks it."""
_INSTANCE: Final = re.compile(r"i-[0-9a-f]{17}")
_log = logging.getLogger(__name__)

Headers = list[tuple[str, str]]
StartResponse = Callable[[str, Headers], object]


class Guest(Protocol):
    """What is told to one instance."""

    @property
    def id(self) -> str: ...

    @property
    def tree(self) -> Mapping[str, Any]: ...

    @property
    def tokens(self) -> bool: ...

    @property
    def told(self) -> bool: ...


class Guests(Protocol):
    """The instances; each call may raise what its cloud cannot answer now."""

    def find(self, project: str, server_id: str) -> Guest | None: ...

    def named(self, project: str, instance_id: str) -> Guest | None: ...


class Clock(Protocol):
    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


@dataclass(frozen=True, slots=True)
class MetadataSettings:
    """How guests are told.

    Attributes:
        secret: shared with Neutron's agents; empty where nobody asks through one.
        nova_url: Nova's own metadata service, which the agents asked before.
        nova_seconds: how long it may take to answer.
        project: whose instances are told of directly; empty: nobody's.
    """

    secret: str = field(default="", repr=False)
    nova_url: str = ""
    nova_seconds: float = 10.0
    project: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; ``headers`` are those beside type and length."""

    status: int
    body: bytes = b""
    type: str = "text/plain"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Asked:
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(unquote(part) for part in self.path.split("/") if part)


class Metadata:
    """The WSGI application.

    Args:
        keys: of the tokens of sessions; nobody else has them.
    """

    def __init__(self, guests: Guests, settings: MetadataSettings, clock: Clock, keys: TokenKeys) -> None:
        self._guests = guests
        self._settings = settings
        self._clock = clock
        self._keys = keys
        self._kept: dict[tuple[str, str], tuple[float, Guest | None]] = {}
        self._lock = threading.Lock()

    def __call__(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        try:
            answer = self._answer(environ)
        except Exception as error:  # noqa: BLE001 - whatever it is, a guest is to ask again
            _log.warning("a guest could not be told: %r", error)
            answer = Answer(503, b"The service is unavailable. Please try again later.\n")
        reason = http.client.responses.get(answer.status, "Unknown")
        headers = [("Content-Type", answer.type), ("Content-Length", str(len(answer.body))), ("Server", "EC2ws")]
        start_response(f"{answer.status} {reason}", [*headers, *answer.headers])
        return [b"" if environ.get("REQUEST_METHOD") == "HEAD" else answer.body]

    def _answer(self, environ: Mapping[str, Any]) -> Answer:
        asked = _asked(environ)
        if len(asked.path) + len(asked.query) > _LONGEST_PATH:
            return Answer(400, b"The path is too long.\n")
        if self._settings.secret:
            return self._through_agent(asked)
        if self._settings.project:
            return self._directly(asked)
        return _missing()

    def _through_agent(self, asked: _Asked) -> Answer:
        """The answer to Neutron's agent, which vouches for the server."""
        server_id, given = asked.headers.get("x-instance-id", ""), asked.headers.get("x-instance-id-signature", "")
        project = asked.headers.get("x-tenant-id", "")
        if not server_id or not project:
            return Answer(400, b"X-Instance-ID and X-Tenant-ID are missing.\n")
        own = hmac.new(self._settings.secret.encode(), server_id.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(own.encode(), given.encode()):
            _log.warning("a request for server %.36s is not signed by an agent", server_id)
            return Answer(403, b"Invalid proxy request signature.\n")
        if asked.parts[:1] == ("openstack",):
            return self._forwarded(asked)
        guest = self._known(("", project, server_id), lambda: self._guests.find(project, server_id))
        if guest is None:
            return self._forwarded(asked)
        if not guest.told:
            return _OFF
        if asked.method == "PUT" and asked.parts == _TOKEN_PATH:
            # The header that says how long it is to last never comes here; a refusal would end an SDK's search.
            return self._token(guest, _LONGEST_SECONDS)
        if asked.parts[1:] == _USER_DATA and asked.parts[0] in VERSIONS and _USER_DATA[0] not in guest.tree:
            # Nova tells a server's user data to administrators and to the server itself. It does not know all versions.
            return self._forwarded(replace(asked, path="/latest/user-data"))
        return _read(guest, asked)

    def _directly(self, asked: _Asked) -> Answer:
        """The answer to who names the instance in the path, with sessions as at AWS."""
        if "x-forwarded-for" in asked.headers:
            return Answer(403, b"Forbidden\n")
        name, rest = asked.parts[:1], asked.parts[1:]
        if not name or not _INSTANCE.fullmatch(name[0]):
            return _missing()
        project = self._settings.project
        guest = self._known(("named", project, name[0]), lambda: self._guests.named(project, name[0]))
        if guest is None:
            return _missing()
        if not guest.told:
            return _OFF
        inner = _Asked(asked.method, "/" + "/".join(rest), asked.query, asked.headers, asked.body)
        if rest == _TOKEN_PATH:
            return self._session(guest, asked)
        token = asked.headers.get("x-aws-ec2-metadata-token")
        if (token is None and guest.tokens) or (token is not None and not self._is_valid(guest, token)):
            return Answer(401, b"Unauthorized\n")
        return _read(guest, inner)

    def _session(self, guest: Guest, asked: _Asked) -> Answer:
        if asked.method != "PUT":
            return Answer(405, b"Method Not Allowed\n", headers=(("Allow", "OPTIONS, PUT"),))
        seconds = asked.headers.get(_TTL.lower(), "")
        if not seconds.isascii() or not seconds.isdigit() or not 1 <= int(seconds[:9]) <= _LONGEST_SECONDS:
            return Answer(400, b"Bad Request\n")
        return self._token(guest, int(seconds))

    def _token(self, guest: Guest, seconds: int) -> Answer:
        ends = int(self._clock.now().timestamp()) + seconds  # which another machine knows too
        return Answer(200, _sealed(self._keys.now()[0], guest, ends).encode(), headers=((_TTL, str(seconds)),))

    def _is_valid(self, guest: Guest, token: str) -> bool:
        try:
            ends = int.from_bytes(base64.urlsafe_b64decode(token.encode())[:8], "big")
        except ValueError:
            return False
        if self._clock.now().timestamp() >= ends:
            return False

        def made(keys: Sequence[bytes]) -> bool:
            return any(hmac.compare_digest(_sealed(key, guest, ends).encode(), token.encode()) for key in keys)

        return made(self._keys.now()) or made(self._keys.again(guest.id))

    def _known(self, key: tuple[str, str, str], find: Callable[[], Guest | None]) -> Guest | None:
        """A guest, remembered for some seconds: a guest that boots asks dozens of times."""
        kept_key, now = (key[0] + key[1], key[2]), self._clock.monotonic()
        with self._lock:
            kept = self._kept.get(kept_key)
        if kept is not None and kept[0] > now:
            return kept[1]
        found = find()
        with self._lock:
            self._kept.pop(kept_key, None)
            self._kept[kept_key] = (now + _KEPT_SECONDS, found)
            while len(self._kept) > _MOST_KEPT:
                del self._kept[next(iter(self._kept))]
        return found

    def _forwarded(self, asked: _Asked) -> Answer:
        """Nova's answer to the request as the agent made it."""
        url = urlsplit(self._settings.nova_url)
        if not url.hostname:
            return _missing()
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        port = url.port or (443 if url.scheme == "https" else 8775)
        names = ("x-forwarded-for", "x-instance-id", "x-tenant-id", "x-instance-id-signature", "x-metadata-provider")
        headers = {name: asked.headers[name] for name in names if name in asked.headers}
        target = asked.path + (f"?{asked.query}" if asked.query else "")
        connection = kind(url.hostname, port, timeout=self._settings.nova_seconds)
        try:
            connection.request(asked.method, url.path.rstrip("/") + target, asked.body or None, headers)
            answered = connection.getresponse()
            body = answered.read(_LONGEST_ANSWER + 1)
        except (OSError, http.client.HTTPException) as error:
            _log.warning("Nova's metadata service could not be asked: %s", error)
            return Answer(503, b"The service is unavailable. Please try again later.\n")
        finally:
            connection.close()
        if len(body) > _LONGEST_ANSWER:
            _log.warning("Nova's metadata service answered more than %d bytes", _LONGEST_ANSWER)
            return Answer(502, b"The answer is too long.\n")
        status = answered.status if answered.status in _PASSED else 500
        return Answer(status, body, answered.getheader("Content-Type") or "text/plain")


_OFF: Final = Answer(403, b"Forbidden\n")
"""To an instance whose metadata are switched off. Source: EC2 User Guide, "Use IMDS", error codes."""


def _sealed(key: bytes, guest: Guest, ends: int) -> str:
    """The token of a session: until when it lasts, and a proof that it was given to that instance."""
    body = ends.to_bytes(8, "big")
    own = hmac.digest(key, b"coppice metadata tokens", "sha256")
    return base64.urlsafe_b64encode(body + hmac.digest(own, guest.id.encode() + body, "sha256")).decode()


def _asked(environ: Mapping[str, Any]) -> _Asked:
    headers = {
        name[5:].replace("_", "-").lower(): str(value) for name, value in environ.items() if name.startswith("HTTP_")
    }
    length = str(environ.get("CONTENT_LENGTH") or "")
    wanted = min(int(length), _LONGEST_BODY) if length.isdecimal() else 0
    body: bytes = environ["wsgi.input"].read(wanted) if wanted else b""
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    path = _ascii(urlsplit(str(raw)).path) if raw else quote(str(environ.get("PATH_INFO", "/")), encoding="latin-1")
    query = _ascii(str(environ.get("QUERY_STRING", "")))
    return _Asked(environ["REQUEST_METHOD"], path or "/", query, headers, body)


def _ascii(text: str) -> str:
    """What may stand in a URL, of bytes as WSGI tells them."""
    return quote(text, safe="/%?&=:@!$'()*+,;~", encoding="latin-1")


def _missing() -> Answer:
    return Answer(404, b"Not Found\n")


def _read(guest: Guest, asked: _Asked) -> Answer:
    """What stands at a path: a text, or the names in a folder."""
    if asked.method not in {"GET", "HEAD"}:
        return _missing()
    parts = asked.parts
    if not parts:
        return Answer(200, "\n".join(VERSIONS).encode())
    if parts[0] not in VERSIONS:
        return _missing()
    found: Any = guest.tree
    for part in parts[1:]:
        found = _entered(found, part)
        if found is None:
            return _missing()
    if isinstance(found, bytes):
        return Answer(200, found, "application/octet-stream")
    return Answer(200, (found if isinstance(found, str) else _listed(found)).encode())


def _entered(folder: Any, name: str) -> Any:
    """What a folder has of that name; a key's folder is entered by its number alone."""
    if not isinstance(folder, Mapping):
        return None
    if name.isdigit() and name not in folder:
        return next((value for key, value in folder.items() if key.partition("=")[0] == name and "=" in key), None)
    return folder.get(name)


def _listed(folder: Mapping[str, Any]) -> str:
    """The names in a folder, a line each; those of folders end with a slash, but for keys."""
    return "\n".join(
        f"{name}/" if isinstance(value, Mapping) and "=" not in name else name for name, value in sorted(folder.items())
    )
