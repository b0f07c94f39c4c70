"""Security groups on Neutron: what is asked for, and what its answers mean."""

from __future__ import annotations

import pytest

from backend.domain.ids import short_id
from backend.drivers import errors
from backend.drivers.group_making import NewGroup
from backend.drivers.network import Rule
from backend.drivers.openstack.group_marks import cloud_name, mark_of, name_at, plain_name
from backend.drivers.openstack.layout import Layout
from backend.drivers.openstack.security_groups import SecurityGroups, as_told
from tests.backend.drivers.openstack.fake import Reply, lost, neutron_error

GROUP = "77777777-7777-4777-8777-777777777777"
ROUTER = "88888888-8888-4888-8888-888888888888"
OURS = "a1000000-0000-4000-8000-000000000000"
TOKEN = "99999999-9999-4999-8999-999999999999"
NEW = NewGroup("web", "for the web", ROUTER, TOKEN)
MARK = f"coppice:{OURS}:{ROUTER}:{TOKEN}"
GROUPS, RULES = "/network/v2.0/security-groups", "/network/v2.0/security-group-rules"
ANYWHERE = "0.0.0.0/0"


def document(identity: str, **changes):
    made = {
        "id": identity, "security_group_id": GROUP, "direction": "ingress", "ethertype": "IPv4", "protocol": "tcp",
        "port_range_min": 22, "port_range_max": 22, "remote_ip_prefix": ANYWHERE, "remote_group_id": None,
    }  # fmt: skip
    return {**made, **changes}


def out(identity: str, ethertype: str):
    nothing = {"protocol": None, "port_range_min": None, "port_range_max": None, "remote_ip_prefix": None}
    return document(identity, direction="egress", ethertype=ethertype, **nothing)


@pytest.fixture
def making(rest):
    return SecurityGroups(rest, lambda: OURS)


def test_a_group_is_marked_as_ours_and_lets_ipv4_out_alone(services, making, scope):
    made = {"id": GROUP, "security_group_rules": [out("r4", "IPv4"), out("r6", "IPv6")]}
    services.on("POST", GROUPS, Reply(201, {"security_group": made})).on("DELETE", f"{RULES}/.*", Reply(204))
    assert making.create_security_group(scope, NEW) == GROUP
    (asked,) = services.of("POST")
    assert asked.body == {"security_group": {"name": "web (vpc-88888888888848888)", "description": MARK}}
    assert [each.path for each in services.of("DELETE")] == [f"{RULES}/r6"]


def test_a_group_is_found_by_its_mark(services, making, scope):
    services.on(
        "GET",
        GROUPS,
        Reply(200, {"security_groups": [{"id": "x", "description": "y"}, {"id": GROUP, "description": MARK}]}),
    )
    assert making.find_security_group(scope, NEW) == GROUP
    assert services.asked[0].query["description"] == [MARK]


def test_a_lost_answer_is_not_repeated(services, making, scope):
    services.on("POST", GROUPS, lost())
    with pytest.raises(errors.OutcomeUnknown):
        making.create_security_group(scope, NEW)
    assert len(services.of("POST")) == 1


@pytest.mark.parametrize(
    ("kind", "words", "found"),
    [
        ("OverQuota", "Quota exceeded for resources: ['security_group'].", errors.QuotaExceeded),
        ("BadRequest", "no", errors.Refused),
    ],
)
def test_a_group_that_cannot_be(services, making, scope, kind, words, found):
    services.on("POST", GROUPS, neutron_error(409, kind, words))
    with pytest.raises(found) as told:
        making.create_security_group(scope, NEW)
    assert getattr(told.value, "resource", "security_groups") == "security_groups"


def test_rules_go_out_together_and_only_those_that_lack(services, making, scope):
    services.on(
        "GET",
        RULES,
        Reply(200, {"security_group_rules": [document("r1"), document("r2", port_range_min=80, port_range_max=80)]}),
    )
    services.on("POST", RULES, Reply(201, {})).on("DELETE", f"{RULES}/.*", Reply(204))
    wanted = [
        Rule(True, "tcp", 22, 22, ANYWHERE),
        Rule(True, "tcp", 0, 65535, "10.0.0.0/8", description="all"),
        Rule(True, "udp", 0, 80, "10.0.0.0/8"),
        Rule(True, "-1", None, None, group_id=GROUP),
        Rule(True, "icmp", 8, None, "2001:db8::/32", ipv6=True),
        Rule(True, "tcp", 0, 0, ANYWHERE),
    ]
    making.change_rules(scope, GROUP, add=wanted, remove=[Rule(True, "tcp", 80, 80, ANYWHERE)])
    ingress = {"security_group_id": GROUP, "direction": "ingress"}
    (asked,) = services.of("POST")
    assert asked.body["security_group_rules"] == [
        {**ingress, "ethertype": "IPv4", "protocol": "tcp", "remote_ip_prefix": "10.0.0.0/8", "description": "all"},
        {
            **ingress,
            "ethertype": "IPv4",
            "protocol": "udp",
            "port_range_min": 1,
            "port_range_max": 80,
            "remote_ip_prefix": "10.0.0.0/8",
        },
        {**ingress, "ethertype": "IPv4", "remote_group_id": GROUP},
        {
            **ingress,
            "ethertype": "IPv6",
            "protocol": "icmpv6",
            "port_range_min": 8,
            "remote_ip_prefix": "2001:db8::/32",
        },
    ]
    assert [each.path for each in services.of("DELETE")] == [f"{RULES}/r2"]


def test_one_that_is_there_already_stops_no_other(services, making, scope):
    there = neutron_error(409, "SecurityGroupRuleExists", "Security group rule already exists.")
    services.on("GET", RULES, Reply(200, {"security_group_rules": [out("r", "IPv4")]}))
    services.on("POST", RULES, there, there, Reply(201, {}))
    making.change_rules(scope, GROUP, add=[Rule(True, "tcp", port, port, ANYWHERE) for port in (1, 2)])
    assert [*services.of("POST")[1].body] == ["security_group_rule"]
    assert len(services.of("POST")) == 3
    services.on(
        "POST", RULES, neutron_error(409, "OverQuota", "Quota exceeded for resources: ['security_group_rule'].")
    )
    with pytest.raises(errors.QuotaExceeded) as told:
        making.change_rules(scope, GROUP, add=[Rule(True, "tcp", 3, 3, ANYWHERE)])
    assert told.value.resource == "security_group_rules"


def test_a_group_without_rules_may_be_gone(services, making, scope):
    services.on("GET", RULES, Reply(200, {"security_group_rules": []}))
    services.on(
        "GET", f"{GROUPS}/.*", neutron_error(404, "SecurityGroupNotFound", f"Security group {GROUP} does not exist")
    )
    with pytest.raises(errors.SecurityGroupNotFound):
        making.security_group_rules(scope, GROUP)


@pytest.mark.parametrize("gone", [GROUP, ROUTER])
def test_a_group_that_is_gone_is_the_one_that_neutron_names(services, making, scope, gone):
    services.on("GET", RULES, Reply(200, {"security_group_rules": [out("r", "IPv4")]}))
    words = f"Security group {gone} does not exist"
    services.on("POST", RULES, neutron_error(404, "SecurityGroupNotFound", words))
    with pytest.raises(errors.SecurityGroupNotFound) as told:
        making.change_rules(scope, GROUP, add=[Rule(True, "tcp", 80, 80, group_id=ROUTER)])
    assert told.value.detail == short_id(gone)


def test_ends(services, making, scope):
    services.on(
        "DELETE",
        f"{GROUPS}/.*",
        Reply(204),
        neutron_error(404, "SecurityGroupNotFound", "gone"),
        neutron_error(409, "SecurityGroupInUse", f"Security Group {GROUP} in use."),
    )
    making.delete_security_group(scope, GROUP)
    making.delete_security_group(scope, GROUP)
    with pytest.raises(errors.GroupInUse):
        making.delete_security_group(scope, GROUP)


def test_what_neutron_tells_again_is_what_it_was_told():
    for rule in (Rule(True, "tcp", 0, 65535, ANYWHERE), Rule(True, "icmp", 8, 0, "::/0", ipv6=True)):
        told = as_told(rule)
        assert as_told(told) == told


def test_groups_of_ours_are_told_by_their_names_at_aws(scope, settings):
    ours = {"id": GROUP, "name": name_at("web", ROUTER), "description": MARK, "security_group_rules": []}
    other = {"id": "g2", "name": "web (vpc-1)", "description": "coppice: a wood", "security_group_rules": []}
    layout = Layout.of([], [], [ours, other], [], scope, settings)
    web, theirs = layout.groups
    assert (web.name, web.network_id, web.everywhere, web.installation) == ("web", ROUTER, False, OURS)
    assert (theirs.name, theirs.installation, theirs.everywhere) == ("web (vpc-1)", None, True)
    assert layout.group_ids == {"web (vpc-88888888888848888)": GROUP, "web (vpc-1)": "g2"}
    assert (cloud_name(web), plain_name("web"), mark_of("")) == ("web (vpc-88888888888848888)", "web", None)
