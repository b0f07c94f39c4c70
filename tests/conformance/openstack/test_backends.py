from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest

from conformance.openstack import backends
from conformance.openstack.backends import Backend, Folder, addresses
from conformance.openstack.settings import Settings

SERVER = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(Settings(tmp_path))
    made.clear()
    return made


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found = probe.getsockname()[1]
    monkeypatch.setattr(backends, "PORT", found)
    return found


async def ask(port: int, path: str) -> tuple[int, str] | None:
    """Status and body; None where the connection is reset."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        told = await reader.read()
        writer.close()
    except ConnectionError:
        return None
    head, _, body = told.decode().partition("\r\n\r\n")
    return (int(head.split(" ")[1]), body) if head else None


def served(folder: Folder, scene) -> None:
    async def play() -> None:
        backend = Backend(SERVER, "127.0.0.1", folder)
        await backend.begin()
        try:
            await scene(backend)
        finally:
            await backend.end()

    asyncio.run(play())


def test_a_server_answers_with_its_id_and_may_be_sick(folder, port):
    async def scene(backend):
        assert await ask(port, "/") == (200, SERVER)
        assert await ask(port, "/health") == (200, SERVER)
        folder.sicken(SERVER)
        assert await ask(port, "/health") == (503, SERVER)
        assert await ask(port, "/") == (200, SERVER)

    served(folder, scene)
    assert folder.lost == []


def test_who_comes_to_a_server_that_is_gone_is_written_down(folder, port):
    async def scene(backend):
        await backend.leave()
        assert await ask(port, "/here") is None
        assert await ask(port, "/health") is None

    served(folder, scene)
    assert [line.split(" ")[1:] for line in folder.lost] == [[SERVER, "late", "/here"]]


def test_what_a_server_was_answering_when_it_went_is_cut(folder, port):
    async def scene(backend):
        asked = asyncio.ensure_future(ask(port, "/slow/600"))
        while not any(backend._asked.values()):  # noqa: ASYNC110 (no event tells of it)
            await asyncio.sleep(0)
        await backend.leave()
        assert await asked is None

    served(folder, scene)
    assert [line.split(" ")[2:] for line in folder.lost] == [["cut", "/slow/600"]]


def test_the_addresses_of_a_server_are_its_fixed_ones():
    floating = {"address": "172.24.4.9", "type": "floating"}
    ips = [{"address": "10.0.0.5", "type": "fixed", "floating_ips": [floating]}]
    told = json.dumps([{"network": {"subnets": [{"ips": ips}]}}, {"network": {"subnets": []}}])
    assert addresses(told) == ["10.0.0.5"]
    assert addresses(None) == addresses("[]") == []
