"""An installation of several processes on one PostgreSQL, each of which runs the tree of one version or of another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conformance.product import BRISK, PATIENCE, READY_SECONDS, ROOT, Access, free_port, ready
from gateway.auth import keys

REGION = "us-east-1"
STOP_SECONDS = 30.0
SETTINGS = {
    **BRISK,
    "OS_SIMULATED__BOOT_SECONDS": "0.3",
    "OS_ENGINE__LEASE_SECONDS": "5",
    "OS_ENGINE__LAUNCH_GRACE_SECONDS": "6",
    "OS_ENGINE__WATCH_FULL_SECONDS": "3",
    "OS_ENGINE__ORPHAN_GRACE_SECONDS": "10",
    "OS_GATEWAY__WORKERS": "2",
}


def tree_of(commit: str, folder: Path) -> Path:
    """The tree of a commit of this repository's own history, unpacked there."""
    packed = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed, check=True)
    return folder


def in_history(commit: str) -> bool:
    """Whether that commit is there: a shallow clone may lack it, a tree without git has none."""
    asked = ["git", "cat-file", "-e", f"{commit}^{{commit}}"]
    try:
        return subprocess.run(asked, cwd=ROOT, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@dataclass
class Site:
    """Gateways and engines by name, on one database and one embedded cloud.

    A name that begins with ``gateway`` is a gateway's, any other an engine's.

    Attributes:
        url: of the database.
        folder: where state, keys and logs are.
        serving: gateways that were ready once since they were started, as a balancer that asks /readyz knows them.
        leaving: gateways that were told to stop, until those in their place serve, with the trees that they run.
    """

    url: str
    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    serving: set[str] = field(default_factory=set)
    leaving: dict[str, Path] = field(default_factory=dict)
    _trees: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.state.mkdir(parents=True)
        keys.keep(self.state / "coppice.env", "http://127.0.0.1", REGION)

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def access(self, gateway: str) -> Access:
        """What a client of that gateway needs."""
        port = self.ports.setdefault(gateway, free_port())
        pair = keys.read(self.state / "coppice.env")
        return Access(f"http://127.0.0.1:{port}", pair.access_key, pair.secret_key, REGION)

    def command(self, tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
        """What a command of that version says."""
        asked = [sys.executable, "wsgi.py", *words]
        return subprocess.run(asked, cwd=tree, env=self._environment(), capture_output=True, text=True, check=False)

    def start(self, name: str, tree: Path) -> None:
        """Start it from that tree; a gateway is waited for until it is ready."""
        self.serving.discard(name)
        self._trees[name] = tree
        words = ["engine"]
        if name.startswith("gateway"):
            words = ["serve", "--bind", self.access(name).url.removeprefix("http://")]
        with self.log(name).open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "wsgi.py", *words],
                cwd=tree,
                env=self._environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_SECONDS * PATIENCE
        while name.startswith("gateway") and not ready(self.access(name)):
            self.alive(name)
            assert time.monotonic() < deadline, f"{name} is not ready:\n{self.tail(name)}"
            time.sleep(0.05)
        self.leaving.pop(name, None)
        self.serving.add(name)

    def alive(self, name: str) -> None:
        """AssertionError where it ended by itself."""
        status = self.running[name].poll()
        assert status is None, f"{name} ended with {status}:\n{self.tail(name)}"

    def has_work(self, name: str) -> bool:
        """Whether an engine has told of a group that it changed since it was started; a gateway is waited for before."""
        worked = f"[{self.running[name].pid}] INFO backend.engine.telling"
        return name.startswith("gateway") or worked in self.log(name).read_text(errors="replace")

    def stop(self, name: str) -> None:
        """Tell it to stop, and wait until it has ended as it should."""
        self.leaving[name] = self._trees[name]
        process = self.running.pop(name)
        process.send_signal(signal.SIGTERM)
        status = process.wait(STOP_SECONDS * PATIENCE)
        assert status == 0, f"{name} ended with {status}:\n{self.tail(name)}"

    def kill(self, name: str) -> None:
        """End it and all that it started at once, as the end of its host would."""
        process = self.running.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def kill_all(self) -> None:
        for name in list(self.running):
            self.kill(name)

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def tail(self, name: str, lines: int = 30) -> str:
        return "\n".join(self.log(name).read_text(errors="replace").splitlines()[-lines:])

    def _environment(self) -> dict[str, str]:
        own = {"OS_DEFAULT__STATE": str(self.state), "OS_DATABASE__URL": self.url}
        return {**os.environ, **SETTINGS, **self.settings, **own}
