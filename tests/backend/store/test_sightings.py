from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.node import NodeState, ServerStatus
from backend.domain.traffic import MemberHealth
from backend.store import activities, clusters, journal, nodes, sightings, traffic
from backend.store.sightings import Maker, Sighting
from tests import factories
from tests.backend.engine import drafts
from tests.factories import NOW, OTHER, SCOPE, uuid_of

LATER = NOW + timedelta(seconds=5)


@pytest.fixture
def group(store):
    made = factories.cluster(due_at=None)
    store.transact(lambda conn: clusters.insert(conn, made))
    return made


def _add(store, group, name, **values):
    made = factories.node(group, name, **values)
    store.transact(lambda conn: nodes.insert(conn, made))
    return made


def _record(store, *seen, scope=SCOPE):
    return store.transact(lambda conn: sightings.record(conn, scope, seen))


def _see(node, status, at=LATER, **values):
    return Sighting(node.server_id, status, at, **values)


def _now(store, node):
    with store.read() as conn:
        return nodes.get(conn, node.id)


def test_news_are_written_and_tell_whose_they_are(store, group):
    one = _add(store, group, "one", server_status=ServerStatus.BUILDING, server_status_at=NOW)
    same = _add(store, group, "same", server_status=ServerStatus.ACTIVE, server_status_at=NOW)
    assert _record(store, _see(same, ServerStatus.ACTIVE)).cluster_ids == ()
    assert _record(store, _see(one, ServerStatus.ACTIVE)).cluster_ids == (group.id,)
    assert (_now(store, one).server_status, _now(store, one).server_status_at) == (ServerStatus.ACTIVE, LATER)
    assert _record(store, _see(one, ServerStatus.ACTIVE, address="10.0.0.4")).cluster_ids == (group.id,)
    assert _record(store, _see(one, ServerStatus.ACTIVE, address="10.0.0.4")).cluster_ids == ()


def test_an_older_status_is_left_out(store, group):
    one = _add(store, group, "one", server_status=ServerStatus.DELETED, server_status_at=LATER)
    assert _record(store, _see(one, ServerStatus.ACTIVE, NOW)).cluster_ids == ()
    assert _now(store, one).server_status is ServerStatus.DELETED


def test_bad_servers_in_service_are_counted(store, group):
    serving = _add(store, group, "serving", server_status=ServerStatus.ACTIVE)
    leaving = _add(store, group, "leaving", server_status=ServerStatus.ACTIVE, state=NodeState.TERMINATING)
    gone = _add(store, group, "gone", server_status=ServerStatus.ACTIVE)
    _record(
        store,
        _see(serving, ServerStatus.STOPPED),
        _see(leaving, ServerStatus.STOPPED),
        _see(gone, ServerStatus.DELETED),
    )
    with store.read() as conn:
        assert sightings.service_counts(conn, SCOPE) == (2, 2)
        assert sightings.service_counts(conn, OTHER) == (0, 0)


@pytest.mark.parametrize(
    ("checks", "health", "served", "bad"),
    [
        (("EC2", "ELB"), MemberHealth.UNHEALTHY, True, 1),
        (("EC2", "ELB"), MemberHealth.UNHEALTHY, False, 0),
        (("EC2", "ELB"), MemberHealth.HEALTHY, True, 0),
        (("EC2",), MemberHealth.UNHEALTHY, True, 0),
    ],
)
def test_what_pools_refuse_is_bad_where_the_cluster_goes_by_them(store, checks, health, served, bad):
    group = factories.cluster(due_at=None, health_checks=checks)
    store.transact(lambda conn: clusters.insert(conn, group))
    one = _add(store, group, "one", server_status=ServerStatus.ACTIVE)
    told = replace(drafts.member(one, health), served=served)
    store.transact(lambda conn: traffic.put(conn, [told]))
    with store.read() as conn:
        assert sightings.service_counts(conn, SCOPE) == (1, bad)


def test_what_the_cloud_does_not_know_is_remembered_until_it_is_known_again(store, group):
    one = _add(store, group, "one", server_status=ServerStatus.ACTIVE, server_status_at=NOW)
    _record(store, _see(one, ServerStatus.DELETED, missing=True))
    assert (_now(store, one).server_status, _now(store, one).missing_at) == (ServerStatus.DELETED, LATER)
    again = LATER + timedelta(seconds=60)
    assert _record(store, _see(one, ServerStatus.DELETED, again, missing=True)).cluster_ids == (group.id,)
    assert _now(store, one).missing_at == again
    _record(store, _see(one, ServerStatus.ACTIVE, again))
    assert (_now(store, one).server_status, _now(store, one).missing_at) == (ServerStatus.ACTIVE, None)


def test_servers_of_a_launch_go_to_the_nodes_that_wait_for_them(store, group):
    launch = uuid_of("launch")
    waiting = [
        _add(
            store,
            group,
            f"n{number}",
            launch_id=launch,
            server_id=None,
            state=NodeState.PENDING,
            created_at=NOW + timedelta(seconds=number),
            activity_id=uuid_of(f"entry {number}"),
        )
        for number in range(2)
    ]
    for number in range(2):
        entry = factories.activity(group, f"{number}", id=uuid_of(f"entry {number}"))
        store.transact(lambda conn, entry=entry: journal.begin(conn, [entry]))
    servers = [uuid_of(f"server {number}") for number in range(3)]
    told = Sighting("", ServerStatus.ACTIVE, LATER, launch, "us-east-1b", uuid_of("image"), maker=Maker.OURS)
    seen = [replace(told, server_id=server) for server in servers]
    recorded = _record(store, *seen)
    assert [_now(store, node).server_id for node in waiting] == servers[:2]
    assert {_now(store, node).zone for node in waiting} == {"us-east-1b"}
    assert recorded.unowned == [(servers[2], launch)]
    with store.read() as conn:
        assert activities.find(conn, uuid_of("entry 1")).server_id == servers[1]
    assert _record(store, *seen).unowned == [(servers[2], launch)]
    assert [_now(store, node).server_id for node in waiting] == servers[:2]


def test_servers_of_others_and_of_nobody_are_told_apart(store, group):
    foreign = Sighting(uuid_of("foreign"), ServerStatus.ACTIVE, NOW)
    stray = Sighting(uuid_of("stray"), ServerStatus.ACTIVE, NOW, "some launch", maker=Maker.OURS)
    gone = replace(stray, server_id=uuid_of("gone"), status=ServerStatus.DELETED)
    theirs = replace(stray, server_id=uuid_of("theirs"), maker=Maker.OTHERS)
    unsaid = replace(stray, server_id=uuid_of("unsaid"), maker=Maker.UNKNOWN)
    recorded = _record(store, foreign, stray, gone, theirs, unsaid)
    assert recorded.unowned == [(stray.server_id, "some launch")]
    assert recorded.strangers == [theirs.server_id, unsaid.server_id]
    one = _add(store, group, "one", server_status=None)
    assert _record(store, _see(one, ServerStatus.ACTIVE), scope=OTHER).cluster_ids == ()
    assert _now(store, one).server_status is None


@pytest.mark.parametrize(
    ("changes", "adopted"),
    [
        ({"maker": Maker.OURS}, True),
        ({"maker": Maker.UNKNOWN}, True),  # of a launch that was under way when servers began to tell
        ({"maker": Maker.OTHERS}, False),
        ({"status": ServerStatus.DELETING}, False),
        ({"status": ServerStatus.DELETED}, False),
        ({"status": ServerStatus.ERROR}, True),
    ],
)
def test_who_is_given_to_a_node_that_waits(store, group, changes, adopted):
    launch = uuid_of("launch")
    waits = _add(store, group, "waits", launch_id=launch, server_id=None, state=NodeState.PENDING)
    seen = Sighting(uuid_of("server"), ServerStatus.ACTIVE, LATER, launch, maker=Maker.OURS)
    _record(store, replace(seen, **changes))
    assert (_now(store, waits).server_id is not None) is adopted


def test_what_a_listing_lacks(store, group):
    there = _add(store, group, "there")
    lacking = _add(store, group, "lacking")
    _add(store, group, "known", server_status=ServerStatus.DELETED)
    _add(store, group, "young", created_at=LATER)
    _add(store, group, "unseen", server_id=None)
    with store.read() as conn:
        assert sightings.missing(conn, SCOPE, {there.server_id}, LATER) == [lacking.server_id]
        assert sightings.missing(conn, OTHER, set(), LATER) == []


@pytest.mark.parametrize(
    ("state", "values", "moving"),
    [
        (NodeState.PENDING, {}, 3),
        (NodeState.IN_SERVICE, {}, 0),
        (NodeState.TERMINATING, {"delete_requested_at": NOW}, 3),
        (NodeState.TERMINATING, {"server_id": None}, 3),
        (NodeState.TERMINATING, {}, 0),  # their connections are being drained
    ],
)
def test_how_many_move(store, group, state, values, moving):
    for name in ("one", "two", "three"):
        _add(store, group, name, state=state, **values)
    with store.read() as conn:
        assert sightings.moving(conn, SCOPE, 10) == moving
        assert sightings.moving(conn, SCOPE, 2) == min(moving, 2)
        assert sightings.moving(conn, OTHER, 10) == 0
        assert sightings.any_node(conn, SCOPE)
        assert not sightings.any_node(conn, OTHER)
