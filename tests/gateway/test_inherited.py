from __future__ import annotations

import subprocess
import sys

import pytest

from gateway.inherited import Inheritance

FORKS = """
import os
from gateway.inherited import SHARED
SHARED.make_room()
for keys in (["one"], ["two", "one"]):
    if not (child := os.fork()):
        SHARED.leave(keys)
        os._exit(0)
    os.waitpid(child, 0)
print(*SHARED.left())
"""


def test_one_process_leaves_keys_to_the_next() -> None:
    told = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["two", "one"]


def test_without_room_nothing_is_left() -> None:
    none = Inheritance()
    none.leave(["one"])
    assert none.left() == ()


def test_what_is_half_written_or_too_much_is_nothing() -> None:
    shared = Inheritance()
    shared.make_room()
    assert shared.left() == ()
    shared.leave(["a" * 44])
    assert shared._room is not None
    shared._room[50] ^= 1
    assert shared.left() == ()
    shared.leave(["b" * 44, "c" * 44])
    shared.leave(["d" * 70_000])
    assert shared.left() == ("b" * 44, "c" * 44)
    shared.leave([])
    assert shared.left() == ()


@pytest.mark.parametrize("size", [2**32 - 1, 70_000])
def test_a_length_that_cannot_be_is_nothing(size: int) -> None:
    shared = Inheritance()
    shared.make_room()
    assert shared._room is not None
    shared._room[32:36] = size.to_bytes(4, "big")
    assert shared.left() == ()
