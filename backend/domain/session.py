"""A temporary access key: who opened it, for what, until when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Session:
    """An access key that ends by itself.

    Attributes:
        base_key: the lasting key that it was opened with; it is good for no longer than that one.
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
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
