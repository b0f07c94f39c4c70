"""Group metrics: switch on and off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from translators.autoscaling.errors import validation
from translators.autoscaling.group_words import GRANULARITY
from translators.registry import Call, Result, operation

_INSTANCES: Final = tuple(
    f"Group{what}Instances" for what in ("InService", "Pending", "Standby", "Terminating", "Total")
)
_CAPACITY: Final = tuple(f"Group{what}Capacity" for what in ("InService", "Pending", "Standby", "Terminating", "Total"))
_WARM_POOL: Final = (
    *(f"WarmPool{what}Capacity" for what in ("Desired", "Warmed", "Pending", "Terminating", "Total")),
    *(f"GroupAndWarmPool{what}Capacity" for what in ("Desired", "Total")),
)
METRICS: Final = ("GroupMinSize", "GroupMaxSize", "GroupDesiredCapacity", *_INSTANCES, *_CAPACITY, *_WARM_POOL)


@operation("autoscaling", "EnableMetricsCollection")
def enable(call: Call) -> Result:
    granularity = call.params["Granularity"]
    if granularity != GRANULARITY:
        raise validation(f"Invalid granularity: {granularity}. Valid granularities: [{GRANULARITY}]")
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
    unknown = [name for name in named if name not in METRICS]
    if unknown:
        raise validation(f"Invalid metrics: [{', '.join(unknown)}]. Valid metrics: [{', '.join(METRICS)}]")
    return named or METRICS
