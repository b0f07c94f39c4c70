"""The cloud in which nothing happens, through the real driver's eyes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from backend.domain.scope import Scope
from backend.drivers.openstack.cloud import open_cloud
from backend.drivers.openstack.settings import OpenStackSettings
from benchmarks.still import PAGE, REGION, still
from tests.factories import NOW, HandClock, World

SCOPE = Scope(uuid4().hex, REGION)


@pytest.fixture
def servers():
    world = World()
    yield [world.server() for _ in range(3)]
    world.close()


def opened(folder, url):
    auth = {"auth_url": f"{url}/identity/v3", "username": "u", "password": "p", "project_name": "service"}
    file = folder / "clouds.yaml"
    file.write_text(json.dumps({"clouds": {"coppice": {"auth": auth, "region_name": REGION}}}))
    return open_cloud(OpenStackSettings(clouds_file=str(file)), HandClock())


def test_the_driver_finds_its_servers_and_no_changes(tmp_path, servers):
    with still(servers, ["us-east-1a"]) as quiet:
        cloud = opened(tmp_path, quiet.url)
        found = cloud.compute.list(SCOPE)
        assert sorted((one.id, one.zone, one.launch_id) for one in found) == sorted(
            (one.id, one.zone, one.launch_id) for one in servers
        )
        assert cloud.compute.list_changed(SCOPE, NOW - timedelta(hours=1)) == []
    assert sum("changes-since" in what for _, what in quiet.asked) == 1


def test_more_than_a_page_of_servers_is_told(tmp_path, servers):
    many = [replace(servers[0], id=str(uuid4())) for _ in range(PAGE + 1)]
    with still(many, ["us-east-1a"]) as quiet:
        assert {one.id for one in opened(tmp_path, quiet.url).compute.list(SCOPE)} == {one.id for one in many}
