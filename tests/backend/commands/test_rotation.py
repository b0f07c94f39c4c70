"""Keys change under processes that keep and read secrets all the while: nothing is unreadable, nothing is refused."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import wsgi
from backend.commands import opening
from backend.store.secrets import Seal, new_key
from tests.backend.commands import rotating
from tests.backend.commands.test_reseal import sealed

ROOT = Path(__file__).parents[3]


class Process:
    """One that is at work, and the last line that it said."""

    def __init__(self, name: str) -> None:
        command = [sys.executable, "-m", rotating.__name__, name]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        self.said.extend(line.strip() for line in self._process.stdout)

    def has(self, *keys: str) -> bool:
        """Whether these are its keys now; it has to be alive."""
        assert self._process.poll() is None, "\n".join(self.said[-40:])
        digests = [hashlib.sha256(key.encode()).hexdigest()[:12] for key in keys]
        return bool(self.said) and self.said[-1].split() == digests

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()


def _until(holds: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(1200):
        if holds():
            return
        pause.wait(0.05)
    raise AssertionError("it never came to that")


def test_keys_change_while_secrets_are_kept_and_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, present = tmp_path / "keys", new_key()

    def put(*keys: str) -> None:
        """As a whole: nobody reads half of it."""
        new = tmp_path / "keys.new"
        new.write_text("\n".join(keys))
        new.replace(file)

    for name, value in {
        "OS_DEFAULT__STATE": str(tmp_path),
        "OS_DATABASE__URL": f"sqlite:///{tmp_path}/coppice.db",
        "OS_SECRETS__KEY_FILE": str(file),
        "OS_SECRETS__LOOK_SECONDS": "1",
        "OS_SECRETS__LAUNCH_DATA": "sealed",
    }.items():
        monkeypatch.setenv(name, value)
    put(present)
    assert wsgi.main(["migrate"]) == 0
    processes = [Process(name) for name in "abcd"]
    try:
        for _ in range(3):
            new = new_key()
            put(new, present)
            _until(lambda new=new, old=present: all(each.has(new, old) for each in processes))
            assert wsgi.main(["reseal"]) == 0
            put(new)
            _until(lambda new=new: all(each.has(new) for each in processes))
            present = new
    finally:
        for each in processes:
            each.end()
    assert "Others are as they were" not in capsys.readouterr().err
    store = opening.store_of(opening.settings())
    lying = sealed(store)
    store.close()
    assert lying.keys() == {"delegations", "sessions", "launch_configurations"}
    last = Seal([present])
    assert all(last.open(token) for tokens in lying.values() for token in tokens)
