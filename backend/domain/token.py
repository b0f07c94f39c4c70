"""A client token: the caller's own name for a request, so that repeating it does nothing twice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClientToken:
    """A token as it came.

    Attributes:
        operation: the request it belongs to; tokens of different operations do not meet.
        value: the caller's text.
        fingerprint: equal for requests that ask for the same; at most 64 characters.
    """

    operation: str
    value: str
    fingerprint: str
