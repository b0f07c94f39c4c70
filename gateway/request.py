"""A request and a response as plain values; no framework's objects go further in than app.py."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

MAY_WAIT: Final = "coppice.may_wait"
"""In a WSGI environment: whether the server can keep the client waiting without a thread."""
WAITED: Final = "coppice.waited"
"""For how many seconds it has."""
LATER: Final = "coppice.later"
"""The application's Later, where it has no answer yet."""
_HOST: Final = re.compile(r"[A-Za-z0-9._\-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as it came.

    Attributes:
        method: upper case.
        path: raw, as sent (not percent-decoded).
        query: raw, without the question mark.
        headers: by lower-case name.
        body: all of it, or one byte more than the limit where it was longer.
        scheme: ``http`` or ``https``, as the client spoke to us or to the proxy in front.
        may_wait: whether the server can keep the client waiting without a thread.
        waited: for how many seconds it has.
        peer: the address of who asks, as far as it is known; empty where it is not.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""
    scheme: str = "http"
    may_wait: bool = False
    waited: float = 0.0
    peer: str = ""

    @property
    def endpoint(self) -> str:
        """Where the client reached us, ``https://cloud.example:8080``; empty where its Host is none."""
        host = self.headers.get("host", "")
        return f"{self.scheme}://{host}" if _HOST.fullmatch(host) else ""


@dataclass(frozen=True, slots=True)
class Later:
    """The request is to be asked again when it is ready, or in so many seconds; it is told then how long it waited.

    Attributes:
        account: whose share of the room to wait in it takes.
    """

    seconds: float
    ready: Callable[[], bool]
    account: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer.

    Attributes:
        status: the HTTP status.
        headers: the request id among them, and Content-Type where there is a body; not the length.
        body: the document, empty where the wire form sends none.
        later: there is no answer yet; only to requests that may wait.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    later: Later | None = None
