"""Public addresses and made interfaces on Neutron."""

from __future__ import annotations

import pytest

from backend.drivers import errors
from backend.drivers.address_making import NewInterface, Port, PublicAddress
from backend.drivers.openstack.addresses import Addresses
from backend.drivers.openstack.network import OpenStackNetworking
from backend.drivers.openstack.zones import Zones
from tests.backend.drivers.openstack.fake import Reply, neutron_error, nova_fault

OURS = "a1000000-0000-4000-8000-000000000000"
FLOATING, PORT = "77777777-7777-4777-8777-777777777777", "88888888-8888-4888-8888-888888888888"
SERVER, NETWORK, SUBNET = "s-1", "n-1", "99999999-9999-4999-8999-999999999999"
TOKEN = "t-1"
MARK = f"coppice:{OURS}:{TOKEN}"
V2 = "/network/v2.0"
PORT_DOCUMENT = {
    "id": PORT,
    "fixed_ips": [{"subnet_id": SUBNET, "ip_address": "10.0.0.9"}],
    "mac_address": "fa:16:3e:00:00:01",
    "description": MARK,
}
FLOATING_DOCUMENT = {"id": FLOATING, "floating_ip_address": "203.0.113.7", "description": MARK}


@pytest.fixture
def making(rest, services, clock, settings):
    services.on("GET", f"{V2}/networks", Reply(200, {"networks": [
        {"id": NETWORK, "name": "own", "project_id": "p-1"},
        {"id": "outside", "name": "public", "router:external": True},
    ]}))  # fmt: skip
    subnet = {
        "id": SUBNET, "name": "s", "network_id": NETWORK, "cidr": "10.0.0.0/24", "ip_version": 4,
        "allocation_pools": [{"start": "10.0.0.2", "end": "10.0.0.254"}], "tags": ["zone=RegionOnea"],
    }  # fmt: skip
    services.on("GET", f"{V2}/subnets", Reply(200, {"subnets": [subnet]}))
    services.on("GET", f"{V2}/security-groups", Reply(200, {"security_groups": []}))
    zones = {"availabilityZoneInfo": [{"zoneName": "RegionOnea", "zoneState": {"available": True}}]}
    services.on("GET", "/compute/v2.1/os-availability-zone", Reply(200, zones))
    networking = OpenStackNetworking(rest, clock, settings, Zones(rest, clock, settings))
    return Addresses(rest, clock, settings, networking, lambda: OURS)


def test_an_address_is_one_of_the_public_network(services, making, scope):
    services.on("POST", f"{V2}/floatingips", Reply(201, {"floatingip": FLOATING_DOCUMENT}))
    assert making.allocate_address(scope, TOKEN) == PublicAddress(FLOATING, "203.0.113.7")
    assert services.of("POST")[0].body == {"floatingip": {"floating_network_id": "outside", "description": MARK}}
    services.on("GET", f"{V2}/floatingips", Reply(200, {"floatingips": [{"id": "x"}, FLOATING_DOCUMENT]}))
    assert making.find_address(scope, TOKEN) == PublicAddress(FLOATING, "203.0.113.7")
    full = neutron_error(409, "OverQuota", "Quota exceeded for resources: ['floatingip'].")
    services.on("POST", f"{V2}/floatingips", full)
    with pytest.raises(errors.QuotaExceeded) as told:
        making.allocate_address(scope, TOKEN)
    assert told.value.resource == "floatingips"


def test_an_address_leads_to_the_port_that_a_server_has_from_birth(services, making, scope):
    ours = {"id": PORT, "device_id": SERVER, "description": MARK, "created_at": "1"}
    own = {"id": "p-own", "device_id": SERVER, "description": "", "created_at": "2"}
    services.on("GET", f"{V2}/ports", Reply(200, {"ports": [ours, own]}))
    services.on("PUT", f"{V2}/floatingips/{FLOATING}", Reply(200, {"floatingip": {}}))
    making.bind_address(scope, FLOATING, server_id=SERVER)
    making.bind_address(scope, FLOATING, interface_id=PORT)
    making.unbind_address(scope, FLOATING)
    assert [each.body["floatingip"]["port_id"] for each in services.of("PUT")] == ["p-own", PORT, None]
    words = "External network outside is not reachable from subnet."
    services.on("PUT", f"{V2}/floatingips/.*", neutron_error(404, "ExternalGatewayForFloatingIPNotFound", words))
    with pytest.raises(errors.NetworkMissing):
        making.bind_address(scope, FLOATING, interface_id=PORT)


def test_what_is_gone_is_released(services, making, scope):
    services.on("DELETE", f"{V2}/floatingips/.*", neutron_error(404, "FloatingIPNotFound", "gone"))
    services.on("DELETE", f"{V2}/ports/.*", Reply(204), neutron_error(404, "PortNotFound", "gone"))
    making.release_address(scope, FLOATING)
    for _ in range(2):
        making.delete_interface(scope, PORT)


def test_an_interface_is_a_port_in_the_subnet(services, making, scope):
    services.on("GET", f"{V2}/ports", Reply(200, {"ports": []}), Reply(200, {"ports": [PORT_DOCUMENT]}))
    services.on("POST", f"{V2}/ports", Reply(201, {"port": PORT_DOCUMENT}))
    (subnet,) = making._networking.layout(scope, making._settings.layout_age).placements
    new = NewInterface(subnet.subnet.id, "10.0.0.9", ("g",))
    made = Port(PORT, "10.0.0.9", "fa:16:3e:00:00:01")
    assert [making.create_interface(scope, TOKEN, new) for _ in range(2)] == [made] * 2
    (asked,) = services.of("POST")
    assert asked.body["port"] == {
        "network_id": NETWORK,
        "fixed_ips": [{"subnet_id": SUBNET, "ip_address": "10.0.0.9"}],
        "description": MARK,
        "security_groups": ["g"],
    }


def test_an_interface_is_made_in_a_subnet_that_has_only_just_come(services, making, scope):
    services.on("GET", f"{V2}/ports", Reply(200, {"ports": []}))
    with pytest.raises(errors.SubnetNotFound):
        making.create_interface(scope, TOKEN, NewInterface("nowhere"))
    young = {
        "id": "young", "name": "y", "network_id": NETWORK, "cidr": "10.0.1.0/24", "ip_version": 4,
        "allocation_pools": [{"start": "10.0.1.2", "end": "10.0.1.254"}], "tags": ["zone=RegionOnea"],
    }  # fmt: skip
    services.on("GET", f"{V2}/subnets", Reply(200, {"subnets": [young]}))
    services.on("POST", f"{V2}/ports", Reply(201, {"port": PORT_DOCUMENT}))
    assert making.create_interface(scope, TOKEN, NewInterface("young")).id == PORT


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("IpAddressGenerationFailure", errors.NoAddresses),
        ("IpAddressAlreadyAllocated", errors.AddressTaken),
        ("InvalidIpForSubnet", errors.AddressUnfit),
        ("SecurityGroupNotFound", errors.SecurityGroupNotFound),
        ("BadRequest", errors.Refused),
    ],
)
def test_an_interface_that_cannot_be(services, making, scope, kind, found):
    services.on("GET", f"{V2}/ports", Reply(200, {"ports": []}))
    services.on("POST", f"{V2}/ports", neutron_error(409, kind, "no"))
    (subnet,) = making._networking.layout(scope, making._settings.layout_age).placements
    with pytest.raises(found):
        making.create_interface(scope, TOKEN, NewInterface(subnet.subnet.id))


def test_a_server_that_nova_is_busy_with_takes_an_interface_a_little_later(services, making, scope):
    path = f"/compute/v2.1/servers/{SERVER}/os-interface"
    busy = nova_fault(409, f"Cannot 'x' instance {SERVER} while it is in task_state image_snapshot")
    services.on("POST", path, busy, Reply(200, {"interfaceAttachment": {}}))
    services.on("DELETE", f"{path}/{PORT}", busy, Reply(202))
    services.on("GET", f"{V2}/ports/{PORT}", Reply(200, {"port": {"id": PORT, "device_id": ""}}))
    making.attach_interface(scope, PORT, SERVER)
    making.detach_interface(scope, PORT, SERVER)
    assert (len(services.of("POST", path)), len(services.of("DELETE"))) == (2, 2)


def test_an_interface_is_given_to_a_server_and_taken_away(services, making, scope):
    path = f"/compute/v2.1/servers/{SERVER}/os-interface"
    services.on("POST", path, Reply(200, {"interfaceAttachment": {}}), nova_fault(409, "state"))
    services.on("DELETE", f"{path}/{PORT}", Reply(202), nova_fault(404, "gone"))
    making.attach_interface(scope, PORT, SERVER)
    with pytest.raises(errors.ServerStateConflict):
        making.attach_interface(scope, PORT, SERVER)
    held, free = (Reply(200, {"port": {"id": PORT, "device_id": device}}) for device in (SERVER, ""))
    services.on("GET", f"{V2}/ports/{PORT}", held, held, free)
    for _ in range(2):
        making.detach_interface(scope, PORT, SERVER)
    assert len(services.of("GET")) == 4
    services.on("GET", f"{V2}/ports/{PORT}", held)
    with pytest.raises(errors.OutcomeUnknown):
        making.detach_interface(scope, PORT, SERVER)


def test_who_has_an_interface_is_told_by_the_port(services, making, scope):
    held, free = (Reply(200, {"port": {"id": PORT, "device_id": device}}) for device in (SERVER, ""))
    services.on("GET", f"{V2}/ports/{PORT}", held, free, neutron_error(404, "PortNotFound", "no port"))
    assert [making.holder(scope, PORT) for _ in range(3)] == [SERVER, None, None]


def test_an_interface_is_deleted_when_its_server_has_let_go_of_it(services, making, scope):
    """Neutron refuses to delete the port of a server as it refuses whoever may not: only the port tells which it is."""
    denied = neutron_error(403, "PolicyNotAuthorized", "rule:delete_port is disallowed by policy")
    held, free = (Reply(200, {"port": {"id": PORT, "device_id": device}}) for device in (SERVER, ""))
    services.on("DELETE", f"{V2}/ports/{PORT}", denied, denied, Reply(204))
    services.on("GET", f"{V2}/ports/{PORT}", held)
    making.delete_interface(scope, PORT)
    assert len(services.of("DELETE")) == 3
    services.on("DELETE", f"{V2}/ports/{PORT}", denied)
    with pytest.raises(errors.Busy):
        making.delete_interface(scope, PORT)
    services.on("GET", f"{V2}/ports/{PORT}", free)
    with pytest.raises(errors.NotAuthorized):
        making.delete_interface(scope, PORT)


def test_an_interface_is_changed_and_keeps_the_address_pairs_of_others(services, making, scope):
    others, anywhere = {"ip_address": "10.9.0.0/16"}, {"ip_address": "0.0.0.0/0"}
    services.on("GET", f"{V2}/ports/{PORT}", Reply(200, {"port": {"id": PORT, "allowed_address_pairs": [others]}}))
    services.on("PUT", f"{V2}/ports/{PORT}", Reply(200, {"port": {}}))
    making.change_interface(scope, PORT, group_ids=("g",), source_dest_check=False)
    making.change_interface(scope, PORT, source_dest_check=True)
    assert [each.body for each in services.of("PUT")] == [
        {"port": {"security_groups": ["g"], "allowed_address_pairs": [others, anywhere]}}
    ]
