"""The services' own words of refusal, as findings. Pure.

Nova tells most reasons in prose with one status for all, so the texts are what there is to go by. They are those of
``nova/exception.py`` and ``nova/api/openstack/compute/servers.py``; a text that is not known stays a plain refusal with
the cloud's own words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from backend.domain.ids import short_id
from backend.drivers import errors
from backend.drivers.compute import ServerRequest
from backend.drivers.openstack.rest import Declined

_QUOTA: Final = re.compile(
    r"Quota exceeded for (?P<resources>[\w, ]+): Requested (?P<requested>[-\d, ]+), but already used "
    r"(?P<used>[-\d, ]+) of (?P<limits>[-\d, ]+)",
)
_NEUTRON_QUOTA: Final = re.compile(r"Quota exceeded for resources: \[?'?(?P<resource>\w+)")
_TOO_MANY_GROUPS: Final = re.compile(r"too many server groups|server_groups is over limit", re.IGNORECASE)
_TOO_MANY_MEMBERS: Final = re.compile(r"too many servers in group|server_group_members is over limit", re.IGNORECASE)
_POLICY: Final = re.compile(
    r"policy (doesn't|does not) allow|disallowed by policy|You are not authorized", re.IGNORECASE
)

_NOT_NOW: Final = re.compile(r"invalid (volume|snapshot)|status must be|already attached|in-use", re.IGNORECASE)
_NO_IMAGE: Final = (
    r"can ?not find (requested image|image for rebuild)|image \S+ (could not be found|is not active|is not usable)"
    r"|image .* is (unacceptable|deactivated)|not authorized for image"
)
_TOO_SMALL: Final = r"flavor's (disk|memory) is (too small|smaller)"

_TASK: Final = re.compile(r"while it is in task_state (?P<task>[\w-]+)")
"""Source: nova/api/openstack/common.py, raise_http_conflict_for_instance_invalid_state."""

_Make = Callable[[Declined, ServerRequest], errors.Refused]


def _image(declined: Declined, request: ServerRequest) -> errors.Refused:
    return errors.ImageNotFound(short_id(request.image_id), request_id=declined.request_id)


def _flavor(declined: Declined, request: ServerRequest) -> errors.Refused:
    return errors.FlavorNotFound(request.flavor, request_id=declined.request_id)


def _unsuitable(declined: Declined, request: ServerRequest) -> errors.Refused:
    return errors.FlavorNotSupported(declined.message, request_id=declined.request_id)


def _key(declined: Declined, request: ServerRequest) -> errors.Refused:
    return errors.KeyPairNotFound(request.key_name or "", request_id=declined.request_id)


def _group(declined: Declined, request: ServerRequest) -> errors.Refused:
    named = next((group for group in request.security_group_ids if group in declined.message), None)
    named = named or next(iter(request.security_group_ids), "")
    return errors.SecurityGroupNotFound(short_id(named), request_id=declined.request_id)


def _server_group(declined: Declined, request: ServerRequest) -> errors.Refused:
    group = request.server_group
    return errors.ServerGroupNotFound(group.name if group else declined.message, request_id=declined.request_id)


def _network(declined: Declined, request: ServerRequest) -> errors.Refused:
    return errors.SubnetNotFound(request.subnet_id or declined.message, request_id=declined.request_id)


def _room(declined: Declined, request: ServerRequest) -> errors.Refused:
    return errors.NoCapacity(declined.message, request_id=declined.request_id)


def _taken(declined: Declined, request: ServerRequest) -> errors.Refused:
    return errors.AddressTaken(request.private_address or "", request_id=declined.request_id)


def _unfit(declined: Declined, request: ServerRequest) -> errors.Refused:
    return errors.AddressUnfit(request.private_address or "", request_id=declined.request_id)


def _addresses(declined: Declined, request: ServerRequest) -> errors.Refused:
    return errors.NoAddresses(short_id(request.subnet_id or ""), request_id=declined.request_id)


_TEXTS: Final[tuple[tuple[re.Pattern[str], _Make], ...]] = tuple(
    (re.compile(text, re.IGNORECASE), make)
    for text, make in (
        (_NO_IMAGE, _image),
        (r"flavor \S+ could not be found|can not find requested flavor", _flavor),
        (_TOO_SMALL, _unsuitable),
        (r"invalid key_name|key ?pair \S+ not found", _key),
        (r"security group \S+ (not found|could not be found|does not exist)|invalid security group", _group),
        (r"unable to find security_group", _group),
        (r"instance group \S+ could not be found", _server_group),
        (r"fixed ip address \S+ is already in use", _taken),
        (r"fixed ip(s)? \S+ is not a valid ip address|invalid fixed ip", _unfit),
        (r"no more ip addresses|no fixed ip addresses available|ip address generation failure", _addresses),
        (r"(subnet|network) \S+ (could not be found|requires a subnet)|no networks? defined", _network),
        (r"no valid host|requested availability zone is not available", _room),
    )
)


_OF_ADDRESSES: Final[Mapping[str, _Make]] = {
    "IpAddressAlreadyAllocated": _taken,
    "IpAddressInUse": _taken,
    "InvalidIpForSubnet": _unfit,
    "InvalidIpForNetwork": _unfit,
}
"""What Neutron calls a refusal of the address that was asked for."""


_OF_INTERFACES: Final = (
    (re.compile(r"port \S+ (is still in use|not usable)", re.IGNORECASE), errors.InterfaceInUse),
    (re.compile(r"port (id )?\S+ could not be found", re.IGNORECASE), errors.InterfaceNotFound),
)
"""Of the port that a server was to be on. Source: nova/exception.py, PortInUse, PortNotUsable, PortNotFound."""


def of_create(declined: Declined, request: ServerRequest, count: int) -> errors.CloudError:
    """Why a server was refused.

    Args:
        declined: Nova's answer to the POST, or Neutron's to that of a port.
        request: what was asked for.
        count: servers in the request.
    """
    if declined.kind == "IpAddressGenerationFailure":
        return _addresses(declined, request)
    if request.private_address and (make := _OF_ADDRESSES.get(declined.kind)):
        return make(declined, request)
    if request.interface_id is not None:
        for pattern, found in _OF_INTERFACES:
            if pattern.search(declined.message):
                return found(request.interface_id, request_id=declined.request_id)
    quota = _over_quota(declined, count)
    if quota is not None:
        return quota
    for pattern, make in _TEXTS:
        if pattern.search(declined.message):
            return make(declined, request)
    return of_any(declined)


def of_rebuild(declined: Declined, server_id: str, image_id: str) -> errors.CloudError:
    """Why an image was not written over a server's disk."""
    if declined.status == 400 and re.search(_NO_IMAGE, declined.message, re.IGNORECASE):
        return errors.ImageNotFound(short_id(image_id), request_id=declined.request_id)
    if declined.status == 400 and re.search(_TOO_SMALL, declined.message, re.IGNORECASE):
        return errors.FlavorNotSupported(declined.message, request_id=declined.request_id)
    return of_server(declined, server_id)


def of_server(declined: Declined, server_id: str) -> errors.CloudError:
    """Why an act on one server was refused.

    That it is gone is what Nova says of this very server: of another thing, or of a path that an older Nova lacks, it
    says that it could not be asked.
    """
    if declined.status == 404:
        if declined.kind == "itemNotFound" and server_id in declined.message:
            return errors.ServerNotFound(declined.message, request_id=declined.request_id)
        return errors.CloudUnavailable(f"of server {server_id} Nova says only: {declined}")
    if declined.status == 409:
        if task := _TASK.search(declined.message):
            rebooting = task["task"].startswith("reboot")
            return errors.ServerBusy(declined.message, rebooting=rebooting, request_id=declined.request_id)
        return errors.ServerStateConflict(declined.message, request_id=declined.request_id)
    return of_any(declined)


def of_volume(declined: Declined, volume_id: str) -> errors.CloudError:
    """Why an act on one volume was refused. That it is gone is what is said of this very volume."""
    if declined.status == 404:
        if volume_id and volume_id in declined.message:
            return errors.VolumeNotFound(volume_id, request_id=declined.request_id)
        return errors.CloudUnavailable(f"of volume {volume_id} the cloud says only: {declined}")
    if declined.status in {400, 409} and _NOT_NOW.search(declined.message):
        return errors.VolumeConflict(declined.message, request_id=declined.request_id)
    return _storage_quota(declined) or of_any(declined)


def of_snapshot(declined: Declined, snapshot_id: str) -> errors.CloudError:
    """Why a snapshot was not deleted, or a volume not made (of it)."""
    if declined.status == 404 and snapshot_id and snapshot_id in declined.message:
        return errors.SnapshotNotFound(snapshot_id, request_id=declined.request_id)
    if declined.status in {400, 409} and _NOT_NOW.search(declined.message):
        return errors.VolumeConflict(declined.message, request_id=declined.request_id)
    return _storage_quota(declined) or of_any(declined)


def _storage_quota(declined: Declined) -> errors.QuotaExceeded | None:
    """Source: ``cinder/exception.py``, QuotaError and its kinds."""
    text = declined.message
    if declined.status != 413 and not re.search(r"exceed(s|ed) (available |allowed )", text, re.IGNORECASE):
        return None
    kind = "snapshots" if "snapshots allowed" in text else "gigabytes" if "gigabytes" in text else "volumes"
    return errors.QuotaExceeded(kind, 1, -1, text, request_id=declined.request_id)


def of_group(declined: Declined) -> errors.CloudError:
    """Why a server group was not made."""
    if declined.status == 403 and _TOO_MANY_GROUPS.search(declined.message):
        return errors.QuotaExceeded("server_groups", 1, -1, declined.message, request_id=declined.request_id)
    return of_any(declined)


def of_network_write(declined: Declined, count: int) -> errors.CloudError:
    """Why Neutron made nothing of so many things."""
    return _over_quota(declined, count) or of_any(declined)


def of_any(declined: Declined) -> errors.CloudError:
    """A refusal with the cloud's own words."""
    if declined.status == 403 and _POLICY.search(declined.message):
        return errors.NotAuthorized(declined.message, request_id=declined.request_id)
    return errors.Refused(declined.message, request_id=declined.request_id)


def _over_quota(declined: Declined, count: int) -> errors.QuotaExceeded | None:
    text, request_id = declined.message, declined.request_id
    if found := _QUOTA.search(text):
        resource = found["resources"].split(",")[0].strip()
        return errors.QuotaExceeded(
            resource, _first(found["requested"], count), _first(found["limits"], -1), text, request_id=request_id
        )
    if found := _NEUTRON_QUOTA.search(text):
        return errors.QuotaExceeded(f"{found['resource']}s", count, -1, text, request_id=request_id)
    if "maximum number of ports" in text.lower():
        return errors.QuotaExceeded("ports", count, -1, text, request_id=request_id)
    if _TOO_MANY_MEMBERS.search(text):
        return errors.QuotaExceeded("server_group_members", count, -1, text, request_id=request_id)
    if declined.status == 413 or (
        declined.status == 403 and re.search(r"quota|over (the )?limit", text, re.IGNORECASE)
    ):
        return errors.QuotaExceeded("instances", count, -1, text, request_id=request_id)
    return None


def _first(numbers: str, otherwise: int) -> int:
    text = numbers.split(",", maxsplit=1)[0].strip()
    return int(text) if text.lstrip("-").isdecimal() else otherwise
