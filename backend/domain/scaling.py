"""Scaling policies: what changes a cluster's desired capacity by what is measured. Values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from backend.domain.prediction import Prediction
from backend.domain.tracking import Tracking


class PolicyKind(StrEnum):
    """AWS's own names."""

    SIMPLE = "SimpleScaling"
    STEP = "StepScaling"
    TARGET_TRACKING = "TargetTrackingScaling"
    PREDICTIVE = "PredictiveScaling"


class Adjustment(StrEnum):
    """How an amount is meant; AWS's own names."""

    CHANGE = "ChangeInCapacity"
    EXACT = "ExactCapacity"
    PERCENT = "PercentChangeInCapacity"


class Aggregation(StrEnum):
    """What a step policy makes of several points; AWS's own names."""

    AVERAGE = "Average"
    MINIMUM = "Minimum"
    MAXIMUM = "Maximum"

    def of(self, points: Sequence[float]) -> float:
        """One value of at least one."""
        match self:
            case Aggregation.MINIMUM:
                return min(points)
            case Aggregation.MAXIMUM:
                return max(points)
            case _:
                return sum(points) / len(points)


@dataclass(frozen=True, slots=True)
class Step:
    """An amount for a range of differences between what was measured and the threshold; None is without end."""

    lower: float | None
    upper: float | None
    amount: int


@dataclass(frozen=True, slots=True)
class WantedPolicy:
    """A policy as asked for; what is None was not given.

    Attributes:
        magnitude: what an adjustment by percent changes at the least, in units.
    """

    name: str
    kind: PolicyKind
    adjustment: Adjustment | None = None
    amount: int | None = None
    magnitude: int | None = None
    cooldown_seconds: int | None = None
    aggregation: Aggregation | None = None
    warmup_seconds: int | None = None
    steps: tuple[Step, ...] = ()
    tracking: Tracking | None = None
    prediction: Prediction | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class ScalingPolicy:
    """A stored policy.

    Attributes:
        created_at: when its name was first used; writing it anew keeps that.
        ladder: its steps as (lower, upper, amount).
        tracking: the document of a target tracking policy.
        forecast: the document of a Prediction.
        alarms: names of the alarms that are its own: high and low.
        stayed: why it last left the capacity as it was, a word of Stay; None where it last changed it.
        decided_at: when that was.
    """

    id: str
    cluster_id: str
    cluster_name: str
    name: str
    kind: PolicyKind
    enabled: bool
    created_at: datetime
    adjustment: Adjustment | None = None
    amount: int | None = None
    magnitude: int | None = None
    cooldown_seconds: int | None = None
    aggregation: Aggregation | None = None
    warmup_seconds: int | None = None
    ladder: tuple[Any, ...] = ()
    tracking: Mapping[str, Any] | None = None
    forecast: Mapping[str, Any] | None = None
    alarms: tuple[str, ...] = ()
    stayed: str | None = None
    decided_at: datetime | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(Step(*step) for step in self.ladder)

    @property
    def prediction(self) -> Prediction:
        """Of one that is predictive."""
        assert self.forecast is not None
        return Prediction.of(self.forecast)


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a policy decides upon, in units.

    Attributes:
        minimum, maximum, desired: the cluster's.
        warm: what has been in service for long enough, or has been since before policies began to add.
        busy: the activity under way that a simple policy waits for, and that began the cooldown; None: there is none.
        foreseen: what forecasts ask for now, which no other policy goes below.
        ceiling: what the maximum may be raised to at the most, where somebody decided that.
    """

    minimum: int
    maximum: int
    desired: int
    warm: int
    busy: str | None = None
    foreseen: int = 0
    ceiling: int | None = None

    @property
    def warming(self) -> bool:
        """Whether something that is desired does not serve yet, or not for long enough."""
        return self.warm < self.desired


@dataclass(frozen=True, slots=True)
class Breach:
    """What was measured when a threshold was crossed.

    Attributes:
        points: oldest first, at least one.
    """

    points: tuple[float, ...]
    threshold: float


class Stay(StrEnum):
    """Why a policy leaves the capacity as it is."""

    AT_MAXIMUM = "at_maximum"
    AT_MINIMUM = "at_minimum"
    UNCHANGED = "unchanged"  # it asks for what is desired already
    WARMING = "warming"  # nothing is taken away while something warms up
    BUSY = "busy"  # an activity or a cooldown is under way
    DISABLED = "disabled"
    SUSPENDED = "suspended"  # the cluster hears no alarms
    NO_DATA = "no_data"
    OTHERS = "others"  # another policy needs what is there
    FORESEEN = "foreseen"  # a forecast asks for what is there
    FORECAST_ONLY = "forecast_only"  # it is not to act


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy says.

    Attributes:
        desired: within the cluster's bounds.
        stay: why that is what it was; None where it is another.
        told: what it was decided upon, for who asks why.
    """

    desired: int
    stay: Stay | None = None
    told: Mapping[str, Any] = field(default_factory=dict)


class PolicyFlaw(StrEnum):
    """Why a policy is refused; the translators know AWS's sentence for each."""

    NO_ADJUSTMENT = "no_adjustment"  # given: the kind
    NO_AMOUNT = "no_amount"
    NO_STEPS = "no_steps"
    MANY_STEPS = "many_steps"
    NEGATIVE_AMOUNT = "negative_amount"
    NEGATIVE_STEP = "negative_step"  # given: the step
    NEGATIVE_COOLDOWN = "negative_cooldown"
    NEGATIVE_WARMUP = "negative_warmup"
    MAGNITUDE_WITHOUT_PERCENT = "magnitude_without_percent"
    ENDLESS_STEP = "endless_step"
    EMPTY_STEP = "empty_step"  # given: the step
    OVERLAP = "overlap"
    GAP = "gap"
    NO_UPPER_END = "no_upper_end"
    NO_LOWER_END = "no_lower_end"
    TWO_UPPER_ENDS = "two_upper_ends"
    TWO_LOWER_ENDS = "two_lower_ends"
    TARGET = "target"  # no number that a target can be
    TRACKED_TWICE = "tracked_twice"
    LABEL_MISSING = "label_missing"
    LABEL = "label"  # given: it
    LABEL_OF_NO_SOURCE = "label_of_no_source"  # given: the target group of the label
    BUFFER = "buffer"  # as long as an hour, or longer
    ROOM_MISSING = "room_missing"  # how far the maximum is raised
    ROOM = "room"  # the same, where it is not raised
