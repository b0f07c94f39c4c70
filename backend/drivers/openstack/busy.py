"""A few seconds' patience with servers that Nova is doing something else to.

For what has to be answered with what came of it (an attachment, the id of an image). What can be done later is due work
of the engine's, and waits there for as long as it takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from backend.clock import Clock
from backend.drivers.errors import ServerBusy

T = TypeVar("T")
PAUSES: Final = (0.5, 1.0, 1.5, 2.0)
"""A reboot that the system hears takes that long; a request waits no longer."""


def when_at_rest(clock: Clock, ask: Callable[[], T]) -> T:
    """What ``ask`` returns, asked again while the server is busy. Raises what it raises, ServerBusy in the end."""
    for pause in PAUSES:
        try:
            return ask()
        except ServerBusy:
            clock.wait(pause)
    return ask()
