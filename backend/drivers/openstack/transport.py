"""Bytes to and from the cloud: every exchange has its time, and a failed one is known to have been sent or not."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from backend.clock import Clock

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
        seconds: for a connection and each piece of the answer, and once more for all pieces together.
        most: bytes of an answer.
    """

    def __init__(self, clock: Clock, seconds: float, most: int, connections: int) -> None:
        super().__init__(seconds, seconds, connections)
        self._clock, self._seconds, self._most = clock, seconds, most

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
        ends_at = self._clock.monotonic() + self._seconds
        body = bytearray()
        try:
            while piece := response.raw.read1(_PIECE, decode_content=True):
                body += piece
                if len(body) > self._most:
                    raise requests.exceptions.ConnectionError(f"it answered more than {self._most} bytes")
                if self._clock.monotonic() >= ends_at:
                    raise requests.exceptions.ReadTimeout(f"it had not answered all after {self._seconds} s")
        except (HTTPError, OSError) as error:
            response.close()
            if isinstance(error, requests.exceptions.RequestException):
                raise
            raise requests.exceptions.ConnectionError(error) from error
        response.raw.release_conn()
        response._content = bytes(body)  # noqa: SLF001 - what ``stream=False`` would have put there
        return response


def never_sent(error: BaseException) -> bool:
    """Whether a failed request certainly did not reach the service: no connection came about."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, _BEFORE_SENDING):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
