"""What every driver of a cloud with block storage must hold, told through the ports alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from backend.domain.scope import Scope
from backend.drivers.cloud import Cloud
from backend.drivers.compute import ServerRequest
from backend.drivers.errors import (
    Refused,
    VolumeConflict,
    VolumeNotFound,
)
from backend.drivers.volumes import (
    AttachmentState,
    Kind,
    NewVolume,
    Snapshot,
    SnapshotState,
    Volume,
    VolumeState,
)
from tests.backend.drivers.on_a_cloud import OnACloud, Until


class VolumesContract(OnACloud):
    """The fixtures are those of the class above."""

    @pytest.fixture
    def volume(self, cloud: Cloud, scope: Scope, request_: ServerRequest, until: Until) -> Iterator[Volume]:
        """A volume of one GiB in the zone of the smallest server."""
        made = cloud.volumes.create(scope, NewVolume(1, request_.zone, Kind("gp3"), name="contract", token="t1"))
        until(lambda: self._volume(cloud, scope, made).state is VolumeState.AVAILABLE)
        yield made
        with suppress(VolumeNotFound):
            cloud.volumes.delete(scope, made.id)
        until(lambda: made.id not in {each.id for each in cloud.volumes.list(scope)})

    @staticmethod
    def _volume(cloud: Cloud, scope: Scope, volume: Volume) -> Volume:
        return next(each for each in cloud.volumes.list(scope) if each.id == volume.id)

    def test_a_volume_is_as_asked_for_and_nobody_elses(self, cloud, scope, other_scope, request_, volume):
        seen = self._volume(cloud, scope, volume)
        assert (seen.size_gib, seen.zone, seen.kind, seen.token) == (1, request_.zone, Kind("gp3"), "t1")
        assert volume.id not in {each.id for each in cloud.volumes.list(other_scope)}
        for call in (
            lambda: cloud.volumes.delete(other_scope, volume.id),
            lambda: cloud.volumes.create_snapshot(other_scope, volume.id, ""),
        ):
            with pytest.raises((VolumeNotFound, Refused)):
                call()
        assert self._volume(cloud, scope, volume).state is VolumeState.AVAILABLE

    def test_a_server_has_a_volume_until_it_lets_go_of_it(self, cloud, scope, make, volume, until):
        (server,) = make()
        cloud.volumes.attach(scope, volume.id, server.id, "/dev/sdf")

        def attached() -> bool:
            held = self._volume(cloud, scope, volume).attachment
            return held is not None and held.state is AttachmentState.ATTACHED

        until(attached)
        held = self._volume(cloud, scope, volume).attachment
        assert (held.server_id, held.device) == (server.id, "/dev/sdf")
        assert cloud.compute.get(scope, server.id).volumes == {volume.id: False}
        with pytest.raises(VolumeConflict):
            cloud.volumes.attach(scope, volume.id, server.id, "/dev/sdg")
        cloud.volumes.detach(scope, volume.id, server.id)
        until(lambda: self._volume(cloud, scope, volume).state is VolumeState.AVAILABLE)
        assert cloud.compute.get(scope, server.id).volumes == {}

    def test_a_volume_grows_and_is_copied(self, cloud, scope, volume, until):
        cloud.volumes.modify(scope, self._volume(cloud, scope, volume), 2, Kind("gp2"))
        until(lambda: self._volume(cloud, scope, volume).size_gib == 2)
        seen = self._volume(cloud, scope, volume)
        assert (seen.kind, seen.modification.size_gib, seen.modification.kind) == (Kind("gp2"), 1, Kind("gp3"))
        snapshot = cloud.volumes.create_snapshot(scope, volume.id, "of the contract")

        def mine() -> list[Snapshot]:
            return [each for each in cloud.volumes.snapshots(scope) if each.id == snapshot.id]

        until(lambda: mine()[0].state is SnapshotState.COMPLETED)
        assert (mine()[0].volume_id, mine()[0].size_gib) == (volume.id, 2)
        cloud.volumes.delete_snapshot(scope, snapshot.id)
        until(lambda: not mine())
