"""The block storage port on Cinder, with Nova where a server takes a volume or lets go of it.

What AWS alone knows of a volume stands in its metadata. Whoever may change a volume may write there too: what does not
have the shape of what we write is passed over.

Source: Block Storage API v3; Compute API, "Servers with volume attachments".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from backend.clock import Clock
from backend.domain.scope import Scope
from backend.drivers import errors
from backend.drivers.openstack import volume_notes as notes
from backend.drivers.openstack.busy import until_done, when_at_rest
from backend.drivers.openstack.declines import told
from backend.drivers.openstack.kept import Kept
from backend.drivers.openstack.refusals import of_server, of_snapshot, of_volume
from backend.drivers.openstack.rest import COMPUTE, VOLUME, Declined, Rest
from backend.drivers.openstack.settings import OpenStackSettings
from backend.drivers.openstack.volume_notes import snapshot_of, volume_of
from backend.drivers.openstack.zones import Zones
from backend.drivers.volumes import (
    Attachment,
    AttachmentState,
    Kind,
    Modification,
    NewVolume,
    OwnDisk,
    Snapshot,
    Volume,
)

_LONGEST: Final = 255
_PAUSES: Final = (0.2, 0.5, 1.0, 2.0, 3.0)
_GOING: Final = frozenset({"deleting", "deleted", "error_deleting"})


class OpenStackVolumes:
    def __init__(self, rest: Rest, clock: Clock, settings: OpenStackSettings, zones: Zones) -> None:
        self._rest = rest
        self._clock = clock
        self._settings = settings
        self._servers_zones = zones
        self._zones: Kept[Scope, frozenset[str]] = Kept(clock, self._ask_zones)

    def list(self, scope: Scope) -> Sequence[Volume]:
        if not self._rest.offers(scope, VOLUME):
            return ()
        with told():
            documents = [*self._rest.listing(scope, VOLUME, "/volumes/detail", "volumes")]
        return [self._volume(scope, each) for each in documents]

    def create(self, scope: Scope, new: NewVolume) -> Volume:
        self._check(scope)
        asked: dict[str, Any] = {
            "size": new.size_gib,
            "name": new.name[:_LONGEST],
            "metadata": {**notes.kind_items(new.kind), notes.ZONE: new.zone},
        }
        if new.token:
            asked["metadata"][notes.TOKEN] = new.token
        if new.snapshot_id:
            asked["snapshot_id"] = new.snapshot_id
        if chosen := self._settings.volume_types.get(new.kind.type):
            asked["volume_type"] = chosen
        zone = self._settings.zone_names(scope.region).to_cloud(new.zone)
        if zone in self._zones.get(scope, self._settings.layout_age):  # a cloud may have one zone for all its volumes
            asked["availability_zone"] = zone
        try:
            made = self._rest.write(scope, VOLUME, "POST", "/volumes", {"volume": asked}).item("volume")
        except Declined as declined:
            raise of_snapshot(declined, new.snapshot_id or "") from declined
        return self._volume(scope, made)

    def delete(self, scope: Scope, volume_id: str) -> None:
        """Cinder keeps a volume while it has snapshots; those that are going already are waited for."""
        refused: list[errors.VolumeConflict] = []

        def is_gone() -> bool:
            try:
                self._write(scope, "DELETE", volume_id, "", None)
            except errors.VolumeConflict as conflict:
                if not self._is_parting(scope, volume_id):
                    raise
                refused.append(conflict)
                return False
            return True

        if not until_done(self._clock, _PAUSES, is_gone):
            raise refused[-1]

    def _is_parting(self, scope: Scope, volume_id: str) -> bool:
        """Whether a volume is about to be without snapshots."""
        with told():
            listed = self._rest.listing(scope, VOLUME, "/snapshots/detail", "snapshots", {"volume_id": volume_id})
            states = {each.get("status") for each in listed if each.get("volume_id") == volume_id}
        return bool(states) and states <= _GOING

    def attach(self, scope: Scope, volume_id: str, server_id: str, device: str) -> Attachment:
        self._check(scope)
        named = f"{server_id} {device}"
        self._note(scope, volume_id, {notes.ATTACHING: named})
        body = {"volumeAttachment": {"volumeId": volume_id}}

        def ask() -> None:
            try:
                self._rest.write(scope, COMPUTE, "POST", f"/servers/{server_id}/os-volume_attachments", body)
            except Declined as declined:
                if volume_id in declined.message:
                    raise of_volume(declined, volume_id) from declined
                raise of_server(declined, server_id) from declined

        try:
            when_at_rest(self._clock, ask)
        except errors.OutcomeUnknown:
            self._note_device(scope, volume_id, named)
            raise
        self._note_device(scope, volume_id, named)
        return Attachment(server_id, device, self._clock.now(), state=AttachmentState.ATTACHING)

    def detach(self, scope: Scope, volume_id: str, server_id: str) -> None:
        self._check(scope)
        path = f"/servers/{server_id}/os-volume_attachments/{volume_id}"

        def ask() -> None:
            try:
                self._rest.write(scope, COMPUTE, "DELETE", path, repeat=True)
            except Declined as declined:
                if volume_id not in declined.message:
                    raise of_server(declined, server_id) from declined
                if declined.status != 404:  # else the server has it no more
                    raise of_volume(declined, volume_id) from declined

        when_at_rest(self._clock, ask)

    def set_goes(self, scope: Scope, volume_id: str, server_id: str, *, goes: bool) -> None:
        self._check(scope)
        path = f"/servers/{server_id}/os-volume_attachments/{volume_id}"
        body = {"volumeAttachment": {"volumeId": volume_id, "delete_on_termination": goes}}
        version = {"OpenStack-API-Version": "compute 2.85"}  # of the release Ussuri, which alone can
        try:
            self._rest.write(scope, COMPUTE, "PUT", path, body, repeat=True, headers=version)
        except Declined as declined:
            if volume_id in declined.message:
                raise of_volume(declined, volume_id) from declined
            raise of_server(declined, server_id) from declined

    def modify(self, scope: Scope, volume: Volume, size_gib: int, kind: Kind) -> Volume:
        self._check(scope)
        before = Modification(self._clock.now(), volume.size_gib, volume.kind)
        grows, chosen = size_gib > volume.size_gib, self._other_type(volume.kind, kind)
        if grows and chosen:
            raise errors.Unsupported("Size together with VolumeType")  # Cinder does one after the other
        if grows:
            self._write(scope, "POST", volume.id, "/action", {"os-extend": {"new_size": size_gib}})
        if chosen:
            asked = {"os-retype": {"new_type": chosen, "migration_policy": "never"}}
            self._write(scope, "POST", volume.id, "/action", asked)
        self._note(scope, volume.id, {**notes.kind_items(kind, whole=True), notes.CHANGED: notes.changed(before)})
        return replace(volume, size_gib=size_gib, kind=kind, modification=before)

    def realize(self, scope: Scope, disk: OwnDisk) -> Volume:
        raise errors.Unsupported("A change of a disk that belongs to the instance type")

    def snapshots(self, scope: Scope) -> Sequence[Snapshot]:
        if not self._rest.offers(scope, VOLUME):
            return ()
        with told():
            documents = [*self._rest.listing(scope, VOLUME, "/snapshots/detail", "snapshots")]
        return [snapshot_of(each) for each in documents if each.get("status") not in _GOING]

    def create_snapshot(self, scope: Scope, volume_id: str, description: str) -> Snapshot:
        self._check(scope)
        asked = {"snapshot": {"volume_id": volume_id, "description": description, "force": True}}
        try:
            made = self._rest.write(scope, VOLUME, "POST", "/snapshots", asked).item("snapshot")
        except Declined as declined:
            raise of_volume(declined, volume_id) from declined
        return snapshot_of(made)

    def delete_snapshot(self, scope: Scope, snapshot_id: str) -> None:
        self._check(scope)
        try:
            self._rest.write(scope, VOLUME, "DELETE", f"/snapshots/{snapshot_id}", repeat=True)
        except Declined as declined:
            raise of_snapshot(declined, snapshot_id) from declined

    def _volume(self, scope: Scope, document: Mapping[str, Any]) -> Volume:
        return volume_of(document, self._settings, scope.region, self._servers_zones.names(scope))

    def _check(self, scope: Scope) -> None:
        if not self._rest.offers(scope, VOLUME):
            raise errors.NoVolumes("the cloud's catalog has no block storage")

    def _other_type(self, was: Kind, kind: Kind) -> str | None:
        """The cloud's type that a volume is to get, None where it stays of its own."""
        mapping = self._settings.volume_types
        chosen = mapping.get(kind.type)
        return chosen if was.type != kind.type and chosen != mapping.get(was.type) else None

    def _note_device(self, scope: Scope, volume_id: str, named: str) -> None:
        """Note it once Nova took it: of two attachments at once the refused one renames nothing.

        Without the note the name is that which was noted before Nova was asked.
        """
        with suppress(errors.CloudError):
            self._note(scope, volume_id, {notes.DEVICE: named})

    def _note(self, scope: Scope, volume_id: str, items: Mapping[str, str]) -> None:
        self._write(scope, "POST", volume_id, "/metadata", {"metadata": dict(items)}, repeat=True)

    def _write(
        self, scope: Scope, method: str, volume_id: str, path: str, body: Any, *, repeat: bool | None = None
    ) -> None:
        self._check(scope)
        again = method == "DELETE" if repeat is None else repeat
        try:
            self._rest.write(scope, VOLUME, method, f"/volumes/{volume_id}{path}", body, repeat=again)
        except Declined as declined:
            raise of_volume(declined, volume_id) from declined

    def _ask_zones(self, scope: Scope) -> frozenset[str]:
        with told():
            listed, _ = self._rest.page(scope, VOLUME, "/os-availability-zone", "availabilityZoneInfo")
        return frozenset(str(each.get("zoneName")) for each in listed)
