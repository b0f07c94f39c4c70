"""Bounds of work that callers cause by what they wrote. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from backend.errors import Finding

MOST_STEPS: Final = 1_000_000


@dataclass(eq=False)
class TooManySteps(Finding):
    """What was asked takes more work than one request may cause."""


class Steps:
    """How much work may still be done: a step is about a microsecond.

    Args:
        most: of all that one request causes.
    """

    def __init__(self, most: int = MOST_STEPS) -> None:
        self._left = most

    def take(self, number: int) -> None:
        """Raises TooManySteps where no more are left."""
        self._left -= number
        if self._left < 0:
            raise TooManySteps
