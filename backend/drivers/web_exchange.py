"""One exchange with a web server, within one deadline for all of it, and of an answer no more than is wanted.

A server that sends a byte now and then does not hold anybody up for longer than one that sends nothing.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, cast

from backend.clock import Clock
from backend.domain.web_addresses import Address, WebAddress

_READ: Final = 65_536


@dataclass(frozen=True, slots=True)
class Deadline:
    """When all of an exchange is to be over, by the clock that never goes back."""

    clock: Clock
    ends_at: float

    def left(self) -> float:
        """Seconds. Raises TimeoutError where none are left."""
        left = self.ends_at - self.clock.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


@contextmanager
def connection_to(
    address: WebAddress, chosen: Sequence[Address], deadline: Deadline, tls: Callable[[], ssl.SSLContext]
) -> Iterator[socket.socket]:
    """A connection to the first of these addresses that takes one. Raises OSError."""
    with _connected(chosen, address.port, deadline) as plain:
        if address.scheme == "http":
            yield plain
            return
        plain.settimeout(deadline.left())
        with tls().wrap_socket(plain, server_hostname=address.host) as sealed:
            yield sealed


def _connected(chosen: Sequence[Address], port: int, deadline: Deadline) -> socket.socket:
    """Each has its share of the time."""
    for number, each in enumerate(chosen[:-1]):
        try:
            share = deadline.left() / (len(chosen) - number)
            return socket.create_connection((str(each), port), timeout=share)
        except OSError:
            continue
    return socket.create_connection((str(chosen[-1]), port), timeout=deadline.left())


def whole(connection: socket.socket, request: bytes, deadline: Deadline, most: int) -> bytes:
    """All that the server sends until it closes.

    Raises:
        OSError: it did not close in time, or sent more than ``most`` bytes.
    """
    connection.settimeout(deadline.left())
    connection.sendall(request)
    answer = bytearray()
    while len(answer) <= most:
        connection.settimeout(deadline.left())
        more = connection.recv(_READ)
        if not more:
            return bytes(answer)
        answer += more
    raise OSError(f"it answered more than {most} bytes")


class _Read:
    """Bytes that were read, as a socket for who parses them."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, *_: object, **__: object) -> io.BytesIO:
        return io.BytesIO(self._raw)


def body_of(raw: bytes) -> tuple[int, bytes]:
    """Status and body of an answer to a POST. Raises ValueError where it is none."""
    try:
        response = http.client.HTTPResponse(cast("socket.socket", _Read(raw)), method="POST")
        response.begin()
        return response.status, response.read()
    except (http.client.HTTPException, ValueError, OverflowError) as error:  # a length beyond all lengths
        raise ValueError(f"what it answered is no HTTP: {error!r}") from error
