"""Rules of composite alarms: which states of which other alarms make one. Values; a rule is a tree of JSON values.

A tree is true or false, or a list that begins with one of these words:

    ["is", state, child]                             whether an alarm is in a state
    ["not", tree], ["and", tree, ...], ["or", tree, ...]
    ["least", number, state or None, negated, percent, children]   see ``Quorum``

Children are numbers of names in ``Composite.children``: a rule names its alarms once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from backend.domain.alarms import Comparison, Watched
from backend.errors import Finding

Tree = bool | Sequence[Any]
MOST_CHILDREN: Final = 100
MOST_PARENTS: Final = 150
MOST_BELOW: Final = 1000
"""Composite alarms that one may depend on, by way of others: so many are looked at for a circle."""
MOST_LEVELS: Final = 100
"""One on top of the other: so many statements look for a circle."""
NOTHING_WATCHED: Final[Mapping[str, Any]] = Watched(Comparison.ABOVE, 0.0, 1).document()
"""In the place of what a metric's alarm watches: an engine that knows no composite alarms reads it, too."""


@dataclass(frozen=True, slots=True)
class Suppressor:
    """An alarm that keeps another from acting while it is in alarm.

    Attributes:
        name: of the alarm; ``given``: as the caller named it.
        wait: so long the action waits for the suppressor to go into alarm.
        extension: so long after that the action is held back still.
    """

    name: str
    given: str
    wait: timedelta
    extension: timedelta


@dataclass(frozen=True, slots=True)
class Composite:
    """What a composite alarm follows.

    Attributes:
        text: the rule as the caller wrote it.
        tree: what it means.
        children: names of the alarms in it, each once.
    """

    text: str
    tree: Tree
    children: tuple[str, ...] = ()
    suppressor: Suppressor | None = None

    def document(self) -> dict[str, Any]:
        """As a JSON value."""
        held = self.suppressor
        told = (
            None if held is None else [held.name, held.given, held.wait.total_seconds(), held.extension.total_seconds()]
        )
        return {"text": self.text, "tree": self.tree, "children": list(self.children), "suppressor": told}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Composite:
        """Of such a document."""
        held = told["suppressor"]
        suppressor = None
        if held is not None:
            name, given, wait, extension = held
            suppressor = Suppressor(name, given, timedelta(seconds=wait), timedelta(seconds=extension))
        return cls(told["text"], told["tree"], tuple(told["children"]), suppressor)

    @property
    def needed(self) -> tuple[str, ...]:
        """Names of all alarms that it cannot be without."""
        return self.children if self.suppressor is None else (*self.children, self.suppressor.name)


@dataclass(eq=False)
class ChildrenMissing(Finding):
    """A rule names alarms that are not there; so many of their names are told."""

    names: Sequence[str]


@dataclass(eq=False)
class SuppressorMissing(Finding):
    name: str


@dataclass(eq=False)
class Circular(Finding):
    """An alarm would depend on itself: at once, or by way of the alarm of that name."""

    by: str | None = None
    suppressor: bool = False


@dataclass(eq=False)
class TooManyBelow(Finding):
    """More composite alarms than ``limit`` stand below one."""

    limit: int


@dataclass(eq=False)
class TooDeep(Finding):
    """Composite alarms would stand on each other higher than ``limit``."""

    limit: int


@dataclass(eq=False)
class TooManyParents(Finding):
    """An alarm would be in more rules than ``limit``."""

    name: str
    limit: int


@dataclass(eq=False)
class OtherKindOfAlarm(Finding):
    """The name is that of an alarm of a metric, or of a composite one, and the other is asked for."""

    name: str


@dataclass(eq=False)
class AlarmsNeeded(Finding):
    """Composite alarms depend on alarms that were to be deleted."""

    names: Sequence[str]


@dataclass(eq=False)
class ManyCompositesDeleted(Finding):
    """More than one composite alarm was to be deleted at once."""

    names: Sequence[str]
