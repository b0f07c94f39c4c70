"""What processes cost, as Linux tells it: processor time and memory of a process and of all that it started."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """One process.

    Attributes:
        role: engine, gateway or supervisor, by its command line.
    """

    pid: int
    role: str

    def processor_seconds(self) -> float:
        """User and system time since it began."""
        after_name = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / _TICKS

    def resident_mib(self) -> float:
        """Resident memory, pages shared with others included."""
        return self._kib("status", "VmRSS:") / 1024

    def peak_mib(self) -> float:
        """The most that ``resident_mib`` has been."""
        return self._kib("status", "VmHWM:") / 1024

    def _kib(self, file: str, label: str) -> int:
        for line in Path(f"/proc/{self.pid}/{file}").read_text().splitlines():
            if line.startswith(label):
                return int(line.split()[1])
        return 0


def family(pid: int) -> list[Process]:
    """The process and its descendants."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it ended meanwhile
        children.setdefault(parent, []).append(int(folder.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return [Process(one, _role(one)) for one in found]


def one_of(pid: int, role: str) -> Process:
    """The first of a family with that role."""
    return next(process for process in family(pid) if process.role == role)


def _role(pid: int) -> str:
    command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    if b"gunicorn" in command or any(b"wsgi:application" in word for word in command):
        return "gateway"
    return "engine" if b"engine" in command else "supervisor"
