"""Whether processes hold more the longer they work, judged by looks at them, one after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Final

WARM_UP_MINUTES: Final = 30.0
"""Of each process; until then it fills what it keeps on purpose: statements, connections, threads, what was read."""
LEAST_MINUTES: Final = 20.0
"""Looks of a shorter time tell nothing: a page more or less would be a slope."""
LIMITS: Final[Mapping[str, float]] = {"MiB": 2.0, "open files": 2.0, "threads": 2.0}
"""How much more an hour is too much. At the 6,000 requests an hour of ``endurance.py`` 2 MiB are 350 bytes of each, and
whatever is left of one takes more. What grows by less may be a heap's free pages: an hour or two cannot tell.
"""


@dataclass(frozen=True, slots=True)
class Held:
    """What one process held at one time."""

    pid: int
    mib: float
    files: int
    threads: int

    def amounts(self) -> Mapping[str, float]:
        return {"MiB": self.mib, "open files": self.files, "threads": self.threads}


Looks = Sequence[tuple[float, Mapping[str, Held]]]
"""Minutes since the beginning, and what each process held then by its name."""


def faults(looks: Looks) -> list[str]:
    """In words: what grew too fast, what is gone, and what could not be judged though there was time enough."""
    found = []
    enough = bool(looks) and looks[-1][0] - looks[0][0] >= WARM_UP_MINUTES + LEAST_MINUTES
    for name in dict.fromkeys(name for _, held in looks for name in held):
        lives = [_warm(life) for life in _lives([(minutes, held[name]) for minutes, held in looks if name in held])]
        if name not in looks[-1][1]:
            found.append(f"{name}: it is gone")
        judged = [life for life in lives if life and life[-1][0] - life[0][0] >= LEAST_MINUTES]
        for life in judged:
            found += [f"{name}: {words}" for words in _grown(life)]
        if enough and not judged:
            found.append(f"{name}: it was another process too often to be judged")
    return found


_Life = Sequence[tuple[float, Held]]


def _lives(looks: _Life) -> list[_Life]:
    """Looks at one process after another."""
    found: dict[int, list[tuple[float, Held]]] = {}
    for minutes, held in looks:
        found.setdefault(held.pid, []).append((minutes, held))
    return list(found.values())


def _warm(life: _Life) -> _Life:
    return [(minutes, held) for minutes, held in life if minutes - life[0][0] >= WARM_UP_MINUTES]


def _grown(life: _Life) -> list[str]:
    found = []
    for what, limit in LIMITS.items():
        slope = _slope([(minutes / 60, held.amounts()[what]) for minutes, held in life])
        if slope > limit:
            found.append(f"{slope:.1f} {what} more an hour after {life[0][0]:.0f} min; the limit is {limit:g}")
    return found


def _slope(points: Sequence[tuple[float, float]]) -> float:
    """The median of the slopes between any two: what comes and goes does not move it, nor does one step."""
    return median((b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2))
