from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.activity import ActivityKind, ActivityStatus, Cause, CauseKind
from backend.domain.backoff import Backoff
from backend.domain.cluster import ClusterStatus, Process
from backend.domain.node import Health, NodeState
from backend.store import clusters, configurations, journal, nodes, passes, watches
from tests import factories
from tests.factories import NOW, OTHER, SCOPE, uuid_of

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def group(store):
    made = factories.cluster()
    store.transact(lambda conn: clusters.insert(conn, made))
    return made


def _add(store, group, name, **values):
    made = factories.node(group, name, **values)
    store.transact(lambda conn: nodes.insert(conn, made))
    return made


def _journal(store, group, name, **values):
    entry = factories.activity(group, name, **values)
    store.transact(lambda conn: journal.begin(conn, [entry]))
    return entry


def _do(store, act, *arguments, **options):
    return store.transact(lambda conn: act(conn, *arguments, **options))


def _nodes(store, group):
    with store.read() as conn:
        return nodes.of_cluster(conn, group.id)


def test_a_situation_is_the_cluster_and_all_that_is_its_own(store, group):
    one = _add(store, group, "one")
    failed = Backoff("us-east-1a", "configuration:lc", 2, NOW, LATER)
    _do(store, passes.put_backoff, group.id, failed)
    _do(store, watches.pull, SCOPE, NOW)
    _do(store, watches.tally, SCOPE, 20, 11)
    with store.read() as conn:
        found = passes.read(conn, group.id)
        assert passes.read(conn, "nothing") is None
    assert (found.cluster, found.nodes, found.backoffs) == (group, (one,), (failed,))
    assert (found.seen_until, found.project, found.region) == (None, (0, 0), (0, 0))


def test_backoffs_replace_each_other_and_are_cleared_by_zone(store, group):
    first = Backoff("us-east-1a", "k", 1, NOW, NOW)
    for entry in (first, replace(first, failures=2), replace(first, zone="us-east-1b")):
        _do(store, passes.put_backoff, group.id, entry)
    _do(store, passes.clear_backoffs, group.id, {"us-east-1b", "us-east-1z"})
    with store.read() as conn:
        assert passes.read(conn, group.id).backoffs == (replace(first, failures=2),)
    _do(store, passes.clear_backoffs, group.id)
    with store.read() as conn:
        assert passes.read(conn, group.id).backoffs == ()


def test_only_pending_nodes_enter_service(store, group):
    waiting = _add(store, group, "waiting", state=NodeState.PENDING, in_service_at=None, health=Health.UNHEALTHY)
    kept = _add(store, group, "kept", state=NodeState.PENDING, protected=True)
    leaving = _add(store, group, "leaving", state=NodeState.TERMINATING)
    _do(store, passes.enter_service, [waiting.id, leaving.id], LATER, protected=True)
    found = {node.id: node for node in _nodes(store, group)}
    entered = found[waiting.id]
    assert (entered.state, entered.in_service_at, entered.protected) == (NodeState.IN_SERVICE, LATER, True)
    assert (entered.health, entered.activity_id) == (Health.UNHEALTHY, None)
    assert found[kept.id].state is NodeState.PENDING
    _do(store, passes.enter_service, [kept.id], LATER)
    assert {node.id: node.protected for node in _nodes(store, group)}[kept.id]
    assert found[leaving.id] == leaving


def test_termination_opens_an_entry_and_asks_anew(store, group):
    one = _add(store, group, "one", delete_requested_at=NOW)
    _do(store, passes.terminate, {one.id: uuid_of("entry")}, LATER)
    (after,) = _nodes(store, group)
    assert (after.state, after.state_at) == (NodeState.TERMINATING, LATER)
    assert (after.activity_id, after.delete_requested_at) == (uuid_of("entry"), None)
    _do(store, passes.deletion_requested, [one.id], LATER)
    assert _nodes(store, group)[0].delete_requested_at == LATER


def test_a_node_whose_server_was_seen_meanwhile_is_not_dropped_as_unseen(store, group):
    unseen = _add(store, group, "unseen", server_id=None)
    seen = _add(store, group, "seen")
    assert _do(store, passes.drop_unseen, [unseen.id, seen.id]) == [unseen.id]
    assert [node.id for node in _do(store, passes.nodes_now, [unseen.id, seen.id])] == [seen.id]
    _do(store, passes.drop, [seen.id])
    assert _nodes(store, group) == []


def test_backoffs_of_a_project_end_together(store, group):
    other = _do(store, _other_cluster)
    for owner in (group.id, other):
        _do(store, passes.put_backoff, owner, Backoff("us-east-1a", "", 1, NOW, LATER))
    _do(store, passes.clear_backoffs_of, SCOPE)
    assert [len(_do(store, passes.read, owner).backoffs) for owner in (group.id, other)] == [0, 1]


def _other_cluster(conn):
    made = factories.cluster("elsewhere", scope=OTHER)
    clusters.insert(conn, made)
    return made.id


def test_scale_in_is_known_by_its_cause(store, group):
    scaled = _journal(store, group, "scaled", causes=(Cause(CauseKind.CAPACITY_DECREASE, NOW, {}),))
    other = _journal(store, group, "other", causes=(Cause(CauseKind.USER_TERMINATED, NOW, {}),))
    assert _do(store, passes.any_scaled_in, [other.id, scaled.id, None])
    assert not _do(store, passes.any_scaled_in, [other.id])
    assert not _do(store, passes.any_scaled_in, [])


def test_the_last_note(store, group):
    assert _do(store, passes.last_note, group.id) is None
    for name, at in (("a", NOW), ("b", LATER)):
        note = {"kind": ActivityKind.NOTE, "status": ActivityStatus.CANCELLED, "started_at": at, "ended_at": at}
        _journal(store, group, name, **note)
    assert _do(store, passes.last_note, group.id) == LATER


def test_what_the_engine_writes_of_a_cluster(store, group):
    _do(store, passes.set_cooldown, group.id, LATER)
    _do(store, passes.suspend, group, Process.LAUNCH, LATER)
    _do(store, passes.forget_causes, group.id)
    with store.read() as conn:
        after = clusters.get_by_id(conn, group.id)
    assert (after.cooldown_until, after.suspended, after.causes) == (LATER, {Process.LAUNCH: LATER}, ())
    assert after.generation == group.generation


def test_a_cluster_is_removed_only_when_it_is_empty(store):
    group = factories.cluster(status=ClusterStatus.DELETING)
    _do(store, clusters.insert, group)
    one = _add(store, group, "one")
    assert not _do(store, passes.remove_cluster, group.id, NOW)
    _do(store, passes.drop, [one.id])
    assert _do(store, passes.remove_cluster, group.id, NOW)
    with store.read() as conn:
        assert clusters.get_by_id(conn, group.id) is None


def test_creation_of_the_configurations_there_are(store):
    made = factories.launch_configuration("lc")
    _do(store, configurations.insert, made)
    with store.read() as conn:
        assert passes.configurations_created(conn, SCOPE, {"lc", "gone"}) == {"lc": NOW}
        assert passes.configurations_created(conn, SCOPE, set()) == {}
