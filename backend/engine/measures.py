"""What an engine tells of itself as numbers, for whoever keeps them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from backend.domain.scope import Scope


class Measures(Protocol):
    """Takes what happens. Called from the engine's one thread."""

    def count(self, what: str, number: int) -> None:
        """That many ``passes``, ``listings``, ``unreached`` or ``refused`` looks, ``orphans``, ``faults``..."""

    def step(self, kind: str, number: int) -> None:
        """A pass did that many of a kind: see ``backend.engine.telling.happenings``."""

    def refusal(self, act: str, error: str) -> None:
        """The cloud did not do an act; both by the names of their classes."""

    def delegation_ended(self, scope: Scope) -> None:
        """A project began to refuse the engine."""

    def lag(self, kind: str, seconds: float) -> None:
        """How long the work of a kind that waits longest has been due."""

    def refusing(self, scopes: Collection[Scope]) -> None:
        """These projects refuse the engine now, and no others."""

    def spared(self, projects: Mapping[Scope, tuple[int, int]]) -> None:
        """(servers of other installations, orphans that rest) of these projects now, and of no others."""


class Unmeasured:
    """Keeps nothing."""

    def count(self, what: str, number: int) -> None: ...

    def step(self, kind: str, number: int) -> None: ...

    def refusal(self, act: str, error: str) -> None: ...

    def delegation_ended(self, scope: Scope) -> None: ...

    def lag(self, kind: str, seconds: float) -> None: ...

    def refusing(self, scopes: Collection[Scope]) -> None: ...

    def spared(self, projects: Mapping[Scope, tuple[int, int]]) -> None: ...
