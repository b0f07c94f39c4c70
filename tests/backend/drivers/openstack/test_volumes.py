from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backend.drivers import errors
from backend.drivers.openstack.cloud import open_cloud
from backend.drivers.volumes import (
    Attachment,
    AttachmentState,
    Kind,
    Modification,
    NewVolume,
    OwnDisk,
    SnapshotState,
    VolumeState,
)
from tests.backend.drivers.openstack.fake import CATALOG, HOST, Reply, granted, lost, nova_fault
from tests.backend.drivers.openstack.samples import SERVER, ZONES
from tests.backend.drivers.openstack.test_compute import MISSING, NOVA
from tests.factories import NOW

CINDER = "/volume/v3/p-1"
VOLUME = "99999999-9999-4999-8999-999999999999"
SNAPSHOT = "88888888-8888-4888-8888-888888888888"
NEW = NewVolume(10, "az1", Kind("gp3", 3500), name="data", token="t" * 32)
NOT_FOUND = nova_fault(404, f"Volume {VOLUME} could not be found.")


def document(**changes):
    made = {
        "id": VOLUME,
        "size": 10,
        "status": "available",
        "availability_zone": "nova",
        "created_at": "2026-11-22T12:00:00.000000",
        "volume_type": "lvm",
        "bootable": "false",
        "encrypted": False,
        "attachments": [],
        "metadata": {},
    }
    return {**made, **changes}


@pytest.fixture
def cinder(services):
    services.login = lambda auth: granted(auth, {**CATALOG, "block-storage": f"{HOST}{CINDER}"})
    zones = {"availabilityZoneInfo": [{"zoneName": "nova", "zoneState": {"available": True}}]}
    services.on("GET", f"{CINDER}/os-availability-zone", Reply(200, zones))
    return services


@pytest.fixture(autouse=True)
def _zones(services):
    services.on("GET", f"{NOVA}/os-availability-zone", Reply(200, ZONES))


@pytest.fixture
def volumes(settings, clock, cinder):
    return open_cloud(settings, clock, cinder).volumes


def test_a_cloud_without_block_storage_has_no_volumes(settings, clock, services, scope):
    none = open_cloud(settings, clock, services).volumes
    assert (none.list(scope), none.snapshots(scope)) == ((), ())
    with pytest.raises(errors.NoVolumes):
        none.create(scope, NEW)


def test_a_volume_carries_what_aws_alone_knows(cinder, volumes, scope):
    cinder.on("POST", f"{CINDER}/volumes", lambda asked: Reply(202, {"volume": document(**asked.body["volume"])}))
    made = volumes.create(scope, NEW)
    (asked,) = cinder.of("POST")
    assert asked.headers["OpenStack-API-Version"] == "volume 3.42"
    assert asked.body["volume"] == {
        "size": 10,
        "name": "data",
        "metadata": {
            "coppice:type": "gp3",
            "coppice:iops": "3500",
            "coppice:zone": "az1",
            "coppice:token": "t" * 32,
        },
    }
    assert (made.kind, made.zone, made.token) == (NEW.kind, "az1", NEW.token)
    assert made.created_at == datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_creation_is_never_sent_twice(cinder, volumes, scope):
    cinder.on("POST", f"{CINDER}/volumes", lost())
    with pytest.raises(errors.OutcomeUnknown):
        volumes.create(scope, NEW)
    assert len(cinder.of("POST")) == 1


@pytest.mark.parametrize(
    ("status", "words", "found"),
    [
        (413, "VolumeLimitExceeded: Maximum number of volumes allowed (10) exceeded for quota 'volumes'.", "volumes"),
        (
            413,
            "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota.",
            "gigabytes",
        ),
    ],
)
def test_quotas(cinder, volumes, scope, status, words, found):
    cinder.on("POST", f"{CINDER}/volumes", nova_fault(status, words))
    with pytest.raises(errors.QuotaExceeded) as refusal:
        volumes.create(scope, NEW)
    assert refusal.value.resource == found


@pytest.mark.parametrize(
    ("told", "state", "attached"),
    [
        ({"status": "downloading"}, VolumeState.CREATING, None),
        ({"status": "error_extending"}, VolumeState.ERROR, None),
        ({"status": "extending"}, VolumeState.AVAILABLE, None),
        ({"status": "reserved"}, VolumeState.IN_USE, AttachmentState.ATTACHING),
        ({"status": "in-use", "attachments": [{"server_id": SERVER}]}, VolumeState.IN_USE, AttachmentState.ATTACHED),
        (
            {"status": "detaching", "attachments": [{"server_id": SERVER}]},
            VolumeState.IN_USE,
            AttachmentState.DETACHING,
        ),
    ],
)
def test_states(cinder, volumes, scope, told, state, attached):
    noted = {"metadata": {"coppice:device": f"{SERVER} /dev/sdf"}}
    cinder.on("GET", f"{CINDER}/volumes/detail", Reply(200, {"volumes": [document(**told, **noted)]}))
    (volume,) = volumes.list(scope)
    assert volume.state is state
    assert (volume.attachment.state if volume.attachment else None) is attached
    assert volume.attachment is None or (volume.attachment.server_id, volume.attachment.device) == (SERVER, "/dev/sdf")


@pytest.mark.parametrize(("status", "works"), [("in-use", True), ("error_extending", True), ("error", False)])
def test_what_could_not_be_made_larger_works_all_the_same(cinder, volumes, scope, status, works):
    told = document(status=status, attachments=[{"server_id": SERVER}])
    cinder.on("GET", f"{CINDER}/volumes/detail", Reply(200, {"volumes": [told]}))
    (volume,) = volumes.list(scope)
    assert (volume.works, volume.attachment.server_id) == (works, SERVER)


def test_what_is_noted_is_read_and_nonsense_is_passed_over(cinder, volumes, scope):
    before = Modification(NOW, 5, Kind("gp2"))
    sane = {"coppice:type": "io1", "coppice:iops": "200", "coppice:changed": f"{NOW.isoformat()} 5 gp2 0 0"}
    mad = {
        "coppice:type": "x" * 99,
        "coppice:iops": "9" * 99,
        "coppice:changed": "1 2 3 4 5",
        "coppice:device": "a b c",
    }
    listed = [document(metadata=sane), document(metadata=mad)]
    cinder.on("GET", f"{CINDER}/volumes/detail", Reply(200, {"volumes": listed}))
    one, other = volumes.list(scope)
    assert (one.kind, one.modification) == (Kind("io1", 200), before)
    assert (other.kind, other.modification, other.attachment) == (Kind("gp2"), None, None)


def test_a_zone_that_no_server_can_be_in_is_none(cinder, volumes, scope):
    noted = {"coppice:zone": "az2"}
    listed = [document(), document(availability_zone="az1"), document(metadata=noted)]
    cinder.on("GET", f"{CINDER}/volumes/detail", Reply(200, {"volumes": listed}))
    assert [volume.zone for volume in volumes.list(scope)] == ["", "az1", "az2"]


def test_attached_by_nova_under_a_name_of_the_callers(cinder, volumes, scope):
    cinder.on("POST", f"{CINDER}/volumes/{VOLUME}/metadata", Reply(200, {"metadata": {}}))
    path = f"{NOVA}/servers/{SERVER}/os-volume_attachments"
    cinder.on("POST", path, Reply(200, {"volumeAttachment": {"id": VOLUME}}))
    cinder.on("DELETE", f"{path}/{VOLUME}", Reply(202), nova_fault(404, f"volume_id not found: {VOLUME}"))
    made = volumes.attach(scope, VOLUME, SERVER, "/dev/sdf")
    assert made == Attachment(SERVER, "/dev/sdf", NOW, state=AttachmentState.ATTACHING)
    coming, asked, noted = cinder.of("POST")
    assert coming.body == {"metadata": {"coppice:attaching": f"{SERVER} /dev/sdf"}}
    assert asked.body == {"volumeAttachment": {"volumeId": VOLUME}}
    assert noted.body == {"metadata": {"coppice:device": f"{SERVER} /dev/sdf"}}
    for _ in range(2):
        volumes.detach(scope, VOLUME, SERVER)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (MISSING, errors.ServerNotFound),
        (NOT_FOUND, errors.VolumeNotFound),
        (nova_fault(400, f"Invalid volume: volume {VOLUME} is already attached"), errors.VolumeConflict),
        (nova_fault(409, "Cannot 'attach_volume' instance while it is in vm_state error"), errors.ServerStateConflict),
    ],
)
def test_an_attachment_that_is_refused(cinder, volumes, scope, answer, found):
    cinder.on("POST", f"{CINDER}/volumes/{VOLUME}/metadata", Reply(200, {"metadata": {}}))
    cinder.on("POST", f"{NOVA}/servers/{SERVER}/os-volume_attachments", answer)
    with pytest.raises(found):
        volumes.attach(scope, VOLUME, SERVER, "/dev/sdf")
    noted = [each.body["metadata"] for each in cinder.of("POST") if "metadata" in each.body]
    assert not any("coppice:device" in each for each in noted), "another attachment's name stays"


def test_a_server_that_nova_is_busy_with_takes_a_volume_a_little_later(cinder, volumes, scope):
    path = f"{NOVA}/servers/{SERVER}/os-volume_attachments"
    busy = nova_fault(409, f"Cannot 'x' instance {SERVER} while it is in task_state rebooting")
    cinder.on("POST", f"{CINDER}/volumes/{VOLUME}/metadata", Reply(200, {"metadata": {}}))
    cinder.on("POST", path, busy, Reply(200, {"volumeAttachment": {}}))
    cinder.on("DELETE", f"{path}/{VOLUME}", busy, Reply(202))
    volumes.attach(scope, VOLUME, SERVER, "/dev/sdf")
    volumes.detach(scope, VOLUME, SERVER)
    assert (len(cinder.of("POST", path)), len(cinder.of("DELETE"))) == (2, 2)


def test_an_attachment_of_unknown_outcome_has_its_name(cinder, volumes, scope):
    cinder.on("POST", f"{CINDER}/volumes/{VOLUME}/metadata", Reply(200, {"metadata": {}}))
    cinder.on("POST", f"{NOVA}/servers/{SERVER}/os-volume_attachments", lost())
    with pytest.raises(errors.OutcomeUnknown):
        volumes.attach(scope, VOLUME, SERVER, "/dev/sdf")
    assert cinder.of("POST")[-1].body == {"metadata": {"coppice:device": f"{SERVER} /dev/sdf"}}


@pytest.mark.parametrize(
    ("noted", "status", "device"),
    [
        ({"attaching": f"{SERVER} /dev/sdf"}, "reserved", "/dev/sdf"),
        ({"attaching": f"{SERVER} /dev/sdf", "device": "s-0 /dev/sdz"}, "reserved", "/dev/sdf"),
        ({"attaching": f"{SERVER} /dev/sdg", "device": f"{SERVER} /dev/sdf"}, "in-use", "/dev/sdf"),
        ({"attaching": "s-0 /dev/sdg", "device": f"{SERVER} /dev/sdf"}, "in-use", "/dev/sdf"),
        ({"attaching": f"{SERVER} /dev/sdf", "device": "s-0 /dev/sdz"}, "in-use", "/dev/sdf"),
    ],
)
def test_the_name_is_that_of_the_attachment_that_came_to_be(cinder, volumes, scope, noted, status, device):
    metadata = {f"coppice:{key}": text for key, text in noted.items()}
    held = [{"server_id": SERVER}] if status == "in-use" else []
    cinder.on(
        "GET",
        f"{CINDER}/volumes/detail",
        Reply(200, {"volumes": [document(status=status, attachments=held, metadata=metadata)]}),
    )
    (volume,) = volumes.list(scope)
    assert (volume.attachment.server_id, volume.attachment.device) == (SERVER, device)


def test_it_grows_and_is_noted_as_what_it_was(cinder, volumes, scope):
    cinder.on("GET", f"{CINDER}/volumes/detail", Reply(200, {"volumes": [document()]}))
    cinder.on("POST", f"{CINDER}/volumes/{VOLUME}/.*", Reply(202, {"metadata": {}}))
    (volume,) = volumes.list(scope)
    changed = volumes.modify(scope, volume, 20, Kind("gp3", 3500))
    extend, noted = cinder.of("POST")
    assert extend.body == {"os-extend": {"new_size": 20}}
    assert noted.body["metadata"] == {
        "coppice:type": "gp3",
        "coppice:iops": "3500",
        "coppice:throughput": "",
        "coppice:changed": f"{NOW.isoformat()} 10 gp2 0 0",
    }
    assert (changed.size_gib, changed.modification) == (20, Modification(NOW, 10, Kind("gp2")))


def test_deleted_once_and_gone_after_that(cinder, volumes, scope):
    cinder.on("DELETE", f"{CINDER}/volumes/{VOLUME}", Reply(202), NOT_FOUND)
    volumes.delete(scope, VOLUME)
    with pytest.raises(errors.VolumeNotFound):
        volumes.delete(scope, VOLUME)


def test_a_volume_waits_for_its_snapshots_that_are_going_and_for_no_others(cinder, volumes, scope):
    kept = nova_fault(400, "Invalid volume: Volume status must be available and must not have snapshots.")
    going, staying = ({"id": SNAPSHOT, "volume_id": VOLUME, "status": each} for each in ("deleting", "available"))
    cinder.on("GET", f"{CINDER}/snapshots/detail", Reply(200, {"snapshots": [going]}))
    cinder.on("DELETE", f"{CINDER}/volumes/{VOLUME}", kept, kept, Reply(202))
    volumes.delete(scope, VOLUME)
    assert len(cinder.of("DELETE")) == 3
    cinder.on("DELETE", f"{CINDER}/volumes/{VOLUME}", kept)
    for listed in ([going], [going, staying], []):
        cinder.on("GET", f"{CINDER}/snapshots/detail", Reply(200, {"snapshots": listed}))
        with pytest.raises(errors.VolumeConflict):
            volumes.delete(scope, VOLUME)


def test_snapshots(cinder, volumes, scope):
    told = {"id": SNAPSHOT, "volume_id": VOLUME, "size": 10, "status": "creating", "created_at": "2026-11-22T12:00:00"}
    listed = [{**told, "status": "available", "description": "d"}, {**told, "status": "deleting"}]
    cinder.on("POST", f"{CINDER}/snapshots", Reply(202, {"snapshot": told}))
    cinder.on("GET", f"{CINDER}/snapshots/detail", Reply(200, {"snapshots": listed}))
    missing = nova_fault(404, f"Snapshot {SNAPSHOT} could not be found.")
    cinder.on("DELETE", f"{CINDER}/snapshots/{SNAPSHOT}", Reply(202), missing)
    assert volumes.create_snapshot(scope, VOLUME, "d").state is SnapshotState.PENDING
    (one,) = volumes.snapshots(scope)
    assert (one.state, one.progress, one.description) == (SnapshotState.COMPLETED, 100, "d")
    volumes.delete_snapshot(scope, SNAPSHOT)
    with pytest.raises(errors.SnapshotNotFound):
        volumes.delete_snapshot(scope, SNAPSHOT)


def test_a_disk_of_the_type_is_no_volume(volumes, scope):
    with pytest.raises(errors.Unsupported):
        volumes.realize(scope, OwnDisk(SERVER, "/dev/vda", 8, Kind("gp3")))


def test_whether_it_goes_with_its_server_is_novas(cinder, volumes, scope):
    cinder.on("PUT", f"{NOVA}/servers/{SERVER}/os-volume_attachments/{VOLUME}", Reply(202), NOT_FOUND)
    volumes.set_goes(scope, VOLUME, SERVER, goes=True)
    (asked,) = cinder.of("PUT")
    assert asked.headers["OpenStack-API-Version"] == "compute 2.85"
    assert asked.body == {"volumeAttachment": {"volumeId": VOLUME, "delete_on_termination": True}}
    with pytest.raises(errors.VolumeNotFound):
        volumes.set_goes(scope, VOLUME, SERVER, goes=True)
