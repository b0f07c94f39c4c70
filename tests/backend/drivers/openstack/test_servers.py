from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backend.domain.node import ServerStatus
from backend.domain.scope import Scope
from backend.drivers.openstack.layout import Layout, view_id
from backend.drivers.openstack.servers import server_of, status_of
from backend.drivers.openstack.settings import OpenStackSettings, ZoneNames
from tests.backend.drivers.openstack.samples import (
    GROUP,
    IMAGE,
    NETWORK,
    PROJECT,
    SERVER,
    SUBNET,
    group,
    network,
    server,
    subnet,
)

ZONES = ZoneNames({"us-east-1a": "az1"})
AWS_ZONES = ("az2", "us-east-1a")
SETTINGS = OpenStackSettings(zones={"us-east-1a": "az1"})
LAYOUT = Layout.of([network()], [subnet()], [group()], AWS_ZONES, Scope(PROJECT, "RegionOne"), SETTINGS)


def test_a_server_that_others_made_is_told_by_what_nova_and_neutron_know():
    found = server_of(server(), LAYOUT, ZONES)
    assert (found.id, found.name, found.status, found.zone) == (SERVER, "web", ServerStatus.ACTIVE, "us-east-1a")
    assert found.created_at == datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
    assert found.updated_at == datetime(2026, 11, 22, 13, 0, 5, tzinfo=UTC)
    assert (found.flavor, found.image_id, found.key_name) == ("m1.tiny", IMAGE, "test-key")
    assert (found.private_address, found.public_address) == ("10.0.0.5", "203.0.113.7")
    assert found.mac_address == "fa:16:3e:0:0:1"
    assert (found.subnet_id, found.network_id) == (view_id(SUBNET, "az1"), NETWORK)
    assert found.security_group_ids == (GROUP,)
    assert (found.launch_id, found.fault, found.reservation_id, found.index) == (None, None, "", 0)


def test_a_server_of_ours_is_told_by_what_it_was_made_for():
    noted = {
        "coppice:launch": "l-1",
        "coppice:type": "t3.micro",
        "coppice:subnet": view_id(SUBNET, "az2"),
        "coppice:batch": "b-1/3",
        "coppice:image": "image of a volume",
        "Name": "web",
    }
    found = server_of(server(name="web-2", image="", metadata=noted), LAYOUT, ZONES)
    assert (found.launch_id, found.flavor, found.image_id) == ("l-1", "t3.micro", "image of a volume")
    assert (found.reservation_id, found.index, found.subnet_id) == ("b-1", 1, view_id(SUBNET, "az2"))
    assert dict(found.tags) == {"Name": "web"}


def test_a_single_server_s_own_number_is_no_index():
    assert server_of(server(name="web-7", metadata={"coppice:batch": "b/1"}), LAYOUT, ZONES).index == 0


def test_without_neutron_a_server_is_told_with_less():
    found = server_of(server(metadata={"coppice:subnet": "s-1"}), None, ZONES)
    assert (found.subnet_id, found.network_id, found.security_group_ids) == ("s-1", None, ())


def test_a_server_of_an_unreachable_cell_is_unknown():
    found = server_of({"id": SERVER, "created": "2026-11-22T13:00:00Z", "status": "UNKNOWN"}, LAYOUT, ZONES)
    assert (found.status, found.launch_id) == (ServerStatus.UNKNOWN, None)
    assert found.updated_at == found.created_at


def test_the_fault_of_a_server_in_error_is_kept():
    fault = {"code": 500, "created": "2026-11-22T13:00:05Z", "message": "No valid host was found. "}
    found = server_of(server(status="ERROR", addresses={}, fault=fault), LAYOUT, ZONES)
    assert (found.status, found.fault, found.private_address) == (ServerStatus.ERROR, "No valid host was found. ", None)


@pytest.mark.parametrize(
    ("status", "task", "told"),
    [
        ("BUILD", "spawning", ServerStatus.BUILDING),
        ("ACTIVE", None, ServerStatus.ACTIVE),
        ("ACTIVE", "powering-off", ServerStatus.STOPPING),
        ("ACTIVE", "deleting", ServerStatus.DELETING),
        ("ERROR", "deleting", ServerStatus.DELETING),
        ("BUILD", "deleting", ServerStatus.DELETING),
        ("ACTIVE", "image_snapshot", ServerStatus.ACTIVE),
        ("REBOOT", "reboot_started", ServerStatus.ACTIVE),
        ("HARD_REBOOT", "rebooting_hard", ServerStatus.ACTIVE),
        ("SHUTOFF", None, ServerStatus.STOPPED),
        ("SHUTOFF", "powering-on", ServerStatus.BUILDING),
        ("PAUSED", None, ServerStatus.PAUSED),
        ("SUSPENDED", "resuming", ServerStatus.BUILDING),
        ("SHELVED_OFFLOADED", None, ServerStatus.STOPPED),
        ("VERIFY_RESIZE", None, ServerStatus.ACTIVE),
        ("ERROR", None, ServerStatus.ERROR),
        ("DELETED", None, ServerStatus.DELETED),
        ("SOFT_DELETED", None, ServerStatus.DELETED),
        ("UNKNOWN", None, ServerStatus.UNKNOWN),
        ("SOMETHING_NEW", None, ServerStatus.UNKNOWN),
    ],
)
def test_statuses(status, task, told):
    assert status_of({"status": status, "OS-EXT-STS:task_state": task}) is told
