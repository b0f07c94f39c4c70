"""Key pairs that are kept here: their public halves, by name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class KeptKeyPair:
    """A key pair of a project in a region. Its private half is nowhere.

    Attributes:
        id: 17 hex digits.
        kind: ``rsa`` or ``ed25519``.
        public_key: one OpenSSH line without a comment.
    """

    id: str
    name: str
    kind: str
    fingerprint: str
    public_key: str
    created_at: datetime
