"""Work that may hang, each piece in a thread of its own, so that who asks for it waits no longer than there is time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import BoundedSemaphore, Thread
from typing import TypeVar

T = TypeVar("T")


class Aside:
    """Pieces of work under way.

    Args:
        most: of them at once, those among them that nobody waits for any more.
        name: of their threads.
    """

    def __init__(self, most: int, name: str) -> None:
        self._free = BoundedSemaphore(most)
        self._name = name

    def begin(self, work: Callable[[], T], seconds: float = 0.0) -> Future[T] | None:
        """What comes of it, or is raised; None where there are too many for so many seconds."""
        if not self._free.acquire(timeout=seconds):
            return None
        answer = Future[T]()
        # A thread of its own each time: one that hangs keeps neither the next ones nor the end of the process waiting.
        Thread(target=self._do, args=(work, answer), name=self._name, daemon=True).start()
        return answer

    def _do(self, work: Callable[[], T], answer: Future[T]) -> None:
        try:
            answer.set_result(work())
        except Exception as error:  # noqa: BLE001 (it is raised where the answer is waited for)
            answer.set_exception(error)
        finally:
            self._free.release()
