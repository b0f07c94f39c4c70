"""Trees on Octavia: brought to their plans one change at a time, and what Octavia has no words for."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.balancers import (
    BalancerKind,
    BalancerListener,
    BalancerRule,
    BalancerState,
    LoadBalancer,
    TargetGroup,
)
from backend.drivers.balancer_making import Endpoint, PartKind, Standing, Tree, digest_of
from backend.drivers.balancer_plans import Wish, balancer_plan, listener_plan, pool_plan, rule_plan
from backend.drivers.errors import Busy, QuotaExceeded, Refused
from backend.drivers.installation import named
from backend.drivers.openstack import octavia, precedence
from backend.drivers.openstack.cloud import open_cloud
from backend.engine.balancers import Alter, Put, Remove, next_step
from tests.backend.drivers.openstack.fake import Reply, octavia_fault
from tests.backend.drivers.openstack.octavia import LBAAS, FakeOctavia, offer_balancing
from tests.backend.drivers.openstack.samples import SUBNET
from tests.factories import NOW

OWN = "a1000000-0000-4000-8000-000000000001"
CHECK = {
    "enabled": True,
    "protocol": "HTTP",
    "port": "traffic-port",
    "path": "/up",
    "codes": "200",
    "interval": 30,
    "timeout": 5,
    "healthy": 5,
    "unhealthy": 2,
}
GROUP = TargetGroup("b" * 16, "blue", "HTTP", 80, "n-1", "instance", NOW, CHECK)
BALANCER = LoadBalancer(
    id="a" * 16,
    name="web",
    kind=BalancerKind.APPLICATION,
    scheme="internal",
    network_id="n-1",
    subnets=(SUBNET,),
    zones=("us-east-1a",),
    security_groups=("g-1",),
    state=BalancerState.PROVISIONING,
    created_at=NOW,
)
LISTENER = BalancerListener("c" * 16, BALANCER.id, "HTTP", 80, ({"type": "forward", "groups": [[GROUP.id, 1]]},), NOW)
FIXED = replace(LISTENER, actions=({"type": "fixed-response", "config": {"StatusCode": "503"}},))
CONDITIONS = (
    {"field": "host-header", "values": ["*.example.com", "example.com"]},
    {"field": "path-pattern", "values": ["/api/*"]},
)
RULE = BalancerRule("d" * 16, BALANCER.id, LISTENER.id, 10, CONDITIONS, LISTENER.actions, NOW)
WISH = Wish(BALANCER, {GROUP.id: GROUP}, (LISTENER,), (RULE,))


@pytest.fixture
def fake(services) -> FakeOctavia:
    return FakeOctavia(services)


@pytest.fixture
def made_with(settings, clock, services, fake):
    """The port as it is with other settings."""
    offer_balancing(services)
    return lambda **other: (
        open_cloud(replace(settings, **other), clock, services, installation=named(OWN)).balancer_making
    )


@pytest.fixture
def making(made_with):
    return made_with()


def grow(making, scope, wish: Wish, most: int = 40) -> Tree:
    """The tree as an engine leaves it."""
    found = making.create(scope, balancer_plan(wish.balancer))
    for _ in range(most):
        tree = making.tree(scope, found.id)
        if tree.standing is Standing.PENDING:
            continue
        step = next_step(wish, tree)
        if step is None:
            return tree
        if isinstance(step, Put):
            making.put(scope, tree, step.part)
        elif isinstance(step, Remove):
            making.remove(scope, tree, step.present)
        else:
            assert isinstance(step, Alter)
            making.change(scope, tree.id, balancer_plan(wish.balancer))
    raise AssertionError("it never comes to rest")


def test_a_tree_grows_one_change_at_a_time(making, scope, fake):
    fake.pending = 1
    tree = grow(making, scope, WISH)
    assert [write.split("/")[1] for write in fake.writes] == [
        "loadbalancers",
        "pools",
        "healthmonitors",
        "listeners",
        "l7policies",
        "l7policies",
        "l7policies",
        "l7policies",
    ]
    (balancer,) = fake.all("loadbalancers")
    assert balancer["vip_sg_ids"] == ["g-1"]
    (policy,) = fake.all("l7policies")
    assert (policy["admin_state_up"], policy["position"], policy["action"]) == (True, 1, "REDIRECT_TO_POOL")
    assert [(each["type"], each["compare_type"], each["value"]) for each in policy["rules"]] == [
        ("HOST_NAME", "REGEX", r"^(.*\.example\.com|example\.com)(:[0-9]+)?$"),
        ("PATH", "STARTS_WITH", "/api/"),
    ]
    (monitor,) = fake.all("healthmonitors")
    assert (monitor["type"], monitor["url_path"], monitor["max_retries"], monitor["max_retries_down"]) == (
        "HTTP",
        "/up",
        5,
        2,
    )
    assert {each.kind for each in tree.parts} == {PartKind.POOL, PartKind.LISTENER, PartKind.RULE}
    assert tree.address == "10.0.0.9"


def test_it_is_found_again_under_its_key(making, scope, fake):
    first = making.create(scope, balancer_plan(BALANCER))
    assert making.create(scope, balancer_plan(BALANCER)).id == first.id
    assert len(fake.all("loadbalancers")) == 1


def test_an_older_octavia_takes_no_groups(making, scope, fake):
    fake.knows_groups = False
    with pytest.raises(Refused, match=r"2025\.1"):
        making.create(scope, balancer_plan(BALANCER))
    assert fake.all("loadbalancers") == []
    without = replace(BALANCER, security_groups=())
    made = making.create(scope, balancer_plan(without))
    with pytest.raises(Refused, match=r"2025\.1"):
        making.change(scope, made.id, balancer_plan(BALANCER))


def test_an_older_octavia_has_them_kept_where_the_operator_says_so(made_with, scope, fake):
    fake.knows_groups = False
    kept_groups = made_with(balancer_groups="record")
    made = kept_groups.create(scope, balancer_plan(BALANCER))
    kept_groups.change(scope, made.id, balancer_plan(BALANCER))
    assert "vip_sg_ids" not in fake.all("loadbalancers")[0]


def test_it_listens_where_it_was_asked_to(making, scope, fake):
    making.create(scope, balancer_plan(BALANCER))
    making.create(scope, balancer_plan(replace(BALANCER, id="9" * 16, details={"address": "10.0.0.77"})))
    assert [each.get("vip_address") for each in fake.all("loadbalancers")][1] == "10.0.0.77"
    assert digest_of(balancer_plan(BALANCER)) == digest_of(balancer_plan(replace(BALANCER, details={"address": "x"})))


@pytest.mark.parametrize(("told", "port"), [("floating", "port-1"), ("none", None)])
def test_the_port_that_public_addresses_lead_to_is_told(made_with, scope, fake, told, port):
    made = made_with(public_addresses=told).create(scope, balancer_plan(BALANCER))
    fake.all("loadbalancers")[0]["vip_port_id"] = "port-1"
    tree = made_with(public_addresses=told).tree(scope, made.id)
    assert tree is not None
    assert tree.port_id == port


def test_what_changed_is_changed_and_no_more(making, scope, fake):
    grow(making, scope, WISH)
    fake.writes.clear()
    slower = replace(GROUP, health_check={**CHECK, "interval": 60})
    other = replace(RULE, id="e" * 16, priority=5)
    wish = replace(WISH, groups={GROUP.id: slower}, rules=(other, RULE))
    tree = grow(making, scope, wish)
    assert fake.all("healthmonitors")[0]["delay"] == 60
    assert {each["position"] for each in fake.all("l7policies")} == {1, 2}
    assert not [write for write in fake.writes if write.startswith("DELETE")]
    assert next_step(wish, tree) is None


def test_what_nobody_wishes_for_goes_before_what_it_refers_to(making, scope, fake):
    grow(making, scope, WISH)
    fake.writes.clear()
    grow(making, scope, replace(WISH, groups={}, listeners=(), rules=()))
    assert [write.split("/")[1] for write in fake.writes] == ["l7policies", "listeners", "pools"]
    assert fake.all("pools") == []


def test_other_conditions_are_another_policy(making, scope, fake):
    grow(making, scope, WISH)
    (before,) = fake.all("l7policies")
    grow(making, scope, replace(WISH, rules=(replace(RULE, conditions=CONDITIONS[1:]),)))
    (after,) = fake.all("l7policies")
    assert before["id"] != after["id"]
    assert [each["type"] for each in after["rules"]] == ["PATH"]


def test_others_trees_are_left_alone(making, scope, fake):
    tree = grow(making, scope, WISH)
    fake.things["pools"]["theirs"] = {
        "id": "theirs",
        "tags": ["coppice=b2", "coppice-key=x"],
        "loadbalancer_id": tree.id,
    }
    again = making.tree(scope, tree.id)
    assert next_step(WISH, again) is None


def test_targets_come_and_go(making, scope, fake):
    tree = grow(making, scope, WISH)
    pool = next(each.id for each in tree.parts if each.kind is PartKind.POOL)
    making.put_endpoints(scope, pool, [Endpoint("10.0.0.5", 80)])
    fake.members[pool][0]["name"] = "coppice-node-x"
    making.put_endpoints(scope, pool, [Endpoint("10.0.0.5", 80, 0), Endpoint("10.0.0.6", 80)])
    assert [(each["address"], each["weight"], each["name"]) for each in fake.members[pool]] == [
        ("10.0.0.5", 0, "coppice-node-x"),
        ("10.0.0.6", 1, ""),
    ]
    making.remove_endpoints(scope, pool, [Endpoint("10.0.0.5", 80), Endpoint("10.0.0.6", 80)])
    assert [each["address"] for each in fake.members[pool]] == ["10.0.0.5"]


def test_health_is_asked_for_at_the_port_that_was_told(making, scope, fake):
    tree = grow(making, scope, WISH)
    pool = next(each.id for each in tree.parts if each.kind is PartKind.POOL)
    making.put_endpoints(scope, pool, [Endpoint("10.0.0.5", 80, monitor_port=9000), Endpoint("10.0.0.6", 80, 0)])
    making.put_endpoints(scope, pool, [Endpoint("10.0.0.6", 80, None, 9001), Endpoint("10.0.0.7", 80, None, 9001)])
    assert [(each["address"], each["weight"], each["monitor_port"]) for each in fake.members[pool]] == [
        ("10.0.0.5", 1, 9000),
        ("10.0.0.6", 0, 9001),
    ]


def test_what_was_made_twice_is_found(making, scope, fake):
    tree = grow(making, scope, WISH)
    (first,) = fake.all("loadbalancers")
    ours = first["tags"]
    for identity, tags, status in (
        ("twin", ours, "ACTIVE"),
        ("going", ours, "PENDING_DELETE"),
        ("foreign", [each for each in ours if not each.startswith(octavia.MADE)], "ACTIVE"),
    ):
        fake.things["loadbalancers"][identity] = {**first, "id": identity, "tags": tags, "provisioning_status": status}
    assert making.twins(scope, BALANCER.id, tree.id) == ["twin"]


def test_a_tree_that_is_gone(making, scope, fake):
    tree = grow(making, scope, WISH)
    making.delete(scope, tree.id)
    assert making.tree(scope, tree.id) is None


def test_refusals(making, scope, services, fake):
    tree = grow(making, scope, WISH)
    fake.pending = 5
    making.change(scope, tree.id, balancer_plan(BALANCER))
    with pytest.raises(Busy):
        making.change(scope, tree.id, balancer_plan(BALANCER))
    services.on("POST", f"{LBAAS}/listeners", octavia_fault(409, "Another Listener is already using protocol_port 80"))
    with pytest.raises(Refused) as refused:
        making.put(scope, replace(tree, parts=()), listener_plan(BALANCER, FIXED))
    assert not isinstance(refused.value, Busy)
    words = "Quota has been met for resources: load balancers. "
    services.on("GET", f"{LBAAS}/loadbalancers", Reply(200, {"loadbalancers": []}))
    services.on("POST", f"{LBAAS}/loadbalancers", octavia_fault(403, words))
    with pytest.raises(QuotaExceeded) as found:
        making.create(scope, balancer_plan(BALANCER))
    assert found.value.resource == "load balancers"


def redirect(**config):
    whole = {"Protocol": "HTTPS", "Port": "443", "Host": "x.example", "Path": "/#{path}", "Query": "#{query}"}
    return ({"type": "redirect", "config": {**whole, "StatusCode": "HTTP_301", **config}},)


@pytest.mark.parametrize(
    ("actions", "had"),
    [
        (redirect(), True),
        (redirect(Path="/new", Query=""), True),
        (redirect(Host="#{host}"), False),
        (redirect(Path="/a/#{path}"), True),
        (redirect(Path="/#{path}/a"), False),
        (redirect(Path="/a/#{path}", Query="q"), False),
        (redirect(Path="/new", Query="a=#{query}"), False),
        (({"type": "fixed-response", "config": {"StatusCode": "403"}},), True),
        (({"type": "fixed-response", "config": {"StatusCode": "200"}},), False),
        (({"type": "forward", "groups": [["a", 1], ["b", 0]]},), True),
        (({"type": "forward", "groups": [["a", 1], ["b", 2]]},), True),
        (({"type": "forward", "groups": [["a", 0], ["b", 0]]},), False),
    ],
)
def test_what_rules_can_do(actions, had):
    plan = rule_plan(replace(RULE, actions=actions), 1, LISTENER)
    assert (octavia.lacks(plan) is None) is had


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({}, ("PREFIX", "https://x.example")),
        ({"Path": "/a/#{path}", "Port": "8443"}, ("PREFIX", "https://x.example:8443/a")),
        ({"Protocol": "#{protocol}", "Port": "#{port}"}, ("PREFIX", "http://x.example:8080")),
        ({"Host": "#{host}"}, ("PREFIX", "https://old.example")),
        ({"Host": "www.#{host}", "Path": "/#{host}/#{path}"}, ("PREFIX", "https://www.old.example/old.example")),
        ({"Path": "/new/#{port}", "Query": "from=#{host}"}, ("TO_URL", "https://x.example/new/8080?from=old.example")),
        ({"Path": "/new", "Query": ""}, ("TO_URL", "https://x.example/new")),
    ],
)
def test_where_redirects_lead(config, told):
    """Variables that are the same for each request that the rule is for are filled in."""
    one = ({"field": "host-header", "values": ["old.example"]},)
    plan = rule_plan(replace(RULE, actions=redirect(**config), conditions=one), 1, replace(LISTENER, port=8080))
    how, where = told
    body = {"action": f"REDIRECT_{how}", "redirect_http_code": 301}
    name = "redirect_prefix" if how == "PREFIX" else "redirect_url"
    assert octavia.policy_body(plan, {}) == {**body, name: where}
    for several in (["a.example", "b.example"], ["*.example"]):
        other = rule_plan(
            replace(RULE, actions=redirect(**config), conditions=({"field": "host-header", "values": several},)),
            1,
            LISTENER,
        )
        assert (octavia.lacks(other) is None) is ("#{host}" not in str(config))


FORWARD = ({"type": "forward", "groups": [["a", 1]]},)
DENIED = ({"type": "fixed-response", "config": {"StatusCode": "403"}},)


def of_path(*values):
    return {"field": "path-pattern", "values": list(values)}


def of_host(*values):
    return {"field": "host-header", "values": list(values)}


@pytest.mark.parametrize(
    ("first", "second", "met"),
    [
        ((FORWARD, of_path("/a/*")), (redirect(), of_path("/a/b")), True),
        ((FORWARD, of_path("/a/*")), (redirect(), of_path("/b/*")), False),
        ((FORWARD, of_path("/a/*")), (redirect(), of_host("x")), True),
        ((FORWARD, of_host("X.example")), (DENIED, of_host("x.example", "y")), True),
        ((FORWARD, of_path("/X")), (DENIED, of_path("/x")), False),
        ((FORWARD, of_path("*.png")), (DENIED, of_path("/a*.jpg")), False),
        ((FORWARD, of_path("/aa*aa")), (DENIED, of_path("/aaa")), False),
        ((FORWARD, of_path("/a?c")), (DENIED, of_path("/ab*")), True),
        ((redirect(), of_path("/a*")), (DENIED, of_path("/*")), True),
        ((redirect(), of_path("/a*")), (FORWARD, of_path("/*")), False),
        ((DENIED, of_path("/a*")), (redirect(), of_path("/*")), False),
        ((FORWARD, of_path("/a*")), (FORWARD, of_path("/*")), False),
    ],
)
def test_rules_whose_order_octavia_would_not_keep(first, second, met):
    plans = [
        rule_plan(replace(RULE, actions=actions, conditions=(condition,)), at, LISTENER)
        for at, (actions, condition) in enumerate((first, second), start=1)
    ]
    assert list(precedence.misplaced(plans[::-1])) == ([(plans[0], plans[1])] if met else [])


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        (["/x"], ("EQUAL_TO", "/x")),
        (["*.png"], ("ENDS_WITH", ".png")),
        (["/a?c"], ("REGEX", "^(/a.c)$")),
        (["/a*c"], ("REGEX", "^(/a.*c)$")),
        (["*"], ("REGEX", "^(.*)$")),
        (["/a", "/b+"], ("REGEX", r"^(/a|/b\+)$")),
    ],
)
def test_patterns(values, rule):
    conditions = ({"field": "path-pattern", "values": values},)
    (told,) = octavia.rules(rule_plan(replace(RULE, conditions=conditions), 1, LISTENER))
    assert (told["compare_type"], told["value"]) == rule


def test_conditions_that_octavia_has_not():
    for field in ("query-string", "source-ip", "http-request-method"):
        conditions = ({"field": field, "values": ["a"]},)
        assert octavia.lacks(rule_plan(replace(RULE, conditions=conditions), 1, LISTENER))


@pytest.mark.parametrize(
    ("matcher", "codes"),
    [("200", "200"), ("200,302", "200,302"), ("200-299", "200-299"), ("200-202,302", "200,201,202,302")],
)
def test_codes(matcher, codes):
    assert octavia.codes(matcher) == codes
    assert octavia.codes("200-499,501") is None


def test_groups_and_listeners_that_octavia_has_not():
    assert octavia.lacks(pool_plan(replace(GROUP, protocol="TLS")))
    assert octavia.lacks(pool_plan(GROUP)) is None
    assert octavia.lacks(listener_plan(BALANCER, replace(LISTENER, protocol="TLS")))
    secure = replace(LISTENER, protocol="HTTPS", certificates=("arn:aws:iam::1:server-certificate/x",))
    assert octavia.lacks(listener_plan(BALANCER, secure)) is None
    issued = replace(secure, certificates=("arn:aws:acm:us-east-1:1:certificate/x",))
    assert "ACM" in octavia.lacks(listener_plan(BALANCER, issued))
    fixed = ({"type": "fixed-response", "config": {"StatusCode": "503"}},)
    assert octavia.lacks(listener_plan(BALANCER, replace(LISTENER, actions=fixed))) is None


def test_a_digest_tells_plans_apart():
    assert digest_of(pool_plan(GROUP)) == digest_of(pool_plan(replace(GROUP, created_at=NOW + timedelta(1))))
    assert digest_of(pool_plan(GROUP)) != digest_of(pool_plan(replace(GROUP, health_check={**CHECK, "enabled": False})))
    assert json.loads(rule_plan(RULE, 1, LISTENER).conditions) == list(CONDITIONS)
