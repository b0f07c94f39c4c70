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

    def told(self) -> str:
        """Where it is on, since when, and whose word it was."""
        project = f"project {self.project_id}" if self.project_id else "all projects"
        region = f"region {self.region}" if self.region else "all regions"
        since = self.since.isoformat(timespec="seconds")
        return f"the brake of {project} in {region} is on since {since}, by {self.set_by}"

    def lifted_by(self) -> str:
        """The operator's command that takes it off."""
        project = f" --project {self.project_id}" if self.project_id else ""
        region = f" --region {self.region}" if self.region else ""
        return f"coppice resume-all{project}{region}"
