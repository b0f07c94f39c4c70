"""A scaling policy in AWS's words, both ways."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, TypeVar

from backend.domain.scaling import Adjustment, Aggregation, PolicyKind, ScalingPolicy, Step, WantedPolicy
from backend.domain.tracking import Tracking
from translators import arns
from translators.autoscaling import prediction_words, tracking_words
from translators.autoscaling.errors import constraint, validation

W = TypeVar("W", bound=StrEnum)

_ONLY: Final[Mapping[str, frozenset[PolicyKind]]] = {
    "AdjustmentType": frozenset(PolicyKind) - {PolicyKind.PREDICTIVE},
    "ScalingAdjustment": frozenset({PolicyKind.SIMPLE}),
    "StepAdjustments": frozenset({PolicyKind.STEP}),
    "MetricAggregationType": frozenset({PolicyKind.STEP}),
    "MinAdjustmentMagnitude": frozenset({PolicyKind.SIMPLE, PolicyKind.STEP}),
    "MinAdjustmentStep": frozenset({PolicyKind.SIMPLE, PolicyKind.STEP}),
    "EstimatedInstanceWarmup": frozenset({PolicyKind.STEP, PolicyKind.TARGET_TRACKING}),
    "TargetTrackingConfiguration": frozenset({PolicyKind.TARGET_TRACKING}),
    "PredictiveScalingConfiguration": frozenset({PolicyKind.PREDICTIVE}),
}
"""Members that say something to policies of these kinds alone. Source: the model's own words.

Cooldown is taken with every kind and AdjustmentType with all but predictive policies, and used by none but their own,
as by the real service (aws-cdk #32667, terraform-provider-aws).
"""


def wanted(params: Mapping[str, Any]) -> WantedPolicy:
    """The policy that a request asks for.

    Raises:
        AWSError: a member is not what it may be, or says nothing to a policy of that kind.
    """
    kind = _word(PolicyKind, params, "PolicyType") or PolicyKind.SIMPLE
    for member, kinds in _ONLY.items():
        if params.get(member) not in (None, []) and kind not in kinds:
            # Source, of predictive policies: badmintoncryer/cdk-preflight pf-asg-predictive-forbids-other-policy-props.
            raise validation(f"You can't specify {member} for policy type: {kind}")
    adjusts = kind in {PolicyKind.SIMPLE, PolicyKind.STEP}
    enabled = params.get("Enabled")
    aggregation = _word(Aggregation, params, "MetricAggregationType")
    return WantedPolicy(
        name=params["PolicyName"],
        kind=kind,
        adjustment=_word(Adjustment, params, "AdjustmentType") if adjusts else None,
        amount=params.get("ScalingAdjustment"),
        magnitude=_magnitude(params),
        cooldown_seconds=params.get("Cooldown") if kind is PolicyKind.SIMPLE else None,
        aggregation=(aggregation or Aggregation.AVERAGE) if kind is PolicyKind.STEP else None,
        warmup_seconds=params.get("EstimatedInstanceWarmup"),
        tracking=tracking_words.wanted(params) if kind is PolicyKind.TARGET_TRACKING else None,
        prediction=prediction_words.wanted(params) if kind is PolicyKind.PREDICTIVE else None,
        steps=tuple(_step(each) for each in params.get("StepAdjustments") or ()),
        enabled=True if enabled is None else bool(enabled),
    )


def finite(value: float, member: str) -> float:
    """A number that is one.

    Raises:
        AWSError
    """
    if not math.isfinite(value):
        raise validation(f"{member} must be a finite number.")  # unsourced
    return value


def _step(given: Mapping[str, Any]) -> Step:
    ends = [given.get(f"MetricInterval{end}Bound") for end in ("Lower", "Upper")]
    lower, upper = (None if end is None else finite(end, "StepAdjustments") for end in ends)
    return Step(lower, upper, given["ScalingAdjustment"])


def _magnitude(params: Mapping[str, Any]) -> int | None:
    """The least change: under its older name too."""
    older, magnitude = params.get("MinAdjustmentStep"), params.get("MinAdjustmentMagnitude")
    if older is not None and magnitude is not None and older != magnitude:
        # unsourced
        raise validation("MinAdjustmentStep and MinAdjustmentMagnitude must be the same if both are specified.")
    found: int | None = older if magnitude is None else magnitude
    if found is not None and found < 1:
        raise validation("MinAdjustmentMagnitude must be greater than 0.")  # unsourced
    return found


def _word(words: type[W], params: Mapping[str, Any], member: str) -> W | None:
    given = params.get(member)
    if given is None:
        return None
    if given not in set(words):
        name = member[0].lower() + member[1:]
        # unsourced
        raise constraint(given, name, f"Member must satisfy enum value set: [{', '.join(sorted(words))}]")
    return words(given)


def told(policy: ScalingPolicy, place: tuple[str, str], alarms: Sequence[str]) -> dict[str, Any]:
    """One ScalingPolicy. What was not given is not told: clients that keep what they read would see a change.

    Args:
        place: region and account.
        alarms: names of those that have it executed.

    Source: hashicorp/terraform #10887, #14799; terraform-provider-aws #3689, #18853.
    """
    region, account = place
    members: dict[str, Any] = {
        "AutoScalingGroupName": policy.cluster_name,
        "PolicyName": policy.name,
        "PolicyARN": arns.scaling_policy(region, account, policy.id, policy.cluster_name, policy.name),
        "PolicyType": str(policy.kind),
        "AdjustmentType": policy.adjustment and str(policy.adjustment),
        "MinAdjustmentStep": policy.magnitude,
        "MinAdjustmentMagnitude": policy.magnitude,
        "ScalingAdjustment": policy.amount,
        "Cooldown": policy.cooldown_seconds,
        "StepAdjustments": [_step_told(step) for step in policy.steps],
        "MetricAggregationType": policy.aggregation and str(policy.aggregation),
        "EstimatedInstanceWarmup": policy.warmup_seconds,
        "Alarms": [{"AlarmName": name, "AlarmARN": arns.alarm(region, account, name)} for name in alarms],
        "TargetTrackingConfiguration": policy.tracking and tracking_words.told(Tracking.of(policy.tracking)),
        "PredictiveScalingConfiguration": policy.forecast and prediction_words.told(policy.prediction),
        "Enabled": policy.enabled,
    }
    return {name: value for name, value in members.items() if value is not None}


def _step_told(step: Step) -> dict[str, Any]:
    members = {
        "MetricIntervalLowerBound": step.lower,
        "MetricIntervalUpperBound": step.upper,
        "ScalingAdjustment": step.amount,
    }
    return {name: value for name, value in members.items() if value is not None}
