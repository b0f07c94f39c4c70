from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import commands, local


def test_a_state_folder_is_one_server_s_at_a_time(tmp_path):
    place = tmp_path / "deep" / "state"
    with local.state_folder(place) as held:
        assert held == place.resolve()
        assert place.stat().st_mode & 0o777 == 0o700
        with pytest.raises(local.CannotStart, match="another Coppice runs"), local.state_folder(place):
            pass
    with local.state_folder(place):
        pass


def test_a_state_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(local.CannotStart, match="cannot be written"), local.state_folder(tmp_path / "file" / "state"):
        pass


def test_a_port_that_comes_free_is_waited_for():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        waits: list[float] = []

        def wait(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 3:
                taken.close()

        assert local.free_port("127.0.0.1", port, wait) == port
    assert len(waits) == 3


def test_a_port_that_stays_taken_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(local.CannotStart, match="is taken by another program"):
            local.free_port("127.0.0.1", taken.getsockname()[1], lambda _: None)


def test_a_folder_is_emptied(tmp_path):
    (tmp_path / "m" / "n").mkdir(parents=True)
    assert list(local.empty(tmp_path / "m").iterdir()) == []


def test_where_nobody_listens_nothing_is_ready():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        assert not local.is_ready(f"http://127.0.0.1:{probe.getsockname()[1]}")


def test_a_state_folder_that_was_there_is_nobody_else_s(tmp_path):
    tmp_path.chmod(0o755)
    with local.state_folder(tmp_path):
        assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_processes_count_together_in_memory(tmp_path, monkeypatch):
    memory = tmp_path / "memory"
    memory.mkdir()
    monkeypatch.setattr(local, "SHARED_MEMORY", memory)
    first, second = (local.metrics_folder(tmp_path / name) for name in ("one", "two"))
    assert first.parent == second.parent == memory
    assert first != second
    (first / "of one that is no more").touch()
    assert list(local.metrics_folder(tmp_path / "one").iterdir()) == []


@pytest.mark.parametrize("taken", ["link", "file", "missing"])
def test_where_there_is_no_memory_for_it_they_count_in_the_state(tmp_path, monkeypatch, taken):
    memory, other = tmp_path / "memory", tmp_path / "another's"
    monkeypatch.setattr(local, "SHARED_MEMORY", memory)
    (tmp_path / "state").mkdir()
    other.mkdir()
    (other / "file").touch()
    if taken != "missing":
        memory.mkdir()
        place = local.metrics_folder(tmp_path / "state")
        place.rmdir()
        place.symlink_to(other) if taken == "link" else place.touch()
    assert local.metrics_folder(tmp_path / "state") == tmp_path / "state" / "metrics"
    assert (other / "file").exists()


def test_workers_count_in_a_folder_of_their_gateway_and_what_dead_ones_left_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "SHARED_MEMORY", tmp_path)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    lives, gone, strange = (
        tmp_path / f"coppice-{os.geteuid()}-serve-{name}" for name in (os.getppid(), ended.pid, "what")
    )
    for each in (lives, gone, strange):
        each.mkdir()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR")
    commands.count_together()
    made = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    assert made == tmp_path / f"coppice-{os.geteuid()}-serve-{os.getpid()}"
    assert sorted(tmp_path.iterdir()) == sorted([lives, strange, made])
    (made / "counter_1.db").touch()
    commands.count_together()
    assert list(made.iterdir()), "what was chosen stays"


def test_where_there_is_no_memory_to_share_it_is_said(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(local, "SHARED_MEMORY", tmp_path / "none")
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR")
    commands.count_together()
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
    assert "each worker tells metrics of its own" in caplog.text
