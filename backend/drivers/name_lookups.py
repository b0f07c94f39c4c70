"""Names looked up within a deadline; the system's resolver knows none, so it is left alone when time is up."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Final

from backend.drivers.aside import Aside

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
        self._aside = Aside(most, "name lookup")

    def addresses(self, host: str, port: int, left: Callable[[], float]) -> Sequence[str]:
        """Addresses of a host.

        Args:
            left: seconds that are left; it raises TimeoutError where none are.

        Raises:
            OSError: it is not known, or not in time. Whatever else the resolver raises.
        """
        found = self._aside.begin(lambda: self._resolve(host, port), left())
        if found is None:
            raise TimeoutError("timed out: too many names are being looked up")
        try:
            return found.result(left())
        except TimeoutError as error:
            raise TimeoutError("timed out") from error
