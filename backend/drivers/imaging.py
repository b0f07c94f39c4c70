"""The port that makes images of servers."""

from __future__ import annotations

from typing import Protocol

from backend.domain.scope import Scope


class Imaging(Protocol):
    """Every call may raise CloudUnavailable and NotAuthorized; writes OutcomeUnknown."""

    def of_server(self, scope: Scope, server_id: str, name: str, description: str) -> str:
        """Begin an image of a server's disk as it is now; its id in the cloud. Not safe to repeat.

        Raises:
            ServerNotFound, ServerStateConflict, QuotaExceeded
        """

    def delete(self, scope: Scope, image_id: str) -> None:
        """Delete one of the project's own images; servers that were made from it stay. Safe to repeat.

        Raises:
            ImageNotFound
        """
