"""A gateway whose workers are started anew while its key manager is away goes on with the keys that it has."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backend.commands import opening, schema
from gateway import local
from gateway.auth import keys
from tests.backend.drivers.key_managers import Vault, serving

ROOT = Path(__file__).parents[1]
RAW = bytes(range(32))


class Served:
    """A gateway's processes, and what they say."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.lines: list[str] = []
        command = [sys.executable, "wsgi.py", "serve", "--bind", f"127.0.0.1:{port}"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(self.process.stdout)

    def said(self, words: str) -> int:
        return len(re.findall(words, "".join(self.lines)))

    def ready(self) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def until(self, holds: Callable[[], bool]) -> None:
        pause = threading.Event()
        for _ in range(1200):
            assert self.process.poll() is None, "".join(self.lines)
            if holds():
                return
            pause.wait(0.1)
        raise AssertionError("".join(self.lines))

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(60)
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def vault() -> Iterator[Vault]:
    server = Vault()
    server.kept["one"] = {"type": "symmetric", "algorithm": "AES", "bit_length": 256, "value": RAW.hex(), "name": None}
    server.kept["one"]["created"] = None
    with serving(server):
        yield server


@pytest.fixture
def served(tmp_path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.delenv("COPPICE_CONFIG", raising=False)
    for name, value in {
        "DEFAULT__STATE": str(tmp_path),
        "GATEWAY__WORKERS": "1",
        "SECRETS__MANAGER": "vault",
        "SECRETS__REFERENCES": "one",
        "VAULT__VAULT_URL": vault.url,
        "VAULT__APPROLE_ROLE_ID": "coppice",
        "VAULT__APPROLE_SECRET_ID": "s3cret-id",
    }.items():
        monkeypatch.setenv(f"OS_{name}", value)
    port = local.free_port("127.0.0.1", 0, lambda _: None)
    keys.keep(tmp_path / opening.ENV_FILE, f"http://127.0.0.1:{port}", "us-east-1")
    schema.migrate(opening.settings().database_url)
    made = Served(port)
    try:
        yield made
    finally:
        made.end()


def test_workers_that_begin_while_the_manager_is_away_have_the_keys_of_those_before(
    served: Served, vault: Vault
) -> None:
    served.until(lambda: served.ready()[0] == 200)
    vault.status = 503
    served.process.send_signal(signal.SIGHUP)
    served.until(lambda: served.said("Booting worker") == 2 and served.said("those that are held stay in use") == 1)
    served.until(lambda: served.said("Worker exiting") == 1)
    assert served.ready()[0] == 200, served.ready()
    assert served.said("what they seal waits") == 0
    asked = len(vault.heard)
    vault.status = 200
    served.process.send_signal(signal.SIGHUP)
    served.until(lambda: served.said("Worker exiting") == 2 and len(vault.heard) > asked)
    assert served.ready()[0] == 200
