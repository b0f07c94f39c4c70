"""What an owner handed to the engine so that it may act in a project of theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Delegation:
    """An application credential of an owner.

    Attributes:
        credential_id: its id in the cloud.
        user_id: the owner's.
        role: what it may be in the project.
        expires_at: None where it holds until it is taken back.
    """

    credential_id: str
    project_id: str
    user_id: str
    role: str
    created_at: datetime
    expires_at: datetime | None = None
    secret: str = field(default="", repr=False)


class SecretUnreadable(Exception):
    """A secret that was kept cannot be opened; the text tells the operator why."""


class DelegationsUnanswered(Exception):
    """Where delegations are kept could not be asked."""
