"""Messages as lines of a file."""

from __future__ import annotations

import contextlib
import json
import os

import pytest

from backend.domain.messages import Telling, Unreached
from backend.drivers.log_sink import LogSink
from tests.factories import SCOPE

TELLING = Telling("m", '{"a":"é"}')


def test_each_message_is_a_line(tmp_path):
    path = tmp_path / "messages"
    for _ in range(2):
        LogSink(path).send(SCOPE, "log:", TELLING)
    told = [json.loads(line) for line in path.read_text().splitlines()]
    assert told == [{"id": "m", "project": SCOPE.project_id, "region": SCOPE.region, "body": TELLING.body}] * 2


def test_a_file_that_cannot_be_written_is_unreached(tmp_path):
    with pytest.raises(Unreached, match="No such file"):
        LogSink(tmp_path / "absent" / "messages").send(SCOPE, "log:", TELLING)


def test_a_line_of_which_a_part_was_written_was_not_told(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda opened, data: write(opened, data[:9]))
    with pytest.raises(Unreached, match="only a part"):
        LogSink(tmp_path / "messages").send(SCOPE, "log:", TELLING)


def test_a_pipe_that_nobody_reads_is_unreached(tmp_path):
    path = tmp_path / "messages"
    os.mkfifo(path)
    with pytest.raises(Unreached):
        LogSink(path).send(SCOPE, "log:", TELLING)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    LogSink(path).send(SCOPE, "log:", TELLING)
    assert json.loads(os.read(reader, 1 << 16))["id"] == "m"
    os.close(reader)


def test_a_pipe_whose_reader_stands_still_is_unreached(tmp_path):
    path = tmp_path / "messages"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    filled = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(filled, bytes(4096))
    with pytest.raises(Unreached):
        LogSink(path).send(SCOPE, "log:", TELLING)
    os.close(filled)
    os.close(reader)
