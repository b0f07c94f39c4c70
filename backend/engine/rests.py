"""Whose work took much of an engine's time, and how long more of it waits for that. Of each engine for itself.

Whose work takes long has it done in a quarter of an engine's time at the most, however much of it is due: nobody
else's waits for all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from backend.domain.scope import Scope

_REST: Final = 3
"""So many times what it took."""
_SHORT: Final = 0.02
"""Seconds that are no matter."""


@dataclass(slots=True)
class Rests:
    """Projects whose work waits. Instants are of a clock that never goes back, in seconds."""

    _until: dict[Scope, float] = field(default_factory=dict)

    def took(self, scope: Scope, began: float, ended: float) -> None:
        """Work of a project was done in that time."""
        if ended - began > _SHORT:
            self._until = {each: until for each, until in self._until.items() if until > ended}
            self._until[scope] = ended + _REST * (ended - began)

    def left(self, scope: Scope, at: float) -> timedelta:
        """How long more of a project's work waits; nothing where it may be done now."""
        return timedelta(seconds=max(self._until.get(scope, at) - at, 0.0))
