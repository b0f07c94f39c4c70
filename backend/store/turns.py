"""Turns of those who write to one SQLite file: the kernel wakes the next writer, where SQLite's own lock is polled for.

Advice only: what keeps writers apart is SQLite's lock, so a turn that cannot be had in time is done without, and a
process that dies gives its turn back with its file descriptors. Nothing here may decide what is written.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from typing import Protocol

PATIENCE_SECONDS = 2.0


class Turns(Protocol):
    """Who writes next."""

    def taken(self) -> contextlib.AbstractContextManager[None]:
        """One write transaction's turn; waited for as long as is sensible."""


class NoTurns:
    """The database itself wakes whoever waits."""

    def taken(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


class FileTurns:
    """Turns among threads by a lock of the process, among processes by ``flock`` on a file beside the database.

    SQLite sleeps between tries (1, 2, 5, 10, 15, 20, 25 ms and more), and whoever comes meanwhile goes first; a thread
    that blocks in ``flock`` is woken when the turn is free.

    Args:
        path: the file, made where it is missing; it stays empty.
        patience: seconds after which a write goes on without its turn. Its holder is stopped, or the disk is very slow.
    """

    def __init__(self, path: str, patience: float = PATIENCE_SECONDS) -> None:
        self._path = path
        self._patience = patience
        self._threads = threading.Lock()
        self._file: int | None = None
        self._pid = 0

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        if not self._threads.acquire(timeout=self._patience):
            yield
            return
        try:
            file = self._lock()
            try:
                yield
            finally:
                if file is not None:
                    fcntl.flock(file, fcntl.LOCK_UN)
        finally:
            self._threads.release()

    def _lock(self) -> int | None:
        """The locked file; None where it could not be locked in time."""
        try:
            file = self._opened()
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return file if self._wait(file) else None
        except OSError:  # a folder that cannot be written to, a file system without locks
            return None
        return file

    def _opened(self) -> int:
        # A fork shares the open file, and with it the lock: each process needs a file of its own.
        if self._file is None or self._pid != os.getpid():
            self._file, self._pid = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), os.getpid()
        return self._file

    def _wait(self, file: int) -> bool:
        """Whether the turn came in time. ``flock`` knows no time-out, so a thread of its own waits in it."""
        came, settled, given_up = threading.Event(), threading.Lock(), False

        def wait() -> None:
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
            with settled:
                if given_up:
                    os.close(file)  # and the lock with it: nobody uses this file any more
                else:
                    came.set()

        threading.Thread(target=wait, name="turn", daemon=True).start()
        if came.wait(self._patience):
            return True
        with settled:
            if came.is_set():
                return True
            given_up = True
            self._file = None
        return False
