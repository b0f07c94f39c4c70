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
"""Seconds of work that nobody rests for."""


@dataclass(slots=True)
class Rests:
    """Projects whose work waits. Instants are of a clock that never goes back, in seconds."""

    _until: dict[Scope, float] = field(default_factory=dict)

    def took(self, scope: Scope, began: float, ended: float) -> None:
        """Work of a project was done in that time. Short works add up, unless there is time enough in between."""
        self._until = {each: until for each, until in self._until.items() if until > ended or each == scope}
        self._until[scope] = max(self._until.get(scope, began), began) + (1 + _REST) * (ended - began)

    def left(self, scope: Scope, at: float) -> timedelta:
        """How long more of a project's work waits; nothing where it may be done now."""
        rest = self._until.get(scope, at) - at
        return timedelta(seconds=rest if rest > _REST * _SHORT else 0.0)
