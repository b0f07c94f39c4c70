"""Dashboards: what somebody wants to see of metrics, kept and told as it was given. Values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from backend.errors import Finding

MOST_TAGS: Final = 50


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard of a project, which is the same in all regions.

    Attributes:
        body: a JSON text, as given.
        size: bytes of the body.
    """

    id: str
    name: str
    body: str
    size: int
    changed_at: datetime
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(eq=False)
class DashboardMissing(Finding):
    name: str
