"""Forecasts of predictive policies: how good they would have been, what they ask for, and why nothing came of it."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import Any, Final

from backend.clock import Clock, SystemClock
from backend.commands import opening
from backend.commands.line import Command, Rows, Told
from backend.store import forecasts
from backend.store.forecasts import Foreseeing
from backend.store.session import Store

_MOST: Final = 1000
_PERCENT: Final = 100


def listed(store: Store, clock: Clock, project: str | None) -> Rows:
    """A row for each policy, by project, region, group and name."""
    with store.read() as conn:
        found = forecasts.everywhere(conn, _MOST, project)
    return [_row(each, clock.now()) for each in found]


def _row(told: Foreseeing, now: datetime) -> dict[str, Any]:
    accuracy, expected = told.kept.accuracy or {}, told.kept.foreseen
    asked = None if expected is None else expected.asked(now, told.prediction.buffer)
    return {
        "project": told.scope.project_id,
        "region": told.scope.region,
        "group": told.cluster_name,
        "policy": told.name,
        "acts": "yes" if told.prediction.acts and told.enabled else "no",
        "made": _instant(told.kept.made_at),
        "next": _instant(told.kept.make_at),
        "error": _share(accuracy.get("error")),
        "last_day": _share(accuracy.get("last_day")),
        "last_week": _share(accuracy.get("last_week")),
        "season": f"{accuracy['season']} h" if "season" in accuracy else "-",
        "asks_for": "-" if asked is None else asked,
        "stayed": told.stayed or "-",
    }


def _instant(at: datetime | None) -> str:
    return "-" if at is None else at.isoformat(timespec="seconds")


def _share(error: float | None) -> str:
    """Of the mean load."""
    return "-" if error is None else f"{_PERCENT * error:.1f} %"


def _list(asked: argparse.Namespace) -> Told:
    present = opening.settings()
    told = listed(opening.ready_store(present), SystemClock(), opening.project_wanted(present, asked.project))
    return told or ("No policy foresees anything." if asked.output == "table" else [])


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--project",
        help="its id; of the embedded cloud an account, too (default: all)",
    )


_MORE: Final = """\
error, last_day and last_week tell how far forecasts that begin in the past are from what came, as a share of the mean
load: this policy's, and those of who expects what was measured a day, or a week, before.
"""
COMMANDS: Final = (
    Command("forecasts", "list what predictive policies foresee", _list, _arguments, looks=True, more=_MORE),
)
