"""A load of prepared requests over a few connections, one thread: requests a second and the time of each."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle

_CHUNK = 1 << 18
_SECONDS_WITHOUT_ANSWER = 60.0


class BadAnswer(Exception):
    """An answer that was not 200: the beginning of what came."""


@dataclass(slots=True)
class Load:
    """What a load measured.

    Attributes:
        seconds: from the first request to the last answer.
        latencies: seconds of each request, as answered.
        size: bytes of one answer (the last).
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    size: int = 0

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def percentile(self, percent: float) -> float:
        """Seconds within which so many percent of the requests were answered."""
        ranked = sorted(self.latencies)
        return ranked[min(len(ranked) - 1, int(len(ranked) * percent / 100))]


class _Client:
    """One connection: sends, reads to the end of the answer, reconnects where the server closed."""

    def __init__(self, address: tuple[str, int], selector: selectors.BaseSelector) -> None:
        self.address = address
        self.selector = selector
        self.socket: socket.socket | None = None
        self.started = 0.0
        self.request = b""
        self.received = bytearray()
        self.expected = -1
        self.closing = False

    def send(self, request: bytes, now: float) -> None:
        self.request, self.started = request, now
        self.received.clear()
        self.expected = -1
        if self.socket is None:
            self.socket = socket.create_connection(self.address)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(self.socket, selectors.EVENT_READ, self)
        self.socket.sendall(request)

    def take(self) -> bool:
        """Read what is there. Returns whether the answer is whole."""
        assert self.socket is not None
        piece = self.socket.recv(_CHUNK)
        self.received += piece
        if not piece:
            self.close()
            if not self.received:  # the server ended an idle connection: that is no answer, ask again
                self.send(self.request, self.started)
                return False
            return True
        if self.expected < 0 and not self._head():
            return False
        whole = len(self.received) >= self.expected > 0
        if whole and self.closing:
            self.close()
        return whole

    def close(self) -> None:
        if self.socket is not None:
            self.selector.unregister(self.socket)
            self.socket.close()
            self.socket = None

    def _head(self) -> bool:
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self.received[:end]).lower()
        if head[9:12] != b"200":
            raise BadAnswer(bytes(self.received[:600]).decode(errors="replace"))
        self.closing = b"connection: close" in head
        at = head.find(b"content-length:")
        if at < 0:  # ends with the connection
            self.expected = 0
            return False
        self.expected = end + 4 + int(head[at + 15 :].split(b"\r", 1)[0])
        return True


def run(address: tuple[str, int], requests: Sequence[bytes], seconds: float, connections: int = 4) -> Load:
    """Keep every connection busy with one request after another for that long.

    Args:
        address: host and port.
        requests: sent in turn, over and over.
        seconds: no request is begun after that time; what is under way is waited for.
        connections: how many at once.

    Raises:
        BadAnswer: an answer was not 200.
        TimeoutError: nothing was answered for a minute.
    """
    result = Load()
    turn = cycle(requests)
    with selectors.DefaultSelector() as selector:
        clients = [_Client(address, selector) for _ in range(connections)]
        begun = time.perf_counter()
        for client in clients:
            client.send(next(turn), time.perf_counter())
        busy = connections
        while busy:
            for client in _answered(selector):
                now = time.perf_counter()
                result.latencies.append(now - client.started)
                result.size = len(client.received)
                if now - begun < seconds:
                    client.send(next(turn), now)
                else:
                    busy -= 1
        result.seconds = time.perf_counter() - begun
        for client in clients:
            client.close()
    return result


def _answered(selector: selectors.BaseSelector) -> Iterator[_Client]:
    ready = selector.select(_SECONDS_WITHOUT_ANSWER)
    if not ready:
        raise TimeoutError("nothing was answered for a minute")
    for key, _ in ready:
        client: _Client = key.data
        if client.take():
            yield client
