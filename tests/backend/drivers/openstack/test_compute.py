from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.node import ServerStatus
from backend.domain.profile import BlockDevice
from backend.drivers import errors
from backend.drivers.compute import GroupPolicy, Quota, ServerGroup, ServerRequest
from backend.drivers.installation import named
from backend.drivers.openstack.cloud import open_cloud
from backend.drivers.openstack.layout import view_id
from tests.backend.drivers.openstack.fake import (
    CATALOG,
    Reply,
    glance_error,
    granted,
    lost,
    nova_fault,
    proxy_page,
    refused,
    timed_out,
)
from tests.backend.drivers.openstack.samples import (
    GROUP,
    IMAGE,
    LAUNCH,
    NETWORK,
    SERVER,
    SUBNET,
    ZONES,
    flavor,
    group,
    image,
    network,
    server,
    subnet,
)

NOVA = "/compute/v2.1"
MISSING = nova_fault(404, f"Instance {SERVER} could not be found.", "itemNotFound")
BUSY = nova_fault(409, f"Cannot 'start' instance {SERVER} while it is in vm_state active", "conflictingRequest")
REQUEST = ServerRequest(
    name="web",
    image_id=IMAGE,
    flavor="t3.micro",
    zone="az1",
    subnet_id=view_id(SUBNET, "az1"),
    security_group_ids=(GROUP,),
    key_name="mine",
    user_data="aGk=",
    launch_id=LAUNCH,
    tags={"Name": "web", "a/b": "c"},
)


@pytest.fixture
def nova(services):
    services.on("GET", f"{NOVA}/os-availability-zone", Reply(200, ZONES))
    services.on("GET", f"{NOVA}/flavors/detail", Reply(200, {"flavors": [flavor("m1.small", 2, 2048)]}))
    services.on("GET", "/network/v2.0/networks", Reply(200, {"networks": [network()]}))
    services.on("GET", "/network/v2.0/subnets", Reply(200, {"subnets": [subnet()]}))
    services.on("GET", "/network/v2.0/security-groups", Reply(200, {"security_groups": [group()]}))
    services.on("GET", f"/image/v2/images/{IMAGE}", Reply(200, image()))
    return services


@pytest.fixture
def cloud(settings, clock, nova):
    return open_cloud(settings, clock, nova)


@pytest.fixture
def compute(cloud):
    return cloud.compute


def accepts(nova, count):
    """Nova that makes what it is asked for, and tells it by its reservation."""
    made = [
        server(id=SERVER[:-1] + str(number), name=f"web-{number + 1}", status="BUILD", addresses={})
        for number in range(count)
    ]

    def reserve(asked):
        for each in made:
            each["metadata"] = asked.body["server"]["metadata"]
        return Reply(202, {"reservation_id": "r-1"})

    nova.on("POST", f"{NOVA}/servers", reserve)
    nova.on("GET", f"{NOVA}/servers/detail", lambda _asked: Reply(200, {"servers": made[::-1]}))
    return made


LIMITS = {
    "maxTotalInstances": 10,
    "totalInstancesUsed": 4,
    "maxTotalCores": -1,
    "totalCoresUsed": 8,
    "maxTotalRAMSize": 51200,
    "totalRAMUsed": 60000,
    "maxServerMeta": 128,
}


def test_quotas_are_novas_limits_and_neutrons_of_ports(nova, compute, scope):
    nova.on("GET", f"{NOVA}/limits", Reply(200, {"limits": {"rate": [], "absolute": LIMITS}}))
    ports = {"quota": {"port": {"used": 7, "limit": 50, "reserved": 1}, "network": {"used": 1, "limit": 2}}}
    nova.on("GET", f"/network/v2.0/quotas/{scope.project_id}/details", Reply(200, ports))
    found = compute.quotas(scope)
    assert found == [Quota("instances", 10, 4), Quota("ram", 51200, 60000), Quota("ports", 50, 8)]
    assert [each.left for each in found] == [6, 0, 42]


@pytest.mark.parametrize(
    "told",
    [Reply(404, {}), Reply(403, {"message": "policy"}), Reply(200, {"quota": {"port": {"limit": -1, "used": 1}}})],
)
def test_a_neutron_that_tells_nothing_of_ports_bounds_none(nova, compute, scope, told):
    nova.on("GET", f"{NOVA}/limits", Reply(200, {"limits": {"absolute": {}}}))
    nova.on("GET", f"/network/v2.0/quotas/{scope.project_id}/details", told)
    assert compute.quotas(scope) == []


def test_a_batch_is_one_request_that_carries_the_launch(nova, compute, scope):
    accepts(nova, 3)
    servers = compute.create(scope, REQUEST, 3)
    (asked,) = nova.of("POST")
    body = asked.body["server"]
    assert (body["min_count"], body["max_count"], body["return_reservation_id"]) == (3, 3, True)
    assert (body["name"], body["imageRef"], body["flavorRef"]) == ("web", IMAGE, "f-m1.small")
    assert (body["availability_zone"], body["key_name"], body["user_data"]) == ("az1", "mine", "aGk=")
    assert body["networks"] == [{"uuid": NETWORK}]
    assert body["security_groups"] == [{"name": GROUP}]
    assert "block_device_mapping_v2" not in body
    assert body["metadata"]["coppice:launch"] == LAUNCH
    assert body["metadata"]["Name"] == "web"
    (listed,) = nova.of("GET", "/servers/detail")
    assert listed.query["reservation_id"] == ["r-1"]
    assert [each.index for each in servers] == [0, 1, 2]
    assert len({each.reservation_id for each in servers}) == 1
    for each in servers:
        assert (each.status, each.launch_id, each.flavor) == (ServerStatus.BUILDING, LAUNCH, "t3.micro")
        assert (each.subnet_id, each.user_data) == (REQUEST.subnet_id, "aGk=")
        assert dict(each.tags) == {"Name": "web", "a/b": "c"}


@pytest.mark.parametrize("subnets", [[subnet()], [subnet(), subnet(id=LAUNCH, cidr="10.9.0.0/24")]])
def test_a_server_is_made_on_a_port_that_was_there_before(nova, compute, scope, subnets):
    """Nobody makes a port for it then, and none goes with it, however many subnets the network has."""
    nova.on("GET", "/network/v2.0/subnets", Reply(200, {"subnets": subnets}))
    accepts(nova, 1)
    request = replace(REQUEST, launch_id=None, interface_id="p-7", public_address=False)
    (made,) = compute.create(scope, request, 1)
    (asked,) = nova.of("POST")
    body = asked.body["server"]
    assert body["networks"] == [{"port": "p-7"}]
    assert "security_groups" not in body
    assert "coppice:ports" not in body["metadata"]
    assert (made.subnet_id, made.zone) == (REQUEST.subnet_id, "az1")
    nova.on("POST", f"{NOVA}/servers", nova_fault(409, "Port p-7 is still in use."))
    with pytest.raises(errors.InterfaceInUse, match="p-7"):
        compute.create(scope, request, 1)


def test_servers_of_a_group_are_made_with_its_hint_and_carry_it(nova, compute, scope):
    accepts(nova, 2)
    grouped = replace(REQUEST, server_group=ServerGroup("g-1", "pg", GroupPolicy.AFFINITY))
    servers = compute.create(scope, grouped, 2)
    (asked,) = nova.of("POST")
    assert asked.body["os:scheduler_hints"] == {"group": "g-1"}
    assert {(each.server_group_id, each.server_group_name) for each in servers} == {("g-1", "pg")}
    nova.on("POST", f"{NOVA}/servers", nova_fault(400, "Instance group g-1 could not be found."))
    with pytest.raises(errors.ServerGroupNotFound, match="pg"):
        compute.create(scope, grouped, 1)


def test_the_zone_s_default_subnet_is_taken_where_none_is_named(nova, compute, scope):
    accepts(nova, 1)
    (made,) = compute.create(scope, replace(REQUEST, subnet_id=None, zone="az2"), 1)
    assert made.subnet_id == view_id(SUBNET, "az2")
    with pytest.raises(errors.NetworkMissing):
        compute.create(scope, replace(REQUEST, subnet_id=None, zone="az9"), 1)


def test_zones_go_by_the_operator_s_names(settings, clock, nova, scope):
    accepts(nova, 1)
    named = open_cloud(replace(settings, zones={"us-east-1a": "az1"}), clock, nova)
    assert [(zone.name, zone.zone_id, zone.available) for zone in named.compute.zones(scope)] == [
        ("az2", "az2", False),
        ("us-east-1a", "az1", True),
    ]
    (made,) = named.compute.create(scope, replace(REQUEST, zone="us-east-1a"), 1)
    assert nova.of("POST")[0].body["server"]["availability_zone"] == "az1"
    assert made.zone == "us-east-1a"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"flavor": "t9.enormous"}, errors.FlavorNotFound),
        ({"subnet_id": "nowhere"}, errors.SubnetNotFound),
        ({"zone": "az2"}, errors.SubnetNotFound),
        ({"block_devices": (BlockDevice("/dev/sdb", size_gib=1),)}, errors.Unsupported),
    ],
)
def test_what_cannot_be_is_refused_before_nova_is_asked(nova, compute, scope, changes, error):
    with pytest.raises(error):
        compute.create(scope, replace(REQUEST, **changes), 2)
    assert nova.of("POST") == []


@pytest.mark.parametrize(
    ("asked", "by_default", "wants"),
    [(True, False, True), (False, True, False), (None, True, True), (None, False, False)],
)
def test_who_is_to_have_a_public_address_carries_that(nova, compute, scope, asked, by_default, *, wants):
    accepts(nova, 2)
    made = compute.create(scope, replace(REQUEST, public_address=asked, public_by_default=by_default), 2)
    assert nova.of("POST")[0].body["server"]["metadata"].get("coppice:public") == ("true" if wants else None)
    assert {each.wants_address for each in made} == {wants}


def test_where_there_are_no_public_addresses_only_who_asks_for_one_is_refused(settings, clock, nova, scope):
    accepts(nova, 1)
    without = open_cloud(replace(settings, public_addresses="none"), clock, nova).compute
    with pytest.raises(errors.Unsupported):
        without.create(scope, replace(REQUEST, public_address=True), 1)
    assert nova.of("POST") == []
    (made,) = without.create(scope, replace(REQUEST, public_by_default=True), 1)
    assert not made.wants_address


def test_an_image_of_another_architecture_or_none_is_refused(nova, compute, scope):
    nova.on(
        "GET",
        f"/image/v2/images/{IMAGE}",
        glance_error(404, f"No image found with ID {IMAGE}"),
        Reply(200, image(architecture="aarch64")),
    )
    with pytest.raises(errors.ImageNotFound):
        compute.create(scope, REQUEST, 1)
    with pytest.raises(errors.FlavorNotSupported):
        compute.create(scope, REQUEST, 1)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refused(), errors.CloudUnavailable),
        (lost(), errors.OutcomeUnknown),
        (timed_out(), errors.OutcomeUnknown),
        (nova_fault(500, "Unexpected API Error.", "computeFault"), errors.OutcomeUnknown),
        (Reply(202, {}), errors.OutcomeUnknown),
        (nova_fault(400, "Invalid key_name provided."), errors.KeyPairNotFound),
        (nova_fault(403, "Quota exceeded for instances: Requested 2, but already used 9 of 10 instances", "forbidden"), errors.QuotaExceeded),
    ],
)  # fmt: skip
def test_a_creation_is_never_sent_twice(nova, compute, scope, answer, error):
    nova.on("POST", f"{NOVA}/servers", answer)
    with pytest.raises(error):
        compute.create(scope, REQUEST, 2)
    assert len(nova.of("POST")) == 1


def test_servers_that_were_accepted_and_are_not_told_are_looked_for_by_their_launch(nova, compute, scope):
    accepts(nova, 1)
    with pytest.raises(errors.OutcomeUnknown, match="1 of 2"):
        compute.create(scope, REQUEST, 2)
    nova.on("GET", f"{NOVA}/servers/detail", lost())
    with pytest.raises(errors.OutcomeUnknown):
        compute.create(scope, REQUEST, 1)


def test_a_listing_that_lags_a_moment_is_asked_again(nova, compute, scope):
    made = accepts(nova, 2)
    nova.on("GET", f"{NOVA}/servers/detail", Reply(200, {"servers": []}), Reply(200, {"servers": made}))
    assert len(compute.create(scope, REQUEST, 2)) == 2


def test_deleted_servers_are_told_by_changes_alone(nova, compute, scope):
    gone = server(id="gone", status="DELETED", updated="2026-11-22T13:00:09Z")
    soft = server(id="soft", status="SOFT_DELETED")
    nova.on("GET", f"{NOVA}/servers/detail", Reply(200, {"servers": [server(), gone, soft]}))
    assert [each.id for each in compute.list(scope)] == [SERVER]
    since = datetime(2026, 11, 22, 14, 0, 5, 999999, tzinfo=UTC) - timedelta(hours=1)
    changed = compute.list_changed(scope, since)
    assert {each.id: each.status for each in changed}["gone"] is ServerStatus.DELETED
    assert nova.of("GET", "/servers/detail")[-1].query == {"changes-since": ["2026-11-22T13:00:05Z"]}
    assert {each.id for each in compute.list_changed(scope, since + timedelta(seconds=2))} == {"gone"}


def test_built_servers_are_asked_for_by_their_status(nova, compute, scope):
    nova.on("GET", f"{NOVA}/servers/detail", Reply(200, {"servers": [server()]}))
    since = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
    assert [each.id for each in compute.list_changed(scope, since, built=True)] == [SERVER]
    asked = nova.of("GET", "/servers/detail")[-1].query
    assert asked == {"changes-since": ["2026-11-22T13:00:00Z"], "status": ["ACTIVE", "ERROR"]}


def test_servers_are_told_while_neutron_cannot_be_asked(nova, compute, scope):
    nova.on("GET", "/network/v2.0/networks", refused())
    nova.on("GET", f"{NOVA}/servers/detail", Reply(200, {"servers": [server()]}))
    (found,) = compute.list(scope)
    assert (found.status, found.network_id) == (ServerStatus.ACTIVE, None)


def test_a_server_that_is_gone_is_not_found(nova, compute, scope):
    nova.on("GET", f"{NOVA}/servers/{SERVER}", MISSING, Reply(200, {"server": server(status="SOFT_DELETED")}))
    for _ in range(2):
        with pytest.raises(errors.ServerNotFound):
            compute.get(scope, SERVER)


def test_acts_on_a_server(nova, compute, scope):
    nova.on("POST", f"{NOVA}/servers/{SERVER}/action", Reply(202))
    compute.start(scope, SERVER)
    compute.stop(scope, SERVER)
    compute.reboot(scope, SERVER)
    compute.reboot(scope, SERVER, hard=True)
    assert [each.body for each in nova.of("POST")] == [
        {"os-start": None},
        {"os-stop": None},
        {"reboot": {"type": "SOFT"}},
        {"reboot": {"type": "HARD"}},
    ]
    nova.on("POST", f"{NOVA}/servers/{SERVER}/action", BUSY, MISSING, lost())
    for error in (errors.ServerStateConflict, errors.ServerNotFound, errors.OutcomeUnknown):
        with pytest.raises(error):
            compute.start(scope, SERVER)


def test_suspend_and_resume_are_asked_for_once(nova, compute, scope):
    nova.on("POST", f"{NOVA}/servers/{SERVER}/action", Reply(202))
    compute.suspend(scope, SERVER)
    compute.resume(scope, SERVER)
    assert [each.body for each in nova.of("POST")] == [{"suspend": None}, {"resume": None}]
    nova.on("POST", f"{NOVA}/servers/{SERVER}/action", BUSY, lost())
    with pytest.raises(errors.ServerStateConflict):
        compute.suspend(scope, SERVER)
    with pytest.raises(errors.OutcomeUnknown):
        compute.resume(scope, SERVER)
    assert len(nova.of("POST")) == 4


def test_a_rebuild_takes_the_server_s_own_image_or_another_and_is_asked_for_once(nova, compute, scope):
    other = IMAGE[:-1] + "5"
    nova.on("GET", f"{NOVA}/servers/{SERVER}", Reply(200, {"server": server()}))
    nova.on("GET", f"/image/v2/images/{other}", Reply(200, image(id=other)))
    nova.on("POST", f"{NOVA}/servers/{SERVER}/action", Reply(202), Reply(202), lost())
    compute.rebuild(scope, SERVER)
    compute.rebuild(scope, SERVER, other)
    with pytest.raises(errors.OutcomeUnknown):
        compute.rebuild(scope, SERVER)
    assert [each.body["rebuild"] for each in nova.of("POST")] == [
        {"imageRef": IMAGE},
        {"imageRef": other},
        {"imageRef": IMAGE},
    ]


def test_a_rebuild_from_the_same_image_is_marked_where_nobody_else_writes(nova, compute, scope):
    other = IMAGE[:-1] + "5"
    nova.on("GET", f"{NOVA}/servers/{SERVER}", Reply(200, {"server": server()}))
    nova.on("GET", f"/image/v2/images/{other}", Reply(200, image(id=other)))
    nova.on("POST", f"{NOVA}/servers/{SERVER}/action", Reply(202))
    compute.rebuild(scope, SERVER, mark="m-1")
    compute.rebuild(scope, SERVER, other, mark="m-2")
    assert [each.body["rebuild"] for each in nova.of("POST")] == [
        {"imageRef": IMAGE, "description": "coppice rebuild m-1"},
        {"imageRef": other},
    ]


@pytest.mark.parametrize(
    ("described", "mark", "asked"),
    [
        (None, None, {"description": "coppice rebuild m-2"}),
        ("coppice rebuild m-1", "m-1", {"description": "coppice rebuild m-2"}),
        ("an operator's words", None, {}),
        ("coppice rebuild " + "x" * 300, None, {}),
        (7, None, {}),
    ],
)
def test_a_description_of_others_stays(nova, compute, scope, described, mark, asked):
    nova.on("GET", f"{NOVA}/servers/{SERVER}", Reply(200, {"server": server(description=described)}))
    nova.on("POST", f"{NOVA}/servers/{SERVER}/action", Reply(202))
    assert compute.get(scope, SERVER).rebuild_mark == mark
    compute.rebuild(scope, SERVER, mark="m-2")
    assert [each.body["rebuild"] for each in nova.of("POST")] == [{"imageRef": IMAGE, **asked}]


@pytest.mark.parametrize(
    ("found", "root", "answer", "error"),
    [
        (image(architecture="aarch64"), {"id": IMAGE}, Reply(202), errors.FlavorNotSupported),
        (image(status="deactivated"), {"id": IMAGE}, Reply(202), errors.ImageNotFound),
        (image(), "", Reply(202), errors.Unsupported),
        (image(), {"id": IMAGE}, nova_fault(400, "Cannot find image for rebuild"), errors.ImageNotFound),
        (
            image(),
            {"id": IMAGE},
            nova_fault(400, "Flavor's disk is too small for requested image."),
            errors.FlavorNotSupported,
        ),
        (image(), {"id": IMAGE}, BUSY, errors.ServerStateConflict),
    ],
)
def test_a_rebuild_that_cannot_be_is_refused(nova, compute, scope, found, root, answer, error):
    nova.on("GET", f"{NOVA}/servers/{SERVER}", Reply(200, {"server": server(image=root)}))
    nova.on("GET", f"/image/v2/images/{IMAGE}", Reply(200, found))
    nova.on("POST", f"{NOVA}/servers/{SERVER}/action", answer)
    with pytest.raises(error):
        compute.rebuild(scope, SERVER)


def test_a_deletion_is_sent_until_it_is_answered(nova, compute, scope):
    nova.on("DELETE", f"{NOVA}/servers/{SERVER}", lost(), Reply(204))
    compute.delete(scope, SERVER)
    nova.on("DELETE", f"{NOVA}/servers/{SERVER}", MISSING)
    with pytest.raises(errors.ServerNotFound):
        compute.delete(scope, SERVER)
    nova.on("DELETE", f"{NOVA}/servers/{SERVER}", lost())
    with pytest.raises(errors.OutcomeUnknown):
        compute.delete(scope, SERVER)


class Metadata:
    """The metadata of one server, as Nova keeps it."""

    def __init__(self, nova, **items):
        self.items = items
        nova.on("GET", f"{NOVA}/servers/{SERVER}/metadata", lambda _: Reply(200, {"metadata": dict(self.items)}))
        nova.on("POST", f"{NOVA}/servers/{SERVER}/metadata", self.put)
        nova.on("DELETE", f"{NOVA}/servers/{SERVER}/metadata/.*", self.remove)
        nova.on("GET", f"{NOVA}/servers/{SERVER}", Reply(200, {"server": server()}))

    def put(self, asked):
        self.items.update(asked.body["metadata"])
        return Reply(200, {"metadata": self.items})

    def remove(self, asked):
        key = asked.path.rpartition("/")[2].replace("%3A", ":").replace("%20", " ")
        if self.items.pop(key, None) is None:
            return nova_fault(404, "Metadata item was not found", "itemNotFound")
        return Reply(204)


def test_tags_are_written_one_by_one(nova, compute, scope):
    kept = Metadata(nova, Name="a", gone="x", same="s", **{"coppice:launch": "l-1"})
    compute.tag(scope, SERVER, {"Name": "b", "same": "s"}, ["gone", "never there"])
    assert kept.items == {"Name": "b", "same": "s", "coppice:launch": "l-1"}
    assert [each.body for each in nova.of("POST")] == [{"metadata": {"Name": "b"}}]
    compute.tag(scope, SERVER, {"Name": "b"}, [])
    assert len(nova.of("POST")) == 1


def test_the_launch_is_written_and_taken_away(nova, compute, scope):
    kept = Metadata(nova)
    compute.adopt(scope, SERVER, "l-2")
    assert kept.items == {"coppice:launch": "l-2"}
    compute.adopt(scope, SERVER, None)
    compute.adopt(scope, SERVER, None)
    assert kept.items == {}
    assert len(nova.of("DELETE")) == 1


def test_an_installation_is_written_beside_the_launch_and_taken_away_with_it(settings, clock, nova, scope):
    compute = open_cloud(settings, clock, nova, installation=named("i-1")).compute
    kept = Metadata(nova)
    compute.adopt(scope, SERVER, "l-2")
    assert kept.items == {"coppice:launch": "l-2", "coppice:installation": "i-1"}
    compute.adopt(scope, SERVER, None)
    assert kept.items == {}


def test_an_item_that_went_meanwhile_is_gone_and_a_server_that_did_is_not_found(nova, compute, scope):
    Metadata(nova, **{"coppice:launch": "l-1"})
    nova.on("DELETE", f"{NOVA}/servers/{SERVER}/metadata/.*", MISSING)
    compute.adopt(scope, SERVER, None)
    nova.on("GET", f"{NOVA}/servers/{SERVER}", MISSING)
    with pytest.raises(errors.ServerNotFound):
        compute.adopt(scope, SERVER, None)


def test_a_root_disk_of_a_volume_keeps_the_image_in_mind(settings, clock, nova, scope):
    nova.login = lambda auth: granted(auth, {**CATALOG, "block-storage": "http://cloud.example/volume"})
    accepts(nova, 1)
    compute = open_cloud(settings, clock, nova).compute
    compute.create(scope, replace(REQUEST, block_devices=(BlockDevice("/dev/sda1", size_gib=50),)), 1)
    body = nova.of("POST")[0].body["server"]
    assert (body["imageRef"], body["metadata"]["coppice:image"]) == ("", IMAGE)
    assert body["block_device_mapping_v2"][0]["volume_size"] == 50


def test_at_least_one(compute, scope):
    with pytest.raises(ValueError, match="at least one"):
        compute.create(scope, REQUEST, 0)


ACTS = [
    *((name, ()) for name in ("get", "start", "stop", "reboot", "suspend", "resume", "rebuild", "delete")),
    ("tag", ({"a": "b"}, ())),
    ("adopt", (LAUNCH,)),
    ("adopt", (None,)),
]
NOT_NOVA_S = [
    proxy_page(404),
    Reply(404),
    Reply(404, {"message": "no Route matched with those values"}),
    nova_fault(404, "The resource could not be found."),
    nova_fault(404, "Instance 66666666-6666-4666-8666-666666666666 could not be found."),
]


@pytest.mark.parametrize(("name", "arguments"), ACTS)
@pytest.mark.parametrize("answer", NOT_NOVA_S)
def test_a_server_is_gone_by_nova_s_own_word_alone(nova, compute, scope, name, arguments, answer):
    for method in ("GET", "POST", "DELETE"):
        nova.on(method, f"{NOVA}/servers/{SERVER}.*", answer)
    with pytest.raises((errors.CloudUnavailable, errors.OutcomeUnknown)):
        getattr(compute, name)(scope, SERVER, *arguments)
    for method in ("GET", "POST", "DELETE"):
        nova.on(method, f"{NOVA}/servers/{SERVER}.*", MISSING)
    with pytest.raises(errors.ServerNotFound):
        getattr(compute, name)(scope, SERVER, *arguments)


def test_a_server_told_in_the_place_of_another_is_no_answer(nova, compute, scope):
    nova.on("GET", f"{NOVA}/servers/{SERVER}", Reply(200, {"server": server(id="another", status="DELETED")}))
    with pytest.raises(errors.CloudUnavailable):
        compute.get(scope, SERVER)


def test_a_tenant_s_metadata_costs_the_others_nothing(nova, compute, scope):
    bomb = {"coppice:tag:0.0": '999999999999/["a","b"]', "coppice:image": "x" * 255, "coppice:launch": "\x00"}
    servers = [server(metadata=bomb, image=""), server(id="other", metadata={"coppice:launch": LAUNCH})]
    nova.on("GET", f"{NOVA}/servers/detail", Reply(200, {"servers": servers}))
    found = compute.list(scope)
    assert [(each.launch_id, each.image_id, dict(each.tags)) for each in found] == [
        (None, None, {}),
        (LAUNCH, IMAGE, {}),
    ]
