"""The port for a cloud's own key pairs beyond their listing."""

from __future__ import annotations

from typing import Protocol

from backend.domain.scope import Scope


class KeyKeeping(Protocol):
    def delete_key_pair(self, scope: Scope, name: str) -> None:
        """Delete one of the cloud's own; servers that have it keep it. Safe to repeat.

        Raises:
            CloudUnavailable, NotAuthorized, Refused
            OutcomeUnknown: the answer was lost.
        """
