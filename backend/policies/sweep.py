"""When what belongs to nobody is too much at once for that to be true. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SweepRule:
    """The brake of every sweep.

    Attributes:
        number, percent: more orphans of a project than both of these are more likely a mistake about who owns them:
            none goes before somebody looked.
    """

    number: int = 10
    percent: int = 50

    def brakes(self, orphans: int, total: int) -> bool:
        """Whether so many of ``total`` (orphans included) rest."""
        return orphans > self.number and orphans * 100 > total * self.percent

    def held(self, known: int, unknown: int, released: int, total: int) -> int:
        """How many rest until an operator's word: all whose claim is not known, and the others when it brakes.

        Args:
            known, unknown: orphans that nobody released, by whether the claim they were made for is known.
            released: those that go whatever there is.
        """
        return unknown + (known if self.brakes(known + unknown + released, total) else 0)
