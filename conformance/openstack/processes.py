"""The cloud's processes: each service a session of its own, found again by who leads it and since when."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LOG_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class Process:
    """A line of /proc/PID/stat. ``start``: clock ticks since boot; with the pid it names a process for good."""

    pid: int
    state: str
    session: int
    threads: int
    start: int

    @property
    def ended(self) -> bool:
        """Whether nothing of it runs: a first thread that ended before the others is told as a zombie, too."""
        return self.state == "Z" and self.threads <= 1


@dataclass(frozen=True, slots=True)
class Leader:
    """What a service was started as.

    Attributes:
        at: seconds since the epoch.
        log_offset: where in its log this run of it begins.
    """

    pid: int
    start: int
    at: float
    log_offset: int


def start(run: Path, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> Leader:
    """Start a service that outlives us; its output goes to the end of its log."""
    run.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.rename(log.with_suffix(".log.1"))
    offset = log.stat().st_size if log.exists() else 0
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    at = time.time()
    pid = os.posix_spawnp(command[0], command, environment, file_actions=actions, setsid=True)
    found = look(pid)
    leader = Leader(pid, found.start if found else 0, at, offset)
    record = {"pid": pid, "start": leader.start, "at": at, "log_offset": offset}
    _record(run, name).write_text(json.dumps(record) + "\n")
    return leader


def leader(run: Path, name: str) -> Leader | None:
    """What a service was last started as; None after it was stopped, or if it never was started."""
    with contextlib.suppress(FileNotFoundError):
        return Leader(**json.loads(_record(run, name).read_text()))
    return None


def alive(led: Leader | None) -> bool:
    """Whether the leader runs: a child of ours that ended is taken note of here."""
    if led is None:
        return False
    with contextlib.suppress(ChildProcessError):
        os.waitpid(led.pid, os.WNOHANG)
    found = look(led.pid)
    return found is not None and found.start == led.start and not found.ended


def members(led: Leader) -> list[int]:
    """The processes of a service, also those that have lost their leader."""
    first = look(led.pid)
    if first is not None and first.start != led.start:
        # Another has the number by now, which it cannot get while one of the session is left.
        return []
    return [one.pid for one in everything() if one.session == led.pid and not one.ended]


def stop(run: Path, name: str, patience: float) -> None:
    """End a service and all of its processes: asked first, by force after ``patience`` seconds."""
    ask(run, name)
    led = leader(run, name)
    if led is None:
        return
    deadline = time.monotonic() + patience
    while alive(led) and time.monotonic() < deadline:
        time.sleep(0.05)
    kill(run, name)


def ask(run: Path, name: str) -> None:
    """SIGTERM for the leader of a service."""
    led = leader(run, name)
    if led is not None and alive(led):
        with contextlib.suppress(ProcessLookupError):
            os.kill(led.pid, signal.SIGTERM)


def kill(run: Path, name: str) -> None:
    """SIGKILL for every process of a service; what it was started as is forgotten."""
    led = leader(run, name)
    if led is None:
        return
    deadline = time.monotonic() + 10
    while (left := members(led)) and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        alive(led)
        time.sleep(0.02)
    _record(run, name).unlink(missing_ok=True)


def look(pid: int) -> Process | None:
    with contextlib.suppress(OSError):
        # The name in brackets may hold anything; what follows the last bracket is plain.
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return Process(pid, words[0], int(words[3]), int(words[17]), int(words[19]))
    return None


def everything() -> Iterator[Process]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and (found := look(int(folder.name))):
            yield found


def memory_kib(pids: Sequence[int]) -> int:
    """Proportional memory of these processes: what they share is counted once."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


def processor_seconds(pids: Sequence[int]) -> float:
    """User and system time of these processes since each began."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(words[11]) + int(words[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def listener(port: int) -> str | None:
    """Who listens on a TCP port of 127.0.0.1 or of all addresses, in words; None if nobody does."""
    inodes = {
        words[9]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        if (words := line.split()) and words[3] == "0A" and int(words[1].rpartition(":")[2], 16) == port
    }
    if not inodes:
        return None
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and any(f"socket:[{inode}]" in _files(folder) for inode in inodes):
            return f"pid {folder.name} ({(folder / 'comm').read_text().strip()})"
    return "a process that is not ours to see"


def _files(folder: Path) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):
        for entry in (folder / "fd").iterdir():
            with contextlib.suppress(OSError):
                found.add(str(entry.readlink()))
    return found


def _record(run: Path, name: str) -> Path:
    return run / f"{name}.json"
