"""A few seconds' patience with servers that Nova is doing something else to.

For what has to be answered with what came of it (an attachment, the id of an image). What can be done later is due work
of the engine's, and waits there for as long as it takes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from backend.clock import Clock
from backend.drivers.errors import ServerBusy

T = TypeVar("T")
PAUSES: Final = (0.5, 1.0, 1.5, 2.0)
"""A reboot that the system hears takes that long; a request waits no longer."""
MOST: Final = 2
"""Requests of a process that wait so at once, for each holds a thread and a place at the cloud (``patience``): who asks
for many attachments to one server that is rebooted would hold all of them, and nobody else would be served."""

_places: Final = threading.BoundedSemaphore(MOST)


def when_at_rest(clock: Clock, ask: Callable[[], T]) -> T:
    """What ``ask`` returns, asked again while the server is busy.

    Raises:
        ServerBusy: it still is in the end, or as many wait already as may.
    """
    answers: list[T] = []
    refused: list[ServerBusy] = []

    def is_done() -> bool:
        try:
            answers.append(ask())
        except ServerBusy as busy:
            refused.append(busy)
        return bool(answers)

    if not until_done(clock, PAUSES, is_done):
        raise refused[-1]
    return answers[0]


def until_done(clock: Clock, pauses: Sequence[float], is_done: Callable[[], bool]) -> bool:
    """Whether what was taken on is done, looked at after each of these pauses, or once where as many wait as may."""
    if is_done():
        return True
    if not _places.acquire(blocking=False):
        return False
    try:
        for pause in pauses:
            clock.wait(pause)
            if is_done():
                return True
    finally:
        _places.release()
    return False
