"""An engine's process: it is among the engines, reads its settings again on SIGHUP, and ends in order on SIGTERM."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import wsgi
from backend.clock import SystemClock
from backend.commands import schema
from backend.store import engines
from backend.store.session import Store

PATIENCE = 60.0  # for a machine that is busy
HERE = Path(wsgi.__file__)


@pytest.fixture
def database(tmp_path):
    url = f"sqlite:///{tmp_path}/coppice.db"
    schema.migrate(url)
    return url


def _lines_until(process, word):
    """What the process tells until a line has that word; everything where none comes."""
    told = []
    while select.select([process.stderr], [], [], PATIENCE)[0]:
        line = process.stderr.readline()
        told.append(line)
        if not line or word in line:
            break
    return "".join(told)


def test_an_engine_takes_up_other_settings_and_ends_in_order(tmp_path, database):
    config = tmp_path / "coppice.conf"
    config.write_text("[engine]\nbeat_seconds = 0.1\n")
    environment = {**os.environ, "OS_DEFAULT__STATE": str(tmp_path), "COPPICE_CONFIG": str(config)}
    process = subprocess.Popen(
        [sys.executable, str(HERE), "engine"],
        env=environment,
        cwd=HERE.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    store = Store(database, SystemClock())
    try:
        assert "engine starts" in _lines_until(process, "engine starts")
        config.write_text("[engine]\nbeat_seconds = soon\n")
        process.send_signal(signal.SIGHUP)
        assert "the settings cannot be read" in _lines_until(process, "cannot be read")
        config.write_text("[DEFAULT]\nlog_level = warning\n[engine]\ncloud_calls = 3\n")
        process.send_signal(signal.SIGHUP)
        with store.read() as conn:
            (record,) = engines.all_of_them(conn)
        assert (record.pid, record.draining) == (process.pid, False)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        with store.read() as conn:
            assert engines.all_of_them(conn) == []
    finally:
        process.kill()
        process.communicate()
        store.close()
