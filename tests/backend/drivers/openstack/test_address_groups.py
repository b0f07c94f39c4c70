"""Sets of addresses on Neutron: what is asked for, and what its answers mean."""

from __future__ import annotations

import pytest

from backend.drivers import errors
from backend.drivers.network import Rule
from backend.drivers.openstack.address_groups import AddressGroups
from backend.drivers.openstack.layout import rule_of
from backend.drivers.openstack.security_groups import SecurityGroups
from tests.backend.drivers.openstack.fake import Reply, lost, neutron_error

OURS = "a1000000-0000-4000-8000-000000000000"
TOKEN = "99999999-9999-4999-8999-999999999999"
LIST = "77777777-7777-4777-8777-777777777777"
GROUP = "66666666-6666-4666-8666-666666666666"
PATH, EXTENSIONS = "/network/v2.0/address-groups", "/network/v2.0/extensions"
RULES = "/network/v2.0/security-group-rules"
MARK = f"coppice:{OURS}:list:{TOKEN}"
TEN, ELEVEN = "10.0.0.0/8", "11.0.0.0/8"


@pytest.fixture
def making(rest, services, clock):
    return making_of(rest, services, clock)


def making_of(rest, services, clock, *aliases: str, heeded: bool = True):
    known = aliases or ("address-group", "security-groups-remote-address-group")
    services.on("GET", EXTENSIONS, Reply(200, {"extensions": [{"alias": each} for each in known]}))
    return AddressGroups(rest, clock, lambda: OURS, heeded=heeded)


def told(*cidrs: str) -> Reply:
    return Reply(200, {"address_group": {"id": LIST, "addresses": [*cidrs]}})


def test_one_is_made_with_its_mark_and_found_by_it(services, making, scope):
    services.on("POST", PATH, Reply(201, {"address_group": {"id": LIST}}))
    assert making.create_list(scope, TOKEN, " b\N{LATIN SMALL LETTER U WITH DIAERESIS}ro\n", [TEN]) == LIST
    (asked,) = services.of("POST")
    assert asked.body == {"address_group": {"name": "b?ro?", "description": MARK, "addresses": [TEN]}}
    others = [{"id": "x", "description": "y"}, {"id": LIST, "description": MARK}]
    services.on("GET", PATH, Reply(200, {"address_groups": others}))
    assert making.find_lists(scope, TOKEN) == [LIST]
    assert services.of("GET")[-1].query["description"] == [MARK]


def test_a_lost_answer_is_not_repeated(services, making, scope):
    services.on("POST", PATH, lost())
    with pytest.raises(errors.OutcomeUnknown):
        making.create_list(scope, TOKEN, "office", [TEN])
    assert len(services.of("POST")) == 1


@pytest.mark.parametrize("lacking", ["address-group", "security-groups-remote-address-group"])
def test_a_neutron_without_the_extensions(services, rest, clock, scope, lacking):
    known = {"address-group", "security-groups-remote-address-group"} - {lacking}
    making = making_of(rest, services, clock, "router", *known)
    with pytest.raises(errors.NoAddressGroups):
        making.create_list(scope, TOKEN, "office", [TEN])
    assert making.find_lists(scope, TOKEN) == ()


def test_a_firewall_that_does_not_heed_them(services, rest, clock, scope):
    making = making_of(rest, services, clock, heeded=False)
    with pytest.raises(errors.NoAddressGroups):
        making.create_list(scope, TOKEN, "office", [TEN])
    assert services.asked == []


def test_addresses_become_those_that_are_wanted(services, making, scope):
    services.on("GET", f"{PATH}/.*", told(TEN, "12.0.0.0/8"))
    services.on("PUT", f"{PATH}/.*", Reply(200, {}))
    making.set_addresses(scope, LIST, [ELEVEN, TEN])
    assert [(each.path, each.body) for each in services.of("PUT")] == [
        (f"{PATH}/{LIST}/add_addresses", {"addresses": [ELEVEN]}),
        (f"{PATH}/{LIST}/remove_addresses", {"addresses": ["12.0.0.0/8"]}),
    ]
    making.set_addresses(scope, LIST, [TEN, "12.0.0.0/8"])
    assert len(services.of("PUT")) == 2


def test_neutron_writes_some_blocks_of_ipv6_in_another_form(services, making, scope):
    services.on("GET", f"{PATH}/.*", told("::1.2.3.0/120", "::1.2.4.0/120"))
    services.on("PUT", f"{PATH}/.*", Reply(200, {}))
    making.set_addresses(scope, LIST, ["::102:300/120", "::102:400/120"])
    assert services.of("PUT") == []
    rule = {"direction": "ingress", "ethertype": "IPv6", "remote_ip_prefix": "::1.2.3.0/120"}
    assert rule_of(rule).cidr == "::102:300/120"


def test_a_cloud_whose_firewall_heeds_none_takes_no_rule_of_one_that_is_there(services, rest, clock, scope):
    making_of(rest, services, clock).check_lists(scope)
    with pytest.raises(errors.NoAddressGroups):
        making_of(rest, services, clock, heeded=False).check_lists(scope)
    with pytest.raises(errors.NoAddressGroups):
        making_of(rest, services, clock, "router").check_lists(scope)


@pytest.mark.parametrize("kind", ["AddressesAlreadyExist", "AddressesNotFound"])
def test_addresses_that_somebody_else_writes_are_looked_at_again(services, making, scope, kind):
    services.on("GET", f"{PATH}/.*", told(), told(TEN))
    services.on("PUT", f"{PATH}/.*", neutron_error(400, kind, "no"))
    making.set_addresses(scope, LIST, [TEN])
    services.on("GET", f"{PATH}/.*", told())
    services.on("PUT", f"{PATH}/.*", neutron_error(400, kind, "no"))
    with pytest.raises(errors.Refused):
        making.set_addresses(scope, LIST, [TEN])


def test_one_that_is_gone_and_one_that_is_in_use(services, making, scope):
    gone = neutron_error(404, "AddressGroupNotFound", f"Address group {LIST} could not be found.")
    used = neutron_error(409, "AddressGroupInUse", f"Address group {LIST} is in use on one or more rules.")
    services.on("GET", f"{PATH}/.*", gone)
    with pytest.raises(errors.AddressGroupNotFound):
        making.set_addresses(scope, LIST, [TEN])
    services.on("DELETE", f"{PATH}/.*", Reply(204), gone, used)
    making.delete_list(scope, LIST)
    making.delete_list(scope, LIST)
    with pytest.raises(errors.AddressGroupInUse):
        making.delete_list(scope, LIST)


def test_rules_name_them(services, rest, scope):
    making = SecurityGroups(rest, lambda: OURS)
    out = {"id": "r", "security_group_id": GROUP, "direction": "egress", "ethertype": "IPv4"}
    services.on("GET", RULES, Reply(200, {"security_group_rules": [out]})).on("POST", RULES, Reply(201, {}))
    rule = Rule(True, "tcp", 22, 22, ipv6=True, list_id=LIST)
    making.change_rules(scope, GROUP, add=[rule])
    (asked,) = services.of("POST")
    (body,) = asked.body["security_group_rules"]
    assert body == {
        "security_group_id": GROUP,
        "direction": "ingress",
        "ethertype": "IPv6",
        "protocol": "tcp",
        "port_range_min": 22,
        "port_range_max": 22,
        "remote_address_group_id": LIST,
    }
    assert rule_of(body) == rule
    gone = neutron_error(404, "AddressGroupNotFound", f"Address group {LIST} could not be found.")
    services.on("POST", RULES, gone)
    with pytest.raises(errors.AddressGroupNotFound) as told_of:
        making.change_rules(scope, GROUP, add=[rule])
    assert told_of.value.detail == LIST
