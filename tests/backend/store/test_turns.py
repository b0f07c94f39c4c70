"""Turns of writers: one at a time, given back by whoever dies, done without when they do not come."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from backend.store.session import Store
from backend.store.turns import FileTurns
from tests.factories import HandClock


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "turn")


def _is_free(path):
    with Path(path).open("a") as other:
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_a_turn_is_held_and_given_back_also_by_who_fails(path):
    turns = FileTurns(path)
    with turns.taken():
        assert not _is_free(path)
    assert _is_free(path)
    with pytest.raises(KeyError), turns.taken():
        raise KeyError
    assert _is_free(path)


def test_the_next_process_is_woken(path):
    """Two objects have each an open file of their own, as two processes do."""
    first, second = FileTurns(path, patience=30), FileTurns(path, patience=30)
    came = threading.Event()

    def write():
        with second.taken():
            came.set()

    with first.taken():
        waiting = threading.Thread(target=write)
        waiting.start()
        assert not came.wait(0.05)
    waiting.join(30)
    assert came.is_set()
    assert _is_free(path)


def test_threads_of_a_process_take_turns(path):
    turns, within, most = FileTurns(path, patience=30), [], []

    def write():
        for _ in range(50):
            with turns.taken():
                within.append(1)
                most.append(len(within))
                within.pop()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert (len(most), max(most)) == (200, 1)


def test_who_holds_too_long_is_not_waited_for_and_does_no_harm_later(path):
    slow, other = FileTurns(path, patience=30), FileTurns(path, patience=0.05)
    with slow.taken(), other.taken():
        assert not _is_free(path)
    with other.taken():  # by a new file: the old one is closed by whoever still waited for it
        assert not _is_free(path)
    with slow.taken():
        assert not _is_free(path)
    assert _is_free(path)


def test_a_process_that_dies_gives_its_turn_back(path):
    held = (
        "import sys; from backend.store.turns import FileTurns\n"
        "with FileTurns(sys.argv[1]).taken(): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", held, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        assert not _is_free(path)
        process.kill()
        process.wait(30)
    assert _is_free(path)


def test_a_folder_that_takes_no_file_is_written_to_without_turns(tmp_path):
    with FileTurns(str(tmp_path / "nowhere" / "turn")).taken():
        pass


def test_a_store_in_a_file_takes_turns_and_one_in_memory_does_not(tmp_path):
    kept = Store(f"sqlite:///{tmp_path}/coppice.db", HandClock())
    kept.transact(lambda _conn: (tmp_path / "coppice.db-turn").stat())
    memory = Store("sqlite://", HandClock())
    memory.transact(lambda _conn: None)
    for store in (kept, memory):
        store.close()
