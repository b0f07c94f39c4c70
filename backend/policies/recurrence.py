"""When recurring work is due: cron's five fields, on the wall clock of a time zone. Pure.

Fields that name an hour are meant by the wall clock: an hour that is skipped in spring is made up for at the first
instant after it, one that comes twice in autumn counts once. Where every hour is meant, every hour is.

Source: EC2 Auto Scaling User Guide, "Scheduled scaling"; cron(8) of Debian for the change of clocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

_VALUE: Final = (
    r"(?:[0-9]{1,2}|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC|SUN|MON|TUE|WED|THU|FRI|SAT)"  # of any field
)
_ITEM: Final = rf"(?:\*|{_VALUE}(?:-{_VALUE})?)(?:/[0-9]{{1,2}})?"
_FIELD: Final = re.compile(rf"{_ITEM}(?:,{_ITEM})*", re.IGNORECASE | re.ASCII)
_FIELDS: Final = 5
_HOUR: Final = 1
_MINUTE: Final = timedelta(minutes=1)
_NO_PLACES: Final = frozenset({"Factory", "localtime"})
"""What a machine's time zone database holds beside the zones of the world."""


class Unreadable(Exception):
    """A recurrence that is none, or that never comes."""


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _NO_PLACES


def is_zone(name: str) -> bool:
    """Whether it is the name of an IANA time zone."""
    return name in _zones()


def next_run(recurrence: str, zone: str | None, after: datetime) -> datetime:
    """The first run later than that instant, in UTC.

    Args:
        recurrence: minute, hour, day of the month, month, day of the week.
        zone: name of an IANA time zone; None is UTC.

    Raises:
        Unreadable: it is no such text, or no day is ever one of its days.
    """
    for at in _runs(recurrence, zone, after, backwards=False):
        if at > after:
            return at
    raise Unreadable(recurrence)


def last_run(recurrence: str, zone: str | None, until: datetime) -> datetime:
    """The last run that is no later than that instant, in UTC.

    Raises:
        Unreadable: as ``next_run``.
    """
    # A run of a skipped hour is told at its wall time and comes later, at most by what clocks are ever put forward.
    for at in _runs(recurrence, zone, until + timedelta(hours=25), backwards=True):
        if at <= until:
            return at
    raise Unreadable(recurrence)


def _runs(recurrence: str, zone: str | None, start: datetime, *, backwards: bool) -> Iterator[datetime]:
    """Runs in turn, in UTC; one that is skipped by the clocks is told at the instant that makes up for it."""
    parts = recurrence.split()
    if len(parts) != _FIELDS or not all(_FIELD.fullmatch(part) for part in parts):
        raise Unreadable(recurrence)
    place: tzinfo = UTC if zone is None else ZoneInfo(zone)
    by_the_wall = parts[_HOUR] != "*"
    local = start.astimezone(place)
    try:
        for at in CronSim(" ".join(parts), local.replace(tzinfo=None) if by_the_wall else local, reverse=backwards):
            yield _instant(at, place) if by_the_wall else at.astimezone(UTC)
    except (CronSimError, OverflowError, ValueError) as error:
        raise Unreadable(recurrence) from error


def _instant(wall: datetime, place: tzinfo) -> datetime:
    """The first instant at which the clocks there show that time, or a later one where they never show it."""
    at = wall.replace(tzinfo=place, fold=0)
    while at.astimezone(UTC).astimezone(place).replace(tzinfo=None, fold=0) != at.replace(tzinfo=None, fold=0):
        at += _MINUTE  # by the wall
    return at.astimezone(UTC)
