from __future__ import annotations

from pathlib import Path

import pytest

from conformance.openstack import seeds, settings
from conformance.openstack.services import services
from conformance.openstack.settings import Mismatch, Settings, keep, settle


def test_ports_are_distinct_and_within_the_span() -> None:
    assert len(set(settings.OFFSETS.values())) == len(settings.OFFSETS)
    assert max(settings.OFFSETS.values()) < settings.SPAN


def test_a_cloud_keeps_the_ports_that_it_was_made_with(tmp_path: Path) -> None:
    assert settle(tmp_path, None).port_base == settings.DEFAULT_PORT_BASE
    keep(settle(tmp_path, 21000))
    assert settle(tmp_path, None) == Settings(tmp_path, 21000)
    assert settle(tmp_path, 21000).port("nova") == 21001
    assert settle(tmp_path, None, 2) == Settings(tmp_path, 21000, 2)
    keep(settle(tmp_path, None, 2))
    assert settle(tmp_path, None) == settle(tmp_path, None, 1) == Settings(tmp_path, 21000, 2)
    with pytest.raises(Mismatch, match="port base 21000"):
        settle(tmp_path, 22000)


def test_services_have_names_and_ports_of_their_own(tmp_path: Path) -> None:
    assert [one.name for one in services(Settings(tmp_path)) if "two" in one.name] == []
    several = services(Settings(tmp_path, regions=2))
    assert {"nova-api-two", "placement-two", "nova-compute-az1-two"} < {one.name for one in several}
    assert len({one.name for one in several}) == len(several)
    ports = [one.port for one in several if one.port]
    assert len(set(ports)) == len(ports)
    assert [one.stage for one in several[:4]] == sorted(one.stage for one in several[:4])


def test_seeds_speak_of_projects_that_there_are() -> None:
    projects = {*seeds.PROJECTS, "admin"}
    assert {user.project for user in seeds.USERS} <= projects
    assert {network.project for network in seeds.NETWORKS} <= {user.name for user in seeds.USERS}
    assert {image.project for image in seeds.IMAGES if image.project} <= projects
    assert not [network for network in seeds.NETWORKS if network.project == "bare"]
    assert len({flavor.name for flavor in seeds.FLAVORS}) == len(seeds.FLAVORS)
    assert len({image.name for image in seeds.IMAGES}) == len(seeds.IMAGES)
