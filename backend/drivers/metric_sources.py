"""The port that tells what was measured, by the minute, of servers and of pools of balancers: by whoever measures them.

A source tells what it knows and nothing in the place of what it does not: a minute that is missing is no idle one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol

from backend.domain.scope import Scope
from backend.domain.told_numbers import told_number
from backend.drivers.errors import CloudUnavailable

MOST: Final = 2.0**60
"""No minute has more bytes or requests; what is beyond that is no measurement."""
_FULL: Final = 100.0


class Measure(StrEnum):
    """What sources are asked for: of servers, of pools, and of balancers."""

    CPU = "cpu"  # per cent of all processors of a server together, 0 to 100
    NETWORK_IN = "network_in"  # bytes in a minute
    NETWORK_OUT = "network_out"
    REQUESTS = "requests"  # that a pool was given in a minute
    BYTES = "bytes"  # that went through a balancer in a minute, both ways
    NEW_CONNECTIONS = "new_connections"  # in a minute
    ACTIVE_CONNECTIONS = "active_connections"


OF_SERVERS: Final = frozenset({Measure.CPU, Measure.NETWORK_IN, Measure.NETWORK_OUT})
OF_POOLS: Final = frozenset({Measure.REQUESTS})
OF_BALANCERS: Final = frozenset({Measure.BYTES, Measure.NEW_CONNECTIONS, Measure.ACTIVE_CONNECTIONS})

Series = Mapping[datetime, float]
"""Values by the minute that they are of."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a source is asked.

    Attributes:
        subjects: of each measure the cloud's ids of the servers, pools or balancers that it is wanted of.
        processors: how many a server has, where that is known.
        since, until: whole minutes: those that begin from the one on and before the other.
        readings: what this source answered with as its readings the last time, for this project.
    """

    subjects: Mapping[Measure, frozenset[str]]
    since: datetime
    until: datetime
    processors: Mapping[str, int] = field(default_factory=dict)
    readings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """What a source answers.

    Attributes:
        series: what was measured of what; what was not is not in it.
        readings: a JSON value that it is given back when it is asked next: counters as they stood, for instance.
    """

    series: Mapping[tuple[Measure, str], Series] = field(default_factory=dict)
    readings: Mapping[str, Any] = field(default_factory=dict)


class Unanswered(CloudUnavailable):
    """None of those that a source asked for the same answered it.

    Attributes:
        readings: as of Told, kept all the same: whom it asked in vain it asks last when it is asked next.
    """

    def __init__(self, words: str, readings: Mapping[str, Any]) -> None:
        super().__init__(words)
        self.readings = readings


class MetricSource(Protocol):
    """Somebody who measures. It answers within a time of its own, or not at all."""

    @property
    def name(self) -> str:
        """What it is called in settings, logs and lists."""

    @property
    def measures(self) -> frozenset[Measure]:
        """What it can be asked for."""

    @property
    def free(self) -> bool:
        """Whether it costs nothing to ask: then it is asked of every server, whoever looks at it or not."""

    @property
    def minutes(self) -> int:
        """How many of the last minutes it is asked for: more than one where what it measures comes late."""

    @property
    def late(self) -> int:
        """How many minutes after its end a minute is whole."""

    def ask(self, scope: Scope, asked: Asked) -> Told:
        """What was measured.

        Raises:
            CloudUnavailable: it could not be asked, or what it answered cannot be believed; Unanswered among them.
            NotAuthorized: it does not tell us.
        """


def sane(measure: Measure, value: object) -> float | None:
    """A value as it may be believed; None where it is no measurement. Per cent end at a hundred."""
    number = told_number(value)
    if number is None or not 0 <= number <= MOST:
        return None
    return min(number, _FULL) if measure is Measure.CPU else number
