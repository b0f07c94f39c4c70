"""Receivers: addresses at which alarms of others (Aodh's, Prometheus's) have a group do something. Values.

Whoever knows a receiver's token may have it act, and have it do nothing else: it is kept as a digest alone.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from backend.errors import Finding

INSTANCE_LABEL: Final = "instance_id"
"""The label that names an instance, where nothing else is said."""
_TOKEN_BYTES: Final = 32


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def digest_of(token: str) -> str:
    """What is kept of a token, which has more chance in it than can be tried: no salt, no slow function."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver of one group: it executes a policy, judges instances, or has them replaced.

    Attributes:
        policy_id, policy_name: what it executes; None where it judges.
        threshold: what a step policy compares values with.
        label: of alerts, that names the instance; of one that judges.
        digest: of its token.
        heard: digests of the last messages and when they came, in microseconds since 1970; the newest last.
        outcome: what came of the last one.
        drains: what it names is replaced, the new one first, and is not judged.
    """

    id: str
    cluster_id: str
    cluster_name: str
    digest: str
    created_at: datetime
    policy_id: str | None = None
    policy_name: str | None = None
    threshold: float | None = None
    label: str = INSTANCE_LABEL
    heard: tuple[Any, ...] = ()
    heard_at: datetime | None = None
    outcome: str | None = None
    drains: bool | None = None


@dataclass(frozen=True, slots=True)
class WantedReceiver:
    """A receiver as asked for."""

    cluster_name: str
    policy_name: str | None = None
    threshold: float | None = None
    label: str = INSTANCE_LABEL
    drains: bool = False


@dataclass(frozen=True, slots=True)
class Signal:
    """What a message says.

    Attributes:
        firing: something is wrong; False: it is over, or nobody knows.
        digest: the same for the same message when it comes again.
        value: what was measured, where it tells.
        servers: short ids of the instances that something is wrong with.
        over: of those with which it is over, or of which nobody knows.
        left: how many more it is about, of whom no message has so many judged.
    """

    firing: bool
    digest: str
    value: float | None = None
    servers: tuple[str, ...] = ()
    left: int = 0
    over: tuple[str, ...] = ()


class Outcome(StrEnum):
    """What came of a message."""

    SCALED = "scaled"
    STAYED = "stayed"  # the policy left the capacity as it is
    COOLING = "cooling"  # an activity or a cooldown is under way
    DISABLED = "disabled"
    SUSPENDED = "suspended"  # the group hears no alarms
    NO_STEP = "no_step"  # the policy has no step for the value
    MARKED = "marked"  # instances are unhealthy now
    DRAINED = "drained"  # instances are to be replaced, or need not be any more
    UNKNOWN = "unknown"  # none of the instances is one of the group
    OVER = "over"  # it tells of no alarm, or of the end of one
    AGAIN = "again"  # it has been heard already


@dataclass(eq=False)
class ReceiverUnknown(Finding):
    """There is no receiver of that token."""


@dataclass(eq=False)
class ReceiverGone(Finding):
    """What it acts on, the group or its policy, is no more."""


@dataclass(eq=False)
class ValueMissing(Finding):
    """A step policy needs a value, and the message tells none."""


@dataclass(eq=False)
class ThresholdMissing(Finding):
    """A receiver of a step policy needs a threshold; of another it takes none."""

    policy: str
    given: bool
