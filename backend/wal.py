"""SQLite's write-ahead log, switched on by whoever opens a file first, while others open it too."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, Final

from backend.clock import Clock, SystemClock

_PAUSE_SECONDS: Final = 0.02
_TAKEN: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def use_wal(execute: Callable[[str], Any], seconds: float, clock: Clock | None = None) -> None:
    """Switch a file's journal, once for all who open it.

    SQLite does not wait for a writer here as it does elsewhere: it says at once that the file is locked.

    Args:
        execute: runs a statement on the file.
        seconds: how long others may keep the file from it.

    Raises:
        sqlite3.OperationalError: they did, or the file takes no writes at all.
    """
    clock = clock or SystemClock()
    ends_at = clock.monotonic() + seconds
    while True:
        try:
            execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            # The low byte tells the kind; the others, which of that kind.
            if error.sqlite_errorcode & 0xFF not in _TAKEN or clock.monotonic() >= ends_at:
                raise
        else:
            return
        clock.wait(_PAUSE_SECONDS)
