from __future__ import annotations

import errno
import shutil

import pytest

from gateway.supervisor import Command, Supervisor


@pytest.fixture
def supervisor(tmp_path):
    return Supervisor(tmp_path, [Command("loud", ()), Command("quiet", ())], log_bytes=100)


def test_a_log_is_bounded_while_it_is_written_to(supervisor, tmp_path):
    (tmp_path / "quiet.log").write_text("a line\n")
    with (tmp_path / "loud.log").open("a") as log:
        for number in range(3):
            log.write(f"{number}" * 101)
            log.flush()
            supervisor.bound_logs()
        log.write("last")
    assert (tmp_path / "loud.log").read_text() == "last"
    assert (tmp_path / "loud.log.1").read_text() == "2" * 101
    assert (tmp_path / "quiet.log").read_text() == "a line\n"
    assert not (tmp_path / "quiet.log.1").exists()


def test_a_disk_that_is_full_of_a_log_is_so_no_more(supervisor, tmp_path, monkeypatch):
    (tmp_path / "loud.log").write_text("x" * 101)

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copy", full)
    supervisor.bound_logs()
    assert (tmp_path / "loud.log").read_text() == ""
