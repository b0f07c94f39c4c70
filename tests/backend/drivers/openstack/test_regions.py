"""Two regions of one cloud whose zones have the same names."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from backend.domain.scope import Scope
from backend.drivers.compute import ServerRequest
from backend.drivers.openstack.cloud import open_cloud
from tests.backend.drivers.openstack.fake import Reply, granted
from tests.backend.drivers.openstack.samples import (
    IMAGE,
    SUBNET,
    ZONES,
    flavor,
    group,
    image,
    network,
    server,
    subnet,
)

OTHER = "RegionTwo"
REGIONS = {"us-east-1": "RegionOne", "us-west-2": OTHER}
AWS_ZONES = {"us-east-1a": "az1", "us-east-1b": "az2", "us-west-2a": "az1"}
HERE = [(Scope("p-1", "RegionOne"), "", "us-east-1a"), (Scope("p-1", OTHER), f"/{OTHER}", "us-west-2a")]


@pytest.fixture
def cloud(settings, clock, services):
    services.login = partial(granted, regions=("RegionOne", OTHER))
    for _, prefix, _ in HERE:
        nova, neutron = f"{prefix}/compute/v2.1", f"{prefix}/network/v2.0"
        tagged = subnet(tags=["zone=az1"])
        services.on("GET", f"{nova}/os-availability-zone", Reply(200, ZONES))
        services.on("GET", f"{nova}/flavors/detail", Reply(200, {"flavors": [flavor("m1.small", 2, 2048)]}))
        services.on("GET", f"{nova}/servers/detail", Reply(200, {"servers": [server()]}))
        services.on("POST", f"{nova}/servers", Reply(202, {"reservation_id": "r-1"}))
        services.on("GET", f"{neutron}/networks", Reply(200, {"networks": [network()]}))
        services.on("GET", f"{neutron}/subnets", Reply(200, {"subnets": [tagged]}))
        services.on("GET", f"{neutron}/ports", Reply(200, {"ports": []}))
        services.on("GET", f"{neutron}/security-groups", Reply(200, {"security_groups": [group()]}))
        services.on("GET", f"{prefix}/image/v2/images/{IMAGE}", Reply(200, image()))
    return open_cloud(replace(settings, regions=REGIONS, zones=AWS_ZONES), clock, services)


@pytest.mark.parametrize(("scope", "prefix", "zone"), HERE)
def test_a_zone_is_told_and_asked_for_by_its_region_s_name(cloud, services, scope, prefix, zone):
    names = {"RegionOne": ["us-east-1a", "us-east-1b"], OTHER: ["az2", "us-west-2a"]}
    assert [each.name for each in cloud.compute.zones(scope)] == names[scope.region]
    assert [each.zone for each in cloud.network.subnets(scope)] == [zone]
    assert [each.zone for each in cloud.compute.list(scope)] == [zone]
    assert list(cloud.compute.flavors(scope)[0].zones) == names[scope.region]
    request = ServerRequest("web", IMAGE, "m1.small", zone, SUBNET)
    (made,) = cloud.compute.create(scope, request, 1)
    assert made.zone == zone
    (asked,) = services.of("POST", "/servers")
    assert asked.path == f"{prefix}/compute/v2.1/servers"
    assert asked.body["server"]["availability_zone"] == "az1"


@pytest.mark.parametrize(
    ("regions", "zones", "region", "told"),
    [
        ({}, {"us-east-1a": "az1"}, "RegionOne", "us-east-1a"),
        (REGIONS, {"rack-7": "az1"}, OTHER, "rack-7"),
        (REGIONS, {"us-west-2a": "az1", "rack-7": "az1"}, OTHER, "us-west-2a"),
        (REGIONS, {"us-east-1a": "az1"}, OTHER, "az1"),
        ({"us-west-2": "RegionOne", "us-west-2-lax": OTHER}, {"us-west-2-lax-1a": "az1"}, OTHER, "us-west-2-lax-1a"),
        ({"us-west-2": "RegionOne", "us-west-2-lax": OTHER}, {"us-west-2-lax-1a": "az1"}, "RegionOne", "az1"),
    ],
)
def test_a_name_belongs_to_the_region_that_it_begins_with(settings, regions, zones, region, told):
    names = replace(settings, regions=regions, zones=zones).zone_names(region)
    assert names.to_aws("az1") == told
    assert names.to_cloud(told) == "az1"
