"""LaunchInstances: instances launched while the caller waits for their ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from backend.domain.activity import Activity, Reason, ReasonKind
from backend.domain.cluster import PlacementRequest
from backend.domain.cluster_findings import AboveMaximum
from backend.domain.direct_launches import Claim, DirectLaunch, Outcome
from backend.domain.token import ClientToken
from backend.services.direct_launches import SHORTEST, LaunchRequest
from translators import arns, paging
from translators.autoscaling import activity_words
from translators.autoscaling.errors import launch_suspended, validation
from translators.ec2.errors import QUOTA_CODES
from translators.errors import AWSError
from translators.registry import Call, NotYet, Result, operation

_PATIENCE: Final = 25.0
"""Seconds that a caller is kept waiting: less than clients and what stands between usually wait for an answer."""
_RETRY: Final = "retry-with-group-configuration"
_MARKETS: Final = ("OnDemand", "Spot")
_CODES: Final[Mapping[ReasonKind, str]] = {
    ReasonKind.IMAGE_NOT_FOUND: "InvalidAMIID.NotFound",
    ReasonKind.KEY_PAIR_NOT_FOUND: "InvalidKeyPair.NotFound",
    ReasonKind.SECURITY_GROUP_NOT_FOUND: "InvalidGroup.NotFound",
    ReasonKind.SERVER_GROUP_NOT_FOUND: "InvalidPlacementGroup.Unknown",
    ReasonKind.SUBNET_NOT_FOUND: "InvalidSubnetID.NotFound",
    ReasonKind.TYPE_NOT_FOUND: "InvalidInstanceType",
    ReasonKind.TYPE_NOT_SUPPORTED: "Unsupported",
    ReasonKind.PROFILE_NOT_FOUND: "InvalidLaunchTemplateId.NotFound",
    ReasonKind.TEMPLATE_VERSION_NOT_FOUND: "InvalidLaunchTemplateId.VersionNotFound",
    ReasonKind.IAM_PROFILE_NOT_FOUND: "InvalidParameterValue",
    ReasonKind.PROFILE_INCOMPLETE: "MissingParameter",
    ReasonKind.NO_CAPACITY: "InsufficientInstanceCapacity",
    ReasonKind.NO_ADDRESSES: "InsufficientFreeAddressesInSubnet",
    ReasonKind.NOT_AUTHORIZED: "UnauthorizedOperation",
    ReasonKind.CLOUD_REFUSED: "InvalidParameterValue",
    ReasonKind.CLOUD_UNREACHED: "Unavailable",
    ReasonKind.LAUNCH_LOST: "Unavailable",
}
"""EC2's codes, as its launches are refused with them; a reason that is none of the launch's own is InternalError."""


@operation("autoscaling", "LaunchInstances")
def launch(call: Call) -> Result:
    params = call.params
    token = ClientToken(call.operation, params["ClientToken"], paging.fingerprint(call))
    retries = params.get("RetryStrategy") == _RETRY
    wanted = LaunchRequest(
        params["AutoScalingGroupName"], params["RequestedCapacity"], token, _placement(params), retries
    )
    launches = call.backend.direct_launches
    try:
        with launch_suspended("launch instances into"):
            asked, before = launches.ask(call.scope, wanted)
    except AboveMaximum as found:
        raise validation(  # unsourced
            f"Launching {found.count} more {'instance' if found.count == 1 else 'instances'} would exceed the max size"
            f" {found.maximum} of AutoScalingGroup {found.cluster}."
        ) from found
    if asked.done_at is not None:
        return _told(call, launches.outcome(call.scope, asked))
    # Whoever comes with a token that is at work has not waited yet; who asked first comes back after a pause.
    mine = not before or call.waited >= SHORTEST
    if not mine or not call.may_wait or call.waited >= _PATIENCE:
        raise AWSError(  # unsourced
            "IdempotentCallInProgress",
            "The instances are being launched. Retry the request with the same client token.",
            500,
        )
    raise NotYet(_PATIENCE - call.waited, launches.pause(call.waited))


def _placement(params: Mapping[str, Any]) -> PlacementRequest:
    zones, zone_ids = params.get("AvailabilityZones"), params.get("AvailabilityZoneIds")
    if zones and zone_ids:
        # unsourced
        raise validation("You cannot specify both AvailabilityZones and AvailabilityZoneIds in the same request.")
    subnets = tuple(arns.short_of(arns.SUBNET, text) or text for text in params.get("SubnetIds") or ())
    return PlacementRequest(tuple(zones or ()) or None, tuple(zone_ids or ()) or None, subnets or None)


def _told(call: Call, outcome: Outcome) -> Result:
    """Instances by type and place, and what kept the others from being made, each told once."""
    launch = outcome.launch
    zone_ids = call.backend.catalog.zone_ids(call.scope, {launch.zone})
    instances: dict[str, dict[str, Any]] = {}
    errors: dict[str, dict[str, Any]] = {}
    for claim, entry in outcome.entries:
        place = _place(launch, claim, entry, zone_ids)
        if entry is not None and entry.server_id is not None:
            made = instances.setdefault(str(place), {**place, "InstanceIds": []})
            made["InstanceIds"].append(arns.instance_id(entry.server_id))
        else:
            error = {**place, **_error(entry)}
            errors.setdefault(str(error), error)
    return {
        "AutoScalingGroupName": launch.cluster_name,
        "ClientToken": launch.token,
        "Instances": list(instances.values()),
        "Errors": list(errors.values()),
    }


def _place(launch: DirectLaunch, claim: Claim, entry: Activity | None, zone_ids: Mapping[str, str]) -> dict[str, Any]:
    subnet = launch.subnet_id if entry is None else entry.subnet_id or launch.subnet_id
    members = {
        "InstanceType": claim.instance_type or None,
        "MarketType": _MARKETS[claim.preemptible],
        "SubnetId": None if subnet is None else arns.subnet_id(subnet),
        "AvailabilityZone": launch.zone,
        "AvailabilityZoneId": zone_ids.get(launch.zone),
    }
    return {name: value for name, value in members.items() if value is not None}


def _error(entry: Activity | None) -> dict[str, str]:
    reason = entry.reason if entry is not None else None
    if reason is None:  # ended by another request before the cloud had answered
        reason = Reason(ReasonKind.SUPERSEDED)
    code = _CODES.get(reason.kind, "InternalError")
    if reason.kind is ReasonKind.QUOTA:
        code = QUOTA_CODES.get(str(reason.data.get("resource")), "VcpuLimitExceeded")
    return {"ErrorCode": code, "ErrorMessage": activity_words.reason(reason)}
