"""The aws CLI against the server, as its users script it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.product import ON_OPENSTACK, PATIENCE, Access

TOUR = Path(__file__).with_name("tour.sh")


@pytest.mark.tool
def test_the_tour(server: Access) -> None:
    beside = Path(sys.executable).with_name("aws")
    cli = str(beside) if beside.exists() else shutil.which("aws")
    assert cli, "the aws CLI is part of the development requirements"
    environment = server.environment() | {"AWS_CLI": cli, "TRIES": str(int(30 * PATIENCE))}
    if ON_OPENSTACK:
        environment["PAUSE"] = "2"  # each start of the CLI costs a core about a second, which the cloud needs
    done = subprocess.run(
        ["bash", str(TOUR)], env=environment, capture_output=True, text=True, timeout=400 * PATIENCE, check=False
    )
    failures = re.findall(r"^not ok .*\n(?:#.*\n)*", done.stdout, re.MULTILINE)
    assert not failures, "\n".join(failures)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    last = re.search(r"(\d+) of \1 checks passed in (\d+) aws commands", done.stdout)
    assert last, done.stdout[-2000:]
    assert int(last[2]) >= 60
