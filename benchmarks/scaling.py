"""What the runs of the contestants come to: medians, ratios, aims. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.table import Table

OURS = "Coppice"
BARE = "bare script, 20 threads"
BULK = "one bulk POST"
SENLIN = "Senlin"
HEAT = "Heat"
AIMS = {BARE: 1.00, BULK: 1.05, SENLIN: 0.55, HEAT: 0.75}
"""Coppice's time by theirs, at most."""


@dataclass(frozen=True, slots=True)
class Result:
    """One run of one contestant.

    Attributes:
        seconds: until all were active.
        requests: to the cloud meanwhile.
        processor: seconds that the cloud's services used meanwhile.
    """

    name: str
    seconds: float
    requests: int
    processor: float


def ratios(results: Sequence[Result]) -> dict[str, float]:
    """Coppice's median time by that of each other."""
    seconds = _seconds(results)
    return {name: seconds[OURS] / theirs for name, theirs in seconds.items() if name != OURS}


def aims_met(results: Sequence[Result]) -> bool:
    """Whether every ratio is within its aim, as precise as it is shown."""
    return all(round(ratio, 2) <= AIMS[name] for name, ratio in ratios(results).items())


def table(results: Sequence[Result], number: int) -> Table:
    """A row for each contestant, over the medians of its runs."""
    shown = Table(
        "", "seconds", "all runs", "requests per server", "cloud's processor s per server", "ours by its", "aim", ""
    )
    by_ratio = ratios(results)
    for name, seconds in _seconds(results).items():
        runs = [result for result in results if result.name == name]
        ratio = by_ratio.get(name)
        shown.add(
            name,
            f"{seconds:.1f}",
            ", ".join(f"{run.seconds:.1f}" for run in runs),
            f"{median(run.requests for run in runs) / number:.2f}",
            f"{median(run.processor for run in runs) / number:.2f}",
            "" if ratio is None else f"{ratio:.2f}",
            "" if ratio is None else f"<= {AIMS[name]:.2f}",
            met=None if ratio is None else round(ratio, 2) <= AIMS[name],
        )
    return shown


def last_line(results: Sequence[Result]) -> str:
    found = ratios(results)
    return f"ratio to bare script: {found[BARE]:.2f}, to one bulk POST: {found[BULK]:.2f}"


def constant(rates: Sequence[float], seconds: float) -> bool:
    """Whether rates a minute differ by no more than a request that fell into the one time and not into the other.

    Args:
        seconds: that each was watched for.
    """
    return max(rates) - min(rates) <= 60 / seconds + 1e-6


def _seconds(results: Sequence[Result]) -> dict[str, float]:
    names = dict.fromkeys(result.name for result in results)
    return {name: median(result.seconds for result in results if result.name == name) for name in names}
