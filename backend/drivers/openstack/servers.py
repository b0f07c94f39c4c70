"""Nova's documents of servers as the port's records. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from backend.domain.node import ServerStatus
from backend.drivers.compute import Server
from backend.drivers.openstack import metadata as notes
from backend.drivers.openstack.layout import Layout
from backend.drivers.openstack.settings import ZoneNames

Document = Mapping[str, Any]

_STATUSES: Final = {
    "ACTIVE": ServerStatus.ACTIVE,
    "BUILD": ServerStatus.BUILDING,
    "REBUILD": ServerStatus.BUILDING,
    "REBOOT": ServerStatus.ACTIVE,
    "HARD_REBOOT": ServerStatus.ACTIVE,
    "PASSWORD": ServerStatus.ACTIVE,
    "RESIZE": ServerStatus.ACTIVE,
    "VERIFY_RESIZE": ServerStatus.ACTIVE,
    "REVERT_RESIZE": ServerStatus.ACTIVE,
    "MIGRATING": ServerStatus.ACTIVE,
    "SHUTOFF": ServerStatus.STOPPED,
    "PAUSED": ServerStatus.PAUSED,
    "SUSPENDED": ServerStatus.PAUSED,
    "RESCUE": ServerStatus.PAUSED,
    "SHELVED": ServerStatus.STOPPED,
    "SHELVED_OFFLOADED": ServerStatus.STOPPED,
    "ERROR": ServerStatus.ERROR,
    "DELETED": ServerStatus.DELETED,
    "SOFT_DELETED": ServerStatus.DELETED,
}
_TASKS: Final = {
    ("ACTIVE", "powering-off"): ServerStatus.STOPPING,
    ("SHUTOFF", "powering-on"): ServerStatus.BUILDING,
    ("PAUSED", "unpausing"): ServerStatus.BUILDING,
    ("SUSPENDED", "resuming"): ServerStatus.BUILDING,
    ("SHELVED", "unshelving"): ServerStatus.BUILDING,
    ("SHELVED_OFFLOADED", "unshelving"): ServerStatus.BUILDING,
}
"""What is under way, where it tells more than the status."""
_DELETING: Final = frozenset({"deleting", "soft-deleting"})
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Addresses:
    label: str = ""
    private: str | None = None
    public: str | None = None
    mac: str | None = None


def status_of(document: Document) -> ServerStatus:
    """The status in the engine's words; one that is not known is unknown, which is no verdict."""
    status, task = str(document.get("status")), str(document.get("OS-EXT-STS:task_state"))
    known = _STATUSES.get(status, ServerStatus.UNKNOWN)
    if task in _DELETING and known is not ServerStatus.DELETED:
        return ServerStatus.DELETING
    return _TASKS.get((status, task), known)


def server_of(document: Document, layout: Layout | None, zones: ZoneNames) -> Server:
    """A server of Nova's document.

    Args:
        layout: the project's networks, None where they could not be asked.
    """
    noted = document.get("metadata") or {}
    created = _instant(document.get("created")) or _NEVER
    zone = zones.to_aws(document.get("OS-EXT-AZ:availability_zone") or "")
    addresses = _addresses(document.get("addresses") or {})
    subnet_id, network_id = _place(noted, addresses, zone, layout)
    batch, _, size = str(noted.get(notes.BATCH, "")).partition("/")
    name = document.get("name") or ""
    return Server(
        id=document["id"],
        name=name,
        status=status_of(document),
        created_at=created,
        updated_at=_instant(document.get("updated")) or created,
        zone=zone,
        flavor=noted.get(notes.TYPE) or (document.get("flavor") or {}).get("original_name") or "",
        image_id=image_of(document) or noted.get(notes.IMAGE),
        launch_id=noted.get(notes.LAUNCH),
        key_name=document.get("key_name"),
        private_address=addresses.private,
        public_address=addresses.public,
        mac_address=addresses.mac,
        network_id=network_id,
        subnet_id=subnet_id,
        security_group_ids=_groups(document, layout),
        tags=notes.decoded(noted),
        server_group_id=noted.get(notes.GROUP),
        server_group_name=noted.get(notes.GROUP_NAME),
        fault=(document.get("fault") or {}).get("message"),
        reservation_id=batch,
        index=_index(name, size),
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def image_of(document: Document) -> str | None:
    """The image that a server's root disk was made from; None where that disk is a volume."""
    image = document.get("image")
    return image.get("id") if isinstance(image, dict) else None


def _index(name: str, size: str) -> int:
    """Nova numbers the names of the servers of one request from 1: ``web-1``, ``web-2``."""
    number = name.rpartition("-")[2]
    return int(number) - 1 if size.isdecimal() and int(size) > 1 and number.isdecimal() else 0


def _addresses(networks: Mapping[str, Sequence[Document]]) -> _Addresses:
    """The first fixed IPv4 address, and the floating one, which Nova lists under the same network."""
    for label, addresses in networks.items():
        v4 = [each for each in addresses if each.get("version") == 4]
        fixed = next((each for each in v4 if each.get("OS-EXT-IPS:type", "fixed") == "fixed"), None)
        floating = next((each["addr"] for each in v4 if each.get("OS-EXT-IPS:type") == "floating"), None)
        if fixed:
            return _Addresses(label, fixed["addr"], floating, fixed.get("OS-EXT-IPS-MAC:mac_addr"))
    return _Addresses()


def _place(
    noted: Mapping[str, str], addresses: _Addresses, zone: str, layout: Layout | None
) -> tuple[str | None, str | None]:
    """Subnet and network: those it was made for, else those its address lies in."""
    subnet_id = noted.get(notes.SUBNET)
    if layout is None:
        return subnet_id, None
    placement = layout.by_id.get(subnet_id) if subnet_id else None
    if placement is None and addresses.private:
        placement = layout.at(addresses.private, addresses.label, zone)
    return (placement.subnet.id, placement.subnet.network_id) if placement else (subnet_id, None)


def _groups(document: Document, layout: Layout | None) -> tuple[str, ...]:
    """Security groups, which Nova names without their ids; a launch on ports knows these."""
    known = layout.group_ids if layout else {}
    told = document.get("security_groups") or ()
    found = dict.fromkeys(each.get("id") or known.get(each["name"]) for each in told)
    return tuple(group for group in found if group)
