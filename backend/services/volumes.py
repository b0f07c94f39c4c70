"""Volumes and their snapshots, which the cloud keeps: made, attached, changed, ended; what is in the way is told.

There are no rows: what AWS alone knows of a volume is noted at the volume itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from backend import errors
from backend.clock import Clock
from backend.domain import server_findings, volume_findings
from backend.domain.ids import short_id
from backend.domain.node import ServerStatus
from backend.domain.scope import Scope
from backend.domain.token import ClientToken
from backend.drivers import errors as cloud_errors
from backend.drivers import volumes as ports
from backend.drivers.cloud import Cloud
from backend.drivers.compute import Server
from backend.drivers.volumes import Attachment, Kind, NewVolume, OwnDisk, Snapshot, Volume, VolumeState
from backend.services.catalog import asking
from backend.services.cloud_errors import finding_of
from backend.services.tokens import Claim, Tokens
from backend.store.session import Store

VOLUMES: Final = 5000
SNAPSHOTS: Final = 10_000
"""Of a project in a region. Source: Amazon EBS User Guide, "Quotas for Amazon EBS"."""
_ATTACHES: Final = frozenset({ServerStatus.ACTIVE, ServerStatus.STOPPED, ServerStatus.STOPPING})


class Volumes:
    """Every call may raise CloudNotReached, NotPermitted, CloudRefused; the writes OutcomeUnclear and NoVolumes too."""

    def __init__(self, store: Store, cloud: Cloud, clock: Clock) -> None:
        self._cloud = cloud
        self._tokens = Tokens(store, clock)

    def list(self, scope: Scope) -> Sequence[Volume]:
        """Every volume of the project in the region; none where there is no block storage."""
        if self._cloud.volumes is None:
            return ()
        with asking():
            return self._cloud.volumes.list(scope)

    def find(self, scope: Scope, short: str) -> Volume:
        """A volume by its short id. Raises VolumeNotFound."""
        for volume in self.list(scope):
            if volume.short_id == short:
                return volume
        raise volume_findings.VolumeNotFound(short)

    def create(self, scope: Scope, new: NewVolume, token: ClientToken | None = None) -> Volume:
        """Make a volume; asked for again with the same token, it is the one that was made then.

        Raises:
            SnapshotNotFound, QuotaExceeded
            LimitExceeded: there are 5,000.
            TokenReused, StaleRead: of the token; the last while its first request is still at work.
            VolumeNotFound: what the token made is gone.
        """
        if token is None:
            return self._make(scope, new)
        new = replace(new, token=hashlib.sha256(token.value.encode()).hexdigest()[:32])
        claim = self._tokens.claim(scope, token)
        if claim.result:
            return self._as_before(scope, claim.result[0])
        if claim.again:
            made = next((each for each in self.list(scope) if each.token == new.token), None)
            if made is not None:
                self._tokens.hold(scope, claim, [made.id])
                return made
            if self._tokens.is_at_work(claim, 0, 1):
                raise errors.StaleRead(token.value)
            self._tokens.hold(scope, claim)
        return self._first(scope, new, claim)

    def delete(self, scope: Scope, volume: Volume) -> None:
        """Delete a volume.

        Raises:
            VolumeAttached, VolumeConflict, VolumeNotFound
        """
        if volume.attachment is not None:
            raise volume_findings.VolumeAttached(volume.short_id, short_id(volume.attachment.server_id))
        with self._writing(volume) as driver:
            driver.delete(scope, volume.id)

    def attach(self, scope: Scope, volume: Volume, server: Server, device: str) -> Attachment:
        """Attach a volume to a server under a device's name, which is the caller's to keep apart.

        Raises:
            VolumeAttached, VolumeConflict, VolumeElsewhere
            ServerConflict: the server is not one that runs or is stopped.
        """
        if volume.attachment is not None:
            raise volume_findings.VolumeAttached(volume.short_id, short_id(volume.attachment.server_id))
        if volume.state is not VolumeState.AVAILABLE:
            raise volume_findings.VolumeConflict(volume.short_id, str(volume.state))
        if volume.zone and volume.zone != server.zone:
            raise volume_findings.VolumeElsewhere(volume.short_id, volume.zone, server.short_id, server.zone)
        if server.status not in _ATTACHES:
            raise server_findings.ServerConflict(server.short_id, str(server.status))
        with self._writing(volume, server) as driver:
            return driver.attach(scope, volume.id, server.id, device)

    def detach(self, scope: Scope, volume: Volume, server_id: str | None = None) -> Attachment:
        """Take a volume from the server that has it; what it was attached as.

        Args:
            server_id: short id of the server that has it, as the caller believes; None: whichever.

        Raises:
            VolumeNotAttached, ServerConflict, VolumeConflict
        """
        held = volume.attachment
        if held is None or server_id not in {None, short_id(held.server_id)}:
            raise volume_findings.VolumeNotAttached(volume.short_id, server_id)
        with self._writing(volume) as driver:
            driver.detach(scope, volume.id, held.server_id)
        return held

    def set_goes(self, scope: Scope, volume: Volume, *, goes: bool) -> None:
        """Say whether an attached volume is deleted with its server. Raises VolumeNotAttached, LaunchUnsupported."""
        if volume.attachment is None:
            raise volume_findings.VolumeNotAttached(volume.short_id, None)
        with self._writing(volume) as driver:
            driver.set_goes(scope, volume.id, volume.attachment.server_id, goes=goes)

    def modify(self, scope: Scope, volume: Volume, size_gib: int, kind: Kind) -> Volume:
        """Let a volume grow, or be of another type.

        Raises:
            VolumeShrinks, VolumeConflict, QuotaExceeded, LaunchUnsupported
        """
        if size_gib < volume.size_gib:
            raise volume_findings.VolumeShrinks(volume.short_id, size_gib, volume.size_gib)
        with self._writing(volume) as driver:
            return driver.modify(scope, volume, size_gib, kind)

    def realize(self, scope: Scope, disk: OwnDisk) -> Volume:
        """Make a volume of what was a server's own disk. Raises LaunchUnsupported where it can be none."""
        with self._writing() as driver:
            return driver.realize(scope, disk)

    def snapshots(self, scope: Scope) -> Sequence[Snapshot]:
        """Every snapshot of the project in the region; none where there is no block storage."""
        if self._cloud.volumes is None:
            return ()
        with asking():
            return self._cloud.volumes.snapshots(scope)

    def snapshot(self, scope: Scope, volume: Volume, description: str) -> Snapshot:
        """Copy a volume as it is now. Raises QuotaExceeded, LimitExceeded, VolumeConflict."""
        if len(self.snapshots(scope)) >= SNAPSHOTS:  # as of volumes, below
            raise errors.LimitExceeded("snapshots", SNAPSHOTS)
        with self._writing(volume) as driver:
            return driver.create_snapshot(scope, volume.id, description)

    def delete_snapshot(self, scope: Scope, snapshot: Snapshot) -> None:
        """Delete a snapshot.

        Raises:
            SnapshotNotFound
            SnapshotInUse: an image of the project boots from it.
        """
        with asking():
            images = self._cloud.images.list(scope)
        for image in images:
            if image.snapshot_id == snapshot.id and image.active:
                raise volume_findings.SnapshotInUse(snapshot.short_id, image.id)
        with self._writing() as driver:
            driver.delete_snapshot(scope, snapshot.id)

    def _as_before(self, scope: Scope, volume_id: str) -> Volume:
        for volume in self.list(scope):
            if volume.id == volume_id:
                return volume
        raise volume_findings.VolumeNotFound(volume_id)

    def _first(self, scope: Scope, new: NewVolume, claim: Claim) -> Volume:
        try:
            volume = self._make(scope, new)
        except errors.OutcomeUnclear:
            self._tokens.hold_unclear(scope, claim)
            raise
        except errors.Finding:
            self._tokens.give_back(scope, claim)
            raise
        self._tokens.hold(scope, claim, [volume.id])
        return volume

    def _make(self, scope: Scope, new: NewVolume) -> Volume:
        if len(self.list(scope)) >= VOLUMES:  # of who asks at once some more are let through; the cloud has its quota
            raise errors.LimitExceeded("volumes", VOLUMES)
        with self._writing() as driver:
            return driver.create(scope, new)

    @contextmanager
    def _writing(self, volume: Volume | None = None, server: Server | None = None) -> Iterator[ports.Volumes]:
        driver = self._cloud.volumes
        if driver is None:
            raise volume_findings.NoVolumes("")
        try:
            yield driver
        except cloud_errors.ServerStateConflict as error:
            raise server_findings.ServerConflict(server.short_id if server else "", error.detail) from None
        except cloud_errors.VolumeConflict as error:
            raise volume_findings.VolumeConflict(
                volume.short_id if volume else "", str(volume.state) if volume else "", error.detail
            ) from None
        except cloud_errors.CloudError as error:
            raise finding_of(error) from error
