from __future__ import annotations

from dataclasses import replace

import pytest

from backend.domain.node import ServerStatus
from backend.domain.scope import Scope
from backend.drivers import errors
from backend.drivers.compute import ServerRequest
from backend.drivers.installation import named
from backend.drivers.openstack import ports
from backend.drivers.openstack.cloud import open_cloud
from tests.backend.drivers.openstack.fake import Reply, lost, neutron_error, nova_fault, refused
from tests.backend.drivers.openstack.samples import (
    IMAGE,
    LAUNCH,
    NETWORK,
    SUBNET,
    ZONES,
    flavor,
    group,
    image,
    network,
    server,
    subnet,
)

NOVA, NEUTRON = "/compute/v2.1", "/network/v2.0"
OURS = "0e000000-0000-4000-8000-000000000001"
ALIEN = ("their own", "coppice-of an older one", f"coppice-{OURS[:-1]}2-x", f"coppice-{OURS}")
REQUEST = ServerRequest("web", IMAGE, "m1.small", "az1", SUBNET, security_group_ids=("g-1",), launch_id=LAUNCH)


class World:
    """Nova and Neutron of a network with a subnet for each zone; ports and servers are what is there now."""

    def __init__(self, services):
        self.services = services
        self.ports, self.servers = {}, {}
        self.fails = {}
        other = subnet(id=NETWORK, name="b", cidr="10.0.1.0/24", tags=["zone=az2"])
        services.on("GET", f"{NOVA}/os-availability-zone", Reply(200, ZONES))
        services.on("GET", f"{NOVA}/flavors/detail", Reply(200, {"flavors": [flavor("m1.small", 2, 2048)]}))
        services.on("GET", f"{NEUTRON}/networks", Reply(200, {"networks": [network()]}))
        services.on("GET", f"{NEUTRON}/subnets", Reply(200, {"subnets": [subnet(tags=["zone=az1"]), other]}))
        services.on("GET", f"{NEUTRON}/security-groups", Reply(200, {"security_groups": [group()]}))
        services.on("GET", f"/image/v2/images/{IMAGE}", Reply(200, image()))
        services.on("POST", f"{NEUTRON}/ports", self._make_ports)
        services.on("GET", f"{NEUTRON}/ports", self._list_ports)
        services.on("DELETE", f"{NEUTRON}/ports/.*", self._delete_port)
        services.on("POST", f"{NOVA}/servers", self._boot)
        services.on("GET", f"{NOVA}/servers/[^/]*", self._show)
        services.on("GET", f"{NOVA}/servers/detail", lambda _: Reply(200, {"servers": list(self.servers.values())}))
        services.on("DELETE", f"{NOVA}/servers/.*", self._delete)

    def _make_ports(self, asked):
        made = []
        for port in asked.body["ports"]:
            port_id = f"port-{len(self.ports)}"
            (asked_ip,) = port["fixed_ips"]
            self.ports[port_id] = {
                **port,
                "id": port_id,
                "device_id": "",
                "created_at": "2026-11-22T13:00:00Z",
                "mac_address": "fa:16:3e:00:00:01",
                "fixed_ips": [{**asked_ip, "ip_address": f"10.0.0.{len(self.ports) + 10}"}],
            }
            made.append(self.ports[port_id])
        return Reply(201, {"ports": made})

    def _list_ports(self, asked):
        found = [port for port in self.ports.values() if port["id"] in asked.query.get("id", self.ports)]
        if "device_id" in asked.query:
            found = [port for port in found if port["device_id"] == asked.query["device_id"][0]]
        return Reply(200, {"ports": found})

    def _delete_port(self, asked):
        port_id = asked.path.rpartition("/")[2]
        if self.ports.get(port_id, {}).get("device_id"):
            return neutron_error(403, "PolicyNotAuthorized", "rule:delete_port is disallowed by policy")
        return Reply(204) if self.ports.pop(port_id, None) else neutron_error(404, "PortNotFound", "gone")

    def _boot(self, asked):
        body = asked.body["server"]
        port_id = body["networks"][0]["port"]
        failure = self.fails.get(port_id)
        if isinstance(failure, Exception):
            raise failure
        if failure is not None:
            return failure
        server_id = f"server-of-{port_id}"
        self.ports[port_id]["device_id"] = server_id
        self.servers[server_id] = server(id=server_id, name=body["name"], status="BUILD", metadata=body["metadata"])
        return Reply(202, {"server": {"id": server_id}})

    def _show(self, asked):
        server_id = asked.path.rpartition("/")[2]
        found = self.servers.get(server_id)
        return Reply(200, {"server": found}) if found else nova_fault(404, f"Instance {server_id} could not be found.")

    def _delete(self, asked):
        server_id = asked.path.rpartition("/")[2]
        return (
            Reply(204)
            if self.servers.pop(server_id, None)
            else nova_fault(404, f"Instance {server_id} could not be found.")
        )

    def end(self, server_id, *, held=False):
        """The server is deleted: Nova tells it without its metadata, and lets go of its port."""
        self.servers[server_id] = server(id=server_id, status="DELETED", metadata={})
        if not held:
            self.let_go(server_id)

    def let_go(self, server_id):
        for port in self.ports.values():
            if port["device_id"] == server_id:
                port["device_id"] = ""


@pytest.fixture
def world(services):
    return World(services)


@pytest.fixture
def compute(settings, clock, services, world):
    return open_cloud(settings, clock, services, installation=named(OURS)).compute


def test_ports_carry_the_installation_in_their_names_and_servers_in_their_notes(world, compute, scope, services):
    compute.create(scope, REQUEST, 2)
    assert all(port["name"].startswith(f"coppice-{OURS}-") for port in world.ports.values())
    for asked in services.of("POST", "/servers"):
        assert asked.body["server"]["metadata"]["coppice:installation"] == OURS


def test_each_server_is_on_a_port_in_the_very_subnet(world, compute, scope, services):
    servers = compute.create(scope, REQUEST, 3)
    assert [each.name for each in servers] == ["web-1", "web-2", "web-3"]
    assert [each.index for each in servers] == [0, 1, 2]
    assert {each.launch_id for each in servers} == {LAUNCH}
    assert len({each.reservation_id for each in servers}) == 1
    assert {each.subnet_id for each in servers} == {SUBNET}
    for port in world.ports.values():
        assert port["network_id"] == NETWORK
        assert [each["subnet_id"] for each in port["fixed_ips"]] == [SUBNET]
        assert port["security_groups"] == ["g-1"]
    assert len(services.of("POST", "/ports")) == 1
    assert all("security_groups" not in asked.body["server"] for asked in services.of("POST", "/servers"))


def test_servers_are_told_as_they_were_asked_for_without_asking_for_each(world, compute, scope, services):
    told = compute.create(scope, replace(REQUEST, tags={"Name": "web"}, key_name="k", user_data="eA=="), 2)
    assert not [asked for asked in services.of("GET", "/servers") if "detail" not in asked.path]
    shown = [compute.get(scope, each.id) for each in told]
    for one, other in zip(told, shown, strict=True):
        assert one.status is other.status is ServerStatus.BUILDING
        assert one.updated_at < other.updated_at
        assert (one.name, one.zone, one.flavor, one.tags) == (other.name, other.zone, other.flavor, other.tags)
        assert (one.launch_id, one.reservation_id, one.index) == (other.launch_id, other.reservation_id, other.index)
        assert (one.image_id, one.subnet_id, one.network_id) == (other.image_id, other.subnet_id, other.network_id)
        assert (one.key_name, one.user_data, one.security_group_ids) == ("k", "eA==", ("g-1",))
    assert [each.private_address for each in told] == ["10.0.0.10", "10.0.0.11"]
    assert told[0].mac_address == "fa:16:3e:00:00:01"


def test_a_full_subnet_or_a_quota_of_ports_makes_nothing(world, compute, scope, services):
    answers = (
        (neutron_error(409, "IpAddressGenerationFailure", "No more IP addresses available."), errors.NoAddresses),
        (neutron_error(409, "OverQuota", "Quota exceeded for resources: ['port']."), errors.QuotaExceeded),
        (
            neutron_error(404, "SecurityGroupNotFound", "Security group g-1 does not exist"),
            errors.SecurityGroupNotFound,
        ),
        (lost(), errors.CloudUnavailable),
        (refused(), errors.CloudUnavailable),
    )
    for answer, error in answers:
        services.on("POST", f"{NEUTRON}/ports", answer)
        with pytest.raises(error):
            compute.create(scope, REQUEST, 2)
    assert services.of("POST", "/servers") == []


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (nova_fault(403, "Quota exceeded for instances: Requested 1, but already used 9 of 9 instances"), errors.QuotaExceeded),
        (refused(), errors.CloudUnavailable),
    ],
)  # fmt: skip
def test_a_refusal_on_the_way_keeps_what_was_accepted(world, compute, scope, services, failure, error):
    world.fails["port-2"] = failure
    with pytest.raises(errors.PartlyMade) as told:
        compute.create(scope, REQUEST, 3)
    assert type(told.value.refusal) is error
    assert [each.id for each in told.value.servers] == sorted(world.servers) == ["server-of-port-0", "server-of-port-1"]
    assert {each.launch_id for each in told.value.servers} == {LAUNCH}
    assert services.of("DELETE", "/servers") == []
    assert [*world.ports] == ["port-0", "port-1"]


def test_a_refusal_of_all_is_a_refusal(world, compute, scope):
    world.fails |= {f"port-{number}": nova_fault(403, "Quota exceeded, too many servers.") for number in (0, 1)}
    with pytest.raises(errors.QuotaExceeded):
        compute.create(scope, REQUEST, 2)
    assert world.ports == {}


def test_a_lost_answer_leaves_its_port_and_what_was_accepted_to_be_found(world, compute, scope, services):
    world.fails |= {"port-0": lost(), "port-1": refused()}
    with pytest.raises(errors.OutcomeUnknown):
        compute.create(scope, REQUEST, 3)
    assert [*world.servers] == ["server-of-port-2"]
    assert [*world.ports] == ["port-0", "port-2"]
    assert services.of("DELETE", "/servers") == []


def test_of_a_request_without_a_token_what_is_known_is_taken_back_when_an_answer_is_lost(world, compute, scope):
    world.fails["port-1"] = lost()
    with pytest.raises(errors.OutcomeUnknown):
        compute.create(scope, replace(REQUEST, launch_id=None), 2)
    assert world.servers == {}
    assert "port-1" in world.ports


def test_a_port_goes_when_its_server_is_seen_to_be_gone(world, compute, scope, clock):
    kept, gone = compute.create(scope, REQUEST, 2)
    compute.delete(scope, gone.id)
    world.end(gone.id)
    compute.list(scope)
    assert [port["device_id"] for port in world.ports.values()] == [kept.id]


def test_a_port_that_is_still_held_is_looked_at_again(world, compute, scope, clock):
    (made,) = compute.create(scope, REQUEST, 1)
    world.end(made.id, held=True)
    compute.list(scope)
    assert len(world.ports) == 1
    world.let_go(made.id)
    clock.move(2)
    compute.list(scope)
    assert world.ports == {}


def test_a_server_that_another_process_made_is_learnt_from_listings(world, compute, settings, clock, services, scope):
    (made,) = compute.create(scope, REQUEST, 1)
    other = open_cloud(settings, clock, services).compute
    other.list(scope)
    del world.servers[made.id]
    world.let_go(made.id)
    with pytest.raises(errors.ServerNotFound):
        other.get(scope, made.id)
    assert world.ports == {}


def test_a_server_that_a_complete_listing_lacks_has_left_its_port(world, compute, scope, clock):
    (made,) = compute.create(scope, REQUEST, 1)
    document = world.servers.pop(made.id)
    world.let_go(made.id)
    compute.list(scope)
    assert len(world.ports) == 1  # so young that the listing may lag
    world.servers[made.id] = document
    clock.move(61)
    compute.list(scope)
    assert len(world.ports) == 1
    del world.servers[made.id]
    compute.list(scope)
    assert world.ports == {}


def test_servers_that_nobody_lists_any_more_are_not_known_for_ever(monkeypatch, world, compute, scope):
    monkeypatch.setattr(ports, "_MOST", 3)
    made = [compute.create(Scope(f"p-{number}", scope.region), REQUEST, 1)[0] for number in range(5)]
    assert list(compute._ports._taken) == [server.id for server in made[-3:]]


def _loose(compute, scope):
    return [port.id for port in compute.loose_ports(scope)]


def test_ports_that_nobody_took_are_loose(world, compute, scope, clock):
    left = ((f"coppice-{OURS}-x", 50), (f"coppice-{OURS}-y", 58), *((name, 10) for name in ALIEN))
    for number, (name, minute) in enumerate(left):
        port = {"id": f"p{number}", "name": name, "device_id": "", "created_at": f"2026-11-22T12:{minute}:00Z"}
        world.ports[port["id"]] = port
    told = compute.loose_ports(scope)
    assert [(port.id, port.made_at.minute) for port in told] == [("p0", 50), ("p1", 58)]


def test_nothing_else_than_what_is_loose_is_deleted(world, compute, scope, clock):
    for name, device in ((f"coppice-{OURS}-x", ""), (f"coppice-{OURS}-y", "s"), ("their own", "")):
        port = {"id": name, "name": name, "device_id": device, "created_at": "2026-11-22T12:00:00Z"}
        world.ports[name] = port
    clock.move(601)
    compute.delete_ports(scope, list(world.ports))
    assert set(world.ports) == {f"coppice-{OURS}-y", "their own"}
    compute.list(scope)
    assert set(world.ports) == {f"coppice-{OURS}-y", "their own"}


def test_a_listing_that_fails_tells_nothing_of_ports(world, compute, scope, clock):
    world.ports["p"] = {"id": "p", "name": f"coppice-{OURS}-x", "device_id": "", "created_at": "2026-11-22T12:00:00Z"}
    compute.list(scope)
    world.services.on("GET", f"{NEUTRON}/ports", neutron_error(500, "Wrong", "no"))
    clock.move(601)
    for ask in (compute.loose_ports, lambda here: compute.delete_ports(here, ["p"])):
        with pytest.raises(errors.CloudUnavailable):
            ask(scope)
    assert list(world.ports) == ["p"]


def test_a_port_that_a_server_has_is_not_loose_whatever_the_listing_was_asked_for(world, compute, scope, clock):
    held = {"id": "p", "name": f"coppice-{OURS}-x", "device_id": "s", "created_at": "2026-11-22T12:00:00Z"}
    world.services.on("GET", f"{NEUTRON}/ports", Reply(200, {"ports": [held]}))
    world.ports["p"] = held
    assert _loose(compute, scope) == []


def test_without_an_installation_no_port_is_loose(world, settings, clock, services, scope):
    old = {"id": "p", "name": "coppice-x", "device_id": "", "created_at": "2026-11-22T10:00:00Z"}
    world.ports["p"] = old
    assert _loose(open_cloud(settings, clock, services).compute, scope) == []
