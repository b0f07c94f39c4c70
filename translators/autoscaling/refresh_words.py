"""Instance refreshes both ways: preferences as the engine takes them, and a refresh as AWS describes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from backend.domain.refreshes import Handling, Refresh, RefreshReason, RefreshStatus, RollbackCause
from translators import arns
from translators.autoscaling import group_words
from translators.autoscaling.errors import constraint, validation

Words = Mapping[str, str]
ALL: Final = 100
MOST_ALARMS: Final = 10


def preferences_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a RefreshRequest that preferences set; each was held against the model before.

    Raises:
        AWSError
    """
    least, most = given.get("MinHealthyPercentage"), given.get("MaxHealthyPercentage")
    if most is not None and least is None:
        raise validation(
            "If you specify MaxHealthyPercentage, you must also specify MinHealthyPercentage."
        )  # unsourced
    if most is not None and least is not None and most - least > ALL:
        raise validation(
            "The difference between MaxHealthyPercentage and MinHealthyPercentage must be less than or equal to 100."
        )
    checkpoints = tuple(given.get("CheckpointPercentages") or ())  # none at all is what an empty list says, too
    if any(after <= before for before, after in pairwise(checkpoints)):
        raise validation("Checkpoint percentages must be sorted in ascending order with no duplicates.")
    delay = given.get("CheckpointDelay")
    if delay is not None and not checkpoints:
        # unsourced
        raise validation("If you specify CheckpointDelay, you must also specify CheckpointPercentages.")
    alarms = tuple((given.get("AlarmSpecification") or {}).get("Alarms") or ())
    if len(alarms) > MOST_ALARMS:
        expected = f"Member must have length less than or equal to {MOST_ALARMS}"
        raise constraint(alarms, "preferences.alarmSpecification.alarms", expected)
    return {
        "minimum_percent": least,
        "maximum_percent": most,
        "warmup_seconds": given.get("InstanceWarmup"),
        "checkpoints": checkpoints,
        "checkpoint_seconds": delay,
        "skip_matching": bool(given.get("SkipMatching")),
        "auto_rollback": bool(given.get("AutoRollback")),
        "protected": _handling(given.get("ScaleInProtectedInstances")),
        "standby": _handling(given.get("StandbyInstances")),
        "alarms": alarms,
        "bake_seconds": given.get("BakeTime"),
    }


def _handling(given: str | None) -> Handling | None:
    return None if given is None else Handling(given)


def preferences(refresh: Refresh) -> dict[str, Any]:
    """RefreshPreferences: what counts always, what was given only then. Source: conformance/recorded refresh_native."""
    told: dict[str, Any] = {
        "MinHealthyPercentage": refresh.minimum_percent,
        "InstanceWarmup": refresh.warmup_seconds,
        "SkipMatching": refresh.skip_matching,
        "AutoRollback": refresh.auto_rollback,
        "AlarmSpecification": {"Alarms": list(refresh.alarms)} if refresh.alarms else {},
    }
    given = {
        "MaxHealthyPercentage": refresh.maximum_percent,
        "CheckpointPercentages": list(refresh.checkpoints) or None,
        "CheckpointDelay": refresh.checkpoint_seconds,
        "ScaleInProtectedInstances": refresh.protected,
        "StandbyInstances": refresh.standby,
        "BakeTime": refresh.bake_seconds,
    }
    return told | {name: value for name, value in given.items() if value is not None}


def refresh(item: Refresh, now: datetime) -> dict[str, Any]:
    """One InstanceRefresh."""
    told: dict[str, Any] = {
        "InstanceRefreshId": item.id,
        "AutoScalingGroupName": item.cluster_name,
        "Status": str(item.status),
        "StatusReason": status_reason(item, now),
        "StartTime": item.started_at,
        "EndTime": item.ended_at,
        "PercentageComplete": item.percent,
        "InstancesToUpdate": item.to_update,
        "Preferences": preferences(item),
        "Strategy": str(item.strategy),
    }
    if item.source is not None:
        told["DesiredConfiguration"] = group_words.launched_from(item.source, item.mix)
    told["ProgressDetails"] = _progress(
        (item.members_percent, item.members_to_update), (item.pool_percent, item.pool_to_update)
    )
    if item.rollback_cause is not None:
        back = {
            "RollbackReason": _ROLLBACKS[item.rollback_cause](item.rollback_data or {}),
            "RollbackStartTime": item.rollback_at,
            "PercentageCompleteOnRollback": item.rollback_percent,
            "InstancesToUpdateOnRollback": item.rollback_to_update,
            "ProgressDetailsOnRollback": _progress(
                (item.rollback_members_percent, item.rollback_members_to_update),
                (item.rollback_pool_percent, item.rollback_pool_to_update),
            ),
        }
        told["RollbackDetails"] = {name: value for name, value in back.items() if value is not None}
    return {name: value for name, value in told.items() if value is not None}


def _progress(live: tuple[int | None, int | None], warm: tuple[int | None, int | None]) -> dict[str, Any] | None:
    """InstanceRefreshProgressDetails, of groups with a warm pool alone. Source: the model."""
    if live[0] is None:
        return None
    return {
        "LivePoolProgress": {"PercentageComplete": live[0], "InstancesToUpdate": live[1]},
        "WarmPoolProgress": {"PercentageComplete": warm[0], "InstancesToUpdate": warm[1]},
    }


def status_reason(item: Refresh, now: datetime) -> str | None:
    """Why it stands as it does; None where there is nothing to say."""
    if item.status is RefreshStatus.BAKING and item.bakes_until is not None:
        left = max(0, round((item.bakes_until - now).total_seconds()))
        return f"Waiting for bake time to finish before continuing. There are {left} seconds left."
    if item.reason is None:
        return None
    return _REASONS[RefreshReason(item.reason["kind"])](item.reason)


def _server(data: Words) -> str:
    return arns.instance_id(data["server"])


def _waits(data: Words) -> str:
    """What it waited for when it was given up, as a sentence of its own."""
    if "waits" not in data:
        return ""
    return " " + _REASONS[RefreshReason(data["waits"])](data)


# Source: conformance/recorded refresh_native, and the Auto Scaling User Guide; of standby and of failures unsourced.
_REASONS: Final[Mapping[RefreshReason, Callable[[Words], str]]] = {
    RefreshReason.AVAILABLE: lambda data: (
        f"Waiting for remaining instances to be available. For example: {_server(data)} has insufficient data to"
        " evaluate its health with Amazon EC2."
    ),
    RefreshReason.WARMING: lambda data: (
        f"Waiting for instances to warm up before continuing. For example: {_server(data)} is warming up."
    ),
    RefreshReason.TERMINATING: lambda data: (
        f"Waiting for terminating instances before continuing. For example: {_server(data)} is terminating."
    ),
    RefreshReason.PROTECTED: lambda data: (
        f"Waiting for remaining instances to be available. For example: {_server(data)} is protected. Remove instance"
        " scale-in protection to continue."
    ),
    RefreshReason.STANDBY: lambda data: (
        f"Waiting for remaining instances to be available. For example: {_server(data)} is in Standby. Move the"
        " instance back to InService to continue."
    ),
    RefreshReason.CANCELLED: lambda _: "Cancelled due to user request.",
    RefreshReason.CANCELLED_AT_ONCE: lambda _: (
        "Cancelled without waiting for ongoing instance launches and terminations due to user request."
    ),
    RefreshReason.CLUSTER_DELETED: lambda _: "Cancelled because the Auto Scaling group is being deleted.",
    RefreshReason.STALLED: lambda data: f"Instance refresh made no progress for one hour.{_waits(data)}",
    RefreshReason.OVERDUE: lambda _: "Instance refresh did not complete within 14 days.",
    RefreshReason.ALARM: lambda data: f"CloudWatch alarm {data['alarm']} is in the ALARM state.",
}
# Source: conformance/recorded refresh_native of the first; the others unsourced.
_ROLLBACKS: Final[Mapping[RollbackCause, Callable[[Words], str]]] = {
    RollbackCause.USER: lambda _: "Rollback triggered due to user request.",
    RollbackCause.STALLED: lambda data: f"Rollback triggered because of no progress for one hour.{_waits(data)}",
    RollbackCause.OVERDUE: lambda _: "Rollback triggered because the instance refresh did not complete within 14 days.",
    RollbackCause.ALARM: lambda data: (
        f"Rollback triggered because CloudWatch alarm {data['alarm']} is in the ALARM state."
    ),
}
