from __future__ import annotations

from datetime import timedelta

import pytest

from backend.domain.node import NodeState
from backend.store import claimed, clusters, garbage, nodes, orphans
from backend.store.orphans import Kind, Place
from tests import factories
from tests.factories import NOW, OTHER, SCOPE, uuid_of

LATER = NOW + timedelta(seconds=5)
HERE = Place(SCOPE, Kind.SERVER)
POOL = Place(SCOPE, Kind.MEMBER, uuid_of("pool"))
SERVER = uuid_of("stray")


def _note(store, *found, place=HERE, at=NOW):
    store.transact(lambda conn: orphans.note(conn, place, found, at))


def _due(store, *, place=HERE, before=NOW, braked=False):
    with store.read() as conn:
        return orphans.due(conn, place, before, 5, braked=braked)


def test_orphans_are_known_since_they_were_first_seen(store):
    for seconds in (0, 30):
        _note(store, (SERVER, True), (SERVER, True), at=NOW + timedelta(seconds=seconds))
    assert _due(store) == [SERVER]
    assert _due(store, before=NOW - timedelta(seconds=1)) == []
    assert _due(store, place=Place(OTHER, Kind.SERVER), before=LATER) == []
    with store.read() as conn:
        assert orphans.oldest(conn, HERE) == NOW
        assert _due(store, before=LATER) == [SERVER]
    store.transact(lambda conn: orphans.asked(conn, HERE, [SERVER], LATER))
    assert _due(store) == []
    store.transact(lambda conn: orphans.settle(conn, HERE, [SERVER]))
    with store.read() as conn:
        assert orphans.oldest(conn, HERE) is None


def test_what_is_not_known_and_what_is_braked_rests_until_it_is_released(store):
    unknown = uuid_of("unknown")
    _note(store, (SERVER, True), (unknown, False))
    assert _due(store) == [SERVER]
    assert _due(store, braked=True) == []
    with store.read() as conn:
        assert orphans.oldest(conn, HERE, braked=True) is None
    assert store.transact(lambda conn: orphans.release(conn, SCOPE.project_id, "elsewhere")) == 0
    assert store.transact(lambda conn: orphans.release(conn, OTHER.project_id)) == 0
    assert store.transact(lambda conn: orphans.release(conn, SCOPE.project_id)) == 2
    assert sorted(_due(store, braked=True, before=NOW - timedelta(hours=1))) == sorted([SERVER, unknown])
    with store.read() as conn:
        assert orphans.released(conn, HERE, [SERVER, unknown, uuid_of("none")]) == {SERVER, unknown}
    later = uuid_of("later")
    _note(store, (later, False))
    assert later not in _due(store), "what comes later is another word"
    store.transact(lambda conn: orphans.asked(conn, HERE, [SERVER, unknown], LATER))
    assert _due(store) == []
    assert sorted(_due(store, braked=True, before=LATER)) == sorted([SERVER, unknown])


def test_kinds_and_pools_are_told_apart(store):
    other_pool = Place(SCOPE, Kind.MEMBER, uuid_of("another pool"))
    for place in (HERE, POOL, other_pool):
        _note(store, (SERVER, True), place=place)
    store.transact(lambda conn: orphans.settle(conn, POOL, [SERVER]))
    assert (_due(store), _due(store, place=POOL), _due(store, place=other_pool)) == ([SERVER], [], [SERVER])


def test_what_is_given_up_goes_at_once(store):
    store.transact(lambda conn: orphans.give_up(conn, POOL, [SERVER], NOW))
    assert _due(store, place=POOL, before=NOW - timedelta(hours=1), braked=True) == [SERVER]


def test_a_complete_listing_settles_what_it_lacks_and_what_a_node_has(store):
    group = factories.cluster(due_at=None)
    owned = factories.node(group, "owned")
    store.transact(lambda conn: clusters.insert(conn, group))
    store.transact(lambda conn: nodes.insert(conn, owned))
    gone = uuid_of("gone")
    _note(store, (SERVER, True), (owned.server_id, True), (gone, True))
    store.transact(lambda conn: orphans.keep(conn, HERE, {SERVER, owned.server_id}))
    assert _due(store) == [SERVER]


def test_how_they_stand_is_told_by_project_and_kind(store):
    group = factories.cluster(due_at=None)
    store.transact(lambda conn: clusters.insert(conn, group))
    store.transact(lambda conn: nodes.insert(conn, factories.node(group, "owned")))
    _note(store, (SERVER, True), (uuid_of("b"), False), (uuid_of("c"), False))
    _note(store, (uuid_of("d"), False), at=LATER)
    _note(store, (SERVER, True), place=Place(OTHER, Kind.MEMBER, uuid_of("pool")), at=LATER)
    with store.read() as conn:
        told = orphans.everywhere(conn)
        assert orphans.everywhere(conn, SCOPE) == [each for each in told if each.scope == SCOPE]
    assert sorted((each.scope.project_id, each.kind, each.known, each.unknown, each.total) for each in told) == [
        (OTHER.project_id, Kind.MEMBER, 1, 0, 1),
        (SCOPE.project_id, Kind.SERVER, 1, 3, 5),
    ]
    assert {each.oldest for each in told if each.scope == SCOPE} == {NOW}


@pytest.fixture
def group(store):
    made = factories.cluster(due_at=None)
    store.transact(lambda conn: clusters.insert(conn, made))
    return made


def test_a_claim_is_remembered_when_its_node_is_gone(store, group):
    node = factories.node(group, "one", state=NodeState.PENDING, server_id=None)
    store.transact(lambda conn: nodes.insert_many(conn, [node]))
    store.transact(lambda conn: conn.execute(nodes.nodes.delete()))
    with store.read() as conn:
        assert claimed.launches(conn, {node.launch_id, uuid_of("never")}) == {node.launch_id}
        assert claimed.of(conn, {node.id, uuid_of("never")}) == {node.id}


def test_claims_of_nodes_that_are_gone_are_forgotten_after_a_while(store, group):
    here, gone, young = (
        factories.node(group, name, created_at=NOW + timedelta(seconds=age))
        for name, age in (("here", 0), ("gone", 0), ("young", 10))
    )
    store.transact(lambda conn: nodes.insert_many(conn, [here, gone, young]))
    store.transact(lambda conn: conn.execute(nodes.nodes.delete().where(nodes.nodes.c.id != here.id)))
    with store.read() as conn:
        old = garbage.oldest(conn, garbage.CLAIMS, LATER, 10, records=False).keys
    assert old == [(gone.id,)]
    store.transact(lambda conn: garbage.drop(conn, garbage.CLAIMS, old, LATER))
    with store.read() as conn:
        assert claimed.of(conn, {here.id, gone.id, young.id}) == {here.id, young.id}


def test_what_is_doubted_rests(store):
    _note(store, (SERVER, True))
    store.transact(lambda conn: orphans.doubt(conn, HERE, [SERVER]))
    assert _due(store) == []
    with store.read() as conn:
        assert orphans.released(conn, HERE, [SERVER]) == set()
