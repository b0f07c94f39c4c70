"""When too much went bad together for it to be the servers' fault, and for how long replacement is then put off. Pure.

A host that restarts, a network that is cut, a monitor that is wrong: what looks like many bad servers is one cause
outside of them, and replacing them all makes it worse. Deaths of single servers are never held.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple


class Extent(StrEnum):
    """Among whose servers a failure is a mass failure."""

    GROUP = "group"
    PROJECT = "project"
    REGION = "region"


class Tally(NamedTuple):
    """How many are in service, and how many of those are bad."""

    total: int
    bad: int


NOTHING = Tally(0, 0)


@dataclass(frozen=True, slots=True)
class Share:
    """A failure is a mass failure from ``number`` bad ones on that are more than ``percent`` of all.

    Half is not enough: a group in two zones that loses one of them is to be healed in the other.
    """

    number: int
    percent: int = 50

    def is_met(self, tally: Tally) -> bool:
        return tally.bad >= self.number and tally.bad * 100 > tally.total * self.percent


@dataclass(frozen=True, slots=True)
class BrakeRule:
    """Attributes:
    group, project, region: the shares that are a mass failure, each among the servers of that extent.
    most: replacement of live servers is put off for so long at most, from the begin of a mass failure to its end:
        what does not come back by itself is then replaced, as slowly as any other. Without a bound a group whose
        servers are really broken would wait for ever for somebody who may not know of it.
    confirm: servers that the cloud does not know are asked for a second time so long after the begin, before they
        count as gone: an answer may come from a database that is behind.
    """

    group: Share = Share(2)
    project: Share = Share(10)
    region: Share = Share(20)
    most: timedelta = timedelta(minutes=15)
    confirm: timedelta = timedelta(seconds=60)


def extent(rule: BrakeRule, group: Tally, project: Tally, region: Tally) -> Extent | None:
    """The narrowest extent of a mass failure that the group has a part in; None where there is none."""
    if not group.bad:
        return None
    if rule.group.is_met(group):
        return Extent.GROUP
    if rule.project.is_met(project):
        return Extent.PROJECT
    return Extent.REGION if rule.region.is_met(region) else None


def holds(rule: BrakeRule, since: datetime, now: datetime) -> bool:
    """Whether a mass failure that began then still puts off the replacement of live servers."""
    return now < since + rule.most


def is_confirmed(rule: BrakeRule, since: datetime, missing_at: datetime | None) -> bool:
    """Whether a server counts as gone in a mass failure that began then.

    Args:
        missing_at: when the cloud last did not know the server; None where it told the server's end itself.
    """
    return missing_at is None or missing_at >= since + rule.confirm
