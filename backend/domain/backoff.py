"""A launch that failed: how long a zone and profile of a cluster are left alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

NO_PROFILE = ""
"""The profile key of launches whose source is gone."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Failed launches of one cluster in one zone from one profile, since the last that succeeded.

    Attributes:
        profile_key: ProfileRef.key of the profile.
        failures: rounds that failed one after the other, not servers: the delay grows with them.
        last_failed_at: when the last of them did.
        retry_at: no launch there before then.
        refusals: those of them in which the cloud was asked and did not do it.
        failing: how long it was tried in vain, without the time in which nothing was tried or the cloud not reached.
    """

    zone: str
    profile_key: str
    failures: int
    last_failed_at: datetime
    retry_at: datetime
    refusals: int = 0
    failing: timedelta = timedelta(0)
