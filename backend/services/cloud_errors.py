"""From what a cloud answers to what the backend found: one way for every service that asks the cloud."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from backend import errors
from backend.domain import (
    address_findings,
    balancer_findings,
    image_findings,
    key_pair_findings,
    launch_findings,
    network_findings,
    prefix_list_findings,
    security_group_findings,
    server_findings,
    volume_findings,
)
from backend.domain.ids import short_id
from backend.drivers import errors as cloud


def finding_of(error: cloud.CloudError, *, type: str = "", image: str = "", zone: str = "") -> errors.Finding:  # noqa: A002
    """The finding that tells what the cloud answered.

    Args:
        error: what a port or the resolution of a server raised.
        type: the instance type that was asked for, where known; some findings name it.
        image: the image's short id, likewise.
        zone: the zone, likewise.

    Returns:
        A finding to raise; CloudRefused for a refusal that has none of its own.
    """
    if isinstance(error, cloud.PartlyMade):
        return finding_of(error.refusal, type=type, image=image, zone=zone)
    if isinstance(error, cloud.OutcomeUnknown):
        return errors.OutcomeUnclear(str(error))
    if not isinstance(error, cloud.Refused):
        return errors.CloudNotReached(str(error))
    return _refusal(error, type, image, zone)


def _refusal(error: cloud.Refused, type_name: str, image: str, zone: str) -> errors.Finding:
    detail = error.detail
    match error:
        case cloud.ServerNotFound():
            return server_findings.ServerUnknown(detail)
        case cloud.ServerStateConflict():
            return server_findings.ServerConflict("", detail)
        case cloud.Unsupported():
            return launch_findings.LaunchUnsupported(detail)
        case cloud.ProfileIncomplete():
            return launch_findings.ProfileIncomplete(detail)
        case cloud.ImageNotFound():
            return image_findings.ImageNotFound(detail)
        case cloud.FlavorNotFound():
            return launch_findings.TypeNotFound(type_name or detail)
        case cloud.FlavorNotSupported():
            return launch_findings.TypeNotSupported(type_name, detail, image)
        case cloud.KeyPairNotFound():
            return key_pair_findings.KeyPairNotFound(detail)
        case cloud.SecurityGroupNotFound():
            return security_group_findings.SecurityGroupNotFound(detail)
        case cloud.SubnetNotFound():
            return launch_findings.SubnetNotFound(detail)
        case cloud.QuotaExceeded():
            return errors.QuotaExceeded(error.resource, error.requested, error.limit)
        case _:
            return _room(error, type_name, zone)


_TOLD: Final[Mapping[type[cloud.Refused], Callable[[str], errors.Finding]]] = {
    cloud.NoVolumes: volume_findings.NoVolumes,
    cloud.VolumeNotFound: volume_findings.VolumeNotFound,
    cloud.VolumeConflict: lambda detail: volume_findings.VolumeConflict("", detail=detail),
    cloud.SnapshotNotFound: volume_findings.SnapshotNotFound,
    cloud.AddressTaken: network_findings.AddressTaken,
    cloud.AddressUnfit: network_findings.AddressUnfit,
    cloud.InterfaceNotFound: lambda detail: address_findings.InterfaceMissing(short_id(detail)),
    cloud.InterfaceInUse: lambda detail: address_findings.InterfaceInUse(short_id(detail)),
    cloud.NoAddressGroups: lambda _: prefix_list_findings.ListsUnsupported(),
    cloud.AddressGroupNotFound: lambda _: prefix_list_findings.ListTwinMissing(),
    cloud.AddressGroupInUse: lambda _: prefix_list_findings.ListTwinInUse(),
    cloud.GroupInUse: security_group_findings.SecurityGroupInUse,
    cloud.ServerGroupNotFound: server_findings.ServerGroupNotFound,
    cloud.PartitionNotFound: server_findings.PartitionNotFound,
    cloud.PoolNotFound: balancer_findings.PoolNotFound,
    cloud.Busy: balancer_findings.PoolBusy,
}
"""Refusals that are findings with the same words."""


def _room(error: cloud.Refused, type_name: str, zone: str) -> errors.Finding:
    detail = error.detail
    if same := _TOLD.get(type(error)):
        return same(detail)
    match error:
        case cloud.VolumeTooSmall():
            return volume_findings.VolumeTooSmall(error.size, error.least, error.snapshot)
        case cloud.NoCapacity():
            return launch_findings.NoCapacity(type_name, zone)
        case cloud.NoAddresses():
            return network_findings.NoAddresses(detail)
        case cloud.NetworkMissing():
            return launch_findings.NetworkMissing(detail)
        case cloud.PoolNotFound():
            return balancer_findings.PoolNotFound(detail)
        case cloud.Busy():
            return balancer_findings.PoolBusy(detail)
        case cloud.NoBalancing():
            return balancer_findings.NoBalancing()
        case cloud.RegionNotOpened():
            return errors.RegionNotOpened(detail)
        case cloud.NotAuthorized():
            return errors.NotPermitted(detail)
        case _:
            return errors.CloudRefused(detail)
