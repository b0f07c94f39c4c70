"""Forwards by weights on Octavia: pools that have the members of others, each with its share."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.drivers.balancer_making import Endpoint, PartKind
from backend.drivers.balancer_plans import Wish, blend_plan, listener_plan, pool_plan
from backend.drivers.balancing import Target
from backend.drivers.errors import Busy, Refused
from backend.drivers.installation import named
from backend.drivers.openstack import blends, octavia
from backend.drivers.openstack.cloud import open_cloud
from tests.backend.drivers.openstack.fake import Reply
from tests.backend.drivers.openstack.octavia import FakeOctavia, offer_balancing
from tests.backend.drivers.openstack.test_balancers import BALANCER, CHECK, GROUP, LISTENER, OWN, RULE, grow

GREEN = replace(GROUP, id="9" * 16, name="green", port=8080)
NODES = [f"9999999{number}-9999-4999-8999-999999999999" for number in range(4)]


def forward(blue: int, green: int, **more: object) -> tuple[dict[str, object], ...]:
    return ({"type": "forward", "groups": [[GROUP.id, blue], [GREEN.id, green]], **more},)


def wish(blue: int, green: int, **changes: object) -> Wish:
    front = replace(LISTENER, actions=forward(blue, green))
    whole = Wish(BALANCER, {GROUP.id: GROUP, GREEN.id: GREEN}, (front,), (), blending=True)
    return replace(whole, **changes)


@pytest.fixture
def fake(services) -> FakeOctavia:
    return FakeOctavia(services)


@pytest.fixture
def cloud(settings, clock, services, fake):
    offer_balancing(services)
    return open_cloud(settings, clock, services, installation=named(OWN))


@pytest.fixture
def making(cloud):
    return cloud.balancer_making


def ids(tree) -> dict[str, str]:
    return {each.key: each.id for each in tree.parts if each.kind in {PartKind.POOL, PartKind.BLEND}}


def blend_of(tree) -> str:
    (found,) = [each.id for each in tree.parts if each.kind is PartKind.BLEND]
    return found


def told(fake, pool: str) -> dict[str, int]:
    return {f"{each['address']}:{each['protocol_port']}": each["weight"] for each in fake.members.get(pool, ())}


def node(number: int, port: int = 80) -> Target:
    return Target(NODES[number], f"10.0.0.{number + 1}", port)


def test_a_forward_by_weights_has_a_pool_of_its_own(making, scope, fake):
    tree = grow(making, scope, wish(90, 10))
    (front,) = fake.all("listeners")
    assert front["default_pool_id"] == blend_of(tree)
    pool = fake.things["pools"][blend_of(tree)]
    monitor = fake.things["healthmonitors"][pool["healthmonitor_id"]]
    assert (pool["protocol"], monitor["url_path"], monitor["delay"]) == ("HTTP", CHECK["path"], CHECK["interval"])
    assert blends.shares(pool) == {GROUP.id: 90, GREEN.id: 10}


def test_pools_of_a_blend_are_forwarded_to_by_rules_that_no_request_meets(making, scope, fake):
    """Octavia looks after members of pools that something forwards to, and of no others."""
    own = replace(RULE, actions=forward(1, 0))
    tree = grow(making, scope, wish(90, 10, rules=(own,)))
    policies = {each["position"]: each for each in fake.all("l7policies")}
    assert [policies[at]["redirect_pool_id"] for at in (1, 2, 3)] == [
        ids(tree)[key] for key in (GROUP.id, GROUP.id, GREEN.id)
    ]
    for at in (2, 3):
        assert policies[at]["admin_state_up"]
        assert [(each["type"], each["compare_type"], each["value"]) for each in policies[at]["rules"]] == [
            ("PATH", "EQUAL_TO", "/a"),
            ("PATH", "EQUAL_TO", "/b"),
        ]


def test_a_blend_has_the_members_of_its_pools(cloud, making, scope, fake):
    tree = grow(making, scope, wish(3, 1))
    blue, green, blend = ids(tree)[GROUP.id], ids(tree)[GREEN.id], blend_of(tree)
    cloud.balancing.add_members(scope, blue, [node(0), node(1), node(2)])
    assert told(fake, blend) == {"10.0.0.1:80": 256, "10.0.0.2:80": 256, "10.0.0.3:80": 256}
    cloud.balancing.add_members(scope, green, [node(3, 8080)])
    assert told(fake, blend) == {
        "10.0.0.1:80": 256,
        "10.0.0.2:80": 256,
        "10.0.0.3:80": 256,
        "10.0.0.4:8080": 256,
    }
    assert {each["name"] for each in fake.members[blend]} == {f"coppice-node-{each}.{OWN}" for each in NODES}


def test_who_leaves_a_pool_leaves_its_blends(cloud, making, scope, fake):
    tree = grow(making, scope, wish(1, 1))
    blue, blend = ids(tree)[GROUP.id], blend_of(tree)
    cloud.balancing.add_members(scope, blue, [node(0), node(1)])
    cloud.balancing.drain_members(scope, blue, [node(0)])
    assert told(fake, blend) == {"10.0.0.1:80": 0, "10.0.0.2:80": 256}
    cloud.balancing.remove_members(scope, blue, [node(0)])
    assert told(fake, blend) == {"10.0.0.2:80": 256}


@pytest.mark.parametrize("write", ["drain_members", "remove_members"])
def test_who_leaves_is_waited_for_in_blends_too(cloud, making, scope, fake, services, write):
    """Octavia has taken it and has not done it: its server is not to go yet."""
    tree = grow(making, scope, wish(1, 1))
    blue, blend = ids(tree)[GROUP.id], blend_of(tree)
    cloud.balancing.add_members(scope, blue, [node(0)])
    stuck = [{**each, "provisioning_status": "PENDING_UPDATE"} for each in fake.members[blend]]
    services.on("GET", f"/balancing/v2/lbaas/pools/{blend}/members", Reply(200, {"members": stuck}))
    with pytest.raises(Busy, match="not yet"):
        getattr(cloud.balancing, write)(scope, blue, [node(0)])


def test_who_asks_again_gets_to_the_blends(cloud, making, scope, fake, services):
    """A balancer that takes long with the pool itself is busy when the blend is to follow, time and again."""
    tree = grow(making, scope, wish(1, 1))
    blue, blend = ids(tree)[GROUP.id], blend_of(tree)
    fake.pending = 2
    for _ in range(9):
        try:
            cloud.balancing.add_members(scope, blue, [node(0)])
        except Busy:
            making.tree(scope, tree.id)
        else:
            break
    assert told(fake, blend) == {"10.0.0.1:80": 256}
    assert [each for each in fake.writes if each == f"PUT /pools/{blue}/members"] == [f"PUT /pools/{blue}/members"]


def test_targets_that_are_registered_are_followed(making, scope, fake):
    tree = grow(making, scope, wish(1, 4))
    blue, green, blend = ids(tree)[GROUP.id], ids(tree)[GREEN.id], blend_of(tree)
    making.put_endpoints(scope, blue, [Endpoint("10.0.0.5", 80, monitor_port=9000)])
    making.put_endpoints(scope, green, [Endpoint("10.0.0.6", 8080), Endpoint("10.0.0.7", 8080, 0)])
    making.follow(scope, tree)
    assert told(fake, blend) == {"10.0.0.5:80": 64, "10.0.0.6:8080": 256, "10.0.0.7:8080": 0}
    assert [each["monitor_port"] for each in fake.members[blend]] == [9000, 8080, 8080]
    fake.writes.clear()
    making.follow(scope, tree)
    assert fake.writes == []


def test_other_weights_change_members_and_nothing_else(making, scope, fake):
    tree = grow(making, scope, wish(90, 10))
    making.put_endpoints(scope, ids(tree)[GROUP.id], [Endpoint("10.0.0.5", 80)])
    making.put_endpoints(scope, ids(tree)[GREEN.id], [Endpoint("10.0.0.6", 8080)])
    making.follow(scope, tree)
    before = blend_of(tree)
    after = grow(making, scope, wish(50, 50))
    assert blend_of(after) == before
    assert told(fake, before) == {"10.0.0.5:80": 256, "10.0.0.6:8080": 256}


def test_all_of_it_to_one_group_needs_no_blend(making, scope, fake):
    grow(making, scope, wish(90, 10))
    fake.writes.clear()
    after = grow(making, scope, wish(0, 10))
    assert {*ids(after)} == {GROUP.id, GREEN.id}
    assert fake.all("listeners")[0]["default_pool_id"] == ids(after)[GREEN.id]
    assert fake.all("l7policies") == []


def test_a_pool_that_was_made_anew_is_followed(making, scope, fake):
    tree = grow(making, scope, wish(1, 1))
    lost = ids(tree)[GROUP.id]
    del fake.things["pools"][lost]
    again = grow(making, scope, wish(1, 1))
    assert ids(again)[GROUP.id] != lost
    making.put_endpoints(scope, ids(again)[GROUP.id], [Endpoint("10.0.0.5", 80)])
    making.follow(scope, again)
    assert told(fake, blend_of(again)) == {"10.0.0.5:80": 256}


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"protocol": "HTTPS"}, "protocols"),
        ({"health_check": {**CHECK, "path": "/other"}}, "health checks"),
        ({"attributes": {"load_balancing.algorithm.type": "least_outstanding_requests"}}, "load balancing algorithms"),
        ({"attributes": {"stickiness.enabled": "true"}}, "stickiness"),
    ],
)
def test_members_of_one_pool_are_spoken_to_in_one_way(making, scope, changes, what):
    other = replace(GREEN, **changes)
    front = listener_plan(BALANCER, replace(LISTENER, actions=forward(1, 1)))
    plan = blend_plan(front, {GROUP.id: pool_plan(GROUP), GREEN.id: pool_plan(other)})
    assert what in (octavia.lacks(plan) or "")
    with pytest.raises(Refused, match=what):
        grow(making, scope, wish(1, 1, groups={GROUP.id: GROUP, GREEN.id: other}))


@pytest.mark.parametrize(("sticky", "kind"), [(True, "HTTP_COOKIE"), (False, None)])
def test_a_forward_may_be_sticky(making, scope, fake, sticky, kind):
    actions = forward(1, 1, stickiness={"Enabled": sticky, "DurationSeconds": 60})
    tree = grow(making, scope, wish(1, 1, listeners=(replace(LISTENER, actions=actions),)))
    told = fake.things["pools"][blend_of(tree)]["session_persistence"]
    assert (told or {}).get("type") == kind


def test_a_blend_that_is_gone_holds_nobody_up(cloud, making, scope, fake, services):
    tree = grow(making, scope, wish(1, 1))
    blend = blend_of(tree)
    gone = Reply(404, {"code": 404, "title": "Not Found", "description": f"Pool {blend} not found."})
    services.on("GET", f"/balancing/v2/lbaas/pools/{blend}/members", gone)
    cloud.balancing.add_members(scope, ids(tree)[GROUP.id], [node(0)])
    assert told(fake, ids(tree)[GROUP.id]) == {"10.0.0.1:80": 1}


@given(
    st.lists(st.tuples(st.integers(1, 20), st.integers(1, 999)), min_size=2, max_size=5).filter(
        lambda pools: max(w / n for n, w in pools) <= 40 * min(w / n for n, w in pools)
    )
)
def test_pools_have_their_shares_within_two_per_cent(pools):
    counts = {str(at): count for at, (count, _) in enumerate(pools)}
    wanted = {str(at): weight for at, (_, weight) in enumerate(pools)}
    given_ = blends.weights(counts, wanted)
    assert all(1 <= each <= 256 for each in given_.values())
    whole, asked = sum(given_[pool] * counts[pool] for pool in counts), sum(wanted.values())
    for pool, count in counts.items():
        assert abs(given_[pool] * count / whole - wanted[pool] / asked) <= 0.02


def test_a_pool_without_members_that_serve_has_no_share():
    assert blends.weights({"a": 0, "b": 2}, {"a": 5, "b": 1}) == {"b": 256}


@pytest.mark.parametrize("write", ["drain_members", "remove_members"])
def test_who_stays_in_another_pool_of_a_blend_is_not_waited_for(cloud, making, scope, fake, write):
    tree = grow(making, scope, wish(1, 1))
    blue, green, blend = ids(tree)[GROUP.id], ids(tree)[GREEN.id], blend_of(tree)
    for pool in (blue, green):
        cloud.balancing.add_members(scope, pool, [node(0)])
    getattr(cloud.balancing, write)(scope, blue, [node(0)])
    assert told(fake, blend) == {"10.0.0.1:80": 256}
    getattr(cloud.balancing, write)(scope, green, [node(0)])
    assert told(fake, blend) == ({"10.0.0.1:80": 0} if write == "drain_members" else {})


def test_who_is_drained_while_another_is_added_stays_drained(cloud, making, scope, fake):
    """Two engines, one blend: what the one has read of its pools is old when it is written."""
    tree = grow(making, scope, wish(1, 1))
    blue, green, blend = ids(tree)[GROUP.id], ids(tree)[GREEN.id], blend_of(tree)
    cloud.balancing.add_members(scope, blue, [node(0), node(1)])
    fake.meanwhile[blend] = lambda: cloud.balancing.drain_members(scope, blue, [node(0)])
    cloud.balancing.add_members(scope, green, [node(3, 8080)])
    assert told(fake, blend) == {"10.0.0.1:80": 0, "10.0.0.2:80": 256, "10.0.0.4:8080": 256}


def test_who_is_drained_while_targets_are_followed_stays_drained(cloud, making, scope, fake):
    tree = grow(making, scope, wish(1, 1))
    blue, green, blend = ids(tree)[GROUP.id], ids(tree)[GREEN.id], blend_of(tree)
    cloud.balancing.add_members(scope, blue, [node(0), node(1)])
    making.put_endpoints(scope, green, [Endpoint("10.0.0.6", 8080)])
    fake.meanwhile[blend] = lambda: cloud.balancing.drain_members(scope, blue, [node(0)])
    for _ in range(3):
        try:
            making.follow(scope, tree)
        except Busy:
            continue
        break
    assert told(fake, blend) == {"10.0.0.1:80": 0, "10.0.0.2:80": 256, "10.0.0.6:8080": 256}


def test_shares_that_change_meanwhile_are_heeded(cloud, making, scope, fake):
    tree = grow(making, scope, wish(1, 1))
    blue, green, blend = ids(tree)[GROUP.id], ids(tree)[GREEN.id], blend_of(tree)
    cloud.balancing.add_members(scope, blue, [node(0)])
    fake.meanwhile[blend] = lambda: grow(making, scope, wish(4, 1))
    cloud.balancing.add_members(scope, green, [node(3, 8080)])
    assert told(fake, blend) == {"10.0.0.1:80": 256, "10.0.0.4:8080": 64}


@pytest.mark.parametrize("tag", ["", "x", f"{GROUP.id}:0", f"{GROUP.id}:-1", f"{GROUP.id}:{10**400}", f"{GROUP.id}:1x"])
def test_tags_of_others_keep_nobody_from_anything(cloud, making, scope, fake, tag):
    """Whoever has the project may write what they like on pools there."""
    tree = grow(making, scope, wish(1, 1))
    balancer = [{"id": tree.id}]
    fake.things["pools"]["own"] = {"id": "own", "tags": [f"{octavia.SHARE}{tag}"], "loadbalancers": balancer}
    cloud.balancing.add_members(scope, ids(tree)[GROUP.id], [node(0)])
    assert told(fake, blend_of(tree)) == {"10.0.0.1:80": 256}
    assert blends.shares(fake.things["pools"]["own"]) == {}


def test_a_member_whose_subnet_is_told_no_more_is_no_change(making, scope, fake):
    """A batch can tell a member's subnet and cannot take it back."""
    tree = grow(making, scope, wish(1, 1))
    blue = ids(tree)[GROUP.id]
    making.put_endpoints(scope, blue, [Endpoint("10.0.0.5", 80)])
    fake.members[blue][0]["subnet_id"] = "there"
    making.follow(scope, tree)
    del fake.members[blue][0]["subnet_id"]
    fake.writes.clear()
    making.follow(scope, tree)
    assert fake.writes == []


def test_a_blend_without_a_monitor_has_its_members_before_anything_forwards_to_it(making, scope, fake):
    silent = {each.id: replace(each, health_check={**CHECK, "enabled": False}) for each in (GROUP, GREEN)}
    tree = grow(making, scope, wish(1, 0, groups=silent))
    making.put_endpoints(scope, ids(tree)[GROUP.id], [Endpoint("10.0.0.5", 80)])
    after = grow(making, scope, wish(1, 1, groups=silent))
    assert fake.all("listeners")[0]["default_pool_id"] == blend_of(after)
    assert told(fake, blend_of(after)) == {"10.0.0.5:80": 256}
