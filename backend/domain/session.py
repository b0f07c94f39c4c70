"""A temporary access key: who opened it, for what, until when."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Session:
    """An access key that ends by itself.

    Attributes:
        base_key: the lasting key that it was opened with; it is good for no longer than that one.
        base_project, base_mark: that key's project, and what its secret makes with the session's own (``mark_of``):
            ids of keys can be given anew, to others.
        project_id: the project that it acts in.
        role, name: of a session of an assumed role; both empty where its user goes on as they are.
        token: must come with every request.
    """

    access_key: str
    base_key: str
    project_id: str
    created_at: datetime
    expires_at: datetime
    role: str = ""
    name: str = ""
    base_project: str = ""
    base_mark: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    def rests_on(self, project_id: str, secret: str) -> bool:
        """Whether the key of that project and secret is the one that it was opened with."""
        return self.base_project == project_id and hmac.compare_digest(self.base_mark, mark_of(self.secret, secret))


def mark_of(secret: str, base_secret: str) -> str:
    """What tells a lasting key's secret again, and nothing of it to who has not the session's: 64 hex digits."""
    return hmac.digest(secret.encode(), base_secret.encode("utf-8", "surrogateescape"), "sha256").hex()
