"""A web server on this machine that answers what a test says, well or badly; it keeps what it heard."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

Answer = Callable[[bytes], Iterable[bytes]]
"""What is sent, piece by piece, for a whole request."""
_LONGEST_SECONDS = 20.0


def document(told: Any, status: str = "200 OK") -> bytes:
    """An answer of JSON; ``told`` as text is sent as it is."""
    body = (told if isinstance(told, str) else json.dumps(told)).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class StandIn:
    """Answers one connection after the other.

    Attributes:
        heard: whole requests.
        closed: set when a test is over; who answers slowly waits on it.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.heard: list[bytes] = []
        self.closed = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:  # closed
                return
            with connection:
                connection.settimeout(_LONGEST_SECONDS)
                try:
                    request = _request(connection)
                    self.heard.append(request)
                    for piece in self.answer(request):
                        connection.sendall(piece)
                except OSError:  # the other side has lost its patience
                    continue

    def close(self) -> None:
        self.closed.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(_LONGEST_SECONDS)


def _request(connection: socket.socket) -> bytes:
    heard = b""
    while b"\r\n\r\n" not in heard:
        heard += connection.recv(65536)
    head, _, body = heard.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    while len(body) < int(lengths[0]):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def standing_in(answer: Answer) -> Iterator[StandIn]:
    """A server for as long as a test lasts."""
    server = StandIn(answer)
    try:
        yield server
    finally:
        server.close()
