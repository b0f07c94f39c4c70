"""Processes of groups: suspend and resume."""

from __future__ import annotations

from backend.domain.cluster import Process
from backend.domain.cluster_findings import ClusterDeleting
from translators.autoscaling.errors import validation
from translators.registry import Call, Result, operation


@operation("autoscaling", "SuspendProcesses")
def suspend(call: Call) -> Result:
    try:
        call.backend.clusters.suspend(call.scope, call.params["AutoScalingGroupName"], _processes(call))
    except ClusterDeleting as found:
        # unsourced
        raise validation("Processes may not be suspended while the AutoScaling group is pending delete") from found
    return {}


@operation("autoscaling", "ResumeProcesses")
def resume(call: Call) -> Result:
    try:
        call.backend.clusters.resume(call.scope, call.params["AutoScalingGroupName"], _processes(call))
    except ClusterDeleting as found:
        # unsourced
        raise validation("Processes may not be resumed while the AutoScaling group is pending delete") from found
    return {}


def _processes(call: Call) -> list[Process]:
    """The processes named; none means all.

    Raises:
        AWSError: a name that is no process.
    """
    known = set(Process)
    named = call.params.get("ScalingProcesses") or ()
    unknown = [name for name in named if name not in known]
    if unknown:
        # unsourced
        raise validation(f"Invalid scaling process types: [{', '.join(unknown)}]. Valid types: [{', '.join(Process)}]")
    return [Process(name) for name in named]
