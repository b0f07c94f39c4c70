"""Nova's documents of servers as the port's records. Pure."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from backend.domain.node import ServerStatus
from backend.drivers.compute import Server
from backend.drivers.openstack import metadata as notes
from backend.drivers.openstack.layout import Layout
from backend.drivers.openstack.settings import ZoneNames

Document = Mapping[str, Any]

_log = logging.getLogger(__name__)
_MAC: Final = "OS-EXT-IPS-MAC:mac_addr"
_NUMBER: Final = re.compile(r"[0-9]{1,5}")
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
_BARE: Final = ("id", "status", "OS-EXT-STS:task_state", "created", "updated", "OS-EXT-AZ:availability_zone")
"""What Nova alone writes."""
_UNREADABLE: Final = (LookupError, TypeError, ValueError, AttributeError, RecursionError)


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
    metadata = notes.items_of(document)
    noted = notes.notes_of(metadata)
    created = _instant(document.get("created")) or _NEVER
    zone = zones.to_aws(document.get("OS-EXT-AZ:availability_zone") or "")
    addresses = _addresses(document.get("addresses") or {})
    subnet_id, network_id = _place(noted.subnet_id, addresses, zone, layout)
    name = str(document.get("name") or "")
    return Server(
        id=document["id"],
        name=name,
        status=status_of(document),
        created_at=created,
        updated_at=_instant(document.get("updated")) or created,
        zone=zone,
        flavor=noted.flavor or notes.word((document.get("flavor") or {}).get("original_name")) or "",
        image_id=image_of(document) or noted.image_id,
        launch_id=noted.launch_id,
        installation=noted.installation,
        key_name=noted.key_name or document.get("key_name"),
        private_address=addresses.private,
        public_address=addresses.public,
        wants_address=noted.public,
        notice=noted.notice,
        preemptible=noted.preemptible,
        rebuild_mark=notes.rebuild_mark_of(document),
        mac_address=addresses.mac,
        network_id=network_id,
        subnet_id=subnet_id,
        security_group_ids=_groups(document, layout),
        tags=notes.decoded(metadata),
        server_group_id=noted.group_id,
        server_group_name=noted.group_name,
        fault=(document.get("fault") or {}).get("message"),
        reservation_id=noted.batch or "",
        index=_index(name, noted.size),
        options=notes.options_of(metadata),
        volumes=_volumes(document),
        root_volume="image" in document and image_of(document) is None,
    )


def servers_of(documents: Iterable[Document], layout: Layout | None, zones: ZoneNames) -> list[Server]:
    """The servers of a listing. One that cannot be read costs itself what is not understood, and the others nothing:
    its tenant, who may write much of it, would else blind everybody.
    """
    return [found for document in documents if (found := _contained(document, layout, zones)) is not None]


def _contained(document: Document, layout: Layout | None, zones: ZoneNames) -> Server | None:
    server_id = document.get("id")
    if not isinstance(server_id, str):
        _log.warning("a server without an id is passed over")
        return None
    for told in (document, {name: document[name] for name in _BARE if name in document}):
        try:
            return server_of(told, layout, zones)
        except _UNREADABLE as error:
            _log.warning("server %s is told with less, its document cannot be read: %r", server_id, error)
    return Server(server_id, "", ServerStatus.UNKNOWN, _NEVER, _NEVER, zone="", flavor="", image_id=None)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def image_of(document: Document) -> str | None:
    """The image that a server's root disk was made from; None where that disk is a volume."""
    image = document.get("image")
    found = image.get("id") if isinstance(image, dict) else None
    return found if isinstance(found, str) else None


def _volumes(document: Document) -> Mapping[str, bool]:
    """Ids of the volumes that it has, as far as Nova tells, and whether they go with it."""
    told = document.get("os-extended-volumes:volumes_attached") or ()
    return {each["id"]: bool(each.get("delete_on_termination")) for each in told}


def _index(name: str, size: int) -> int:
    """Nova numbers the names of the servers of one request from 1: ``web-1``, ``web-2``."""
    number = _NUMBER.fullmatch(name.rpartition("-")[2])
    return int(number[0]) - 1 if number and 1 <= int(number[0]) <= size and size > 1 else 0


def _addresses(networks: Mapping[str, Sequence[Document]]) -> _Addresses:
    """The first fixed IPv4 address, and the floating one of the same port, which Nova lists under the same network."""
    for label, addresses in networks.items():
        v4 = [each for each in addresses if each.get("version") == 4]
        fixed = next((each for each in v4 if each.get("OS-EXT-IPS:type", "fixed") == "fixed"), None)
        if fixed:
            mac = fixed.get(_MAC)
            led = (each for each in v4 if each.get("OS-EXT-IPS:type") == "floating" and each.get(_MAC) in {None, mac})
            return _Addresses(label, fixed["addr"], next((each["addr"] for each in led), None), mac)
    return _Addresses()


def _place(
    subnet_id: str | None, addresses: _Addresses, zone: str, layout: Layout | None
) -> tuple[str | None, str | None]:
    """Subnet and network: those it was made for, else those its address lies in."""
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
