from __future__ import annotations

import pytest

from backend.drivers.errors import CloudUnavailable, NotAuthorized
from backend.drivers.openstack.cloud import open_cloud
from tests.backend.drivers.openstack.fake import Reply, neutron_error, pages, refused
from tests.backend.drivers.openstack.samples import GROUP, NETWORK, SUBNET, ZONES, group, network, subnet


@pytest.fixture
def networking(settings, clock, services):
    services.on("GET", "/compute/v2.1/os-availability-zone", Reply(200, ZONES))
    services.on("GET", "/network/v2.0/networks", Reply(200, {"networks": [network()]}))
    services.on("GET", "/network/v2.0/subnets", Reply(200, {"subnets": [subnet()]}))
    services.on("GET", "/network/v2.0/security-groups", Reply(200, {"security_groups": [group()]}))
    services.on("GET", "/network/v2.0/ports", Reply(200, {"ports": []}))
    return open_cloud(settings, clock, services).network


def test_a_subnet_tells_the_addresses_that_no_port_has(networking, services, scope):
    port = {"id": "1", "fixed_ips": [{"subnet_id": SUBNET}, {"subnet_id": SUBNET}]}
    services.on(
        "GET", "/network/v2.0/ports", *pages("ports", [port], [{"id": "2", "fixed_ips": [{"subnet_id": SUBNET}]}])
    )
    assert [each.free_addresses for each in networking.subnets(scope)] == [250, 250]


def test_one_look_serves_networks_subnets_and_groups(networking, services, clock, scope):
    assert [each.id for each in networking.networks(scope)] == [NETWORK]
    assert [each.zone for each in networking.subnets(scope)] == ["az1", "az2"]
    assert [each.id for each in networking.security_groups(scope)] == [GROUP]
    assert len(services.of("GET", "/networks")) == 1
    clock.move(1)
    networking.networks(scope)
    assert len(services.of("GET", "/networks")) == 2


def test_what_was_changed_from_here_is_told_at_once(settings, clock, services, networking, scope):
    cloud = open_cloud(settings, clock, services)
    services.on("DELETE", f"/network/v2.0/security-groups/{GROUP}", Reply(204))
    assert [each.id for each in cloud.network.security_groups(scope)] == [GROUP]
    services.on("GET", "/network/v2.0/security-groups", Reply(200, {"security_groups": []}))
    cloud.groups.delete_security_group(scope, GROUP)
    assert [each.id for each in cloud.network.security_groups(scope)] == []


def test_what_neutron_does_not_answer(networking, services, scope):
    services.on("GET", "/network/v2.0/subnets", neutron_error(403, "PolicyNotAuthorized", "disallowed by policy"))
    with pytest.raises(NotAuthorized):
        networking.networks(scope)
    services.on("GET", "/network/v2.0/subnets", refused())
    with pytest.raises(CloudUnavailable):
        networking.networks(scope)
