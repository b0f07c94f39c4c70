"""Errors about scaling policies; a part of Auto Scaling's table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from backend.domain import metric_queries, scaling_findings
from backend.domain.scaling import PolicyFlaw
from backend.domain.scaling_findings import SpanFlaw
from backend.domain.steps import TooManySteps
from translators.autoscaling.refusals import validation
from translators.errors import AWSError, Table

_STEP_END: Final = (
    "There must be a StepAdjustment with an unspecified {end} bound (i.e., {end} bound is null) when one StepAdjustment"
    " has a {sign} {end} bound"
)
_POLICY_FLAWS: Final[Mapping[str, str]] = {
    PolicyFlaw.NO_ADJUSTMENT: "You must specify an AdjustmentType for policy type: {given}",
    PolicyFlaw.NO_AMOUNT: "Scaling increment must be specified for a SimpleScaling policy",
    PolicyFlaw.NO_STEPS: "You should specify at least one StepAdjustment with a StepScaling policy.",
    PolicyFlaw.MANY_STEPS: "Your policies can have at most 20 StepAdjustments.",
    PolicyFlaw.NEGATIVE_AMOUNT: "The lower range for adjustment is 0 with the specified adjustment type.",
    PolicyFlaw.NEGATIVE_STEP: "The lowest value for ScalingAdjustment parameter is 0 with the specified adjustment"
    " type. Erroneous StepAdjustment is {given}",
    PolicyFlaw.NO_UPPER_END: _STEP_END.format(end="upper", sign="positive"),
    PolicyFlaw.NO_LOWER_END: _STEP_END.format(end="lower", sign="negative"),  # the mirror: unsourced
    PolicyFlaw.ENDLESS_STEP: "Both lower and upper bounds of a step adjustment cannot be left unspecified",
    PolicyFlaw.TARGET: "Target value must be between 8.51592E-12 and 1.174271E17",
    PolicyFlaw.TRACKED_TWICE: "Only one TargetTrackingScaling policy for a given metric specification is allowed.",
    # Source: stackd alb_policy_bound_native, of a sibling service.
    PolicyFlaw.LABEL: "Invalid resource label '{given}' for predefined metric type ALBRequestCountPerTarget",
    PolicyFlaw.LABEL_OF_NO_SOURCE: "Target group {given} is not attached to the Auto Scaling group",
    PolicyFlaw.ROOM_MISSING: "You must specify max capacity buffer when using IncreaseMaxCapacity",
    PolicyFlaw.ROOM: "You must not specify max capacity buffer when using HonorMaxCapacity",
    # unsourced, as are those that follow
    PolicyFlaw.EMPTY_STEP: "The upper bound must be greater than the lower bound. Erroneous StepAdjustment is {given}",
    PolicyFlaw.OVERLAP: "StepAdjustment intervals can't overlap",
    PolicyFlaw.GAP: "StepAdjustment intervals can't have gaps between them",
    PolicyFlaw.TWO_UPPER_ENDS: "At most one StepAdjustment may have an unspecified upper bound",
    PolicyFlaw.TWO_LOWER_ENDS: "At most one StepAdjustment may have an unspecified lower bound",
    PolicyFlaw.LABEL_MISSING: "ResourceLabel must be specified for predefined metric type ALBRequestCountPerTarget",
    PolicyFlaw.NEGATIVE_COOLDOWN: "Cooldown must be non-negative",
    PolicyFlaw.NEGATIVE_WARMUP: "EstimatedInstanceWarmup must be non-negative",
    # SchedulingBufferTime: of its bounds the manual tells.
    PolicyFlaw.BUFFER: "SchedulingBufferTime must be less than 3600",
    PolicyFlaw.MAGNITUDE_WITHOUT_PERCENT: "MinAdjustmentMagnitude is only supported for the adjustment type"
    " PercentChangeInCapacity",
}
"""What is wrong with a scaling policy.

Source: badmintoncryer/cdk-preflight; aws/aws-cdk #28794; Netflix/asgard #704; terraform-provider-aws #9077, #34408, and
#4812 of a sibling service.
"""


_SPANS: Final[Mapping[str, str]] = {
    SpanFlaw.BACKWARDS: "StartTime must be before EndTime",
    SpanFlaw.LONG: "The time between StartTime and EndTime must not be more than 30 days",
    SpanFlaw.OLD: "StartTime must not be more than one year in the past",
}


def _policy(found: scaling_findings.PolicyRefused) -> AWSError:
    return validation(_POLICY_FLAWS[found.flaw].format(given=found.given))


def _breach(found: scaling_findings.BreachMissing) -> AWSError:
    if found.given:  # unsourced
        return validation(f"MetricValue and BreachThreshold are not supported for policy type: {found.kind}")
    return validation(f"MetricValue and BreachThreshold are required for policy type: {found.kind}")  # unsourced


def _no_step(found: scaling_findings.NoStepFound) -> AWSError:
    # Source: alarm histories that users showed (DFE-Digital #58, mapbox/watchbot #187).
    points = ", ".join(str(float(point)) for point in found.points)
    return validation(
        f"No step adjustment found for metric value [{points}] and breach threshold {float(found.threshold)}"
    )


def incorrect(query_id: str, reason: str = "") -> str:
    """What is said of a query that CloudWatch would refuse; what stands between object and has is unsourced."""
    words = f"The MetricDataQuery object {query_id} has a problem or incorrect syntax"
    return f"{words}: {reason}" if reason else words


TABLE: Final[Table] = {
    scaling_findings.PolicyRefused: _policy,
    # Source of the beginning: badmintoncryer/cdk-preflight; the rest is CloudWatch's own refusal.
    metric_queries.ExpressionRefused: lambda found: validation(
        f"Unable to create alarms in CloudWatch: Error in expression '{found.query}' [{found.reason}]"
    ),
    TooManySteps: lambda _: validation("Unable to create alarms in CloudWatch: the expression is too costly."),
    # unsourced; clients look for "not found"
    scaling_findings.ScalingPolicyNotFound: lambda found: validation(f"Scaling policy '{found.name}' not found"),
    scaling_findings.PolicyNotExecutable: lambda found: validation(  # unsourced
        f"Policies of type {found.kind} cannot be executed. Policy: {found.name}"
    ),
    scaling_findings.PolicyDisabled: lambda found: validation(f"Policy {found.name} is disabled"),  # unsourced
    scaling_findings.BreachMissing: _breach,
    # unsourced, as are the two that follow
    scaling_findings.PolicyNotPredictive: lambda found: validation(
        f"Policies of type {found.kind} have no forecast. Policy: {found.name}"
    ),
    scaling_findings.ForecastMissing: lambda found: validation(f"There is no forecast for policy {found.name} yet"),
    scaling_findings.ForecastOutOfBounds: lambda found: validation(_SPANS[found.flaw]),
    scaling_findings.GaugeRefused: lambda found: validation(incorrect(found.query, found.reason)),
    scaling_findings.NoStepFound: _no_step,
}
