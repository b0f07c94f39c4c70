"""The access key port: whose an AWS access key is, as the cloud's identity service tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class AccessKey:
    """An access key that is good.

    Attributes:
        secret: None where the identity service keeps it to itself and checks signatures.
        roles: lower-case names of what the user may be in the project; empty: the user may do nothing there.
    """

    access_key: str
    user_id: str
    user_name: str
    project_id: str
    project_name: str
    roles: frozenset[str]
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed request, for the identity service to check.

    Attributes:
        params: of the query string.
        headers: by lower-case name; those that are signed, and the signature's own.
        body_hash: SHA-256 of the body in hex.
    """

    access_key: str
    signature: str
    method: str
    path: str
    host: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body_hash: str


class BadSignature(Exception):
    """The key is known, and the request was not signed with its secret."""


class AccessKeys(Protocol):
    """Each call raises CloudUnavailable where the identity service cannot be asked."""

    def find(self, access_key: str) -> AccessKey | None:
        """The key with its secret; None where there is none, or its user or project is disabled."""

    def check(self, signed: Signed) -> AccessKey | None:
        """Whose the key is that signed a request; None where there is no such key, or its owner may not use it.

        Raises:
            BadSignature: as the name says.
        """
