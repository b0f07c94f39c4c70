"""What only a real cloud says: its words for what it cannot give, told as findings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.clock import SystemClock
from backend.domain.node import ServerStatus
from backend.domain.scope import Scope
from backend.drivers import errors
from backend.drivers.compute import ServerRequest
from backend.drivers.openstack.access import Access, Entry
from backend.drivers.openstack.cloud import open_cloud
from backend.drivers.openstack.rest import COMPUTE, NETWORK, Rest
from backend.engine.reasons import reason_of_fault

ROOMY = 8


@pytest.fixture(scope="module")
def cloud(settings):
    return open_cloud(settings, SystemClock())


@pytest.fixture(scope="module")
def images(cloud, demo_scope):
    return {image.name: image for image in cloud.images.list(demo_scope)}


@pytest.fixture
def asked(cloud, demo_scope, images) -> ServerRequest:
    return ServerRequest("refused", images["cirros"].id, "m1.nano", "az1", None, launch_id="launch-refused")


def test_images_tell_whose_they_are_and_what_runs_them(images):
    amazon = images["al2023-ami-2023.9.20251110.1-kernel-6.1-arm64"]
    assert (amazon.owner_id, amazon.owner_alias, amazon.architecture) == ("137112412989", "amazon", "arm64")
    assert images["private-to-demo"].public is False
    assert images["deactivated"].active is False
    assert images["Windows_Server-2022-English-Full-Base-2025.11.12"].platform == "windows"


def test_a_deactivated_image_boots_nothing(cloud, demo_scope, asked, images):
    with pytest.raises(errors.ImageNotFound):
        cloud.compute.create(demo_scope, replace(asked, image_id=images["deactivated"].id), 1)


def test_a_disk_too_small_for_the_image_is_told(cloud, demo_scope, asked, images):
    with pytest.raises(errors.FlavorNotSupported, match="disk") as told:
        cloud.compute.create(demo_scope, replace(asked, image_id=images["needs-100-gib"].id), 1)
    assert told.value.request_id.startswith("req-")


def test_a_project_without_a_network_has_nowhere_for_a_server(cloud, keys, asked):
    bare = Scope(keys("bare")["OS_PROJECT_ID"], "RegionOne")
    with pytest.raises(errors.NetworkMissing):
        cloud.compute.create(bare, asked, 1)
    assert [network.default for network in cloud.network.networks(bare)] == []


def test_no_valid_host_shows_in_the_server_s_fault(cloud, demo_scope, asked, patience):
    (server,) = cloud.compute.create(demo_scope, replace(asked, flavor="test.vast"), 1)
    patience(lambda: cloud.compute.get(demo_scope, server.id).status is ServerStatus.ERROR)
    fault = cloud.compute.get(demo_scope, server.id).fault
    cloud.compute.delete(demo_scope, server.id)
    assert reason_of_fault(fault, "test.vast", "az1").kind == "no_capacity"


def test_a_full_subnet_shows_in_the_server_s_fault(settings, demo_scope, asked, patience):
    narrow = open_cloud(replace(settings, default_network="narrow"), SystemClock())
    (first, *_) = [subnet for subnet in narrow.network.subnets(demo_scope) if subnet.zone_default]
    assert 0 < first.free_addresses < ROOMY
    made = narrow.compute.create(demo_scope, asked, ROOMY)

    def settled():
        return [narrow.compute.get(demo_scope, server.id) for server in made]

    patience(lambda: all(server.status is not ServerStatus.BUILDING for server in settled()))
    faults = {server.fault for server in settled() if server.status is ServerStatus.ERROR}
    for server in made:
        narrow.compute.delete(demo_scope, server.id)
    (kind,) = {reason_of_fault(fault, "m1.nano", "az1", first.id).kind for fault in faults}
    assert kind == "no_addresses"


def test_a_scope_without_leave_is_not_authorized(cloud, asked):
    with pytest.raises(errors.NotAuthorized) as told:
        cloud.compute.list(Scope("00000000000000000000000000000000", "RegionOne"))
    assert told.value.request_id.startswith("req-")


def test_a_region_that_is_not_there_cannot_be_asked(cloud, demo_scope):
    with pytest.raises(errors.CloudUnavailable, match="RegionNine"):
        cloud.compute.list(Scope(demo_scope.project_id, "RegionNine"))


@pytest.fixture(scope="module")
def admin(settings):
    """The admin's requests, and their own scope."""
    access = Access(settings, Entry.read(replace(settings, cloud="admin")), SystemClock())
    return Rest(access, SystemClock()), Scope(access.own("project").get_project_id(access.session), "RegionOne")


@pytest.fixture
def ports(admin, other_project_scope):
    """How many ports the other project has."""
    rest, scope = admin
    asked = {"project_id": other_project_scope.project_id}
    return lambda: len(list(rest.listing(scope, NETWORK, "/ports", "ports", asked)))


@pytest.fixture
def quotas(admin, other_project_scope):
    """Sets Nova's and Neutron's quotas of the other project; they are unlimited again afterwards."""
    rest, scope = admin
    project = other_project_scope.project_id

    def limit(service, **limits):
        path, noun = {COMPUTE: ("/os-quota-sets", "quota_set"), NETWORK: ("/quotas", "quota")}[service]
        rest.write(scope, service, "PUT", f"{path}/{project}", {noun: limits})

    yield limit
    limit(COMPUTE, instances=-1, cores=-1)
    limit(NETWORK, port=-1)


def test_a_quota_is_told_with_its_numbers_and_binds_no_longer_when_it_is_raised(
    cloud, other_project_scope, asked, quotas, ports
):
    there = len(cloud.compute.list(other_project_scope))
    quotas(COMPUTE, instances=there)
    with pytest.raises(errors.QuotaExceeded) as told:
        cloud.compute.create(other_project_scope, asked, 2)
    assert (told.value.resource, told.value.limit) == ("instances", there)
    quotas(COMPUTE, instances=-1, cores=0, force=True)
    with pytest.raises(errors.QuotaExceeded) as told:
        cloud.compute.create(other_project_scope, asked, 1)
    assert told.value.resource == "cores"
    quotas(COMPUTE, cores=-1)
    quotas(NETWORK, port=ports())
    with pytest.raises(errors.QuotaExceeded) as told:
        cloud.compute.create(other_project_scope, asked, 1)
    assert told.value.resource == "ports"
    quotas(NETWORK, port=-1)
    (server,) = cloud.compute.create(other_project_scope, asked, 1)
    cloud.compute.delete(other_project_scope, server.id)
