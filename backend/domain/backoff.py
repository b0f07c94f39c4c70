"""A launch that failed: how long a zone and profile of a cluster are left alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

NO_PROFILE = ""
"""The profile key of launches whose source is gone."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Failed launches of one cluster in one zone from one profile, since the last that succeeded.

    Attributes:
        profile_key: ProfileRef.key of the profile.
        failures: rounds that failed, not servers.
        retry_at: no launch there before then.
    """

    zone: str
    profile_key: str
    failures: int
    first_failed_at: datetime
    retry_at: datetime
