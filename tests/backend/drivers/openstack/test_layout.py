from __future__ import annotations

from dataclasses import replace

import pytest

from backend.domain.scope import Scope
from backend.drivers.network import Rule
from backend.drivers.openstack.layout import Layout, view_id
from backend.drivers.openstack.settings import OpenStackSettings
from tests.backend.drivers.openstack.samples import GROUP, NETWORK, PROJECT, SUBNET, group, network, subnet

SETTINGS = OpenStackSettings()
ZONES = ("az1", "az2")


def laid(networks, subnets, settings=SETTINGS, zones=ZONES):
    return Layout.of(networks, subnets, [group()], zones, Scope(PROJECT, "RegionOne"), settings)


def seen(layout):
    return [(each.subnet.id, each.subnet.zone, each.subnet.zone_default) for each in layout.placements]


def test_a_subnet_of_no_zone_is_told_in_each_under_an_id_of_its_own():
    layout = laid([network()], [subnet()])
    ids = [each.subnet.id for each in layout.placements]
    assert [each.subnet.zone for each in layout.placements] == ["az1", "az2"]
    assert len(set(ids)) == 2
    assert all(each.startswith("22222222-2222-") for each in ids)
    assert {each.real_id for each in layout.placements} == {SUBNET}
    assert all(each.alone and each.subnet.zone_default for each in layout.placements)
    assert ids == [view_id(SUBNET, "az1"), view_id(SUBNET, "az2")]
    assert layout.default("az2").subnet.id == ids[1]
    assert layout.default("az9") is None


@pytest.mark.parametrize(
    ("document", "settings"),
    [
        (subnet(tags=["zone=az2", "else"]), SETTINGS),
        (subnet(), replace(SETTINGS, subnet_zones={"private-subnet": "az2"})),
        (subnet(tags=["zone=az1"]), replace(SETTINGS, subnet_zones={SUBNET: "az2"})),
    ],
)
def test_a_subnet_bound_to_a_zone_is_told_under_its_own_id(document, settings):
    assert seen(laid([network()], [document], settings)) == [(SUBNET, "az2", True)]


def test_a_network_s_hints_and_several_tags_limit_the_zones():
    zones = ("az1", "az2", "az3")
    tagged = laid([network()], [subnet(tags=["zone=az3", "zone=az1"])], zones=zones)
    assert [zone for _, zone, _ in seen(tagged)] == ["az1", "az3"]
    hinted = laid([network(availability_zone_hints=["az2"])], [subnet()], zones=zones)
    assert [zone for _, zone, _ in seen(hinted)] == ["az2"]
    foreign = laid([network(availability_zone_hints=["dhcp-1"])], [subnet()], zones=zones)
    assert [zone for _, zone, _ in seen(foreign)] == list(zones)


def test_zones_have_aws_s_names_where_the_operator_gave_them():
    settings = replace(SETTINGS, zones={"us-east-1a": "az1"})
    layout = laid([network()], [subnet(tags=["zone=az1"])], settings, zones=("az2", "us-east-1a"))
    assert seen(layout) == [(SUBNET, "us-east-1a", True)]


def test_the_first_subnet_of_a_zone_is_its_default_and_none_of_several_is_alone():
    second = subnet(id=NETWORK, name="b", cidr="10.0.1.0/24", created_at="2026-11-22T12:09:00Z", tags=["zone=az1"])
    layout = laid([network()], [second, subnet(tags=["zone=az1"])])
    assert seen(layout) == [(SUBNET, "az1", True), (NETWORK, "az1", False)]
    assert not any(each.alone for each in layout.placements)


def test_ipv6_subnets_are_no_subnets_of_aws_s():
    layout = laid([network()], [subnet(), subnet(id=NETWORK, ip_version=6, cidr="fd00::/64")])
    assert {each.real_id for each in layout.placements} == {SUBNET}
    assert all(each.alone for each in layout.placements)


FOREIGN = {"project_id": "p-2", "shared": True}


@pytest.mark.parametrize(
    ("changes", "settings", "chosen"),
    [
        ({}, SETTINGS, "a"),
        ({"b": {"tags": ["default"]}}, SETTINGS, "b"),
        ({"b": {"tags": ["default"]}}, replace(SETTINGS, default_network="a"), "a"),
        ({"a": {"project_id": "p-2", "shared": True}}, SETTINGS, "b"),
        ({"a": {"project_id": "p-2", "shared": True, "tags": ["default"]}}, SETTINGS, "b"),
        ({"a": FOREIGN, "b": {**FOREIGN, "tags": ["default"]}}, SETTINGS, "a"),
        (
            {"a": FOREIGN, "b": {**FOREIGN, "tags": ["default"], "name": "a"}},
            replace(SETTINGS, default_network="a"),
            "a",
        ),
        ({"a": {**FOREIGN, "name": "b"}, "b": FOREIGN}, replace(SETTINGS, default_network="b"), "b"),
        ({"a": {"router:external": True}}, SETTINGS, "b"),
    ],
)
def test_the_default_network_is_named_tagged_or_the_project_s_oldest(changes, settings, chosen):
    documents = [
        network(**{"id": each, "name": each, "created_at": f"2026-11-22T12:00:0{number}Z", **changes.get(each, {})})
        for number, each in enumerate("ab")
    ]
    subnets = [subnet(id=view_id(SUBNET, each), network_id=each) for each in "ab"]
    layout = laid(documents, subnets, settings)
    assert [each.id for each in layout.networks if each.default] == [chosen]
    assert {each.subnet.network_id for each in layout.placements if each.subnet.zone_default} == {chosen}


def test_a_network_without_a_subnet_is_never_the_default():
    layout = laid([network()], [])
    assert [(each.id, each.default) for each in layout.networks] == [(NETWORK, False)]
    assert layout.placements == []
    assert layout.groups[0].network_id == ""


def test_groups_are_told_with_rules_in_aws_s_words_and_hold_everywhere():
    (told,) = laid([network()], [subnet()]).groups
    assert (told.id, told.network_id, told.everywhere) == (GROUP, NETWORK, True)
    assert told.rules == (
        Rule(True, "tcp", 80, 80, cidr="10.0.0.0/8"),
        Rule(False, "-1", None, None, cidr="::/0", ipv6=True),
        Rule(True, "udp", None, None, group_id=GROUP),
    )


def test_an_address_is_found_in_its_network_and_zone():
    layout = laid([network()], [subnet()])
    assert layout.at("10.0.0.9", "private", "az2").subnet.zone == "az2"
    assert layout.at("10.0.0.9", "private", "az9").subnet.zone == "az1"
    assert layout.at("10.0.9.9", "private", "az1") is None
    assert layout.at("10.0.0.9", "other", "az1") is None
