"""Why something failed, from what the cloud said, or that it said nothing. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from backend.domain.activity import Reason, ReasonKind
from backend.domain.ids import short_id
from backend.drivers import errors

_NO_HOST = "no valid host"
_NO_ADDRESS = "no fixed ip addresses available"
_QUOTA = re.compile(r"Quota exceeded for (\w+)[\w, ]*: Requested (\d+)[\d, ]*, but already used [\d, ]+ of (\d+)")


def reason_of(error: errors.CloudError, instance_type: str, zone: str) -> Reason:
    """The reason that an activity names.

    Args:
        instance_type, zone: what was asked for, and where.
    """
    if isinstance(error, errors.PartlyMade):
        return reason_of(error.refusal, instance_type, zone)
    for kind, reason in _REASONS.items():
        if isinstance(error, kind):
            return reason(error, {"type": instance_type, "zone": zone})
    return Reason(ReasonKind.CLOUD_REFUSED, {"detail": str(error)})


def reason_of_fault(fault: str | None, instance_type: str, zone: str, subnet_id: str | None = None) -> Reason:
    """The reason of a server that went into error, from the cloud's words about it.

    Source: Nova tells a full zone, and a full subnet, only after it accepted the server: ``No valid host was found``,
    ``No fixed IP addresses available for network``; and a quota, where requests overtook each other.
    """
    if fault and _NO_HOST in fault.lower():
        return Reason(ReasonKind.NO_CAPACITY, {"type": instance_type, "zone": zone})
    if fault and _NO_ADDRESS in fault.lower():
        return Reason(ReasonKind.NO_ADDRESSES, {"subnet": short_id(subnet_id or "")})
    if found := _QUOTA.search(fault or ""):
        data: dict[str, str | int] = {"resource": found[1], "requested": int(found[2]), "limit": int(found[3])}
        return Reason(ReasonKind.QUOTA, {**data, "type": instance_type})
    return Reason(ReasonKind.SERVER_ERROR, {"detail": fault or "the server went into error"})


def _detail(kind: ReasonKind, name: str) -> Callable[[errors.CloudError, Mapping[str, str]], Reason]:
    return lambda error, _where: Reason(kind, {name: _words(error)})


def _words(error: errors.CloudError) -> str:
    return error.detail if isinstance(error, errors.Refused) else str(error)


def _no_pool(_error: errors.CloudError, _where: Mapping[str, str]) -> Reason:
    return Reason(ReasonKind.SOURCE_NOT_FOUND)


def _no_balancing(_error: errors.CloudError, _where: Mapping[str, str]) -> Reason:
    return Reason(ReasonKind.CLOUD_REFUSED, {"detail": "The cloud has no load balancing service."})


def _type(_error: errors.CloudError, where: Mapping[str, str]) -> Reason:
    return Reason(ReasonKind.TYPE_NOT_SUPPORTED, dict(where))


def _capacity(_error: errors.CloudError, where: Mapping[str, str]) -> Reason:
    return Reason(ReasonKind.NO_CAPACITY, dict(where))


def _quota(error: errors.CloudError, where: Mapping[str, str]) -> Reason:
    assert isinstance(error, errors.QuotaExceeded)
    data: dict[str, str | int] = {"resource": error.resource, "requested": error.requested, "limit": error.limit}
    return Reason(ReasonKind.QUOTA, {**data, "type": where["type"]})


def _subnet(error: errors.CloudError, _where: Mapping[str, str]) -> Reason:
    return Reason(ReasonKind.SUBNET_NOT_FOUND, {"subnet": short_id(_words(error))})


def _no_subnet(_error: errors.CloudError, where: Mapping[str, str]) -> Reason:
    detail = f"No default subnet for availability zone: '{where['zone']}'."
    return Reason(ReasonKind.CLOUD_REFUSED, {"detail": detail})


def _no_partition(error: errors.CloudError, _where: Mapping[str, str]) -> Reason:
    return Reason(ReasonKind.CLOUD_REFUSED, {"detail": f"The placement group has no partition {_words(error)}."})


_REASONS: dict[type[errors.CloudError], Callable[[errors.CloudError, Mapping[str, str]], Reason]] = {
    errors.ImageNotFound: _detail(ReasonKind.IMAGE_NOT_FOUND, "image"),
    errors.KeyPairNotFound: _detail(ReasonKind.KEY_PAIR_NOT_FOUND, "name"),
    errors.SecurityGroupNotFound: _detail(ReasonKind.SECURITY_GROUP_NOT_FOUND, "group"),
    errors.ServerGroupNotFound: _detail(ReasonKind.SERVER_GROUP_NOT_FOUND, "group"),
    errors.PartitionNotFound: _no_partition,
    errors.SubnetNotFound: _subnet,
    errors.NetworkMissing: _no_subnet,
    errors.FlavorNotFound: _detail(ReasonKind.TYPE_NOT_FOUND, "type"),
    errors.FlavorNotSupported: _type,
    errors.ProfileIncomplete: _detail(ReasonKind.PROFILE_INCOMPLETE, "missing"),
    errors.NoCapacity: _capacity,
    errors.QuotaExceeded: _quota,
    errors.NoAddresses: _detail(ReasonKind.NO_ADDRESSES, "subnet"),
    errors.PoolNotFound: _no_pool,
    errors.NoBalancing: _no_balancing,
    errors.NotAuthorized: _detail(ReasonKind.NOT_AUTHORIZED, "detail"),
    errors.CloudUnavailable: _detail(ReasonKind.CLOUD_UNREACHED, "detail"),
    errors.OutcomeUnknown: _detail(ReasonKind.OUTCOME_UNKNOWN, "detail"),
}
