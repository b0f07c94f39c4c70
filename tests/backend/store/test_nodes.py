"""Nodes' rows on every database."""

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.ids import short_id
from backend.domain.node import Health, NodeState, ServerStatus, move
from backend.domain.profile import ProfileRef
from backend.domain.server_findings import ServerNotAttachable
from backend.store import clusters, nodes, sightings
from backend.store.sightings import Sighting
from tests.factories import NOW, OTHER, SCOPE, cluster, node, uuid_of

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def web(store):
    made = cluster("web")
    store.transact(lambda conn: clusters.insert(conn, made))
    return made


@pytest.fixture
def add(store, web):
    def insert(name, owner=web, **values):
        made = node(owner, name, **values)
        store.transact(lambda conn: nodes.insert(conn, made))
        return made

    return insert


def test_what_is_written_is_read(store, add):
    made = add(
        "a",
        profile=ProfileRef(template_id="t", template_name="n", template_version=3),
        server_status=ServerStatus.ACTIVE,
        server_status_at=NOW,
        health=Health.UNHEALTHY,
        health_cause="health_custom",
        health_due_at=NOW,
        replaces="other",
        attached=True,
        activity_id="act",
        delete_requested_at=NOW,
    )
    bare = add("b", server_id=None, profile=None, subnet_id=None, image_id=None, in_service_at=None)
    with store.read() as conn:
        assert nodes.get(conn, made.id) == made
        assert nodes.get(conn, bare.id) == bare
        assert nodes.get(conn, "x") is None


def test_of_cluster_is_oldest_first(store, web, add):
    late = add("a", created_at=NOW + timedelta(seconds=1))
    early = add("b")
    with store.read() as conn:
        assert nodes.of_cluster(conn, web.id) == [early, late]


def _saved(store, web, before, after):
    store.transact(lambda conn: nodes.save(conn, before, after))
    with store.read() as conn:
        return {node.id: node for node in nodes.of_cluster(conn, web.id)}


def test_what_became_of_nodes_is_written(store, web, add):
    made = [add(name, server_id=None if name == "c" else uuid_of(name)) for name in "abcd"]
    parked = [move(replace(node, state=NodeState.ENTERING_STANDBY), NodeState.STANDBY, LATER) for node in made[:2]]
    marked = replace(made[2], health=Health.UNHEALTHY, health_cause="health_custom", health_due_at=LATER)
    found = _saved(store, web, made, [*parked, marked, made[3]])
    assert found == {node.id: node for node in (*parked, marked, made[3])}


def test_a_node_that_is_gone_stays_so(store, web, add):
    made = add("a")
    store.transact(lambda conn: nodes.remove(conn, made.id))
    assert _saved(store, web, [made], [replace(made, protected=True)]) == {}


def test_what_looks_write_meanwhile_is_left_alone(store, web, add):
    before = add("a", server_id=None, state=NodeState.PENDING)
    server = uuid_of("server")
    store.transact(
        lambda conn: sightings.record(conn, SCOPE, [Sighting(server, ServerStatus.ACTIVE, NOW, before.launch_id)])
    )
    after = _saved(store, web, [before], [move(before, NodeState.TERMINATING, LATER)])[before.id]
    assert (after.state, after.server_id, after.server_status) == (NodeState.TERMINATING, server, ServerStatus.ACTIVE)
    with pytest.raises(AssertionError):
        _saved(store, web, [before], [replace(before, server_id=uuid_of("other"))])


def test_nodes_are_found_by_their_servers(store, add):
    made = add("a")
    server = short_id(made.server_id)
    with store.read() as conn:
        assert nodes.by_servers(conn, SCOPE, [server, "0" * 17]) == {server: made}
        assert nodes.by_servers(conn, OTHER, [server]) == {}
        assert nodes.by_servers(conn, SCOPE, []) == {}


def test_members_of_many(store, web, add):
    other = cluster("other")
    store.transact(lambda conn: clusters.insert(conn, other))
    add("pending", server_id=None)
    first, second = add("a"), add("b", created_at=NOW + timedelta(seconds=1), protected=True)
    alone = add("c", owner=other)
    with store.read() as conn:
        found = nodes.members(conn, [web.id, other.id, "x"])
        assert nodes.members(conn, []) == {}
    assert [member.server for member in found[web.id]] == [short_id(first.server_id), short_id(second.server_id)]
    assert found[web.id][1].protected
    assert found[web.id][0][1:] == (
        first.zone, "InService", "Healthy", False, "t3.micro", "lc", None, None, None, None, None,
    )  # fmt: skip
    assert [member.server for member in found[other.id]] == [short_id(alone.server_id)]
    assert found["x"] == []


def test_pages_by_server(store, web, add):
    servers = sorted(short_id(add(str(number)).server_id) for number in range(5))
    add("pending", server_id=None)
    foreign = cluster("web", scope=OTHER)
    store.transact(lambda conn: clusters.insert(conn, foreign))
    add("foreign", owner=foreign)
    with store.read() as conn:
        first = nodes.page(conn, SCOPE, limit=3)
        rest = nodes.page(conn, SCOPE, limit=3, after=first.marker)
        few = nodes.page(conn, SCOPE, limit=3, among=[servers[4], "0" * 17])
    assert [member.server for _, member in first.items] == servers[:3]
    assert [member.server for _, member in rest.items] == servers[3:]
    assert rest.marker is None
    assert {name for name, _ in first.items} == {"web"}
    assert [member.server for _, member in few.items] == [servers[4]]


def test_a_server_is_in_one_cluster(store, web, add):
    made = add("a")
    with pytest.raises(ServerNotAttachable):
        store.transact(lambda conn: nodes.adopt_many(conn, [node(web, server_id=made.server_id)]))


def test_remove(store, add):
    made = add("a")
    assert store.transact(lambda conn: nodes.remove(conn, made.id))
    assert not store.transact(lambda conn: nodes.remove(conn, made.id))
