import pytest

from backend.domain.ids import short_id
from backend.domain.node import NodeState
from backend.domain.server_findings import ServerNotAttachable, ServerUnknown
from backend.drivers.catalog import Catalog
from backend.errors import CloudNotReached
from backend.services import attachment
from tests.factories import NOW, OTHER, SCOPE, activity, cluster


@pytest.fixture
def find(world):
    catalog = Catalog(world.simulated.cloud, world.clock)
    return lambda *shorts, scope=SCOPE: attachment.servers(world.simulated.cloud, catalog, scope, shorts)


def test_servers_in_order_each_once(world, find):
    first, second = world.server(), world.server()
    found = find(second.short_id, first.short_id, second.short_id)
    assert [server.id for server in found] == [second.id, first.id]


def test_servers_that_cannot_join(world, find):
    server = world.server()
    with pytest.raises(ServerUnknown):
        find("0" * 17)
    with pytest.raises(ServerUnknown):
        find(server.short_id, scope=OTHER)
    world.simulated.projects.withdraw_image(server.image_id)
    world.clock.move(60)
    with pytest.raises(ServerNotAttachable, match="image"):
        find(server.short_id)
    world.simulated.operator.break_server(server.id)
    with pytest.raises(ServerNotAttachable, match="not_running"):
        find(server.short_id)
    world.simulated.faults.unavailable()
    with pytest.raises(CloudNotReached):
        find(server.short_id)


def test_the_node(world):
    server = world.server()
    made = attachment.node(cluster(protect_new=True), server, NOW)
    assert (made.state, made.attached, made.protected, made.profile) == (NodeState.PENDING, True, True, None)
    assert (made.server_id, made.zone, made.subnet_id, made.instance_type) == (
        server.id, server.zone, server.subnet_id, server.flavor
    )  # fmt: skip
    entry = activity(cluster())
    assert attachment.with_activity(made, entry).activity_id == entry.id


def test_check(world):
    web = world.group()
    here, away = world.server(), world.server(zone="us-east-1c")
    (taken,) = world.put(web, "a", server_id=world.server().id)

    def check(server):
        world.store.transact(lambda conn: attachment.check(conn, SCOPE, web, [server]))

    check(here)
    with pytest.raises(ServerNotAttachable, match="zone"):
        check(away)
    with pytest.raises(ServerNotAttachable) as found:
        check(world.simulated.cloud.compute.get(SCOPE, taken.server_id))
    assert (found.value.server, found.value.cluster) == (short_id(taken.server_id), "web")
