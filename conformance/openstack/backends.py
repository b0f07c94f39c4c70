"""Servers that answer, where Nova's hosts run none: simulated backends behind real balancers.

HTTP at the fixed addresses of the servers that Nova's database says are active, in the cloud's network namespace: each
answers with its id; ``/health`` with 200, or 503 while a file of its id lies in the folder ``sick``; ``/slow/SECONDS``
after that time. A server serves some seconds after it is active, as one that boots, and until then refuses connections.
As soon as Nova is asked to stop or delete it, its connections are reset, what it was answering is cut, and what still
comes to its address is reset too: a balancer that asks it has lost a request, and so it is written down in ``lost``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from conformance.openstack import readiness
from conformance.openstack.balancers import enter, inside
from conformance.openstack.guests import host as guests
from conformance.openstack.lifecycle import resume, stop
from conformance.openstack.services import Saying, Service, Stage
from conformance.openstack.settings import ROOT, Settings, settle

PORT = 80
_BOOT_SECONDS = 12.0
"""Longer than the suites' balancers take to look at a new member twice."""
_PAUSE = 0.1
_HEAD_BYTES = 8192
_NAME = "backends"
_QUERY = (
    "SELECT i.uuid, c.network_info FROM instances i JOIN instance_info_caches c ON c.instance_uuid = i.uuid"
    " WHERE i.deleted = 0 AND i.host <> %s AND i.vm_state = 'active' AND (i.task_state IS NULL OR i.task_state LIKE 'image%%')"
)


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[Folder]:
    """Have servers answer until the block ends; balancers have to be running.

    Raises:
        NotReady: with the diagnosis.
    """
    folder = Folder(settings)
    folder.clear()
    command = (sys.executable, "-m", __spec__.name, "--state", str(settings.state))
    ready = Saying("Servers answer")
    service = Service(_NAME, Stage.APIS, command, ready, environment={"PYTHONPATH": str(ROOT)})
    try:
        resume(settings, [service])
        yield folder
    finally:
        stop(settings, [service])


class Folder:
    """How the servers are told of sickness, and tell of what they lost."""

    def __init__(self, settings: Settings) -> None:
        self._sick = settings.data / _NAME / "sick"
        self._lost = settings.data / _NAME / "lost"

    def clear(self) -> None:
        self._sick.mkdir(parents=True, exist_ok=True)
        for file in (*self._sick.iterdir(), *([self._lost] if self._lost.exists() else [])):
            file.unlink()

    def sicken(self, server_id: str) -> None:
        """Have its ``/health`` answer 503 from now on; all else it answers as ever."""
        (self._sick / server_id).touch()

    def is_sick(self, server_id: str) -> bool:
        return (self._sick / server_id).exists()

    def lose(self, server_id: str, how: str, path: str) -> None:
        with self._lost.open("a") as file:
            file.write(f"{time.time():.3f} {server_id} {how} {path}\n")

    @property
    def lost(self) -> list[str]:
        """A line for each request that came to a server that was gone (``late``) or that it went away on (``cut``)."""
        return self._lost.read_text().splitlines() if self._lost.exists() else []


class Backend:
    """One server at one address. All but ``__init__`` runs in the loop."""

    def __init__(self, server_id: str, address: str, folder: Folder) -> None:
        self.server_id = server_id
        self.address = address
        self._folder = folder
        self._gone = False
        self._listener: asyncio.Server | None = None
        self._asked: dict[asyncio.StreamWriter, str | None] = {}

    async def begin(self) -> None:
        self._listener = await asyncio.start_server(self._serve, self.address, PORT)

    async def leave(self) -> None:
        """The server is gone; its address still tells who comes."""
        self._gone = True
        for writer, path in self._asked.items():
            if path is not None:
                self._folder.lose(self.server_id, "cut", path)
            writer.transport.abort()

    async def end(self) -> None:
        """The address is another's now."""
        if self._listener is not None:
            self._listener.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._asked[writer] = None
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                while await self._answer(reader, writer):
                    pass
        finally:
            self._asked.pop(writer, None)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether the connection stays."""
        head = await reader.readuntil(b"\r\n\r\n")
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        path = words[1] if len(words) > 1 else "/"
        checked = path == "/health"
        if self._gone:
            if not checked:
                self._folder.lose(self.server_id, "late", path)
            writer.transport.abort()
            return False
        self._asked[writer] = None if checked else path
        if path.startswith("/slow/"):
            await asyncio.sleep(float(path.removeprefix("/slow/")))
        status = "503 Service Unavailable" if checked and self._folder.is_sick(self.server_id) else "200 OK"
        body = self.server_id.encode()
        stays = words[-1] == "HTTP/1.1" and b"connection: close" not in head.lower()
        told = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
        told += f"Connection: {'keep-alive' if stays else 'close'}\r\n\r\n"
        writer.write(told.encode() + body)
        await writer.drain()
        self._asked[writer] = None
        return stays


class Servers:
    """All servers that there are; the one that asks Nova's database has a loop in the namespace do the rest."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = Folder(settings)
        self._loop = asyncio.new_event_loop()
        self._since: dict[str, float] = {}
        self._serving: dict[str, Backend] = {}
        self._gone: dict[str, Backend] = {}
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        """A thread has its own network namespace; its sockets belong there."""
        enter(self._settings)
        self._loop.run_forever()

    def look(self, active: dict[str, list[str]]) -> None:
        """Have exactly these servers answer.

        Args:
            active: server -> its addresses.
        """
        wanted = {address: server for server, addresses in active.items() for address in addresses}
        for address, backend in list(self._serving.items()):
            if wanted.get(address) != backend.server_id:
                self._do(backend.leave())
                self._gone[address] = self._serving.pop(address)
        now = time.monotonic()
        self._since = {server: self._since.get(server, now) for server in active}
        for address, server in wanted.items():
            if address in self._serving or now - self._since[server] < _BOOT_SECONDS:
                continue
            before = self._gone.pop(address, None)
            if before is not None:
                self._do(before.end())
            command = inside(self._settings, "ip", "address", "replace", f"{address}/32", "dev", "lo")
            subprocess.run(command, check=True)
            self._serving[address] = Backend(server, address, self._folder)
            self._do(self._serving[address].begin())

    def _do(self, what) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)


def addresses(network_info: str | None) -> list[str]:
    """The fixed addresses in Nova's own record of a server's ports."""
    return [
        fixed["address"]
        for port in json.loads(network_info or "[]")
        for subnet in port["network"]["subnets"]
        for fixed in subnet["ips"]
        if fixed["type"] == "fixed"
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    settings = settle(parser.parse_args().state, None)
    servers = Servers(settings)
    with readiness.database(settings) as connection, connection.cursor() as cursor:
        connection.autocommit(True)
        cursor.execute("USE nova")
        print("Servers answer", flush=True)
        while True:
            cursor.execute(_QUERY, (guests.HOST,))
            servers.look({server: addresses(told) for server, told in cursor.fetchall()})
            time.sleep(_PAUSE)


if __name__ == "__main__":
    main()
