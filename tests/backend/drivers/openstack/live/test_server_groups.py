"""What Nova's scheduler makes of a server group: the test cloud has one host a zone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.clock import SystemClock
from backend.domain.node import ServerStatus
from backend.drivers import errors
from backend.drivers.compute import GroupPolicy, ServerRequest
from backend.drivers.openstack.access import Access, Entry
from backend.drivers.openstack.cloud import open_cloud
from backend.drivers.openstack.rest import COMPUTE, Rest
from backend.engine.reasons import reason_of_fault

NAME = "live-server-groups"


@pytest.fixture(scope="module")
def compute(settings):
    return open_cloud(replace(settings, default_network="backend"), SystemClock()).compute


@pytest.fixture
def asked(settings, demo_scope) -> ServerRequest:
    images = open_cloud(settings, SystemClock()).images.list(demo_scope)
    image = next(image for image in images if image.name == "cirros")
    return ServerRequest(NAME, image.id, "m1.nano", "az1", None)


@pytest.fixture
def grouped(compute, demo_scope, asked, patience):
    """Requests in new groups; what was made in them is deleted in the end, and the groups after it."""
    made = []

    def request(policy):
        made.append(compute.create_server_group(demo_scope, NAME, policy))
        return replace(asked, server_group=made[-1])

    yield request
    ids = {group.id for group in made}
    for server in compute.list(demo_scope):
        if server.server_group_id in ids:
            compute.delete(demo_scope, server.id)
    patience(lambda: not [each for each in compute.server_groups(demo_scope) if each.id in ids and each.members])
    for group_id in ids:
        compute.delete_server_group(demo_scope, group_id)


@pytest.fixture
def settled(compute, demo_scope, patience):
    """A server once its boot is over."""

    def wait(server):
        patience(lambda: compute.get(demo_scope, server.id).status is not ServerStatus.BUILDING)
        return compute.get(demo_scope, server.id)

    return wait


def test_a_second_server_of_a_zone_finds_no_host_of_its_own(compute, demo_scope, grouped, settled):
    request = grouped(GroupPolicy.ANTI_AFFINITY)
    (first,) = compute.create(demo_scope, request, 1)
    assert settled(first).status is ServerStatus.ACTIVE
    (second,) = compute.create(demo_scope, request, 1)
    refused = settled(second)
    assert refused.status is ServerStatus.ERROR
    assert reason_of_fault(refused.fault, "m1.nano", "az1").kind == "no_capacity"
    (elsewhere,) = compute.create(demo_scope, replace(request, zone="az2"), 1)
    assert settled(elsewhere).status is ServerStatus.ACTIVE


def test_servers_that_are_to_be_together_find_no_host_in_another_zone(compute, demo_scope, grouped, settled):
    request = grouped(GroupPolicy.AFFINITY)
    made = compute.create(demo_scope, request, 2)
    assert {settled(server).status for server in made} == {ServerStatus.ACTIVE}
    (elsewhere,) = compute.create(demo_scope, replace(request, zone="az2"), 1)
    assert settled(elsewhere).status is ServerStatus.ERROR


def test_quotas_of_groups_and_of_their_members_are_told_as_such(settings, compute, demo_scope, grouped, patience):
    access = Access(settings, Entry.read(replace(settings, cloud="admin")), SystemClock())
    admin, scope = (
        Rest(access, SystemClock()),
        replace(demo_scope, project_id=access.own("project").get_project_id(access.session)),
    )

    def limit(**limits):
        path = f"/os-quota-sets/{demo_scope.project_id}"
        admin.write(scope, COMPUTE, "PUT", path, {"quota_set": {**limits, "force": True}})

    request = grouped(GroupPolicy.SOFT_ANTI_AFFINITY)
    try:
        limit(server_groups=0, server_group_members=0)
        with pytest.raises(errors.QuotaExceeded) as told:
            compute.create_server_group(demo_scope, NAME, GroupPolicy.AFFINITY)
        assert told.value.resource == "server_groups"
        with pytest.raises(errors.QuotaExceeded) as told:
            compute.create(demo_scope, request, 1)
        assert told.value.resource == "server_group_members"
    finally:
        limit(server_groups=-1, server_group_members=-1)
