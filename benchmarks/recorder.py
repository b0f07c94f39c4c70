"""A forward proxy that writes down the requests which pass it: whoever asks the cloud is counted alike.

Clients are told of it by ``http_proxy``. One request a connection, as the services themselves have it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_CHUNK = 1 << 16
_HEAD_BYTES = 1 << 18
_OURS = (b"connection:", b"proxy-connection:", b"keep-alive:")
_IDS = re.compile(r"/[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\b")


@dataclass(slots=True)
class Passed:
    """A request.

    Attributes:
        what: method, port of the service and path.
        at: when it came, on the monotonic clock.
        seconds: until it was answered; None where it is not yet.
    """

    what: str
    at: float
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """The first lines of a proxied request. ``bytes``: as the service is to have them."""

    method: str
    host: str
    port: int
    path: str
    bytes: bytes


def parsed(head: bytes) -> Head:
    """The head of a request to a proxy. ValueError where it is none."""
    line, *headers = head.rstrip(b"\r\n").split(b"\r\n")
    method, target, version = line.split(b" ")
    url = urlsplit(target.decode())
    if url.scheme != "http" or not url.hostname:
        raise ValueError(f"not a request to a proxy: {line!r}")
    path = url.path or "/"
    asked = f"{path}?{url.query}" if url.query else path
    kept = [header for header in headers if not header.lower().startswith(_OURS)]
    lines = [b" ".join((method, asked.encode(), version)), *kept, b"Connection: close", b"", b""]
    return Head(method.decode(), url.hostname, url.port or 80, path, b"\r\n".join(lines))


def kinds(passed: Sequence[Passed]) -> list[tuple[str, int, float]]:
    """Requests by method and path, ids left out: how many, and the seconds that all of them took, most first."""
    found: dict[str, list[float]] = {}
    for each in passed:
        found.setdefault(_IDS.sub("/ID", each.what), []).append(each.seconds or 0.0)
    return sorted(((what, len(took), sum(took)) for what, took in found.items()), key=lambda kind: -kind[2])


class Recorder:
    """Listens on a port of its own between ``with`` and its end.

    Attributes:
        passed: the requests, in order.
    """

    def __init__(self) -> None:
        self.passed: list[Passed] = []
        self.url = ""
        self._server: asyncio.Server
        self._loop = asyncio.new_event_loop()
        self._serving: set[asyncio.Task[None] | None] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="recorder", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        listening = asyncio.start_server(self._connected, "127.0.0.1", 0, limit=_HEAD_BYTES)
        self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result()
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(_end(self._server), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def environment(self) -> dict[str, str]:
        """What sends a client's requests this way, also those to this machine."""
        return {"http_proxy": self.url, "HTTP_PROXY": self.url, "no_proxy": "", "NO_PROXY": ""}

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The loop itself holds a task weakly, and nothing else does once its client has gone.
        task = asyncio.current_task()
        self._serving.add(task)
        try:
            await self._serve(reader, writer)
        finally:
            self._serving.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError, ValueError), contextlib.closing(writer):
            head = parsed(await reader.readuntil(b"\r\n\r\n"))
            passed = Passed(f"{head.method} :{head.port}{head.path}", time.monotonic())
            self.passed.append(passed)
            from_service, to_service = await asyncio.open_connection(head.host, head.port)
            with contextlib.closing(to_service):
                to_service.write(head.bytes)
                body = asyncio.create_task(_pipe(reader, to_service))
                await _pipe(from_service, writer)
                body.cancel()
            passed.seconds = time.monotonic() - passed.at


async def _end(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(_CHUNK):
            writer.write(piece)
            await writer.drain()
