"""Bytes to and from the cloud: every exchange has its time, and a failed one is known to have been sent or not."""

from __future__ import annotations

import http.client
import io
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError

from backend.clock import Clock
from backend.drivers.web_exchange import Deadline

_PIECE = 65_536

_BEFORE_SENDING = (
    requests.exceptions.ConnectTimeout,
    requests.exceptions.SSLError,
    NewConnectionError,
    ConnectTimeoutError,
)


class TimedAdapter(HTTPAdapter):
    """An HTTP adapter that lets no exchange take for ever.

    Args:
        connect_seconds, read_seconds: how long a connection may take, and each piece of the answer after that, where
            who asks does not say how long.
        connections: kept open to one host.
    """

    def __init__(self, connect_seconds: float, read_seconds: float, connections: int) -> None:
        self._times = (connect_seconds, read_seconds)
        super().__init__(pool_connections=16, pool_maxsize=connections, max_retries=0)

    def send(  # noqa: PLR0917 - as the base class has it
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float | None, float | None] | None = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        connect, read = self._times
        times = (min(connect, timeout), timeout) if isinstance(timeout, int | float) else (connect, read)
        return super().send(request, stream, times, verify, cert, proxies)


class BriefAdapter(TimedAdapter):
    """One whose exchanges end within a time for all of the answer, and whose answers have an end: of what is measured.

    Args:
        seconds: for a connection, and for all of the answer, where who asks does not say how long.
        most: bytes of an answer.
    """

    def __init__(self, clock: Clock, seconds: float, most: int, connections: int) -> None:
        super().__init__(seconds, seconds, connections)
        self._seconds, self._most = seconds, most
        # Whoever answers drop by drop, headers or body, is waited for no longer than who does not answer.
        answer = partial(_Answer, clock, seconds)
        self.poolmanager.pool_classes_by_scheme = {
            "http": _pool_of(HTTPConnectionPool, HTTPConnection, answer),
            "https": _pool_of(HTTPSConnectionPool, HTTPSConnection, answer),
        }

    def send(  # noqa: PLR0917 - as the base class has it
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float | None, float | None] | None = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        del stream  # the answer is read here, whole
        response = super().send(request, True, timeout, verify, cert, proxies)
        body = bytearray()
        try:
            while piece := response.raw.read1(_PIECE, decode_content=True):
                body += piece
                if len(body) > self._most:
                    raise requests.exceptions.ConnectionError(f"it answered more than {self._most} bytes")
        except ReadTimeoutError as error:
            response.close()
            raise requests.exceptions.ReadTimeout("it had not answered all in its time") from error
        except (HTTPError, OSError) as error:
            response.close()
            if isinstance(error, requests.exceptions.RequestException):
                raise
            raise requests.exceptions.ConnectionError(error) from error
        response.raw.release_conn()
        response._content = bytes(body)  # noqa: SLF001 - what ``stream=False`` would have put there
        return response


def _pool_of(pool: type[Any], connection: type[Any], answer: Callable[..., Any]) -> type[Any]:
    """Connections whose answers are read by something else."""
    named = type(connection.__name__, (connection,), {"response_class": staticmethod(answer)})
    return type(pool.__name__, (pool,), {"ConnectionCls": named})


class _Answer(http.client.HTTPResponse):
    """An answer that has one time for all of it: what its connection would wait for one piece."""

    def __init__(self, clock: Clock, seconds: float, sock: socket.socket, *given: Any, **named: Any) -> None:
        ends_at = clock.monotonic() + (sock.gettimeout() or seconds)
        super().__init__(cast("socket.socket", _Timed(sock, Deadline(clock, ends_at))), *given, **named)


@dataclass(frozen=True, slots=True)
class _Timed:
    """A socket for who reads from it, until a time."""

    sock: socket.socket
    deadline: Deadline

    def makefile(self, *_: object, **__: object) -> io.BufferedReader:
        return io.BufferedReader(_Pieces(self.sock, self.deadline))


class _Pieces(io.RawIOBase):
    """Each piece is waited for as long as is left for all."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock, self._deadline = sock, deadline
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._deadline.left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def never_sent(error: BaseException) -> bool:
    """Whether a failed request certainly did not reach the service: no connection came about."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, _BEFORE_SENDING):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
