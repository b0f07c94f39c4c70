"""The record of what a cloud is asked over the network, for whoever counts it."""

from __future__ import annotations

from typing import Final, Protocol

UNANSWERED: Final = "none"
"""The status of a request that no answer came to."""


class Exchanges(Protocol):
    """Takes one request to the cloud that is over. Called from any thread."""

    def __call__(self, service: str, method: str, status: str, seconds: float) -> None:
        """Note it.

        Args:
            service: by its type in the cloud's catalog: ``compute``, ``network``, ``identity``...
            method: of HTTP.
            status: of HTTP, or UNANSWERED.
            seconds: until the answer began, or none was waited for any more.
        """


def unrecorded(service: str, method: str, status: str, seconds: float) -> None:
    """Nobody counts."""
