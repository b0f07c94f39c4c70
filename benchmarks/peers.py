"""The servers compared: Coppice as `make run` starts it, moto_server, and a bare Flask view under its gunicorn."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from signing import Target

ROOT = Path(__file__).resolve().parent.parent
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Peer:
    """A running server. ``name`` heads its column."""

    name: str
    target: Target
    pid: int


@contextmanager
def coppice(folder: Path) -> Iterator[Peer]:
    """Gateway and engine with a state of their own in ``folder``; servers boot and go without delay."""
    port = free_port()
    state = folder / "state"
    command = [sys.executable, "wsgi.py", "run", "--port", str(port), "--state", str(state), "--boot-seconds", "0"]
    environment = {"OS_SIMULATED__DELETE_SECONDS": "0"}
    with _running(command, folder / "coppice.log", f"http://127.0.0.1:{port}/readyz", environment) as process:
        keys = dict(re.findall(r"^export (\w+)=['\"]?([^'\"\n]*)", (state / "coppice.env").read_text(), re.MULTILINE))
        target = Target(f"http://127.0.0.1:{port}", keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"])
        yield Peer("coppice", target, process.pid)


@contextmanager
def moto(folder: Path) -> Iterator[Peer]:
    """moto_server; it keeps everything in memory, checks no signatures and launches nothing."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _running(command, folder / "moto.log", f"http://127.0.0.1:{port}/moto-api/", {}) as process:
        yield Peer("moto", Target(f"http://127.0.0.1:{port}", "testing", "testing"), process.pid)


@contextmanager
def bare(folder: Path) -> Iterator[Peer]:
    """A view that says ``<ok/>``, under the gunicorn settings of the gateway."""
    port = free_port()
    command = [*gunicorn(f"127.0.0.1:{port}", folder)]
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'benchmarks'}"}
    with _running(command, folder / "bare.log", f"http://127.0.0.1:{port}/healthz", environment) as process:
        yield Peer("bare Flask", Target(f"http://127.0.0.1:{port}", "none", "none"), process.pid)


def gunicorn(bind: str, _folder: Path) -> list[str]:
    """The gateway's own command line, with the bare view in the application's place."""
    configuration = "python:gateway.gunicorn"
    return [sys.executable, "-m", "gunicorn", "--config", configuration, "--bind", bind, "bare:application"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _running(
    command: Sequence[str], log: Path, ready: str, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait_until_ready(process, ready, log)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise SystemExit(f"{' '.join(process.args)} does not answer:\n{log.read_text()[-3000:]}")  # type: ignore[arg-type]
