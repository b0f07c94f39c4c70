"""Addresses of receivers: ``POST /receivers/TOKEN``, which nobody signs. Knows what a message may weigh, no more."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs

from gateway import links
from gateway.limits import TokenBuckets
from gateway.request import Request, Response
from translators.receivers import MOST_BYTES, Message

PREFIX: Final = "/receivers/"
_IN_HEADERS: Final = "-"
"""In the place of the token, where a header has it."""
_MOST_TOKEN: Final = 100
_MOST_QUERY: Final = 500
Receive = Callable[[str, Message], tuple[int, Mapping[str, str]]]


@dataclass(frozen=True, slots=True)
class Receivers:
    """Answers what comes to receivers.

    Attributes:
        receive: what a message to a token comes to.
        now: seconds of a clock that never goes back.
        throttle: as for requests of AWS's; who sends has the share of their address.
        key: of shares, see ``links.share``.
    """

    receive: Receive
    now: Callable[[], float]
    throttle: TokenBuckets | None = None
    key: bytes = field(default=b"", repr=False)

    def answer(self, request: Request) -> Response:
        """The answer in JSON; in headers a token may stand where an address would be written into logs."""
        if self.throttle is not None and not self.throttle.take("", links.share(request.peer, self.key), self.now()):
            return _told(429, {"error": "Rate exceeded"})
        if len(request.body) > MOST_BYTES or len(request.query) > _MOST_QUERY:
            return _told(413, {"error": f"A message has at most {MOST_BYTES} bytes."})
        token = request.path.removeprefix(PREFIX)
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if token == _IN_HEADERS and kind.lower() == "bearer":
            token = given.strip()
        if not 0 < len(token) <= _MOST_TOKEN:
            return _told(404, {"error": "There is no receiver here."})
        instance = parse_qs(request.query, max_num_fields=10).get("instance", [""])[0] if request.query else ""
        return _told(*self.receive(token, Message(request.body, request.headers, instance)))


def _told(status: int, document: Mapping[str, str]) -> Response:
    return Response(status, json.dumps(document).encode() + b"\n", {"Content-Type": "application/json"})
