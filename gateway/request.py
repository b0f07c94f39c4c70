"""A request and a response as plain values; no framework's objects go further in than app.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as it came.

    Attributes:
        method: upper case.
        path: raw, as sent (not percent-decoded).
        query: raw, without the question mark.
        headers: by lower-case name.
        body: all of it, or one byte more than the limit where it was longer.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer.

    Attributes:
        status: the HTTP status.
        headers: Content-Type and the request id among them; not the length.
        body: the XML document.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
