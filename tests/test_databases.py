"""The databases that tests start."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.databases import start


def test_a_server_that_was_killed_leaves_nothing_open_in_who_asks_for_it(tmp_path: Path) -> None:
    """The file of its socket is still there. A socket that is left open is an unraisable warning, and fails this test."""
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(tmp_path / "s"))
    with pytest.raises(start._NotYet):
        start._reach_mariadb(tmp_path / "s")
