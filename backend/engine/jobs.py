"""What a job is: work that is put aside while it waits, for answers of the cloud or for the store."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from backend.engine.lanes import Call
from backend.store.session import Connection


@dataclass(frozen=True, slots=True)
class Write:
    """What the cloud said, to be written in one transaction: while the store is away it waits, and is not lost.

    It may be done twice, when the store does not tell whether it was done: it has to ask for its lease's fence, and to
    mean the same the second time.
    """

    work: Callable[[Connection], Any]


Job = Generator[Sequence[Call] | Write, Any, None]
"""It yields calls, and is sent their answers in a list; or a Write, and is sent what that returns."""
