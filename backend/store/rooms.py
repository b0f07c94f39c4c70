"""How much room projects have left in queues: counted now and then, and in between by what this process puts there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from backend.clock import Clock
from backend.domain.queues import QueueLimits
from backend.errors import LimitExceeded

Count = Callable[[datetime | None], tuple[int, int]]
"""(messages, bytes) of a project, with what has expired or, given the time, without, which is dearer."""
_EVERY_SECONDS: Final = 10.0


@dataclass(slots=True)
class _Room:
    """What a project had when it was counted last, and what this process has sent since."""

    counted_at: float
    messages: int
    bytes_: int
    exact: bool = False


@dataclass(slots=True)
class Rooms:
    """The rooms of all projects, as one process knows them; any thread may call it."""

    clock: Clock
    limits: QueueLimits = field(default_factory=QueueLimits)
    _known: dict[str, _Room] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, project_id: str, messages: int, size: int, count: Count) -> None:
        """Raises LimitExceeded where these would be too many, whatever has expired and lies there still."""
        now = self.clock.monotonic()
        with self._lock:
            room = self._known.get(project_id)
        if room is None or now - room.counted_at >= _EVERY_SECONDS:
            room = self._counted(project_id, _Room(now, *count(None)))
        if self._lacking(room, messages, size) is not None and not room.exact:
            room = self._counted(project_id, _Room(now, *count(self.clock.now()), exact=True))
        if (lacking := self._lacking(room, messages, size)) is not None:
            raise lacking
        with self._lock:
            room.messages += messages
            room.bytes_ += size

    def _counted(self, project_id: str, room: _Room) -> _Room:
        with self._lock:
            self._known[project_id] = room
        return room

    def _lacking(self, room: _Room, messages: int, size: int) -> LimitExceeded | None:
        if room.messages + messages > self.limits.messages:
            return LimitExceeded("messages", self.limits.messages)
        if room.bytes_ + size > self.limits.most_bytes:
            return LimitExceeded("bytes", self.limits.most_bytes)
        return None
