"""A disk that is full costs metrics, and ends nobody."""

from __future__ import annotations

import errno
import os

import pytest
from prometheus_client import CollectorRegistry, generate_latest, values
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

from gateway.counts import Counts


class Disk:
    """One that has room for so many bytes more in each file; without a file, who was asked for more."""

    def __init__(self, room):
        self.room = room

    def reserve(self, _descriptor, _offset, length):
        if length > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def disk(monkeypatch):
    made = Disk(1 << 16)
    monkeypatch.setattr(os, "posix_fallocate", made.reserve)
    monkeypatch.setattr(Counts, "_told", False)
    return made


def _kept(path):
    return {key: value for key, value, _, _ in MmapedDict.read_all_values_from_file(str(path))}


def test_all_processes_count_in_files_whose_room_is_reserved(tmp_path):
    assert values.MmapedDict is Counts
    path = tmp_path / "counter_1.db"
    counts = Counts(str(path))
    assert path.stat().st_blocks * 512 >= path.stat().st_size > 0
    for number in range(2000):
        counts.read_value(f"a rather long key of a count with its labels, {number}")
    assert path.stat().st_blocks * 512 >= path.stat().st_size > 1 << 16
    counts.write_value("a", 3.0, 0.0)
    counts.close()
    assert _kept(path)["a"] == 3.0
    again = Counts(str(path))
    assert again.read_value("a") == (3.0, 0.0)
    again.close()


def test_without_room_for_a_file_counts_are_kept_beside_until_there_is_some(tmp_path, disk, caplog):
    disk.room = 0
    path = tmp_path / "counter_1.db"
    counts = Counts(str(path))
    for number in (1.0, 2.0):
        counts.write_value("a", number, 0.0)
    assert counts.read_value("b") == (0.0, 0.0)
    assert not path.exists(), "an empty one would be read"
    (line,) = caplog.messages
    assert line == f"metrics cannot be kept in {tmp_path}, some are not told: No space left on device"
    disk.room = 1 << 16
    counts.write_value("a", 3.0, 0.0)
    counts.close()
    assert _kept(path) == {"a": 3.0}


def test_without_room_for_more_those_that_are_there_go_on(tmp_path, disk):
    path = tmp_path / "counter_1.db"
    counts = Counts(str(path))
    keys = [f"{number:05}" + "x" * 995 for number in range(70)]
    for key in keys:
        counts.write_value(key, 1.0, 0.0)
    counts.write_value(keys[0], 2.0, 0.0)
    assert path.stat().st_size == 1 << 16
    kept = _kept(path)
    assert (len(kept), kept[keys[0]]) == (63, 2.0)
    disk.room = 1 << 17
    counts.write_value(keys[-1], 5.0, 0.0)
    assert _kept(path)[keys[-1]] == 5.0
    counts.close()


def test_a_scrape_tells_what_found_room(tmp_path, disk, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    made = values.MultiProcessValue(lambda: 7)
    disk.room = 0
    count = made("counter", "done", "done_total", (), (), "What was done.")
    count.inc(1)
    assert count.get() == 1
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    assert b"done_total" not in generate_latest(registry)
    disk.room = 1 << 16
    count.inc(1)
    assert b"done_total 2.0" in generate_latest(registry)
