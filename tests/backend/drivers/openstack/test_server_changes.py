from __future__ import annotations

import pytest

from backend.drivers.errors import ServerNotFound, Unsupported
from backend.drivers.openstack.cloud import open_cloud
from tests.backend.drivers.openstack.fake import Reply
from tests.backend.drivers.openstack.samples import SERVER
from tests.backend.drivers.openstack.test_compute import MISSING, NOVA


@pytest.fixture
def changing(settings, clock, services):
    return open_cloud(settings, clock, services).changing


def test_switches_are_notes_of_their_own(services, changing, scope):
    services.on("POST", f"{NOVA}/servers/{SERVER}/metadata", Reply(200, {"metadata": {}}))
    changing.set_options(scope, SERVER, {"protected": True, "hops": 2})
    (asked,) = services.of("POST")
    assert asked.body == {"metadata": {"coppice:option.protected": "true", "coppice:option.hops": "2"}}


def test_what_is_of_the_network_is_said_to_the_port_from_birth_alone(services, changing, scope):
    made = {"id": "p-0", "device_id": SERVER, "description": "coppice:a:b", "created_at": "1"}
    ports = [made, {"id": "p-1", "device_id": SERVER, "created_at": "2"}, {"id": "p-2", "device_id": "another"}]
    services.on("GET", "/network/v2.0/ports", Reply(200, {"ports": ports}))
    services.on("PUT", "/network/v2.0/ports/p-1", Reply(200, {"port": {}}))
    services.on("POST", f"{NOVA}/servers/{SERVER}/metadata", Reply(200, {"metadata": {}}))
    changing.set_options(scope, SERVER, {"source_check": False})
    changing.set_groups(scope, SERVER, ["g-1"])
    assert [asked.body["port"] for asked in services.of("PUT")] == [
        {"allowed_address_pairs": [{"ip_address": "0.0.0.0/0"}]},
        {"security_groups": ["g-1"]},
    ]


ANYWHERE, MOVES = {"ip_address": "0.0.0.0/0"}, {"ip_address": "10.9.0.7", "mac_address": "fa:16:3e:00:00:01"}


@pytest.mark.parametrize(
    ("here", "check", "said"),
    [
        ([MOVES], True, []),
        ([MOVES], False, [[MOVES, ANYWHERE]]),
        ([MOVES, ANYWHERE], True, [[MOVES]]),
        ([MOVES, ANYWHERE], False, []),
    ],
)
def test_address_pairs_of_others_stay(services, changing, scope, here, check, said):
    port = {"id": "p-1", "device_id": SERVER, "allowed_address_pairs": here}
    services.on("GET", "/network/v2.0/ports", Reply(200, {"ports": [port]}))
    services.on("PUT", "/network/v2.0/ports/p-1", Reply(200, {"port": {}}))
    services.on("POST", f"{NOVA}/servers/{SERVER}/metadata", Reply(200, {"metadata": {}}))
    changing.set_options(scope, SERVER, {"source_check": check})
    assert [asked.body["port"]["allowed_address_pairs"] for asked in services.of("PUT")] == said


def test_a_console_is_read_from_its_end(services, changing, scope):
    services.on("POST", f"{NOVA}/servers/{SERVER}/action", Reply(200, {"output": "x" * 100_000 + "login:"}))
    text = changing.console(scope, SERVER)
    assert (len(text), text[-6:]) == (65_536, "login:")


def test_a_server_that_is_gone(services, changing, scope):
    services.on("POST", f"{NOVA}/servers/{SERVER}/.*", MISSING)
    with pytest.raises(ServerNotFound):
        changing.console(scope, SERVER)
    with pytest.raises(ServerNotFound):
        changing.set_options(scope, SERVER, {"protected": True})


def test_what_nova_does_not_change_is_said_in_words(changing, scope):
    with pytest.raises(Unsupported, match="InstanceType"):
        changing.set_flavor(scope, SERVER, "t3.large")
    with pytest.raises(Unsupported, match="UserData"):
        changing.set_user_data(scope, SERVER, None)
