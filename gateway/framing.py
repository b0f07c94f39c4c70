"""Where a request begins and ends in the bytes of a connection. Pure: no sockets and no clock.

Only what tells one request from the next is judged here, and strictly: whatever two readers could take for two
different things is refused. The rest of a head is its reader's matter, who is given one request, no more and no less.

Source: RFC 9112 (HTTP/1.1), sections 2 to 7; RFC 9110, section 10.1.1 (Expect).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from gateway.chunks import Chunks, Malformed
from gateway.limits import LONGEST_BODY_BYTES
from gateway.syntax import CRLF, FIELDS, TOKEN

HEAD_BYTES: Final = 64 * 1024
_END: Final = CRLF + CRLF
_EMPTY_LINES: Final = 4

_REQUEST_LINE: Final = re.compile(TOKEN + rb" [^\x00-\x20\x7f]++ HTTP/1\.([0-9])\r\n")
_FRAMING: Final = re.compile(rb"\n(content-length|transfer-encoding|expect|host):([^\r]*+)", re.IGNORECASE)
_LENGTH: Final = re.compile(rb"[0-9]{1,15}")
_NO_HEAD: Final = re.compile(rb"(?<!\r)\n|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n|\Z)")


class Need(Enum):
    """What is missing of a request.

    Attributes:
        BYTES: more of them.
        WORD: more of them, and the client waits for ``100 Continue`` before it sends any.
    """

    BYTES = auto()
    WORD = auto()


@dataclass(frozen=True, slots=True)
class Whole:
    """All of one request.

    Attributes:
        data: head and body; a chunked body as one chunk, without extensions and trailers; of a body that is longer than
            the limit one byte more than that.
        last: what comes after it on the connection has no known meaning.
    """

    data: bytes
    last: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Why these bytes are no request; what follows them has no known meaning.

    Attributes:
        status: HTTP's.
        why: a sentence for the client.
    """

    status: int
    why: str


Outcome = Need | Whole | Refused

_MALFORMED: Final = Refused(400, "The request is not valid HTTP.")
_UNEXPECTED: Final = Refused(417, "The expectation of the request is not known.")


@dataclass(frozen=True, slots=True)
class _Head:
    """What the head of a request tells of its body.

    Attributes:
        data: its bytes, the empty line among them.
        length: of the body; None where it comes in chunks.
        waits: the client sends the body after our word.
    """

    data: bytes
    length: int | None
    waits: bool


class Requests:
    """The requests of one connection, one after another.

    ``feed`` and ``next`` tell of the present one; when they have returned it ``Whole``, the one after it is the
    present. Once something is refused, or the last of all, nothing more may be fed.

    Args:
        body_bytes: the longest body that is gathered.
    """

    def __init__(self, body_bytes: int = LONGEST_BODY_BYTES) -> None:
        self._most = body_bytes
        self._buffer = bytearray()
        self._begin()

    def _begin(self) -> None:
        self._head: _Head | None = None
        self._chunks = Chunks(self._most)
        self._scanned = self._skipped = 0

    @property
    def size(self) -> int:
        """How many bytes are kept; 0 between two requests."""
        return len(self._buffer) + len(self._chunks.body) + (len(self._head.data) if self._head else 0)

    def feed(self, data: bytes) -> Outcome:
        """The state of the present request after these bytes."""
        self._buffer += data
        return self.next()

    def next(self) -> Outcome:
        """The state of the present request."""
        try:
            if self._head is None:
                found = self._find_head()
                if not isinstance(found, _Head):
                    return found
                self._head = found
                if found.waits and not self._buffer:
                    return self._word(found)
            return self._chunked(self._head) if self._head.length is None else self._counted(self._head)
        except Malformed:
            return _MALFORMED

    def _find_head(self) -> _Head | Outcome:
        buffer = self._buffer
        while buffer.startswith(CRLF):  # 2.2: some clients end a body with one that belongs to nothing
            self._skipped += 1
            if self._skipped > _EMPTY_LINES:
                return _MALFORMED
            del buffer[: len(CRLF)]
        end = buffer.find(_END, max(0, self._scanned - 3))
        if end > HEAD_BYTES or (end < 0 and len(buffer) > HEAD_BYTES):
            return _MALFORMED
        if end < 0:
            if _NO_HEAD.search(buffer, max(0, self._scanned - 1)):
                return _MALFORMED  # no need to wait for the end of what cannot be right any more
            self._scanned = len(buffer)
            return Need.BYTES
        data = bytes(buffer[: end + len(_END)])
        del buffer[: end + len(_END)]
        return _read(data)

    def _word(self, head: _Head) -> Outcome:
        if head.length is not None and head.length > self._most:
            return Refused(413, f"The request body is longer than {self._most} bytes.")
        return Need.WORD

    def _counted(self, head: _Head) -> Outcome:
        """A body of known length."""
        length = head.length or 0
        wanted = min(length, self._most + 1)
        if len(self._buffer) < wanted:
            return Need.BYTES
        body = bytes(self._buffer[:wanted])
        del self._buffer[:wanted]
        self._begin()
        return Whole(head.data + body, last=length > wanted)

    def _chunked(self, head: _Head) -> Outcome:
        """A body in chunks."""
        if not self._chunks.take(self._buffer):
            return Need.BYTES
        body = bytes(self._chunks.body)
        self._begin()
        one = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        return Whole(head.data + one + b"0\r\n\r\n", last=len(body) > self._most)


def _read(data: bytes) -> _Head | Refused:
    """What a head, from its request line to its empty line, tells of the body."""
    line = _REQUEST_LINE.match(data)
    if line is None or FIELDS.fullmatch(data, line.end(), len(data) - len(CRLF)) is None:
        return _MALFORMED  # 2.2 bare CR and LF, 5.1 blanks before the colon, 5.2 folded lines, 5.5 of 9110 NUL
    told: dict[bytes, bytes] = {}
    for name, value in _FRAMING.findall(data, line.end() - 1):
        key = name.lower()
        if key in told:
            return _MALFORMED  # 6.3: told twice; 3.2: two hosts
        told[key] = value.strip(b" \t")
    length, coding, new = told.get(b"content-length"), told.get(b"transfer-encoding"), line[1] != b"0"
    if new and b"host" not in told:
        return _MALFORMED  # 3.2
    if coding is not None:
        # 6.1: both told, or codings in HTTP/1.0, is how requests are smuggled; no coding but this one is spoken here.
        if length is not None or not new or coding.lower() != b"chunked":
            return _MALFORMED
    elif length is not None and _LENGTH.fullmatch(length) is None:
        return _MALFORMED
    size = None if coding is not None else int(length or 0)
    expected = told.get(b"expect")
    if not new or expected is None:
        return _Head(data, size, waits=False)
    if expected.lower() != b"100-continue":
        return _UNEXPECTED
    return _Head(data, size, waits=size != 0)
