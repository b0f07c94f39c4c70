"""The port to whoever is told something: what a sink takes, and what it may answer. Knows no sink."""

from __future__ import annotations

from typing import Protocol

from backend.domain.messages import Telling
from backend.domain.scope import Scope


class SinkError(Exception):
    """A message was not taken; the words say why, and hold no secret."""


class Unreached(SinkError):
    """It could not be asked, or cannot take it now: it may take it later."""


class Refused(SinkError):
    """It does not take this message, and never will."""


class Gone(SinkError):
    """There is no such target any more."""


class Sink(Protocol):
    """One way to tell.

    A message may come twice, under the same id: after an answer that was lost, or an engine that died.
    """

    def send(self, scope: Scope, target: str, telling: Telling) -> None:
        """Tell it; it has been taken when this returns.

        Raises:
            Unreached, Refused, Gone
        """
