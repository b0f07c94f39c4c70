"""Where the secret of an access key comes from: a port, and the fixed keys of the embedded cloud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from translators.registry import Caller


@dataclass(frozen=True, slots=True)
class Credential:
    """What belongs to an access key.

    Attributes:
        secret: the secret access key; never logged, never shown.
        caller: whose key it is.
        session_token: the token that must come with requests of a temporary key; None for a lasting one, whose requests
            must carry none.
        expires_at: when a temporary key ends; None for a lasting one.
    """

    secret: str = field(repr=False)
    caller: Caller
    session_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None


class Credentials(Protocol):
    """Finds credentials by access key. Called once a request, by several threads."""

    def find(self, access_key: str) -> Credential | None:
        """The credential of an access key, or None where there is none.

        Raises:
            AWSError: ``ServiceUnavailable`` (503) where the identity service could not be asked.
        """


class StaticCredentials:
    """Key pairs that are known from the start.

    Args:
        pairs: secret and owner by access key.
    """

    def __init__(self, pairs: Mapping[str, Credential]) -> None:
        self._pairs = dict(pairs)

    def find(self, access_key: str) -> Credential | None:
        return self._pairs.get(access_key)


class FirstOf:
    """Several places, asked in turn.

    Args:
        places: the first one that knows a key answers.
    """

    def __init__(self, *places: Credentials) -> None:
        self._places = places

    def find(self, access_key: str) -> Credential | None:
        return next((found for place in self._places if (found := place.find(access_key))), None)
