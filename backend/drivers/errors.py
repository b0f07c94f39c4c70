"""What a cloud can answer instead of doing what it was asked. Findings as data; no sentences for end users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backend.drivers.compute import Server


class Misconfigured(Exception):
    """The cloud's entry cannot be used; the text tells the operator why."""


class CloudError(Exception):
    """Any of the below."""


class CloudUnavailable(CloudError):
    """The cloud could not be asked: nothing was done, nothing is known. Never a verdict on a server."""


class NotHeld(CloudUnavailable):
    """The cloud was not asked: what it is for may be somebody else's by now. Says nothing of the cloud."""


class OutcomeUnknown(CloudError):
    """A write was sent and no answer came: it may or may not have happened. Look before trying again."""


class Refused(CloudError):
    """The cloud said no: nothing was done. ``detail`` holds the cloud's own words, ``request_id`` its request id."""

    def __init__(self, detail: str = "", *, request_id: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.request_id = request_id


class Unsupported(Refused):
    """The launch source asks for what this cloud cannot give; ``detail`` names the member in AWS's words."""

    def __str__(self) -> str:
        return f"{self.detail} has no meaning on this cloud"


class ServerNotFound(Refused):
    """No such server (any more)."""


class ServerStateConflict(Refused):
    """The server is in a state that does not allow it."""


class ServerBusy(ServerStateConflict):
    """Something else is being done to the server just now: what was asked for may be taken on after it.

    Args:
        rebooting: that is a reboot.
    """

    def __init__(self, detail: str = "", *, rebooting: bool = False, request_id: str | None = None) -> None:
        super().__init__(detail, request_id=request_id)
        self.rebooting = rebooting


class ProfileIncomplete(Refused):
    """A member that a server needs was never given: ``detail`` is ``image`` or ``instance_type``."""


class VolumeTooSmall(Refused):
    """A disk is smaller than what it is made from, or than a disk can be.

    Args:
        size, least: in GiB.
        snapshot: cloud id of what it is made from, where that is known.
    """

    def __init__(self, size: int, least: int, snapshot: str | None = None) -> None:
        super().__init__(f"a disk of {size} GiB was asked for where {least} are needed")
        self.size = size
        self.least = least
        self.snapshot = snapshot


class ImageNotFound(Refused):
    """The image does not exist, is not active, or is not visible to the project."""


class FlavorNotFound(Refused):
    """No flavor answers the instance type."""


class FlavorNotSupported(Refused):
    """The flavor cannot run here (architecture of the image, zone)."""


class KeyPairNotFound(Refused):
    pass


class SecurityGroupNotFound(Refused):
    pass


class GroupInUse(Refused):
    """A server or a port has the security group."""


class NoAddressGroups(Refused):
    """The cloud has no sets of addresses that rules can name, or its firewall is said not to heed them."""


class AddressGroupNotFound(Refused):
    """No such set of addresses (any more); ``detail`` is its cloud id where it is known."""


class AddressGroupInUse(Refused):
    """Rules name the set of addresses."""


class ServerGroupNotFound(Refused):
    """No such server group; ``detail`` is its name, or its id where that is all there is."""


class PartitionNotFound(Refused):
    """The server group has no partition of that number, or is no group of partitions; ``detail`` is the number."""


class SubnetNotFound(Refused):
    pass


class AddressTaken(Refused):
    """The address that was asked for is somebody's already."""


class AddressUnfit(Refused):
    """The address that was asked for is none that a server may have in the subnet."""


class InterfaceNotFound(Refused):
    """No such made interface (any more); ``detail`` is its cloud id."""


class InterfaceInUse(Refused):
    """A server has the made interface; ``detail`` is its cloud id."""


class NetworkMissing(Refused):
    """The project has no network to put a server on."""


class NoVolumes(Refused):
    """The cloud has no block storage."""


class VolumeNotFound(Refused):
    """No such volume (any more); ``detail`` is its id."""


class VolumeConflict(Refused):
    """The volume is in a state that does not allow it."""


class SnapshotNotFound(Refused):
    """No such snapshot (any more); ``detail`` is its id."""


class NoCapacity(Refused):
    """No valid host: the zone has no room for the flavor."""


class NoAddresses(Refused):
    """The subnet has no free address."""


class NoBalancing(Refused):
    """The cloud has no load balancing service."""


class PoolNotFound(Refused):
    """No such pool (any more)."""


class Busy(Refused):
    """What was to be changed is being changed already, and still was after some repeats: try again later."""


class NotAuthorized(Refused):
    """The engine may not act in the project (delegation expired, role missing)."""


class RegionNotOpened(NotAuthorized):
    """The project has things of its own in as many other regions as one may."""


class PartlyMade(CloudError):
    """Some servers of a creation were made, and the rest were not, for the reason that is told.

    Args:
        servers: what was made, with at least one of them; it stays.
        refusal: why there are no more.
    """

    def __init__(self, servers: Sequence[Server], refusal: CloudError) -> None:
        super().__init__(f"{len(servers)} were made, and no more: {refusal}")
        self.servers = servers
        self.refusal = refusal


class QuotaExceeded(Refused):
    """A quota of the project is used up.

    Args:
        resource: ``instances``, ``cores``, ``ram``, ``ports``...
        requested: what was asked for, in the resource's unit.
        limit: the quota; -1 where the cloud does not tell.
    """

    def __init__(
        self, resource: str, requested: int, limit: int, detail: str = "", *, request_id: str | None = None
    ) -> None:
        super().__init__(detail, request_id=request_id)
        self.resource = resource
        self.requested = requested
        self.limit = limit
