"""Names looked up within a deadline; the system's resolver knows none, so it is left alone when time is up."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import BoundedSemaphore, Thread
from typing import Final

Resolve = Callable[[str, int], Sequence[str]]
MOST: Final = 32
"""Lookups at once. One that nobody waits for any more is one of them until the resolver gives it up."""


def resolve(host: str, port: int) -> Sequence[str]:
    """Addresses of a host. Raises OSError, and UnicodeError where it can be no name."""
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Lookups:
    """Asks a resolver, and waits no longer than whoever asks has time."""

    def __init__(self, resolve: Resolve, most: int = MOST) -> None:
        self._resolve = resolve
        self._free = BoundedSemaphore(most)

    def addresses(self, host: str, port: int, left: Callable[[], float]) -> Sequence[str]:
        """Addresses of a host.

        Args:
            left: seconds that are left; it raises TimeoutError where none are.

        Raises:
            OSError: it is not known, or not in time. Whatever else the resolver raises.
        """
        if not self._free.acquire(timeout=left()):
            raise TimeoutError("timed out: too many names are being looked up")
        found: Future[Sequence[str]] = Future()
        # A thread of its own each time: one that hangs keeps neither the next ones nor the end of the process waiting.
        Thread(target=self._look, args=(found, host, port), daemon=True).start()
        try:
            return found.result(left())
        except TimeoutError as error:
            raise TimeoutError("timed out") from error

    def _look(self, found: Future[Sequence[str]], host: str, port: int) -> None:
        try:
            found.set_result(self._resolve(host, port))
        except Exception as error:  # noqa: BLE001 (it is raised where the answer is waited for)
            found.set_exception(error)
        finally:
            self._free.release()
