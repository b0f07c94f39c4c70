"""A body in chunks, read as its bytes come; bounded in size, number of chunks and length of lines.

Source: RFC 9112, section 7.1.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.syntax import CRLF, FIELDS, TEXT

CHUNKS: Final = 4096
"""Of one body: clients send some KiB in each, and a million of one byte would cost us seconds."""
LINE_BYTES: Final = 256
TRAILER_BYTES: Final = 8 * 1024
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;" + TEXT + rb")?")


class Malformed(Exception):
    """These bytes are no body in chunks."""


class Chunks:
    """One body.

    Args:
        most: its longest length; one byte more is kept, so that it shows.

    Attributes:
        body: the content of the chunks that have come.
    """

    def __init__(self, most: int) -> None:
        self.body = bytearray()
        self._most = most
        self._number = 0
        self._left: int | None = None  # bytes of the present chunk; None before its line
        self._trailer: int | None = None  # bytes of the trailers so far; None before the last chunk

    def take(self, buffer: bytearray) -> bool:
        """Take what is there out of the buffer; whether the body has ended, or is too long. Raises Malformed."""
        at, went, ended = 0, True, False
        while went and not ended:
            before = at
            if self._trailer is not None:
                at, ended = self._trailers(buffer, at)
            elif self._left is None:
                at = self._size(buffer, at)
            else:
                at = self._content(buffer, at)
                ended = len(self.body) > self._most
            went = at > before
        del buffer[:at]
        return ended

    def _size(self, buffer: bytearray, at: int) -> int:
        line, after = _line(buffer, at, LINE_BYTES)
        if line is None:
            return at
        found = _SIZE.fullmatch(line)
        self._number += 1
        if found is None or self._number > CHUNKS:
            raise Malformed
        size = int(found[1], 16)
        if size:
            self._left = size
        else:
            self._trailer = 0
        return after

    def _content(self, buffer: bytearray, at: int) -> int:
        left = self._left or 0
        piece = min(left, len(buffer) - at, self._most + 1 - len(self.body))
        self.body += buffer[at : at + piece]
        self._left, at = left - piece, at + piece
        if self._left or len(buffer) - at < len(CRLF):
            return at
        if not buffer.startswith(CRLF, at):
            raise Malformed
        self._left = None
        return at + len(CRLF)

    def _trailers(self, buffer: bytearray, at: int) -> tuple[int, bool]:
        """Trailers are read and forgotten (7.1.2): whoever puts a Host or a length there is not believed."""
        line, after = _line(buffer, at, TRAILER_BYTES)
        if line is None:
            return at, False
        self._trailer = (self._trailer or 0) + after - at
        if self._trailer > TRAILER_BYTES or (line and FIELDS.fullmatch(line + CRLF) is None):
            raise Malformed
        return after, not line


def _line(buffer: bytearray, at: int, most: int) -> tuple[bytes | None, int]:
    """A line and where the next one begins; None where its end has not come. Raises Malformed where it is too long."""
    end = buffer.find(CRLF, at, at + most)
    if end < 0:
        if len(buffer) - at >= most:
            raise Malformed
        return None, at
    return bytes(buffer[at:end]), end + len(CRLF)
