"""A disk that is full costs metrics, and ends nobody."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest, values
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

from gateway import gunicorn, request_log
from gateway.counts import Counts, at_rest, put_together


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


def test_a_scrape_sees_no_file_that_has_no_room_yet(tmp_path, disk, monkeypatch):
    seen = []

    def reserve(*_):
        seen.append([each.name for each in tmp_path.glob("*.db")])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", reserve)
    Counts(str(tmp_path / "counter_1.db")).write_value("a", 1.0, 0.0)
    assert (seen, list(tmp_path.iterdir())) == ([[], []], [])


def test_a_file_is_reserved_by_who_does_not_append_to_it(tmp_path, monkeypatch):
    """Where the file's system cannot, glibc refuses to write zeros to one that appends, and musl does not try."""

    def reserve(descriptor, _offset, _length):
        appends = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND
        raise OSError(errno.EBADF if appends else errno.EOPNOTSUPP, "it cannot")

    monkeypatch.setattr(os, "posix_fallocate", reserve)
    path = tmp_path / "counter_1.db"
    counts = Counts(str(path))
    for number in range(2000):
        counts.write_value(f"a rather long key of a count with its labels, {number}", number, 0.0)
    assert counts.is_whole
    assert path.stat().st_blocks * 512 >= path.stat().st_size > 1 << 16
    assert len(_kept(path)) == 2000
    counts.close()


@pytest.fixture
def counting(tmp_path, monkeypatch):
    """Counts so much of everything, as a process of that number that has ended."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))

    def count(process, number, at=0.0):
        made = values.MultiProcessValue(lambda: process)
        made("counter", "done", "done_total", ("what",), ("x",), "What was done.").inc(number)
        for bound in ("0.1", "+Inf"):
            made("histogram", "took", "took_bucket", ("le",), (bound,), "How long it took.").inc(number)
        made("histogram", "took", "took_sum", (), (), "How long it took.").inc(number / 8)
        made("gauge", "late", "late", (), (), "How late it is.", "mostrecent").set(number, at)
        made("gauge", "mine", "mine", (), (), "What each has.", "all").set(number)

    return count


ENDED = 2**22 + 1
"""No process has such a number."""


def _told():
    return sorted(line for line in request_log.metrics_text().splitlines() if not line.startswith("#"))


def _names(folder):
    return sorted(each.name for each in folder.iterdir())


def test_what_ended_processes_counted_stays_and_their_files_go(tmp_path, counting):
    for number in range(3):
        counting(ENDED + number, 1 + number, at=10.0 - number)
    counting(os.getpid(), 5, at=1.0)
    before = _told()
    assert 'done_total{what="x"} 11.0' in before
    assert "late 1.0" in before
    for number in range(3):
        assert put_together(tmp_path, {ENDED + number}) == set()
        assert _told() == before
    assert [name for name in _names(tmp_path) if str(os.getpid()) not in name] == [
        "counter_ended.db",
        *(f"gauge_all_{ENDED + number}.db" for number in range(3)),
        "gauge_mostrecent_ended.db",
        "histogram_ended.db",
    ]


def test_no_sum_goes_back_by_a_trifle_when_files_are_put_together(tmp_path, counting):
    def told():
        return next(float(line.split()[-1]) for line in _told() if line.startswith("took_sum"))

    for number in range(40):
        counting(ENDED + number, 1 / (3 + number))
    before = told()
    for number in range(40):
        put_together(tmp_path, {ENDED + number})
        assert told() == before


def test_a_process_that_has_the_number_by_now_keeps_its_files(tmp_path, counting):
    counting(os.getpid(), 1)
    before = _names(tmp_path)
    assert put_together(tmp_path, {os.getpid()}) == set()
    assert _names(tmp_path) == before


def test_nothing_is_put_together_while_somebody_reads(tmp_path, counting):
    counting(ENDED, 1)
    before = _names(tmp_path)
    with at_rest(tmp_path):
        assert put_together(tmp_path, {ENDED}) == {ENDED}
    assert _names(tmp_path) == before
    assert put_together(tmp_path, {ENDED}) == set()
    assert "counter_ended.db" in _names(tmp_path)


def test_without_room_files_of_ended_processes_stay(tmp_path, disk, counting):
    counting(ENDED, 1)
    before, told, disk.room = _names(tmp_path), _told(), 0
    assert put_together(tmp_path, {ENDED}) == {ENDED}
    assert (_names(tmp_path), _told()) == (before, told)


def test_what_cannot_be_read_stays(tmp_path, counting):
    counting(ENDED, 1)
    torn = tmp_path / f"counter_{ENDED}.db"
    torn.write_bytes(b"\x40\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00")
    assert put_together(tmp_path, {ENDED}) == {ENDED}
    assert {torn.name, "histogram_ended.db"} <= set(_names(tmp_path))
    assert "counter_ended.db" not in _names(tmp_path)


def test_a_master_takes_up_again_what_could_not_be_put_together(tmp_path, counting):
    counting(ENDED, 1)
    counting(ENDED + 1, 1)
    with at_rest(Path(tmp_path)):
        gunicorn._forget(ENDED)
    assert f"counter_{ENDED}.db" in _names(tmp_path)
    gunicorn._forget(ENDED + 1)
    assert [name for name in _names(tmp_path) if name.startswith("counter")] == ["counter_ended.db"]
    assert 'done_total{what="x"} 2.0' in _told()
