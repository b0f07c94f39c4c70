"""Snapshots of volumes: listed, made, ended.

Source: Amazon EC2 API Reference, CreateSnapshot, DeleteSnapshot, DescribeSnapshots.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from backend.drivers.volumes import Snapshot
from translators import arns
from translators.ec2 import actions, tag_words
from translators.ec2.volumes import VOLUMES
from translators.errors import AWSError
from translators.filters import Filters, always, never
from translators.nouns import Asked, Members, Noun
from translators.registry import Call, Result, operation

_DESCRIPTION: Final = 255
_REFUSED: Final = ("OutpostArn",)


@dataclass(frozen=True, slots=True)
class _Shown:
    snapshot: Snapshot
    account: str

    @property
    def id(self) -> str:
        return arns.resource_id(arns.SNAPSHOT, self.snapshot.id)


def _snapshots(call: Call, _: Asked) -> Iterable[_Shown]:
    return [_Shown(each, call.account_id) for each in call.backend.volumes.snapshots(call.scope)]


def _keeps(call: Call, shown: _Shown) -> bool:
    """All that is told is the caller's own, and nobody else may restore it."""
    owners = call.params.get("OwnerIds") or ("self",)
    users = call.params.get("RestorableByUserIds") or ("self",)
    own = {"self", shown.account}
    return bool(own & set(owners) and own & set(users))


_MEMBERS: Final[Members[_Shown]] = {
    "SnapshotId": lambda shown: shown.id,
    "VolumeId": lambda shown: arns.resource_id(arns.VOLUME, shown.snapshot.volume_id),
    "State": lambda shown: str(shown.snapshot.state),
    "StartTime": lambda shown: shown.snapshot.created_at,
    "Progress": lambda shown: f"{shown.snapshot.progress}%",
    "OwnerId": lambda shown: shown.account,
    "Description": lambda shown: shown.snapshot.description,
    "VolumeSize": lambda shown: shown.snapshot.size_gib,
    "Encrypted": lambda shown: shown.snapshot.encrypted,
    "StorageTier": "standard",
}
_FILTERS: Final[Filters[_Shown]] = {
    "description": "Description",
    "encrypted": "Encrypted",
    "owner-id": "OwnerId",
    "progress": "Progress",
    "snapshot-id": "SnapshotId",
    "start-time": "StartTime",
    "status": "State",
    "storage-tier": "StorageTier",
    "volume-id": "VolumeId",
    "volume-size": "VolumeSize",
    **always("standard", "transfer-type"),
    **never("owner-alias"),
}
SNAPSHOTS: Final = Noun(
    answer="Snapshots",
    items=_snapshots,
    members=_MEMBERS,
    order=lambda shown: shown.id,
    filters=_FILTERS,
    namings=(actions.by_ids("SnapshotIds", actions.SNAPSHOT, lambda shown: shown.id),),
    tagging=tag_words.kept(lambda shown: shown.id),
    keeps=_keeps,
    pages=actions.pages("SnapshotIds", actions.Bounds(5, 1000)),
)

actions.describes("DescribeSnapshots", SNAPSHOTS)


def named(call: Call, snapshot_id: str) -> Snapshot:
    """A snapshot by its id at AWS. Raises AWSError where there is none."""
    shown: _Shown = SNAPSHOTS.of_ids(call, [snapshot_id])[0]
    return shown.snapshot


@operation("ec2", "CreateSnapshot")
def create(call: Call) -> Result:
    params = call.params
    for member in _REFUSED:
        if params.get(member):
            # unsourced
            raise AWSError("UnsupportedOperation", f"{member} has no meaning on this cloud.")
    description = params.get("Description") or ""
    if len(description) > _DESCRIPTION:
        # unsourced
        words = f"Description exceeds the maximum length of {_DESCRIPTION} characters"
        raise AWSError("InvalidParameterValue", words)
    tags = tag_words.specified(params.get("TagSpecifications"), frozenset({"snapshot"})).get("snapshot", {})
    (volume,) = VOLUMES.of_ids(call, [params["VolumeId"]])
    actions.check_dry_run(call)
    own = volume.own
    if own is None:
        disk = volume.own_disk()
        if disk is None:
            raise actions.not_found(actions.VOLUME, [volume.id])
        own = call.backend.volumes.realize(call.scope, disk)
    made = _Shown(call.backend.volumes.snapshot(call.scope, own, description), call.account_id)
    if tags:
        call.backend.resource_tags.put(call.scope, [made.id], tags)
    told: dict[str, Any] = {**SNAPSHOTS.view(made), **tag_words.member(tags)}
    del told["StorageTier"]
    # It is done when the answer comes only where nobody looks: waiters ask for it. Source: recorded
    # c7n/ec2.CreateSnapshot (State and Progress).
    return {**told, "State": "pending", "Progress": ""}


@operation("ec2", "DeleteSnapshot")
def delete(call: Call) -> Result:
    shown = call.params["SnapshotId"]
    snapshot = named(call, shown)
    actions.check_dry_run(call)
    call.backend.volumes.delete_snapshot(call.scope, snapshot)
    call.backend.resource_tags.remove(call.scope, [shown], None)
    return {}
