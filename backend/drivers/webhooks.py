"""Messages as signed HTTP requests to servers of callers, who are led to no address that is not theirs to name.

A name is resolved once, its addresses are looked at, and the first of them that takes a connection is spoken to; no
redirect is followed. Of the answer only the status line is read, within one deadline for all, the name's among it.

Headers and signature are those of Standard Webhooks (https://www.standardwebhooks.com), for which there are libraries:
whoever hears a message checks the signature over id, time stamp and body, drops what is older than five minutes, and
takes an id once.
"""

from __future__ import annotations

import base64
import hmac
import re
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from backend.clock import Clock
from backend.domain.messages import Gone, Refused, Telling, Unreached
from backend.domain.scope import Scope
from backend.domain.web_addresses import Address, Network, WebAddress, may_be_told, resolved, shown, web_address
from backend.drivers.name_lookups import Lookups, resolve
from backend.drivers.web_exchange import Deadline, body_of, connection_to, whole
from backend.errors import KeysUnreached, StoreUnavailable

_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])(?: |\r|\Z)")
_END: Final = re.compile(rb"\r?\n\r?\n")
_MOST_HEAD: Final = 8192
_MOST_ADDRESSES: Final = 4
"""Of a name that are tried."""
_GONE: Final = 410
_ANSWER_SECONDS: Final = 2.0
"""How long an answer may take. Source: Auto Scaling User Guide, "Create a custom termination policy with Lambda"."""
_MOST_ANSWER: Final = 65_536
T = TypeVar("T")
_NEVER: Final = frozenset({400, 413, 414, 415, 422})
"""Answers that say that this message will not do, whenever it comes."""


def secret_of(key: bytes, project_id: str) -> bytes:
    """What messages of a project are signed with, from the installation's own key."""
    return hmac.digest(key, f"coppice webhooks {project_id}".encode(), "sha256")


def told_secret(secret: bytes) -> str:
    """The secret as libraries take it."""
    return f"whsec_{base64.b64encode(secret).decode()}"


def signature(secret: bytes, message_id: str, timestamp: int, body: str) -> str:
    """The signature of a message that is sent at that time (seconds since 1970)."""
    digest = hmac.digest(secret, f"{message_id}.{timestamp}.{body}".encode(), "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


@dataclass(frozen=True, slots=True)
class WebhookRule:
    """How servers are spoken to.

    Attributes:
        allowed: networks that are spoken to beside the internet.
        seconds: for all of one request.
        trust: file of certificates that are trusted; None: those of the system.
    """

    allowed: Sequence[Network] = ()
    seconds: float = 10.0
    trust: str | None = None


@dataclass(slots=True)
class WebhookSink:
    """Tells web servers.

    Attributes:
        keys: the installation's, see ``secret_of``; messages are signed with the secrets of all of them, so that a web
            server may take the newest while the older ones are still there. It may raise KeysUnreached, and
            StoreUnavailable.
    """

    keys: Callable[[], Sequence[bytes]] = field(repr=False)
    clock: Clock
    rule: WebhookRule = field(default_factory=WebhookRule)
    lookups: Lookups = field(default_factory=lambda: Lookups(resolve))
    _tls: ssl.SSLContext | None = None

    def send(self, scope: Scope, target: str, telling: Telling) -> None:
        """Tell a URL.

        Raises:
            Unreached, Refused, Gone
        """
        address = web_address(target)
        if address is None:
            raise Refused(f"{shown(target)} is no URL that can be told")
        status = self._exchange(address, self._request(address, scope, telling))
        if 200 <= status < 300:
            return
        words = f"{address.host} answered {status}"
        if status == _GONE:
            raise Gone(words)
        raise Refused(words) if status in _NEVER else Unreached(words)

    def ask(self, scope: Scope, target: str, telling: Telling) -> bytes:
        """What a URL answers to a question, as its body.

        Raises:
            Unreached: it did not answer in time, or with anything but success.
            Refused: it is not to be asked.
        """
        address = web_address(target)
        if address is None:
            raise Refused(f"{shown(target)} is no URL that can be asked")
        deadline = Deadline(self.clock, self.clock.monotonic() + min(self.rule.seconds, _ANSWER_SECONDS))
        request = self._request(address, scope, telling)
        raw = self._spoken(address, deadline, lambda connection: whole(connection, request, deadline, _MOST_ANSWER))
        try:
            status, body = body_of(raw)
        except ValueError as error:
            raise Unreached(str(error)) from error
        if not 200 <= status < 300:
            raise Unreached(f"{address.host} answered {status}")
        return body

    def _request(self, address: WebAddress, scope: Scope, telling: Telling) -> bytes:
        at = int(self.clock.now().timestamp())
        body = telling.body.encode()
        try:
            secrets = [secret_of(key, scope.project_id) for key in self.keys()]
        except (KeysUnreached, StoreUnavailable) as error:
            raise Unreached(f"nothing can be signed now: {error}") from error
        headers = {
            "Host": address.authority,
            "User-Agent": "coppice",
            "Content-Type": "text/plain; charset=UTF-8",
            "Content-Length": str(len(body)),
            "Connection": "close",
            "webhook-id": telling.id,
            "webhook-timestamp": str(at),
            "webhook-signature": " ".join(signature(each, telling.id, at, telling.body) for each in secrets),
            **{name: _one_line(value) for name, value in telling.attributes.items()},
        }
        lines = [f"POST {address.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1", "replace") + body

    def _exchange(self, address: WebAddress, request: bytes) -> int:
        """The status that the server answers. Raises Unreached, Refused."""
        deadline = Deadline(self.clock, self.clock.monotonic() + self.rule.seconds)
        return self._spoken(address, deadline, lambda connection: self._answered(connection, request, deadline))

    def _spoken(self, address: WebAddress, deadline: Deadline, speak: Callable[[socket.socket], T]) -> T:
        """What comes of speaking to the server. Raises Unreached, Refused."""
        try:
            with connection_to(address, self._chosen(address, deadline), deadline, self._context) as connection:
                return speak(connection)
        except OSError as error:  # among them what TLS finds wrong, and that time is up
            raise Unreached(f"{address.host}: {error}") from error

    def _chosen(self, address: WebAddress, deadline: Deadline) -> Sequence[Address]:
        """The addresses that may be connected to. Raises Unreached, Refused."""
        try:
            address.host.encode("idna")  # which TLS does: what it finds wrong then is no OSError, and leaves a socket
            told = self.lookups.addresses(address.host, address.port, deadline.left)
            found = resolved(told)
        except (OSError, ValueError, UnicodeError) as error:
            raise Unreached(f"{address.host} is not known: {error}") from error
        if not found:
            raise Unreached(f"{address.host} has no address")
        # One that is not to be spoken to is refused with all: who has a name lead here and there means no good.
        for each in found:
            if not may_be_told(each, self.rule.allowed):
                raise Refused(f"{address.host} leads to {each}, which is not told anything")
        return found[:_MOST_ADDRESSES]

    def _answered(self, connection: socket.socket, request: bytes, deadline: Deadline) -> int:
        connection.settimeout(deadline.left())
        connection.sendall(request)
        head, read = b"", 0
        while read < _MOST_HEAD:
            connection.settimeout(deadline.left())
            more = connection.recv(_MOST_HEAD)
            read += len(more)
            status, head = _answer(head + more, whole=not more)
            if status is not None:
                return status
            if not more:
                break
        raise OSError("it did not answer")

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=self.rule.trust)
        return self._tls


def _answer(head: bytes, *, whole: bool) -> tuple[int | None, bytes]:
    """The status that an answer begins with, None where it is not there yet; and what is left after interim answers.

    Raises:
        OSError: it is no answer.
    """
    while b"\n" in head or whole:
        found = _STATUS.match(head)
        if found is None:
            raise OSError("what it answered is no HTTP")
        if not found[1].startswith(b"1"):
            return int(found[1]), head
        end = _END.search(head)
        if end is None:
            break
        head = head[end.end() :]
    return None, head


def _one_line(text: str) -> str:
    return " ".join(text.split())
