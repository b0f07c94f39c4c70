"""The port to whoever is told something: what a sink takes, and what it may answer. Knows no sink."""

from __future__ import annotations

from typing import Protocol

from backend.domain.messages import Gone, Refused, SinkError, Telling, Unreached
from backend.domain.scope import Scope

__all__ = ["Gone", "Refused", "Sink", "SinkError", "Unreached"]


class Sink(Protocol):
    """One way to tell.

    A message may come twice, under the same id: after an answer that was lost, or an engine that died.
    """

    def send(self, scope: Scope, target: str, telling: Telling) -> None:
        """Tell it; it has been taken when this returns.

        Raises:
            Unreached: it could not be asked, or cannot take it now.
            Refused, Gone: it never will.
        """
