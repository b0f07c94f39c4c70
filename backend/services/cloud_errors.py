"""From what a cloud answers to what the backend found: one way for every service that asks the cloud."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from backend import errors
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
            return errors.ServerUnknown(detail)
        case cloud.ServerStateConflict():
            return errors.ServerConflict("", detail)
        case cloud.Unsupported():
            return errors.LaunchUnsupported(detail)
        case cloud.ProfileIncomplete():
            return errors.ProfileIncomplete(detail)
        case cloud.ImageNotFound():
            return errors.ImageNotFound(detail)
        case cloud.FlavorNotFound():
            return errors.TypeNotFound(type_name or detail)
        case cloud.FlavorNotSupported():
            return errors.TypeNotSupported(type_name, detail, image)
        case cloud.KeyPairNotFound():
            return errors.KeyPairNotFound(detail)
        case cloud.SecurityGroupNotFound():
            return errors.SecurityGroupNotFound(detail)
        case cloud.SubnetNotFound():
            return errors.SubnetNotFound(detail)
        case cloud.QuotaExceeded():
            return errors.QuotaExceeded(error.resource, error.requested, error.limit)
        case _:
            return _room(error, type_name, zone)


_TOLD: Final[Mapping[type[cloud.Refused], Callable[[str], errors.Finding]]] = {
    cloud.NoVolumes: errors.NoVolumes,
    cloud.VolumeNotFound: errors.VolumeNotFound,
    cloud.VolumeConflict: lambda detail: errors.VolumeConflict("", detail=detail),
    cloud.SnapshotNotFound: errors.SnapshotNotFound,
    cloud.AddressTaken: errors.AddressTaken,
    cloud.AddressUnfit: errors.AddressUnfit,
    cloud.GroupInUse: errors.SecurityGroupInUse,
    cloud.PoolNotFound: errors.PoolNotFound,
    cloud.Busy: errors.PoolBusy,
}
"""Refusals that are findings with the same words."""


def _room(error: cloud.Refused, type_name: str, zone: str) -> errors.Finding:
    detail = error.detail
    if same := _TOLD.get(type(error)):
        return same(detail)
    match error:
        case cloud.VolumeTooSmall():
            return errors.VolumeTooSmall(error.size, error.least, error.snapshot)
        case cloud.NoCapacity():
            return errors.NoCapacity(type_name, zone)
        case cloud.NoAddresses():
            return errors.NoAddresses(detail)
        case cloud.ServerGroupNotFound():
            return errors.ServerGroupNotFound(detail)
        case cloud.NetworkMissing():
            return errors.NetworkMissing(detail)
        case cloud.PoolNotFound():
            return errors.PoolNotFound(detail)
        case cloud.Busy():
            return errors.PoolBusy(detail)
        case cloud.NoBalancing():
            return errors.NoBalancing()
        case cloud.RegionNotOpened():
            return errors.RegionNotOpened(detail)
        case cloud.NotAuthorized():
            return errors.NotPermitted(detail)
        case _:
            return errors.CloudRefused(detail)
