"""Addresses of receivers: ``POST /receivers/TOKEN``, which nobody signs. Knows what a message may weigh, no more."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final
from urllib.parse import parse_qs

from gateway import links
from gateway.limits import TokenBuckets
from gateway.pipeline import Along, alone
from gateway.request import Request, Response
from gateway.request_log import Observe, Record
from translators.receivers import MOST_BYTES, SERVICE, Admit, Heard, Message
from translators.registry import Caller

PREFIX: Final = "/receivers/"
_IN_HEADERS: Final = "-"
"""In the place of the token, where a header has it."""
_MOST_TOKEN: Final = 100
_MOST_QUERY: Final = 500
_OPERATION: Final = "HearAlarm"
"""As the audit trail names it."""
Receive = Callable[[str, Message, Admit], Heard]


def _as_it_is(name: str) -> str:
    return name


@dataclass(frozen=True, slots=True)
class Receivers:
    """Answers what comes to receivers.

    Attributes:
        receive: what a message to a token comes to.
        now: seconds of a clock that never goes back.
        throttle: as for requests of AWS's. Each receiver has a share of its own, whoever sends; those that are not
            there take from the share of the sender's address, for many may send through one proxy.
        key: of shares, see ``links.share``.
        audit: is told of every message, with the receiver and what came of it; of tokens that are nobody's as long as
            there is something in the sender's share.
        account_of: the twelve digits of a project.
        region_of: AWS's name of a region of the cloud.
        along: makes what goes along with each message that is asked about.
    """

    receive: Receive
    now: Callable[[], float]
    throttle: TokenBuckets | None = None
    key: bytes = field(default=b"", repr=False)
    audit: Observe | None = None
    account_of: Callable[[str], str] = _as_it_is
    region_of: Callable[[str], str] = _as_it_is
    along: Along = alone

    def answer(self, request: Request) -> Response:
        """The answer in JSON; in headers a token may stand where an address would be written into logs."""
        if len(request.body) > MOST_BYTES or len(request.query) > _MOST_QUERY:
            return _told(413, {"error": f"A message has at most {MOST_BYTES} bytes."})
        token = request.path.removeprefix(PREFIX)
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if token == _IN_HEADERS and kind.lower() == "bearer":
            token = given.strip()
        if not 0 < len(token) <= _MOST_TOKEN:
            return _told(404, {"error": "There is no receiver here."})
        instance = parse_qs(request.query, max_num_fields=10).get("instance", [""])[0] if request.query else ""
        began, request_id = self.now(), str(uuid.uuid4())
        with self.along(request_id, request.headers.get("traceparent", "")) as passage:
            heard = self.receive(token, Message(request.body, request.headers, instance), partial(self._admit, request))
            record = self._record(request_id, request, heard, self.now() - began)
            passage.tell(record if heard.status >= 400 else replace(record, code=""))  # of errors alone
        if self.audit is not None and (heard.project_id or heard.status < 500):
            self.audit(record)
        return _told(heard.status, heard.document, request_id)

    def _admit(self, request: Request, digest: str) -> bool:
        if self.throttle is None:
            return True
        share = (SERVICE, digest) if digest else ("", links.share(request.peer, self.key))
        return self.throttle.take(*share, self.now())

    def _record(self, request_id: str, request: Request, heard: Heard, seconds: float) -> Record:
        found = heard.project_id
        who = Caller("", "", "", found, roles=frozenset()) if found else None
        account, region = (self.account_of(found), self.region_of(heard.region)) if found else ("", "")
        told = SERVICE, _OPERATION, account, region, heard.status, heard.code, seconds
        return Record(request_id, *told, who, request.peer, heard.names)


def _told(status: int, document: Mapping[str, str], request_id: str = "") -> Response:
    named = {"X-Request-Id": request_id} if request_id else {}
    return Response(status, json.dumps(document).encode() + b"\n", {"Content-Type": "application/json", **named})
