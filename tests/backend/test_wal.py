"""The first to open a file may have company."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from backend.wal import use_wal
from tests.factories import HandClock


@pytest.fixture
def writer(tmp_path: Path):
    """A connection in the midst of a transaction, which keeps the others from the journal."""
    connection = sqlite3.connect(tmp_path / "file", isolation_level=None)
    connection.execute("CREATE TABLE t (x)")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO t VALUES (1)")
    yield connection
    connection.close()


@pytest.fixture
def newcomer(tmp_path: Path, writer):
    connection = sqlite3.connect(tmp_path / "file", isolation_level=None, timeout=0)
    yield connection
    connection.close()


class Patient(HandClock):
    """A clock on which something happens while somebody waits for the third time."""

    def __init__(self, then=None):
        super().__init__()
        self.waits, self._then = 0, then

    def wait(self, seconds):
        super().wait(seconds)
        self.waits += 1
        if self.waits == 3 and self._then:
            self._then()


def test_a_writer_is_waited_for(writer, newcomer):
    clock = Patient(lambda: writer.execute("COMMIT"))
    use_wal(newcomer.execute, 10, clock)
    assert clock.waits == 3
    assert newcomer.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_but_not_for_ever(writer, newcomer):
    clock = Patient()
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        use_wal(newcomer.execute, 1, clock)
    assert 50 <= clock.waits <= 51


def test_a_file_that_takes_no_writes_is_told_at_once(tmp_path):
    sqlite3.connect(tmp_path / "file").execute("CREATE TABLE t (x)")
    reader = sqlite3.connect(f"file:{tmp_path}/file?mode=ro", uri=True)
    clock = Patient()
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        use_wal(reader.execute, 10, clock)
    reader.close()
    assert clock.waits == 0
