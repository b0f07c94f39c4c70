"""Group metrics: switch on and off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from translators.autoscaling.errors import validation
from translators.autoscaling.group_words import GRANULARITY
from translators.registry import Call, Result, operation

_COUNTED: Final = ("InService", "Pending", "Terminating", "TerminatingRetained", "Standby", "Total")
_WARM: Final = ("Desired", "Warmed", "Pending", "PendingRetained", "Terminating", "TerminatingRetained", "Total")
# The real service tells them in this order, as far as its refusal was recorded (to GroupTerminatingRetained...).
METRICS: Final = (
    "GroupMinSize",
    "GroupMaxSize",
    "GroupDesiredCapacity",
    *(f"Group{what}{unit}" for what in _COUNTED for unit in ("Instances", "Capacity")),
    *(f"WarmPool{what}Capacity" for what in _WARM),
    *(f"GroupAndWarmPool{what}Capacity" for what in ("Desired", "Total")),
)


@operation("autoscaling", "EnableMetricsCollection")
def enable(call: Call) -> Result:
    granularity = call.params["Granularity"]
    if granularity != GRANULARITY:
        raise validation(f"Invalid granularity: {granularity}. Valid granularities: [{GRANULARITY}]")  # unsourced
    call.backend.clusters.collect_metrics(call.scope, call.params["AutoScalingGroupName"], _metrics(call))
    return {}


@operation("autoscaling", "DisableMetricsCollection")
def disable(call: Call) -> Result:
    call.backend.clusters.drop_metrics(call.scope, call.params["AutoScalingGroupName"], _metrics(call))
    return {}


def _metrics(call: Call) -> Sequence[str]:
    """The metrics named; none means all.

    Raises:
        AWSError: a name that is no metric.
    """
    named: Sequence[str] = call.params.get("Metrics") or ()
    if not set(METRICS).issuperset(named):
        raise validation(f"Valid metrics collection types are: [{', '.join(METRICS)}]")
    return named or METRICS
