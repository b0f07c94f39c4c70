"""What worker processes leave to those that their master forks after them, in memory that all of them share.

That is keys, for a worker that begins while the keys' manager is away would have none otherwise, and the database,
which stays the same for as long as the master lives. The master makes the room before it forks and never looks into it;
nothing of it is written to a disk, and it ends with them.
"""

from __future__ import annotations

import hashlib
import json
import mmap
from collections.abc import Sequence
from typing import Final

_BYTES: Final = 64 * 1024
_CHECK: Final = hashlib.sha256().digest_size
_LENGTH: Final = 4


class Inheritance:
    """Room for some texts; there is none before it was made, and nothing is kept then."""

    def __init__(self) -> None:
        self._room: mmap.mmap | None = None

    def make_room(self) -> None:
        """For processes that are forked from now on."""
        self._room = mmap.mmap(-1, _BYTES)

    def leave(self, texts: Sequence[str]) -> None:
        """In the place of what another process left; what is too much is left out."""
        what = json.dumps(list(texts)).encode()
        body = len(what).to_bytes(_LENGTH, "big") + what
        if self._room is not None and _CHECK + len(body) <= _BYTES:
            self._room[: _CHECK + len(body)] = hashlib.sha256(body).digest() + body

    def left(self) -> tuple[str, ...]:
        """The texts; none where none were left, or two processes wrote at the same time."""
        if self._room is None:
            return ()
        check, size = self._room[:_CHECK], int.from_bytes(self._room[_CHECK : _CHECK + _LENGTH], "big")
        body = self._room[_CHECK : _CHECK + _LENGTH + size]
        if hashlib.sha256(body).digest() != check:
            return ()
        return tuple(json.loads(body[_LENGTH:]))


SHARED: Final = Inheritance()
"""The keys of this process and its like."""
DATABASE: Final = Inheritance()
"""The URL of their database."""
