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
from backend.commands import CannotDo, opening, schema
from backend.commands.engines import Signals, create_engine
from backend.engine.bell import Bell
from backend.store import engines
from backend.store.outlets import Outlets
from backend.store.session import Store
from backend.store.work_calls import Listener

PATIENCE = 60.0  # for a machine that is busy
HERE = Path(wsgi.__file__)


@pytest.fixture
def database(tmp_path):
    url = f"sqlite:///{tmp_path}/coppice.db"
    schema.migrate(url)
    return url


def _lines_until(process, word):
    """What the process tells until a line has that word; everything where none comes."""
    told = b""
    # Byte by byte: what is read beyond the line would lie in a buffer, where nobody who waits for the pipe sees it.
    while select.select([process.stderr], [], [], PATIENCE)[0]:
        byte = os.read(process.stderr.fileno(), 1)
        told += byte
        if not byte or (byte == b"\n" and word.encode() in told.splitlines()[-1]):
            break
    return told.decode()


def _started(tmp_path, config):
    return subprocess.Popen(
        [sys.executable, str(HERE), "engine"],
        env={**os.environ, "OS_DEFAULT__STATE": str(tmp_path), "COPPICE_CONFIG": str(config)},
        cwd=HERE.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_an_engine_that_waits_for_its_database_outlives_other_settings_and_ends_when_it_is_told_to(tmp_path):
    config = tmp_path / "coppice.conf"
    config.write_text("[database]\nurl = postgresql+psycopg://nobody@127.0.0.1:1/nothing\n")
    process = _started(tmp_path, config)
    try:
        assert "it is waited for" in _lines_until(process, "waited for")
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.communicate()


def test_settings_that_were_to_be_read_before_there_was_an_engine_are_read_by_it():
    read = object()

    class Engine:
        def reload(self, asked):
            told.append(asked)

    told: list[object] = []
    signals = Signals(Bell(), read)
    signals.concern(Engine())
    assert told == []
    signals = Signals(Bell(), read)
    signals._reload(signal.SIGHUP, None)
    signals.concern(Engine())
    assert told == [read]


def test_an_engine_takes_up_other_settings_and_ends_in_order(tmp_path, database):
    config = tmp_path / "coppice.conf"
    config.write_text("[engine]\nbeat_seconds = 0.1\n")
    process = _started(tmp_path, config)
    store = Store(database, SystemClock())
    try:
        assert "engine starts" in _lines_until(process, "engine starts")
        config.write_text("[engine]\nbeat_seconds = soon\n")
        process.send_signal(signal.SIGHUP)
        # Whoever looks for other keys reads the settings too, and tells the same in words of its own.
        assert "convert string to float" in _lines_until(process, "engines the settings cannot be read")
        config.write_text("[engine]\nbeat_seconds = 10\n")  # which others would take for its death
        process.send_signal(signal.SIGHUP)
        told = "silence_seconds is less than 3 times beat_seconds"
        assert told in _lines_until(process, told)
        config.write_text("[DEFAULT]\nlog_level = warning\n[database]\nurl = sqlite:////another.db\n")
        process.send_signal(signal.SIGHUP)
        assert "at the next start alone" in _lines_until(process, "names another database than before")
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


def test_an_engine_that_is_told_to_hear_of_no_work_starts(database, tmp_path, monkeypatch):
    """As the settings' list says: it only looks."""
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    monkeypatch.setenv("OS_DATABASE__URL", database)
    for said, hears in (("none", False), ("", True)):
        monkeypatch.setenv("OS_DATABASE__LISTEN_URL", said)
        chosen, started = opening.settings(), []
        monkeypatch.setattr(Listener, "start", lambda self, started=started: started.append(self._url) or True)
        create_engine(chosen, lambda *_: Outlets(), Bell(), opening.store_of(chosen, redoes=True))
        assert [each.render_as_string() for each in started] == [database] * hears


def test_where_an_engine_is_to_hear_of_work_is_a_database(database, tmp_path, monkeypatch):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    monkeypatch.setenv("OS_DATABASE__URL", database)
    monkeypatch.setenv("OS_DATABASE__LISTEN_URL", "postgresql://u:hunter2@h/db")
    chosen = opening.settings()
    with pytest.raises(CannotDo, match=r"^\[database\] listen_url: no database is opened by postgresql://") as why:
        create_engine(chosen, lambda *_: Outlets(), Bell(), opening.store_of(chosen, redoes=True))
    assert "hunter2" not in str(why.value)
