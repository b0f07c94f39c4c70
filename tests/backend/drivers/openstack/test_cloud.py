from __future__ import annotations

from dataclasses import replace

from backend.drivers.openstack.cloud import cloud_regions, open_cloud


def test_opening_asks_the_cloud_nothing(settings, clock, services):
    open_cloud(settings, clock, services)
    assert services.asked == services.logins == []


def test_regions_are_served_by_both_names(settings):
    assert cloud_regions(settings, "us-east-1") == {"us-east-1": "RegionOne", "RegionOne": "RegionOne"}
    named = replace(settings, regions={"us-east-1": "RegionOne", "eu-west-1": "RegionTwo"})
    assert cloud_regions(named, "ap-south-1") == {
        "us-east-1": "RegionOne",
        "eu-west-1": "RegionTwo",
        "RegionOne": "RegionOne",
        "RegionTwo": "RegionTwo",
    }
