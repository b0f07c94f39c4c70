"""The processes of one machine: starts them, keeps them alive, stops them together. Knows nothing of what they do."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

_PR_SET_PDEATHSIG = 1
_STOP_SECONDS = 15.0
_RESTART_SECONDS = 1.0
LOG_BYTES = 64 * 2**20
"""A log that has grown beyond this is put aside; the one put aside before is gone then."""


@dataclass(frozen=True, slots=True)
class Command:
    """One process to keep running.

    Attributes:
        name: for the pid file (``NAME.pid``) and the log file (``NAME.log``).
        arguments: the command line.
        environment: variables put over our own.
    """

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


class Supervisor:
    """Runs commands until it is told to stop; one that ends by itself is started again.

    The children die with this process however it ends, so that nothing holds the port or the state afterwards.

    Args:
        folder: where pid and log files go.
        commands: started in order, stopped in reverse.
        log_bytes: how long a log may become, about.
        ended: told the number of each process that ended by itself.
    """

    def __init__(
        self,
        folder: Path,
        commands: Sequence[Command],
        log_bytes: int = LOG_BYTES,
        ended: Callable[[int], object] = lambda _: None,
    ) -> None:
        self._ended = ended
        self._folder = folder
        self._commands = commands
        self._log_bytes = log_bytes
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._stopping = threading.Event()

    def run(self, when_started: Callable[[Callable[[], bool]], None]) -> None:
        """Start all, call ``when_started`` (given a function that says whether we are to stop), keep all until told."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._told_to_stop)
        try:
            for command in self._commands:
                self._start(command)
            when_started(self._stopping.is_set)
            while not self._stopping.wait(_RESTART_SECONDS):
                self._restart_ended()
                self.bound_logs()
        finally:
            self._stop()

    def _told_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping.set()

    def _restart_ended(self) -> None:
        for command in self._commands:
            if self._running[command.name].poll() is not None:
                self._ended(self._running[command.name].pid)
                self._start(command)

    def bound_logs(self) -> None:
        """Whoever makes us write a line for each of his requests fills no disk with them.

        The processes write on to the file that they have; what they write while it is put aside is lost.
        """
        for command in self._commands:
            log = self._folder / f"{command.name}.log"
            with contextlib.suppress(OSError):  # no room, or somebody took it away: it is tried again
                if log.stat().st_size > self._log_bytes:
                    try:
                        shutil.copy(log, self._folder / f"{command.name}.log.1")
                    finally:
                        os.truncate(log, 0)

    def _start(self, command: Command) -> None:
        with (self._folder / f"{command.name}.log").open("ab") as log:
            child = subprocess.Popen(  # noqa: S603 - our own command line
                list(command.arguments),
                env={**os.environ, **command.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches us alone, and we stop the children in order
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - started before any thread of ours
            )
        self._running[command.name] = child
        (self._folder / f"{command.name}.pid").write_text(f"{child.pid}\n")

    def _stop(self) -> None:
        for command in reversed(self._commands):
            child = self._running.get(command.name)
            if child is None:
                continue
            child.terminate()
            try:
                child.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            (self._folder / f"{command.name}.pid").unlink(missing_ok=True)


def _die_with_parent() -> None:
    """Ask the kernel to end this process with its parent (Linux; elsewhere children end with the terminal)."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
    except (OSError, AttributeError):
        return
