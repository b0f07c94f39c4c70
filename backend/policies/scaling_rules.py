"""What a scaling policy must say to be one. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from backend.domain.ids import balancing_id
from backend.domain.prediction import MOST_BUFFER_SECONDS, MaximumBreach, Prediction
from backend.domain.scaling import Adjustment, PolicyFlaw, PolicyKind, ScalingPolicy, Step, WantedPolicy
from backend.domain.scaling_findings import ForecastOutOfBounds, PolicyRefused, SpanFlaw
from backend.domain.tracking import Predefined, Tracking
from backend.domain.traffic import TrafficSource

MOST_STEPS: Final = 20
# Source: badmintoncryer/cdk-preflight pf-asg-target-value-positive.
_LEAST_TARGET: Final = 8.51592e-12
_MOST_TARGET: Final = 1.174271e17
LONGEST_SPAN: Final = timedelta(days=30)
OLDEST_FORECAST: Final = timedelta(days=365)
_LABEL: Final = re.compile(r"app/[^/]+/[^/]+/targetgroup/[^/]+/[^/]+")


def check(wanted: WantedPolicy) -> None:
    """Refuse a simple or step policy that says too little, or contradicts itself.

    Raises:
        PolicyRefused

    Source: Amazon EC2 Auto Scaling API Reference, "PutScalingPolicy", "StepAdjustment".
    """
    if wanted.cooldown_seconds is not None and wanted.cooldown_seconds < 0:
        raise PolicyRefused(PolicyFlaw.NEGATIVE_COOLDOWN)
    if wanted.warmup_seconds is not None and wanted.warmup_seconds < 0:
        raise PolicyRefused(PolicyFlaw.NEGATIVE_WARMUP)
    if wanted.tracking is not None:
        check_tracking(wanted.tracking)
    if wanted.prediction is not None:
        check_prediction(wanted.prediction)
    if wanted.kind not in {PolicyKind.SIMPLE, PolicyKind.STEP}:
        return
    if wanted.adjustment is None:
        raise PolicyRefused(PolicyFlaw.NO_ADJUSTMENT, str(wanted.kind))
    if wanted.magnitude is not None and wanted.adjustment is not Adjustment.PERCENT:
        raise PolicyRefused(PolicyFlaw.MAGNITUDE_WITHOUT_PERCENT)
    if wanted.kind is PolicyKind.STEP:
        check_steps(wanted.steps, wanted.adjustment)
    elif wanted.amount is None:
        raise PolicyRefused(PolicyFlaw.NO_AMOUNT)
    elif wanted.adjustment is Adjustment.EXACT and wanted.amount < 0:
        raise PolicyRefused(PolicyFlaw.NEGATIVE_AMOUNT)


def check_steps(steps: Sequence[Step], adjustment: Adjustment) -> None:
    """Refuse steps that overlap or leave a gap, or that do not go on for ever on the side where they are.

    Raises:
        PolicyRefused
    """
    if not steps:
        raise PolicyRefused(PolicyFlaw.NO_STEPS)
    if len(steps) > MOST_STEPS:
        raise PolicyRefused(PolicyFlaw.MANY_STEPS)
    for step in steps:
        _check_step(step, adjustment)
    if sum(step.lower is None for step in steps) > 1:
        raise PolicyRefused(PolicyFlaw.TWO_LOWER_ENDS)
    if sum(step.upper is None for step in steps) > 1:
        raise PolicyRefused(PolicyFlaw.TWO_UPPER_ENDS)
    ordered = sorted(steps, key=_lower)
    for one, next_ in pairwise(ordered):
        if _upper(one) > _lower(next_):
            raise PolicyRefused(PolicyFlaw.OVERLAP)
        if _upper(one) < _lower(next_):
            raise PolicyRefused(PolicyFlaw.GAP)
    if any(step.upper is not None and step.upper > 0 for step in steps) and ordered[-1].upper is not None:
        raise PolicyRefused(PolicyFlaw.NO_UPPER_END)
    if any(step.lower is not None and step.lower < 0 for step in steps) and ordered[0].lower is not None:
        raise PolicyRefused(PolicyFlaw.NO_LOWER_END)


def check_tracking(tracking: Tracking) -> None:
    """Refuse a target that is none, and a label that is none.

    Raises:
        PolicyRefused
    """
    if not _LEAST_TARGET <= tracking.target <= _MOST_TARGET:
        raise PolicyRefused(PolicyFlaw.TARGET)
    if tracking.predefined is not Predefined.REQUESTS:
        return
    if tracking.label is None:
        raise PolicyRefused(PolicyFlaw.LABEL_MISSING)
    if not _LABEL.fullmatch(tracking.label):
        raise PolicyRefused(PolicyFlaw.LABEL, tracking.label)


def check_prediction(prediction: Prediction) -> None:
    """Refuse a target that is none, a label that is none, a buffer of an hour, and a maximum that is raised by nothing.

    Raises:
        PolicyRefused
    """
    if not _LEAST_TARGET <= prediction.target <= _MOST_TARGET:
        raise PolicyRefused(PolicyFlaw.TARGET)
    if prediction.buffer_seconds is not None and not 0 <= prediction.buffer_seconds < MOST_BUFFER_SECONDS:
        raise PolicyRefused(PolicyFlaw.BUFFER)
    raises = prediction.breach is MaximumBreach.INCREASE
    if raises and prediction.maximum_percent is None:
        raise PolicyRefused(PolicyFlaw.ROOM_MISSING)
    if not raises and prediction.maximum_percent is not None:
        raise PolicyRefused(PolicyFlaw.ROOM)
    for label in prediction.labels:
        if not _LABEL.fullmatch(label):
            raise PolicyRefused(PolicyFlaw.LABEL, label)


def check_sources(labels: Sequence[str], sources: Sequence[TrafficSource]) -> None:
    """Refuse labels of target groups that are none of a cluster's sources.

    Raises:
        PolicyRefused
    """
    for label in labels:
        group = label.rpartition("/")[2]
        if not any(balancing_id(source.pool_id) == group for source in sources if source.wanted):
            named = label.partition("/targetgroup/")[2]
            raise PolicyRefused(PolicyFlaw.LABEL_OF_NO_SOURCE, f"targetgroup/{named}")


def check_span(start: datetime, end: datetime, now: datetime) -> None:
    """Refuse hours of a forecast that are too old or too many.

    Raises:
        ForecastOutOfBounds

    Source: Amazon EC2 Auto Scaling API Reference, "GetPredictiveScalingForecast".
    """
    if start >= end:
        raise ForecastOutOfBounds(SpanFlaw.BACKWARDS)
    if end - start > LONGEST_SPAN:
        raise ForecastOutOfBounds(SpanFlaw.LONG)
    if start < now - OLDEST_FORECAST:
        raise ForecastOutOfBounds(SpanFlaw.OLD)


def check_tracked(tracking: Tracking, others: Iterable[ScalingPolicy], sources: Sequence[TrafficSource]) -> None:
    """Refuse a metric that another policy of the cluster tracks, and a target group that is none of its sources.

    Args:
        others: policies of the cluster beside the one that is written.

    Raises:
        PolicyRefused
    """
    for other in others:
        if other.tracking is not None and Tracking.of(other.tracking).measured == tracking.measured:
            raise PolicyRefused(PolicyFlaw.TRACKED_TWICE)
    if tracking.predefined is Predefined.REQUESTS:
        check_sources([tracking.label or ""], sources)


def _check_step(step: Step, adjustment: Adjustment) -> None:
    if step.lower is None and step.upper is None:
        raise PolicyRefused(PolicyFlaw.ENDLESS_STEP)
    if _lower(step) >= _upper(step):
        raise PolicyRefused(PolicyFlaw.EMPTY_STEP, printed(step))
    if adjustment is Adjustment.EXACT and step.amount < 0:
        raise PolicyRefused(PolicyFlaw.NEGATIVE_STEP, printed(step))


def _lower(step: Step) -> float:
    return -math.inf if step.lower is None else step.lower


def _upper(step: Step) -> float:
    return math.inf if step.upper is None else step.upper


def printed(step: Step) -> str:
    """A step as refusals print it. Source: badmintoncryer/cdk-preflight pf-asg-step-exactcapacity-nonnegative."""
    lower, upper = ("null" if end is None else str(float(end)) for end in (step.lower, step.upper))
    return (
        f"StepAdjustment{{MetricIntervalLowerBound={lower},MetricIntervalUpperBound={upper},"
        f"ScalingAdjustment={float(step.amount)},ProportionalFactor=null}}"
    )
