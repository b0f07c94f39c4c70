"""The aws CLI against the server, as its users script it."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.product import ON_OPENSTACK, PATIENCE, Access, until

HERE = Path(__file__).parent
TOUR = HERE / "tour.sh"


def _version(program: str) -> str:
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=60).stdout


@contextlib.contextmanager
def _warm(program: Path, folder: Path) -> Iterator[str]:
    """A program that is the same CLI, each command a fork of one process that has it loaded."""
    socket, asks = folder / "socket", folder / "aws"
    asks.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {HERE / "ask.py"} {socket} "$@"\n')
    asks.chmod(0o755)
    kept = subprocess.Popen([sys.executable, str(HERE / "warm.py"), str(socket)])
    try:
        until("the CLI is warm", lambda: socket.exists() or kept.poll() is not None)
        assert kept.poll() is None
        assert _version(str(asks)) == _version(str(program))
        yield str(asks)
    finally:
        kept.kill()
        kept.wait()


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[str]:
    beside = Path(sys.executable).with_name("aws")
    if beside.exists():
        with _warm(beside, tmp_path) as program:
            yield program
        return
    found = shutil.which("aws")
    assert found, "the aws CLI is part of the development requirements"
    yield found


@pytest.mark.tool
def test_the_tour(server: Access, cli: str) -> None:
    environment = server.environment() | {"AWS_CLI": cli, "TRIES": str(int(30 * PATIENCE))}
    if ON_OPENSTACK:
        environment["PAUSE"] = "2"  # each look costs the cloud something
    done = subprocess.run(
        ["bash", str(TOUR)], env=environment, capture_output=True, text=True, timeout=400 * PATIENCE, check=False
    )
    failures = re.findall(r"^not ok .*\n(?:#.*\n)*", done.stdout, re.MULTILINE)
    assert not failures, "\n".join(failures)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    last = re.search(r"(\d+) of \1 checks passed in (\d+) aws commands", done.stdout)
    assert last, done.stdout[-2000:]
    assert int(last[2]) >= 60
