"""Cinder's documents of volumes and snapshots as the port's records, and what is noted at them. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from backend.drivers.openstack.metadata import word
from backend.drivers.openstack.settings import OpenStackSettings
from backend.drivers.volumes import (
    Attachment,
    AttachmentState,
    Kind,
    Modification,
    Snapshot,
    SnapshotState,
    Volume,
    VolumeState,
)

TYPE: Final = "coppice:type"
IOPS: Final = "coppice:iops"
THROUGHPUT: Final = "coppice:throughput"
ZONE: Final = "coppice:zone"
TOKEN: Final = "coppice:token"  # noqa: S105 - a key of metadata
ATTACHING: Final = "coppice:attaching"
"""Server and device that somebody last asked for, whatever came of it."""
DEVICE: Final = "coppice:device"
"""Server and device of the last attachment that came to be."""
CHANGED: Final = "coppice:changed"

_USUAL: Final = "gp2"
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,6}")
_TYPES: Final = re.compile(r"[a-z0-9]{1,16}")
_NAME: Final = re.compile(r"[0-9A-Za-z/-]{1,64}")
_PROGRESS: Final = re.compile(r"([0-9]{1,3})%")
_STATES: Final = {
    "creating": VolumeState.CREATING,
    "downloading": VolumeState.CREATING,
    "restoring-backup": VolumeState.CREATING,
    "deleting": VolumeState.DELETING,
}
_HELD: Final = frozenset({"in-use", "attaching", "reserved", "detaching"})
_ATTACHMENTS: Final = {
    "attaching": AttachmentState.ATTACHING,
    "reserved": AttachmentState.ATTACHING,
    "detaching": AttachmentState.DETACHING,
}
_SNAPSHOTS: Final = {
    "available": SnapshotState.COMPLETED,
    "backing-up": SnapshotState.COMPLETED,
    "creating": SnapshotState.PENDING,
    "unmanaging": SnapshotState.COMPLETED,
}
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


def kind_items(kind: Kind, *, whole: bool = False) -> dict[str, str]:
    """A kind as metadata; ``whole``: what it has not is written as nothing, over what stood there."""
    items = {TYPE: kind.type, IOPS: str(kind.iops or ""), THROUGHPUT: str(kind.throughput or "")}
    return items if whole else {key: text for key, text in items.items() if text}


def changed(before: Modification) -> str:
    """A volume as it was, as a text."""
    kind = before.kind
    parts = (before.started_at.isoformat(), before.size_gib, kind.type, kind.iops or 0, kind.throughput or 0)
    return " ".join(map(str, parts))


def volume_of(document: Mapping[str, Any], settings: OpenStackSettings, region: str, zones: Collection[str]) -> Volume:
    """A volume of Cinder's document. One of no known type is told as gp2, or as what its type is mapped from.

    Args:
        zones: AWS's names of the zones that servers may be in; Cinder may have others.
    """
    noted = {key: text for key, text in (document.get("metadata") or {}).items() if isinstance(text, str)}
    status = str(document.get("status"))
    attachment = _attachment(document, noted, status)
    state = VolumeState.IN_USE if attachment or status in _HELD else VolumeState.AVAILABLE
    zone = settings.zone_names(region).to_aws(str(document.get("availability_zone") or ""))
    return Volume(
        id=document["id"],
        size_gib=int(document.get("size") or 0),
        zone=word(noted.get(ZONE)) or (zone if zone in zones else ""),
        state=VolumeState.ERROR if status.startswith("error") else _STATES.get(status, state),
        created_at=_instant(document.get("created_at")),
        kind=_kind(noted) or Kind(_mapped(document.get("volume_type"), settings)),
        name=word(document.get("name"), 255) or "",
        snapshot_id=document.get("snapshot_id"),
        encrypted=bool(document.get("encrypted")),
        bootable=str(document.get("bootable")).lower() == "true",
        token=word(noted.get(TOKEN)),
        attachment=attachment,
        modification=_modification(noted.get(CHANGED, "")),
        works=status != "error",
    )


def snapshot_of(document: Mapping[str, Any]) -> Snapshot:
    """A snapshot of Cinder's document."""
    state = _SNAPSHOTS.get(str(document.get("status")), SnapshotState.ERROR)
    told = _PROGRESS.fullmatch(str(document.get("os-extended-snapshot-attributes:progress") or ""))
    return Snapshot(
        id=document["id"],
        volume_id=str(document.get("volume_id") or ""),
        size_gib=int(document.get("size") or 0),
        state=state,
        created_at=_instant(document.get("created_at")),
        description=word(document.get("description"), 255) or "",
        progress=100 if state is SnapshotState.COMPLETED else min(99, int(told[1])) if told else 0,
    )


def _attachment(document: Mapping[str, Any], noted: Mapping[str, str], status: str) -> Attachment | None:
    """What has it; from our own note alone while the cloud is still at it."""
    coming, kept = _noted(noted.get(ATTACHING, "")), _noted(noted.get(DEVICE, ""))
    state = _ATTACHMENTS.get(status, AttachmentState.ATTACHED)
    for each in document.get("attachments") or ():
        server = str(each.get("server_id"))
        own = next((device for holder, device in (kept, coming) if holder == server), "")
        return Attachment(server, own or word(each.get("device")) or "", _instant(each.get("attached_at")), state=state)
    server, device = coming if coming[0] else kept
    if state is AttachmentState.ATTACHING and _NAME.fullmatch(server):
        return Attachment(server, device, _instant(document.get("updated_at")), state=state)
    return None


def _noted(text: str) -> tuple[str, str]:
    """Server and device, both empty where there are none."""
    server, _, device = text.partition(" ")
    return (server, device) if _NAME.fullmatch(device) else ("", "")


def _kind(noted: Mapping[str, str]) -> Kind | None:
    kind = noted.get(TYPE, "")
    if not _TYPES.fullmatch(kind):
        return None
    return Kind(kind, _number(noted.get(IOPS, "")), _number(noted.get(THROUGHPUT, "")))


def _mapped(cloud: object, settings: OpenStackSettings) -> str:
    return next((aws for aws, name in settings.volume_types.items() if name == cloud), _USUAL)


def _modification(text: str) -> Modification | None:
    parts = text.split(" ")
    if len(parts) != 5 or len(text) > 128 or not _TYPES.fullmatch(parts[2]):
        return None
    size = _number(parts[1])
    try:
        started_at = datetime.fromisoformat(parts[0])
    except ValueError:
        return None
    if size is None or started_at.tzinfo is None:
        return None
    return Modification(started_at, size, Kind(parts[2], _number(parts[3]), _number(parts[4])))


def _number(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) else None


def _instant(text: object) -> datetime:
    """Cinder's instants tell no zone."""
    if not isinstance(text, str):
        return _NEVER
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
