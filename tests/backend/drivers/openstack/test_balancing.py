from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.traffic import MemberHealth
from backend.drivers.balancing import Monitor, Target
from backend.drivers.errors import Busy, CloudUnavailable, NoBalancing, NotAuthorized, PoolNotFound, Refused
from backend.drivers.installation import named
from backend.drivers.openstack.cloud import open_cloud
from tests.backend.drivers.openstack.fake import Reply, granted, lost, octavia_fault, refused
from tests.backend.drivers.openstack.octavia import offer_balancing
from tests.backend.drivers.openstack.samples import SUBNET

LBAAS = "/balancing/v2/lbaas"
POOL = "66666666-6666-4666-8666-666666666666"
BALANCER = "77777777-7777-4777-8777-777777777777"
LISTENER = "88888888-8888-4888-8888-888888888888"
NODE = "99999999-9999-4999-8999-999999999999"
MEMBERS = f"{LBAAS}/pools/{POOL}/members"
TARGET = Target(NODE, "10.0.0.5", 8080)
IMMUTABLE = Reply(
    409,
    {"faultcode": "Client", "faultstring": f"Pool {POOL} is immutable and cannot be updated.", "debuginfo": None},
    {"x-openstack-request-id": "req-octavia-1"},
)


def pool(**changes):
    return {
        "id": POOL,
        "name": "web",
        "protocol": "HTTP",
        "lb_algorithm": "ROUND_ROBIN",
        "session_persistence": None,
        "loadbalancers": [{"id": BALANCER}],
        "listeners": [{"id": LISTENER}],
        "created_at": "2026-11-25T13:01:35",
        "tags": [],
        **changes,
    }


def listener(**changes):
    return {
        "id": LISTENER,
        "name": "front",
        "protocol": "HTTP",
        "protocol_port": 8080,
        "default_pool_id": POOL,
        "loadbalancers": [{"id": BALANCER}],
        **changes,
    }


def balancer(**changes):
    return {
        "id": BALANCER,
        "name": "front",
        "vip_address": "198.51.100.1",
        "vip_network_id": "n-1",
        "vip_subnet_id": "s-1",
        "provisioning_status": "ACTIVE",
        "created_at": "2026-11-25T13:01:32",
        **changes,
    }


def member(**changes):
    return {
        "id": "m-1",
        "name": f"coppice-node-{NODE}",
        "address": "10.0.0.5",
        "protocol_port": 8080,
        "weight": 1,
        "operating_status": "NO_MONITOR",
        "provisioning_status": "ACTIVE",
        **changes,
    }


@pytest.fixture
def balancing(settings, clock, services):
    offer_balancing(services)
    for noun, items in (
        ("pools", [pool()]),
        ("listeners", [listener()]),
        ("loadbalancers", [balancer()]),
        ("healthmonitors", []),
    ):
        services.on("GET", f"{LBAAS}/{noun}", Reply(200, {noun: items, f"{noun}_links": []}))
    services.on("GET", f"{LBAAS}/pools/{POOL}", Reply(200, {"pool": pool()}))
    services.on("GET", MEMBERS, Reply(200, {"members": [member()]}))
    services.on("PUT", MEMBERS, Reply(202))
    services.on("DELETE", f"{MEMBERS}/.*", Reply(204))
    return open_cloud(settings, clock, services).balancing


def test_a_pool_is_told_with_what_is_around_it(balancing, services, scope):
    watched = {
        "id": "hm-1",
        "type": "HTTP",
        "delay": 5,
        "timeout": 3,
        "max_retries": 2,
        "max_retries_down": 3,
        "url_path": "/up",
        "expected_codes": "200",
    }
    services.on("GET", f"{LBAAS}/healthmonitors", Reply(200, {"healthmonitors": [watched]}))
    sticky = {"type": "SOURCE_IP"}
    found = pool(healthmonitor_id="hm-1", session_persistence=sticky)
    services.on("GET", f"{LBAAS}/pools", Reply(200, {"pools": [found]}))
    (told,) = balancing.pools(scope)
    assert told.monitor == Monitor("HTTP", 5, 3, 2, 3, "/up", "200")
    assert (told.persistence, told.balancer_ids, told.network_id) == ("SOURCE_IP", (BALANCER,), "n-1")
    assert services.of("GET", "/pools")[0].query == {"project_id": ["p-1"]}


@pytest.mark.parametrize(
    ("changes", "listeners", "port"),
    [
        ({"tags": ["a", "port=9000"]}, [listener()], 9000),
        ({"tags": ["port=", "port=x", "port=0", "port=65536", "port=\u0663", "port=" + "9" * 250]}, [listener()], 8080),
        ({}, [listener(id="other", protocol_port=1), listener()], 8080),
        ({"listeners": []}, [listener()], 80),
        ({"listeners": [], "protocol": "HTTPS"}, [], 443),
        ({"listeners": [], "protocol": "UDP"}, [], 80),
    ],
)
def test_the_port_of_a_pool(balancing, services, scope, changes, listeners, port):
    services.on("GET", f"{LBAAS}/pools", Reply(200, {"pools": [pool(**changes)]}))
    services.on("GET", f"{LBAAS}/listeners", Reply(200, {"listeners": listeners}))
    assert [each.port for each in balancing.pools(scope)] == [port]


@pytest.mark.parametrize(
    ("status", "health"),
    [
        ("ONLINE", MemberHealth.HEALTHY),
        ("ERROR", MemberHealth.UNHEALTHY),
        ("OFFLINE", MemberHealth.INITIAL),
        ("NO_MONITOR", MemberHealth.UNKNOWN),
        ("DRAINING", MemberHealth.UNKNOWN),
        ("whatever comes", MemberHealth.UNKNOWN),
    ],
)
def test_a_member_s_status_is_its_health(balancing, services, scope, status, health):
    services.on("GET", MEMBERS, Reply(200, {"members": [member(operating_status=status)]}))
    (told,) = balancing.members(scope, POOL)
    assert (told.health, told.owner, told.operating_status) == (health, NODE, status)


WATCHED = {"id": "hm-1", "type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 2, "max_retries_down": 2}
CHECK = 5 + 3 + 10
"""Seconds until its first check was made and told."""


@pytest.mark.parametrize(
    ("made", "balancer_changed", "health"),
    [
        (0, 0, MemberHealth.INITIAL),
        (CHECK - 1, CHECK - 1, MemberHealth.INITIAL),
        (CHECK, CHECK, MemberHealth.HEALTHY),
        (CHECK + 3, 3, MemberHealth.INITIAL),  # checks begin anew whenever the balancer is told of a change
        (4 * CHECK, 3, MemberHealth.HEALTHY),
        (3600, 0, MemberHealth.HEALTHY),
        (-2, -2, MemberHealth.INITIAL),
        (-3600, -3600, MemberHealth.HEALTHY),  # clocks so far apart tell nothing
        (None, 0, MemberHealth.HEALTHY),
    ],
)
def test_a_member_that_nobody_has_checked_yet_is_not_well(
    balancing, services, scope, clock, made, balancer_changed, health
):
    def ago(seconds):
        return None if seconds is None else (clock.now() - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")

    services.on("GET", f"{LBAAS}/healthmonitors", Reply(200, {"healthmonitors": [WATCHED]}))
    services.on("GET", f"{LBAAS}/pools/{POOL}", Reply(200, {"pool": pool(healthmonitor_id="hm-1")}))
    services.on(
        "GET", f"{LBAAS}/loadbalancers", Reply(200, {"loadbalancers": [balancer(updated_at=ago(balancer_changed))]})
    )
    told = [member(operating_status="ONLINE", created_at=ago(made), updated_at=ago(0))]
    told.append(member(id="m-2", operating_status="ERROR", created_at=ago(0)))
    services.on("GET", MEMBERS, Reply(200, {"members": told}))
    assert [each.health for each in balancing.members(scope, POOL)] == [health, MemberHealth.UNHEALTHY]


def test_members_at_rest_are_told_in_one_request(balancing, services, scope, clock):
    old = (clock.now() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")
    services.on("GET", MEMBERS, Reply(200, {"members": [member(operating_status="ONLINE", created_at=old)]}))
    balancing.members(scope, POOL)
    assert len(services.of("GET", LBAAS)) == 1


@pytest.mark.parametrize("name", ["", None, "web-1", "coppice-node-", f"coppice-node-{NODE}x"])
def test_members_of_others_have_no_owner(balancing, services, scope, name):
    services.on("GET", MEMBERS, Reply(200, {"members": [member(name=name)]}))
    assert [each.owner for each in balancing.members(scope, POOL)] == [None]


def test_members_on_their_way_out_are_not_told(balancing, services, scope):
    leaving = member(provisioning_status="PENDING_DELETE")
    services.on("GET", MEMBERS, Reply(200, {"members": [leaving, member(id="m-2")]}))
    assert [each.id for each in balancing.members(scope, POOL)] == ["m-2"]


def test_all_targets_are_added_by_one_request(balancing, services, scope):
    balancing.add_members(scope, POOL, [TARGET, Target(NODE, "10.9.0.6", 8080)])
    (asked,) = services.of("PUT")
    assert asked.query == {"additive_only": ["true"]}
    common = {"protocol_port": 8080, "name": f"coppice-node-{NODE}", "weight": 1}
    assert asked.body == {
        "members": [
            {"address": "10.0.0.5", **common, "subnet_id": SUBNET},  # the only subnet that has the address
            {"address": "10.9.0.6", **common},
        ]
    }


def test_the_subnet_of_the_balancer_needs_no_telling(balancing, services, scope):
    services.on("GET", f"{LBAAS}/loadbalancers", Reply(200, {"loadbalancers": [balancer(vip_subnet_id=SUBNET)]}))
    balancing.add_members(scope, POOL, [TARGET])
    balancing.add_members(scope, POOL, [TARGET])
    assert all("subnet_id" not in asked.body["members"][0] for asked in services.of("PUT"))
    assert len(services.of("GET", "/loadbalancers")) == 1


def test_health_is_asked_for_at_the_port_that_was_told(balancing, services, scope):
    balancing.add_members(scope, POOL, [replace(TARGET, monitor_port=9000), TARGET])
    (asked,) = services.of("PUT")
    assert [each.get("monitor_port", "its own") for each in asked.body["members"]] == [9000, "its own"]
    services.on("GET", MEMBERS, Reply(200, {"members": [member(monitor_port=9000)]}))
    assert [each.monitor_port for each in balancing.members(scope, POOL)] == [9000]


def test_only_what_is_still_ours_is_drained_and_removed(balancing, services, scope):
    others = member(id="m-2", address="10.0.0.6", name="coppice-node-" + "a" * 36)
    drained = listed(member(weight=0), others)
    services.on("GET", MEMBERS, listed(member(), others), drained, drained, listed(others))
    targets = [TARGET, Target(NODE, "10.0.0.6", 8080), Target(NODE, "10.0.0.7", 8080)]
    balancing.drain_members(scope, POOL, targets)
    (asked,) = services.of("PUT")
    assert asked.body == {"members": [{"address": "10.0.0.5", "protocol_port": 8080, "weight": 0}]}
    balancing.remove_members(scope, POOL, targets)
    assert [each.path for each in services.of("DELETE")] == [f"{MEMBERS}/m-1"]


def test_what_drains_already_is_not_told_again(balancing, services, scope):
    services.on("GET", MEMBERS, Reply(200, {"members": [member(weight=0)]}))
    balancing.drain_members(scope, POOL, [TARGET])
    assert services.of("PUT") == []


def listed(*members):
    return Reply(200, {"members": [*members]})


CHANGING = {"weight": 0, "provisioning_status": "PENDING_UPDATE"}


def test_members_drain_when_the_balancer_has_it(balancing, services, scope, clock):
    """What Octavia has taken it has not done: until HAProxy is told, new connections go on."""
    services.on("GET", MEMBERS, listed(member()), *[listed(member(**CHANGING))] * 3, listed(member(weight=0)))
    started = clock.now()
    balancing.drain_members(scope, POOL, [TARGET])
    assert len(services.of("GET", "/members")) == 5
    assert 0 < (clock.now() - started).total_seconds() < 10


def test_a_member_is_out_when_the_balancer_has_it(balancing, services, scope):
    going = member(provisioning_status="PENDING_DELETE")
    services.on("GET", MEMBERS, listed(member()), listed(going), listed(going), listed())
    balancing.remove_members(scope, POOL, [TARGET])
    assert len(services.of("GET", "/members")) == 4


@pytest.mark.parametrize("write", ["drain_members", "remove_members"])
def test_a_balancer_that_takes_long_is_asked_again(balancing, services, scope, clock, write):
    status = {"drain_members": "PENDING_UPDATE", "remove_members": "PENDING_DELETE"}[write]
    services.on("GET", MEMBERS, listed(member(weight=0, provisioning_status=status)))
    started = clock.now()
    with pytest.raises(Busy, match="not yet"):
        getattr(balancing, write)(scope, POOL, [TARGET])
    assert (clock.now() - started).total_seconds() < 10
    services.on("GET", MEMBERS, listed(member(weight=0)) if write == "drain_members" else listed())
    getattr(balancing, write)(scope, POOL, [TARGET])


FAILED = [{"provisioning_status": status} for status in ("ERROR", "ACTIVE")]


@pytest.mark.parametrize("left", FAILED)
def test_a_removal_that_octavia_gave_up_is_not_done(balancing, services, scope, left):
    """The member is there as before: its server is not to go."""
    going = member(provisioning_status="PENDING_DELETE")
    services.on("GET", MEMBERS, listed(member()), listed(going), listed(member(**left)))
    with pytest.raises(Busy, match="not yet"):
        balancing.remove_members(scope, POOL, [TARGET])
    services.on("GET", MEMBERS, listed(member(**left)), listed())
    balancing.remove_members(scope, POOL, [TARGET])
    assert len(services.of("DELETE")) == 2


@pytest.mark.parametrize("left", FAILED)
def test_a_drain_that_octavia_gave_up_is_not_done(balancing, services, scope, left):
    services.on("GET", MEMBERS, listed(member()), listed(member(**CHANGING)), listed(member(weight=1, **left)))
    with pytest.raises(Busy, match="not yet"):
        balancing.drain_members(scope, POOL, [TARGET])
    services.on("GET", MEMBERS, listed(member(weight=1, **left)), listed(member(weight=0)))
    balancing.drain_members(scope, POOL, [TARGET])
    assert len(services.of("PUT")) == 2


@pytest.mark.parametrize("status", ["ERROR", "ACTIVE", "DELETED"])
def test_a_member_without_weight_has_drained(balancing, services, scope, status):
    services.on("GET", MEMBERS, listed(member(weight=0, provisioning_status=status)))
    balancing.drain_members(scope, POOL, [TARGET])


def test_a_member_that_octavia_still_tells_as_deleted_is_out(balancing, services, scope):
    services.on("GET", MEMBERS, listed(member(provisioning_status="DELETED")))
    balancing.remove_members(scope, POOL, [TARGET])
    assert services.of("DELETE") == []


def test_removals_end_before_a_thread_is_held_for_long(balancing, services, scope, clock):
    """What is left is asked for again with the next turn."""
    there = [member(id=f"m-{number}", address=f"10.0.1.{number}") for number in range(100)]
    gone = set()

    def left(_):
        return listed(*[each for each in there if each["id"] not in gone])

    services.on("GET", MEMBERS, left)
    targets = [Target(NODE, each["address"], 8080) for each in there]
    turns = 0
    while len(gone) < 100 and turns < 20:
        turns += 1
        started = clock.now()
        asked = iter(range(1000))

        def delete(request, asked=asked):
            if next(asked) % 3 < 2:
                return IMMUTABLE
            gone.add(request.path.rpartition("/")[2])
            return Reply(204)

        services.on("DELETE", f"{MEMBERS}/.*", delete)
        try:
            balancing.remove_members(scope, POOL, targets)
        except Busy:
            assert len(gone) < 100
        assert (clock.now() - started).total_seconds() < 40
    assert 1 < turns <= 5


def test_changes_of_other_members_are_not_waited_for(balancing, services, scope):
    others = member(id="m-2", address="10.0.0.6", provisioning_status="PENDING_CREATE")
    services.on("GET", MEMBERS, listed(member(weight=0), others))
    balancing.drain_members(scope, POOL, [TARGET])


def test_a_busy_pool_is_waited_for(balancing, services, scope, clock):
    services.on("PUT", MEMBERS, IMMUTABLE, IMMUTABLE, Reply(202))
    started = clock.now()
    balancing.add_members(scope, POOL, [TARGET])
    assert 0 < (clock.now() - started).total_seconds() < 2


def test_a_pool_that_stays_busy_is_told_so(balancing, services, scope, clock):
    services.on("PUT", MEMBERS, IMMUTABLE)
    started = clock.now()
    with pytest.raises(Busy, match="immutable") as raised:
        balancing.add_members(scope, POOL, [TARGET])
    assert raised.value.request_id == "req-octavia-1"
    assert len(services.of("PUT")) == 5
    assert (clock.now() - started).total_seconds() < 10


def test_a_member_that_is_gone_meanwhile_is_removed(balancing, services, scope):
    services.on("GET", MEMBERS, listed(member()), listed())
    services.on(
        "DELETE", f"{MEMBERS}/.*", Reply(404, {"code": 404, "title": "x", "description": "Member m-1 not found."})
    )
    balancing.remove_members(scope, POOL, [TARGET])


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_pool_that_is_gone(balancing, services, scope, method):
    gone = Reply(404, {"code": 404, "title": "Bad Request", "description": f"Pool {POOL} not found."})
    services.on(method, MEMBERS, gone)
    services.on("GET", f"{LBAAS}/pools/{POOL}", gone)
    with pytest.raises(PoolNotFound, match=r"^Pool"):
        balancing.members(scope, POOL) if method == "GET" else balancing.add_members(scope, POOL, [TARGET])


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (octavia_fault(403, "Policy does not allow this request to be performed."), NotAuthorized),
        (octavia_fault(403, "Quota has been met for resources: Member"), Refused),
        (octavia_fault(404, "Subnet x not found."), Refused),
        (refused(), CloudUnavailable),
    ],
)
def test_what_octavia_declines(balancing, services, scope, reply, error):
    services.on("PUT", MEMBERS, reply)
    with pytest.raises(error):
        balancing.add_members(scope, POOL, [TARGET])


def test_an_answer_that_is_lost_is_asked_for_again(balancing, services, scope):
    services.on("PUT", MEMBERS, lost(), Reply(202))
    balancing.add_members(scope, POOL, [TARGET])
    assert len(services.of("PUT")) == 2


def test_a_cloud_without_load_balancing(balancing, services, scope):
    services.login = granted
    assert [*balancing.pools(scope), *balancing.balancers(scope), *balancing.listeners(scope)] == []
    for write in (balancing.add_members, balancing.drain_members, balancing.remove_members):
        with pytest.raises(NoBalancing):
            write(scope, POOL, [TARGET])
    with pytest.raises(NoBalancing):
        balancing.members(scope, POOL)
    assert services.asked == []


OURS, THEIRS = "0e000000-0000-4000-8000-000000000001", "0e000000-0000-4000-8000-000000000002"


def test_members_carry_the_installation_and_those_of_another_one_are_left_alone(
    balancing, settings, clock, services, scope
):
    cloud = open_cloud(settings, clock, services, installation=named(OURS))
    cloud.balancing.add_members(scope, POOL, [TARGET])
    name = services.of("PUT")[0].body["members"][0]["name"]
    assert name == f"coppice-node-{NODE}.{OURS}"
    others = member(id="m-2", address="10.0.0.6", name=f"coppice-node-{NODE}.{THEIRS}")
    old = member(id="m-3", address="10.0.0.7")
    there = listed(member(name=name), others, old)
    services.on("GET", MEMBERS, there, there, listed(others))
    told = cloud.balancing.members(scope, POOL)
    assert [(each.owner, each.installation) for each in told] == [(NODE, OURS), (NODE, THEIRS), (NODE, None)]
    assert [cloud.made(each) for each in told] == [True, False, False]
    targets = [TARGET, Target(NODE, "10.0.0.6", 8080), Target(NODE, "10.0.0.7", 8080)]
    cloud.balancing.remove_members(scope, POOL, targets)
    assert [each.path.rpartition("/")[2] for each in services.of("DELETE")] == ["m-1", "m-3"]
