"""Findings about schedules."""

from __future__ import annotations

from dataclasses import dataclass

from backend.domain.schedules import Flaw
from backend.errors import Finding


@dataclass(eq=False)
class ScheduleRefused(Finding):
    """What is wrong with a schedule; ``given`` what it is wrong with."""

    flaw: Flaw
    given: str = ""


@dataclass(eq=False)
class ScheduleTimeTaken(Finding):
    """Another schedule of the cluster runs at that time."""

    name: str


@dataclass(eq=False)
class ScheduleNotFound(Finding):
    name: str
