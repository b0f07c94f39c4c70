"""Findings about scaling policies."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from backend.domain.scaling import PolicyFlaw
from backend.errors import Finding


@dataclass(eq=False)
class PolicyRefused(Finding):
    """What is wrong with a policy; ``given`` what it is wrong with."""

    flaw: PolicyFlaw
    given: str = ""


@dataclass(eq=False)
class ScalingPolicyNotFound(Finding):
    """``name`` as the caller gave it."""

    name: str


@dataclass(eq=False)
class PolicyNotExecutable(Finding):
    """Its kind acts by what is measured alone."""

    name: str
    kind: str


@dataclass(eq=False)
class PolicyDisabled(Finding):
    name: str


@dataclass(eq=False)
class BreachMissing(Finding):
    """A step policy is told what was measured, and the threshold; no other is."""

    kind: str
    given: bool


@dataclass(eq=False)
class NoStepFound(Finding):
    """No step is for these points.

    Attributes:
        points: as they were given, oldest first.
    """

    points: tuple[float, ...]
    threshold: float


@dataclass(eq=False)
class PolicyNotPredictive(Finding):
    """It foresees nothing."""

    name: str
    kind: str


@dataclass(eq=False)
class ForecastMissing(Finding):
    """Nothing has been foreseen for a policy: too little was measured, or no engine has come to it yet."""

    name: str


class SpanFlaw(StrEnum):
    """Why hours of a forecast are not told."""

    OLD = "old"  # it begins more than a year ago
    LONG = "long"  # more than 30 days
    BACKWARDS = "backwards"  # it ends before it begins, or as it begins


@dataclass(eq=False)
class ForecastOutOfBounds(Finding):
    flaw: SpanFlaw


@dataclass(eq=False)
class GaugeRefused(Finding):
    """``query``: the id of one of a predictive policy's queries; ``reason``: what is wrong with it."""

    query: str
    reason: str
