"""Networks made at Neutron: what is sent, what is found again, and what may be repeated."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from backend.drivers import terms
from backend.drivers.errors import Busy, NetworkMissing, NotHeld, OutcomeUnknown, QuotaExceeded, Refused
from backend.drivers.installation import named
from backend.drivers.network_making import ExtraRoute, HeldAddress, MadeSubnet, NewSubnet
from backend.drivers.openstack import network_marks as marks
from backend.drivers.openstack.cloud import open_cloud
from tests.backend.drivers.openstack.fake import Reply, lost, neutron_error
from tests.backend.drivers.openstack.samples import ZONES

OURS = "a1000000-0000-4000-8000-000000000001"
OTHERS = "a1000000-0000-4000-8000-000000000002"
TOKEN = "11111111-1111-4111-8111-111111111111"
ROUTER, NETWORK, SUBNET = (f"{number}0000000-0000-4000-8000-000000000000" for number in (1, 2, 3))
NEW = NewSubnet(ROUTER, "10.0.1.0/24", "az1", ("10.0.0.9",))
API = "/network/v2.0"


@pytest.fixture
def cloud(settings, clock, services):
    return open_cloud(settings, clock, services, installation=named(OURS))


@pytest.fixture
def making(cloud):
    return cloud.network_making


def described(**changes: Any) -> dict[str, Any]:
    """A network as it was made."""
    return {
        "id": NETWORK,
        "name": marks.name_of(TOKEN),
        "description": marks.of_network(OURS, ROUTER, "az1"),
        "project_id": "p-1",
        "router:external": False,
        "shared": False,
        "created_at": "2026-11-22T12:00:00Z",
        **changes,
    }


def test_a_vpc_is_a_router_that_is_known_by_its_token(making, services, scope):
    services.on("POST", f"{API}/routers", Reply(201, {"router": {"id": ROUTER}}))
    assert making.make_vpc(scope, TOKEN) == ROUTER
    (asked,) = services.of("POST", "/routers")
    assert asked.body == {"router": {"name": f"coppice-{TOKEN}", "description": f"coppice:{OURS}:vpc"}}
    listed = [
        {"id": "other", "name": marks.name_of(TOKEN), "description": f"coppice:{OTHERS}:vpc", "project_id": "p-1"},
        {"id": "elsewhere", "name": marks.name_of(TOKEN), "description": f"coppice:{OURS}:vpc", "project_id": "p-2"},
        {"id": "named", "name": "mine", "description": f"coppice:{OURS}:vpc", "project_id": "p-1"},
    ]
    services.on("GET", f"{API}/routers", Reply(200, {"routers": listed}))
    assert making.find_vpc(scope, TOKEN) is None
    own = {"id": ROUTER, "name": marks.name_of(TOKEN), "description": f"coppice:{OURS}:vpc", "project_id": "p-1"}
    services.on("GET", f"{API}/routers", Reply(200, {"routers": [*listed, own]}))
    assert making.find_vpc(scope, TOKEN) == ROUTER


def test_a_quota_of_routers(making, services, scope):
    words = "Quota exceeded for resources: ['router']."
    services.on("POST", f"{API}/routers", neutron_error(409, "OverQuota", words))
    with pytest.raises(QuotaExceeded) as refused:
        making.make_vpc(scope, TOKEN)
    assert refused.value.resource == "routers"


def test_a_subnet_keeps_the_addresses_that_aws_keeps(making, services, scope):
    services.on("POST", f"{API}/networks", Reply(201, {"network": {"id": NETWORK}}))
    services.on("POST", f"{API}/subnets", Reply(201, {"subnet": {"id": SUBNET}}))
    assert making.make_subnet(scope, TOKEN, NEW) == MadeSubnet(SUBNET, NETWORK)
    (asked,) = services.of("POST", "/subnets")
    told = asked.body["subnet"]
    assert (told["network_id"], told["cidr"], told["gateway_ip"]) == (NETWORK, "10.0.1.0/24", "10.0.1.1")
    assert told["allocation_pools"] == [{"start": "10.0.1.4", "end": "10.0.1.254"}]
    assert told["dns_nameservers"] == ["10.0.0.9"]
    assert not services.of("GET")


def test_what_was_made_before_the_answer_was_lost_is_used(making, services, scope):
    services.on("GET", f"{API}/networks", Reply(200, {"networks": [described()]}))
    services.on("GET", f"{API}/subnets", Reply(200, {"subnets": []}))
    services.on("POST", f"{API}/subnets", Reply(201, {"subnet": {"id": SUBNET}}))
    assert making.make_subnet(scope, TOKEN, NEW, again=True) == MadeSubnet(SUBNET, NETWORK)
    services.on("GET", f"{API}/subnets", Reply(200, {"subnets": [{"id": SUBNET, "network_id": NETWORK}]}))
    assert making.make_subnet(scope, TOKEN, NEW, again=True) == MadeSubnet(SUBNET, NETWORK)
    assert not services.of("POST", "/networks")
    assert len(services.of("POST", "/subnets")) == 1


def test_a_subnet_is_joined_once(making, services, scope):
    words = f"Bad router request: Router {ROUTER} already has a port on subnet {SUBNET}."
    services.on("PUT", f"{API}/routers/{ROUTER}/add_router_interface", neutron_error(400, "BadRequest", words))
    making.join_subnet(scope, ROUTER, MadeSubnet(SUBNET, NETWORK))
    services.on(
        "PUT", f"{API}/routers/{ROUTER}/add_router_interface", neutron_error(400, "BadRequest", "Cidr overlaps")
    )
    with pytest.raises(Refused):
        making.join_subnet(scope, ROUTER, MadeSubnet(SUBNET, NETWORK))


def having(services, *owners: str) -> None:
    """The ports of the network that was made."""
    listed = [{"id": f"port-{each}", "network_id": NETWORK, "device_owner": each} for each in owners]
    services.on("GET", f"{API}/ports", Reply(200, {"ports": listed}))


@pytest.mark.parametrize("owner", ["compute:az1", "Octavia", ""])
def test_a_subnet_that_something_is_in_is_not_parted_from_its_router(making, services, scope, owner):
    """Neutron would part it, and then refuse to end the network: for ever."""
    having(services, "network:dhcp", "network:router_interface", owner)
    made = MadeSubnet(SUBNET, NETWORK)
    assert making.occupied(scope, [SUBNET])
    (asked,) = services.of("GET", "/ports")
    assert asked.query["fixed_ips"] == [f"subnet_id={SUBNET}"]
    with pytest.raises(Busy, match=f"port-{owner} of {owner or 'nobody'}"):
        making.delete_subnet(scope, ROUTER, made)
    assert [asked for asked in services.asked if asked.method in {"PUT", "DELETE"}] == []


def test_a_subnet_that_something_came_into_meanwhile_is_joined_again(making, services, scope):
    having(services, "network:dhcp")
    services.on("PUT", f"{API}/routers/{ROUTER}/remove_router_interface", Reply(200, {}))
    services.on("PUT", f"{API}/routers/{ROUTER}/add_router_interface", Reply(200, {}))
    words = "There are one or more ports still in use on the network"
    services.on("DELETE", f"{API}/networks/{NETWORK}", neutron_error(409, "NetworkInUse", words))
    with pytest.raises(Busy):
        making.delete_subnet(scope, ROUTER, MadeSubnet(SUBNET, NETWORK))
    (joined,) = services.of("PUT", f"/routers/{ROUTER}/add_router_interface")
    assert joined.body == {"subnet_id": SUBNET}


def test_a_subnet_is_parted_and_ended(making, services, scope):
    made = MadeSubnet(SUBNET, NETWORK)
    having(services, "network:dhcp", "network:router_interface")
    gone = neutron_error(404, "RouterInterfaceNotFoundForSubnet", "no interface")
    services.on("PUT", f"{API}/routers/{ROUTER}/add_router_interface", Reply(200, {}))
    services.on("PUT", f"{API}/routers/{ROUTER}/remove_router_interface", gone)
    in_use = neutron_error(409, "NetworkInUse", "There are one or more ports still in use on the network")
    services.on("DELETE", f"{API}/networks/{NETWORK}", in_use, Reply(204), neutron_error(404, "NetworkNotFound", "no"))
    with pytest.raises(Busy):
        making.delete_subnet(scope, ROUTER, made)
    for _ in range(2):
        making.delete_subnet(scope, ROUTER, made)
    services.on(
        "PUT",
        f"{API}/routers/{ROUTER}/remove_router_interface",
        neutron_error(409, "RouterInterfaceInUseByFloatingIP", "in use"),
    )
    with pytest.raises(Busy):
        making.delete_subnet(scope, ROUTER, made)


def test_a_router_leads_to_the_network_that_is_outside(making, settings, services, scope):
    outside = {"id": "n-9", "name": "public", "router:external": True}
    services.on("GET", f"{API}/networks", Reply(200, {"networks": [outside]}))
    services.on("PUT", f"{API}/routers/{ROUTER}", Reply(200, {"router": {}}))
    making.lead_out(scope, ROUTER, outside=True)
    making.lead_out(scope, ROUTER, outside=False)
    bodies = [asked.body["router"]["external_gateway_info"] for asked in services.of("PUT", f"/routers/{ROUTER}")]
    assert bodies == [{"network_id": "n-9"}, {}]
    services.on("GET", f"{API}/networks", Reply(200, {"networks": []}))
    with pytest.raises(NetworkMissing):
        making.lead_out(scope, ROUTER, outside=True)


def test_what_leads_to_the_outside_otherwise(making, services, scope):
    routers = [
        {"id": "r-1", "external_gateway_info": {"network_id": "n"}},
        {"id": "r-2", "external_gateway_info": None},
    ]
    ports = [{"id": "1", "device_id": "r-1", "network_id": "n-1"}, {"id": "2", "device_id": "r-2", "network_id": "n-2"}]
    services.on("GET", f"{API}/routers", Reply(200, {"routers": routers}))
    services.on("GET", f"{API}/ports", Reply(200, {"ports": ports}))
    assert making.outward(scope) == {"n-1"}


def test_a_made_subnet_is_told_under_its_vpc_and_launched_into(cloud, services, scope):
    inside = {
        "id": SUBNET,
        "name": "x",
        "network_id": NETWORK,
        "ip_version": 4,
        "cidr": "10.0.1.0/24",
        "allocation_pools": [{"start": "10.0.1.4", "end": "10.0.1.254"}],
        "created_at": "2026-11-22T12:00:00Z",
    }
    services.on("GET", "/compute/v2.1/os-availability-zone", Reply(200, ZONES))
    services.on("GET", f"{API}/networks", Reply(200, {"networks": [described()]}))
    services.on("GET", f"{API}/subnets", Reply(200, {"subnets": [inside]}))
    services.on("GET", f"{API}/security-groups", Reply(200, {"security_groups": []}))
    addresses = [{"subnet_id": SUBNET}]
    ports = [
        {"id": "1", "device_owner": "network:dhcp", "fixed_ips": addresses},
        {"id": "2", "device_owner": "network:router_interface", "fixed_ips": addresses},
        {"id": "3", "device_owner": "compute:az1", "fixed_ips": addresses},
    ]
    services.on("GET", f"{API}/ports", Reply(200, {"ports": ports}))
    assert [(each.id, each.made, each.default) for each in cloud.network.networks(scope)] == [(ROUTER, True, False)]
    (told,) = cloud.network.subnets(scope)
    assert (told.id, told.network_id, told.zone, told.made) == (SUBNET, ROUTER, "az1", True)
    assert (told.zone_default, told.free_addresses) == (False, 250)
    layout = cloud.network.layout(scope, timedelta(minutes=1))
    (placement,) = layout.placements
    assert (placement.network_id, placement.alone) == (NETWORK, True)
    assert layout.at("10.0.1.5", marks.name_of(TOKEN), "az1") == placement
    assert layout.at("10.0.1.5", "private", "az1") is None


def test_a_mark_on_a_network_of_others_is_not_believed(cloud, services, scope):
    services.on("GET", "/compute/v2.1/os-availability-zone", Reply(200, ZONES))
    foreign = described(project_id="p-2", shared=True)
    services.on("GET", f"{API}/networks", Reply(200, {"networks": [foreign]}))
    services.on("GET", f"{API}/subnets", Reply(200, {"subnets": []}))
    services.on("GET", f"{API}/security-groups", Reply(200, {"security_groups": []}))
    assert [(each.id, each.made) for each in cloud.network.networks(scope)] == [(NETWORK, False)]


def test_an_answer_that_is_lost_is_not_taken_for_a_refusal(making, services, scope):
    services.on("POST", f"{API}/routers", lost())
    with pytest.raises(OutcomeUnknown):
        making.make_vpc(scope, TOKEN)


BY_TEN, BY_ELEVEN = ExtraRoute("192.168.0.0/16", "10.0.1.10"), ExtraRoute("172.16.0.0/12", "10.0.1.11")
GONE = neutron_error(404, "RouterNotFound", f"Router {ROUTER} could not be found")


def test_who_has_addresses_is_asked_once_of_fifty_networks(making, services, scope):
    addresses = [{"subnet_id": SUBNET, "ip_address": "10.0.1.10"}, {"subnet_id": SUBNET, "ip_address": "10.0.1.11"}]
    ports = [
        {"id": "port-1", "device_id": "server-1", "fixed_ips": addresses},
        {"id": "port-2", "device_id": "", "fixed_ips": [{"subnet_id": SUBNET, "ip_address": "10.0.1.12"}]},
        {"id": "port-3", "device_id": ROUTER, "fixed_ips": []},
    ]
    services.on("GET", f"{API}/ports", Reply(200, {"ports": ports}))
    assert making.held_addresses(scope, [MadeSubnet(SUBNET, NETWORK)]) == [
        HeldAddress("10.0.1.10", "port-1", "server-1"),
        HeldAddress("10.0.1.11", "port-1", "server-1"),
        HeldAddress("10.0.1.12", "port-2", ""),
    ]
    (asked,) = services.of("GET", "/ports")
    assert asked.query == {"network_id": [NETWORK], "fields": ["id", "device_id", "fixed_ips"]}
    services.asked.clear()
    making.held_addresses(scope, [MadeSubnet(SUBNET, f"n-{number}") for number in range(51)])
    assert [len(asked.query["network_id"]) for asked in services.asked] == [50, 1]


def test_extra_routes_are_added_and_removed_by_one_request_each_and_no_other_is_touched(making, services, scope):
    listed = [{"destination": "192.168.0.0/16", "nexthop": "10.0.1.10"}]
    services.on("GET", f"{API}/routers/{ROUTER}", Reply(200, {"router": {"id": ROUTER, "routes": listed}}))
    services.on("PUT", f"{API}/routers/{ROUTER}/(add|remove)_extraroutes", Reply(200, {"router": {"id": ROUTER}}))
    assert making.extra_routes(scope, ROUTER) == {BY_TEN}
    making.add_extra_routes(scope, ROUTER, {BY_TEN, BY_ELEVEN})
    making.remove_extra_routes(scope, ROUTER, [BY_ELEVEN])
    assert [(asked.method, asked.path.removeprefix(f"{API}/routers/{ROUTER}")) for asked in services.asked] == [
        ("GET", ""),
        ("PUT", "/add_extraroutes"),
        ("PUT", "/remove_extraroutes"),
    ]
    eleven = {"destination": "172.16.0.0/12", "nexthop": "10.0.1.11"}
    assert [asked.body for asked in services.of("PUT")] == [
        {"router": {"routes": [eleven, *listed]}},
        {"router": {"routes": [eleven]}},
    ]


def test_both_are_asked_for_again_where_the_answer_was_lost(making, services, scope):
    for what in ("add", "remove"):
        services.on("PUT", f"{API}/routers/{ROUTER}/{what}_extraroutes", lost(), Reply(200, {"router": {}}))
        getattr(making, f"{what}_extra_routes")(scope, ROUTER, [BY_TEN])
        assert len(services.of("PUT", f"/{what}_extraroutes")) == 2


def test_a_router_that_is_gone_has_no_routes_and_gets_none(making, services, scope):
    services.on("GET", f"{API}/routers/{ROUTER}", GONE)
    services.on("PUT", f"{API}/routers/{ROUTER}/.*", GONE)
    assert making.extra_routes(scope, ROUTER) == frozenset()
    making.remove_extra_routes(scope, ROUTER, [BY_TEN])
    with pytest.raises(Refused):
        making.add_extra_routes(scope, ROUTER, [BY_TEN])


@pytest.mark.parametrize(
    ("answer", "finding"),
    [
        (neutron_error(409, "OverQuota", "Quota exceeded for resources: ['router_route']."), QuotaExceeded),
        (neutron_error(400, "RoutesExhausted", "The number of routes exceeds the maximum 30."), Refused),
        (neutron_error(400, "InvalidRoutes", "the nexthop is not connected with router"), Refused),
        (neutron_error(409, "Conflict", "the router is being changed"), Busy),
    ],
)
def test_routes_that_the_cloud_refuses(making, services, scope, answer, finding):
    services.on("PUT", f"{API}/routers/{ROUTER}/add_extraroutes", answer)
    with pytest.raises(finding) as refused:
        making.add_extra_routes(scope, ROUTER, [BY_TEN])
    assert type(refused.value) is finding
    if finding is QuotaExceeded:
        assert refused.value.resource == "router_routes"


class Ended:
    """A lease whose time is up."""

    over = lost = True


@pytest.mark.parametrize("change", ["add_extra_routes", "remove_extra_routes"])
def test_routes_are_changed_only_while_the_vpc_is_held(making, services, scope, change):
    """Who holds it next may have led the same block there again by then."""
    services.on("PUT", f"{API}/routers/{ROUTER}/.*", Reply(200, {"router": {}}))
    with pytest.raises(NotHeld):
        terms.during(Ended(), lambda: getattr(making, change)(scope, ROUTER, [BY_TEN]))
    assert services.of("PUT") == []
