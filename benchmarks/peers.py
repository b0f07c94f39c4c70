"""The servers compared: Coppice as `make run` starts it, moto_server, and a bare Flask view under its gunicorn."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from serving import ROOT, free_port, running
from signing import Target


@dataclass(frozen=True, slots=True)
class Peer:
    """A running server. ``name`` heads its column."""

    name: str
    target: Target
    pid: int


@contextmanager
def coppice(folder: Path, boot_seconds: float = 0) -> Iterator[Peer]:
    """Gateway and engine with a state of their own in ``folder``; servers boot in that time, and go without delay."""
    port = free_port()
    state = folder / "state"
    command = [
        sys.executable,
        "wsgi.py",
        "run",
        "--port",
        str(port),
        "--state",
        str(state),
        "--boot-seconds",
        f"{boot_seconds:g}",
    ]
    environment = {"OS_SIMULATED__DELETE_SECONDS": "0"}
    with running(command, folder / "coppice.log", f"http://127.0.0.1:{port}/readyz", environment) as process:
        keys = dict(re.findall(r"^export (\w+)=['\"]?([^'\"\n]*)", (state / "coppice.env").read_text(), re.MULTILINE))
        target = Target(f"http://127.0.0.1:{port}", keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"])
        yield Peer("coppice", target, process.pid)


@contextmanager
def moto(folder: Path) -> Iterator[Peer]:
    """moto_server; it keeps everything in memory, checks no signatures and launches nothing."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(command, folder / "moto.log", f"http://127.0.0.1:{port}/moto-api/", {}) as process:
        yield Peer("moto", Target(f"http://127.0.0.1:{port}", "testing", "testing"), process.pid)


@contextmanager
def bare(folder: Path) -> Iterator[Peer]:
    """A view that says ``<ok/>``, under the gunicorn settings of the gateway."""
    port = free_port()
    command = [*gunicorn(f"127.0.0.1:{port}", folder)]
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'benchmarks'}"}
    with running(command, folder / "bare.log", f"http://127.0.0.1:{port}/healthz", environment) as process:
        yield Peer("bare Flask", Target(f"http://127.0.0.1:{port}", "none", "none"), process.pid)


def gunicorn(bind: str, _folder: Path) -> list[str]:
    """The gateway's own command line, with the bare view in the application's place."""
    configuration = "python:gateway.gunicorn"
    return [sys.executable, "-m", "gunicorn", "--config", configuration, "--bind", bind, "bare:application"]
