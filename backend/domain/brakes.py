"""An operator's brake: while it is on, the engine begins no launch and no termination where it holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Brake:
    """Where one is on, since when, and whose word it was.

    Attributes:
        project_id, region: empty: all of them.
        set_by: who put it on, as their machine knows them.
        reason: in their words; empty where they gave none.
    """

    project_id: str
    region: str
    since: datetime
    set_by: str
    reason: str
