from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backend.domain.node import ServerStatus
from backend.domain.options import ServerOptions
from backend.domain.scope import Scope
from backend.drivers.openstack import metadata
from backend.drivers.openstack.layout import Layout, view_id
from backend.drivers.openstack.servers import server_of, servers_of, status_of
from backend.drivers.openstack.settings import OpenStackSettings, ZoneNames
from tests.backend.drivers.openstack.samples import (
    GROUP,
    IMAGE,
    LAUNCH,
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


def test_an_address_that_leads_to_another_port_of_a_server_is_not_the_servers():
    port = "OS-EXT-IPS-MAC:mac_addr"
    own, other = server()["addresses"]["private"][1], "fa:16:3e:0:0:2"
    second = [{**own, "addr": "10.0.0.6", port: other}]
    floating = [
        {"version": 4, "addr": f"203.0.113.{last}", "OS-EXT-IPS:type": "floating", port: mac}
        for last, mac in ((8, other), (9, own[port]))
    ]
    for led, told in ((floating, "203.0.113.9"), (floating[:1], None)):
        found = server_of(server(addresses={"private": [own, *second, *led]}), LAYOUT, ZONES)
        assert (found.private_address, found.public_address) == ("10.0.0.5", told)


def test_a_server_of_ours_is_told_by_what_it_was_made_for():
    noted = {
        "coppice:launch": LAUNCH,
        "coppice:installation": "i-1",
        "coppice:type": "t3.micro",
        "coppice:subnet": view_id(SUBNET, "az2"),
        "coppice:batch": "b-1/3",
        "coppice:image": IMAGE,
        "Name": "web",
    }
    found = server_of(server(name="web-2", image="", metadata=noted), LAYOUT, ZONES)
    assert (found.launch_id, found.flavor, found.image_id) == (LAUNCH, "t3.micro", IMAGE)
    assert found.installation == "i-1"
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


LAUNCHED = {"coppice:launch": LAUNCH}


@pytest.mark.parametrize(
    "changes",
    [
        {"addresses": {"private": [{"version": 4, "addr": "no address"}]}},
        {"addresses": ["x"]},
        {"addresses": {"private": [None]}},
        {"security_groups": [{}]},
        {"security_groups": [5]},
        {"flavor": "m1"},
        {"fault": "text"},
        {"metadata": ["x"]},
        {"metadata": {"coppice:tag:0.0": "1/" + "[" * 250}},
        {"name": None},
        {"image": {"id": 7}},
    ],
)
def test_one_server_that_cannot_be_read_blinds_nobody_to_the_others(changes):
    other = server(id="66666666-6666-4666-8666-666666666666", metadata=LAUNCHED)
    found = servers_of([server(**changes), other], LAYOUT, ZONES)
    assert [(each.id, each.status, each.zone) for each in found] == [
        (SERVER, ServerStatus.ACTIVE, "us-east-1a"),
        (other["id"], ServerStatus.ACTIVE, "us-east-1a"),
    ]
    assert found[1].launch_id == LAUNCH


def test_a_server_of_which_nothing_can_be_read_is_there_and_in_no_known_state():
    (found,) = servers_of([server(created="yesterday"), {"name": "no id"}], LAYOUT, ZONES)
    assert (found.id, found.status, found.launch_id) == (SERVER, ServerStatus.UNKNOWN, None)


@pytest.mark.parametrize("name", ["web-0", "web-4", "web-99999999999999999999", "web-\u0663", "web-", "2-x"])
def test_an_index_is_one_of_its_request_s(name):
    assert server_of(server(name=name, metadata={"coppice:batch": "b-1/3"}), LAYOUT, ZONES).index == 0


def test_switches_are_read_and_what_is_none_is_passed_over() -> None:
    noted = {
        "coppice:option.protected": "true",
        "coppice:option.hops": "9" * 9,
        "coppice:option.tokens": "required",
        "coppice:option.recovery": "x" * 200,
        "coppice:option.nonsense": "true",
    }
    assert metadata.options_of(noted) == ServerOptions(protected=True, tokens="required")
    assert metadata.options_of(metadata.option_items(ServerOptions(source_check=False))).source_check is False


def test_a_server_that_boots_from_a_volume_is_told_with_it() -> None:
    attached = [{"id": "v-1", "delete_on_termination": True}, {"id": "v-2"}]
    told = server_of(server(image="", **{"os-extended-volumes:volumes_attached": attached}), LAYOUT, ZONES)
    assert (told.root_volume, told.volumes) == (True, {"v-1": True, "v-2": False})
    assert server_of(server(), LAYOUT, ZONES).root_volume is False
