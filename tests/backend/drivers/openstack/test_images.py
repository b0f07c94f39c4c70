from __future__ import annotations

import pytest

from backend.drivers import errors
from backend.drivers.errors import ImageNotFound, NotAuthorized
from backend.drivers.openstack import busy as busy_servers
from backend.drivers.openstack.images import OpenStackImages
from backend.drivers.openstack.settings import OpenStackSettings
from tests.backend.drivers.openstack.fake import Reply, glance_error, nova_fault
from tests.backend.drivers.openstack.samples import IMAGE, SERVER, image


@pytest.fixture
def images(rest, clock):
    return OpenStackImages(rest, clock, OpenStackSettings())


def told(services, images, scope, **changes):
    services.on("GET", "/image/v2/images", Reply(200, {"images": [image(**changes)]}))
    return images.list(scope)


def test_an_image_is_told_in_aws_s_words(services, images, scope):
    (found,) = told(services, images, scope)
    assert (found.id, found.name, found.architecture, found.owner_id) == (IMAGE, "debian-12", "x86_64", "p-admin")
    assert (found.size_gib, found.active, found.public, found.root_device) == (3, True, True, "/dev/vda")


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({"architecture": "aarch64"}, {"architecture": "arm64"}),
        ({"architecture": None}, {"architecture": "x86_64"}),
        ({"architecture": "ppc64le"}, {"architecture": "ppc64le"}),
        ({"min_disk": 100}, {"size_gib": 100}),
        ({"virtual_size": None, "size": 1}, {"size_gib": 1}),
        ({"status": "deactivated"}, {"active": False}),
        ({"visibility": "shared"}, {"public": False}),
        ({"os_type": "windows"}, {"platform": "windows", "platform_details": "Windows"}),
        ({"hw_firmware_type": "uefi"}, {"boot_mode": "uefi"}),
        (
            {"aws_owner_id": "137112412989", "aws_owner_alias": "amazon"},
            {"owner_id": "137112412989", "owner_alias": "amazon"},
        ),
        ({"name": None}, {"name": IMAGE}),
    ],
)
def test_properties_decide(services, images, scope, changes, seen):
    (found,) = told(services, images, scope, **changes)
    assert {name: getattr(found, name) for name in seen} == seen


@pytest.mark.parametrize("mark", [{"image_type": "snapshot"}, {"base_image_ref": IMAGE}])
def test_an_image_of_a_server_is_its_project_s_whatever_its_base_image_says(services, images, scope, mark):
    # Nova hands the properties of the image that a server was made from on to each image of the server.
    amazon = {"aws_owner_id": "137112412989", "aws_owner_alias": "amazon"}
    (found,) = told(services, images, scope, owner="p-1", **amazon, **mark)
    assert (found.owner_id, found.owner_alias) == ("p-1", None)


@pytest.mark.parametrize("status", ["queued", "saving"])
def test_what_is_coming_is_told_as_such(services, images, scope, status):
    (found,) = told(services, images, scope, status=status)
    assert (found.active, found.pending) == (False, True)


@pytest.mark.parametrize("changes", [{"status": "deleted"}, {"status": "killed"}, {"disk_format": "aki"}])
def test_what_can_never_be_booted_is_not_told(services, images, scope, changes):
    assert told(services, images, scope, **changes) == []


def test_an_image_is_looked_up_once_while_it_is_active(services, images, scope):
    path = f"/image/v2/images/{IMAGE}"
    services.on("GET", path, Reply(200, image()))
    for _ in range(3):
        assert images.bootable(scope, IMAGE).id == IMAGE
    assert len(services.asked) == 1


def test_an_image_that_is_gone_or_deactivated_is_asked_for_each_time(services, images, scope):
    path = f"/image/v2/images/{IMAGE}"
    missing = glance_error(404, f"No image found with ID {IMAGE}")
    services.on("GET", path, missing, Reply(200, image(status="deactivated")), Reply(200, image()))
    with pytest.raises(ImageNotFound) as gone:
        images.bootable(scope, IMAGE)
    assert (gone.value.detail, gone.value.request_id) == ("44444444444444448", "req-glance-1")
    with pytest.raises(ImageNotFound):
        images.bootable(scope, IMAGE)
    assert images.bootable(scope, IMAGE).active


def test_what_may_not_be_seen_is_no_image_list(services, images, scope):
    services.on("GET", "/image/v2/images", glance_error(403, "You are not authorized."))
    with pytest.raises(NotAuthorized):
        images.list(scope)


def test_an_image_of_a_server(services, images, scope):
    path = f"/compute/v2.1/servers/{SERVER}/action"
    services.on("POST", path, Reply(202, {"image_id": IMAGE}), Reply(202), nova_fault(409, "Cannot 'createImage'"))
    assert images.of_server(scope, SERVER, "mine", "of web") == IMAGE
    assert services.of("POST")[0].body == {"createImage": {"name": "mine", "metadata": {"description": "of web"}}}
    with pytest.raises(errors.OutcomeUnknown):
        images.of_server(scope, SERVER, "mine", "")
    with pytest.raises(errors.ServerStateConflict):
        images.of_server(scope, SERVER, "mine", "")


def test_an_image_of_a_server_that_is_rebooted_waits_a_little(services, images, scope):
    path = f"/compute/v2.1/servers/{SERVER}/action"
    busy = nova_fault(409, f"Cannot 'createImage' instance {SERVER} while it is in task_state rebooting")
    services.on("POST", path, busy, busy, Reply(202, {"image_id": IMAGE}), busy)
    assert images.of_server(scope, SERVER, "mine", "") == IMAGE
    assert len(services.of("POST")) == 3
    with pytest.raises(errors.ServerBusy):
        images.of_server(scope, SERVER, "mine", "")
    assert len(services.of("POST")) == 3 + 1 + len(busy_servers.PAUSES)


def test_an_image_is_deleted_and_gone_after_that(services, images, scope):
    path = f"/image/v2/images/{IMAGE}"
    services.on("DELETE", path, Reply(204), glance_error(404, f"Failed to find image {IMAGE} to delete"))
    images.delete(scope, IMAGE)
    with pytest.raises(errors.ImageNotFound):
        images.delete(scope, IMAGE)
