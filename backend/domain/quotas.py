"""How much of each thing of Auto Scaling a project may have in a region, where nobody decided otherwise: AWS's numbers.

Source: Amazon EC2 Auto Scaling User Guide, "Quotas for Amazon EC2 Auto Scaling".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Quota(StrEnum):
    """What an operator may set a number for, by the operator's word for it."""

    CLUSTERS = "groups"
    CONFIGURATIONS = "launch-configurations"
    POLICIES = "policies-per-group"
    SCHEDULES = "scheduled-actions-per-group"
    HOOKS = "hooks-per-group"
    TOPICS = "topics-per-group"
    TAGS = "tags-per-group"
    SOURCES = "target-groups-per-group"
    SIZE = "max-size-per-group"
    INSTANCES = "instances"


AWS: Final[Mapping[Quota, int | None]] = {
    Quota.CLUSTERS: 500,
    Quota.CONFIGURATIONS: 200,
    Quota.POLICIES: 50,
    Quota.SCHEDULES: 125,
    Quota.HOOKS: 50,
    Quota.TOPICS: 10,
    Quota.TAGS: 50,
    Quota.SOURCES: 50,
    Quota.SIZE: None,
    Quota.INSTANCES: None,
}
"""None: as many as one likes."""
MOST: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a project may have of one thing.

    Attributes:
        limit: None for as much as it likes.
        decided: ``project`` where it was set for it, ``default`` where for all, ``aws`` where for nobody.
    """

    quota: Quota
    limit: int | None
    decided: str
