"""A schedule: bounds and a desired capacity that a cluster is given at a time, once or again and again. Values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Flaw(StrEnum):
    """Why a schedule is refused; the translators know AWS's sentence for each."""

    NOTHING_TO_SET = "nothing_to_set"
    NEGATIVE_MINIMUM = "negative_minimum"
    NEGATIVE_MAXIMUM = "negative_maximum"
    NEGATIVE_DESIRED = "negative_desired"
    BOUNDS_CROSSED = "bounds_crossed"
    ABOVE_MAXIMUM = "above_maximum"
    BELOW_MINIMUM = "below_minimum"
    NO_START = "no_start"
    START_PASSED = "start_passed"
    END_PASSED = "end_passed"
    END_BEFORE_START = "end_before_start"
    RECURRENCE = "recurrence"
    ZONE = "zone"


@dataclass(frozen=True, slots=True)
class WantedSchedule:
    """A schedule as asked for; what is None was not given.

    Attributes:
        starts_at, ends_at: aware UTC.
        recurrence: five fields of cron, on the wall clock of ``zone``.
        zone: name of the IANA time zone; None is UTC.
        minimum, maximum, desired: what the cluster is given.
    """

    name: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    recurrence: str | None = None
    zone: str | None = None
    minimum: int | None = None
    maximum: int | None = None
    desired: int | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """A stored schedule.

    Attributes:
        created_at: when its name was first used; writing it anew keeps that.
        first_at: its first run since it was last written; None: there is none before its end.
        next_at: its next run; None: there is none before its end.
    """

    id: str
    cluster_id: str
    cluster_name: str
    name: str
    created_at: datetime
    first_at: datetime | None
    next_at: datetime | None
    ends_at: datetime | None
    recurrence: str | None
    zone: str | None
    minimum: int | None
    maximum: int | None
    desired: int | None

    @property
    def due_at(self) -> datetime | None:
        """When an engine is to look at it next: it runs then, or is over."""
        return self.next_at or self.ends_at
