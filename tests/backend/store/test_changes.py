"""What becomes of a cluster, written on every database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, select

from backend.domain.activity import ActivityKind, ActivityStatus, Cause, CauseKind, Reason, ReasonKind
from backend.domain.backoff import Backoff
from backend.domain.changes import Changes, Ending, Entries
from backend.domain.cluster import ClusterStatus, Process
from backend.domain.node import Health, LeavesFor, NodeState, ServerStatus, move
from backend.domain.notifications import Notice, Notification
from backend.domain.rules import Rule
from backend.domain.traffic import MemberHealth, Registration, RegistrationState, SourceState, TrafficSource
from backend.store import activities, changes, clusters, journal, nodes, sightings, traffic
from backend.store.notifications import NOTIFICATIONS
from backend.store.outbox_tables import messages
from backend.store.rules import RULES
from backend.store.sightings import Sighting
from tests import factories
from tests.factories import NOW, SCOPE, uuid_of

LATER = NOW + timedelta(minutes=1)
SOURCE = TrafficSource("pool", "web", 80)
PLACE = ("us-east-1a", "configuration:lc")


@pytest.fixture
def group(store):
    made = factories.cluster(sources=(SOURCE,))
    store.transact(lambda conn: clusters.insert(conn, made))
    return made


def _add(store, group, name, **values):
    made = factories.node(group, name, **values)
    store.transact(lambda conn: nodes.insert(conn, made))
    return made


def _member(node, **values):
    usual = (node.id, "pool", node.cluster_id, node.project_id, node.region, node.server_id, "10.0.0.5", 80, None)
    return Registration(*usual, **{"state": RegistrationState.REGISTERED, "state_at": NOW, **values})


def _read(store, group):
    with store.read() as conn:
        return changes.read(conn, group.id)


def _write(store, before, *, entries=None, goes=False, **after):
    made = Changes(before, replace(before, **after), entries or Entries(), LATER, goes)
    store.transact(lambda conn: changes.write(conn, made))
    return made.after


def test_a_cluster_is_read_with_all_that_is_its_own(store, group):
    late = _add(store, group, "late", created_at=LATER)
    early = _add(store, group, "early")
    member = _member(early)
    store.transact(lambda conn: traffic.put(conn, [member]))
    found = _read(store, group)
    assert (found.cluster, list(found.nodes.values())) == (group, [early, late])
    assert (found.registrations, found.backoffs) == ({(early.id, "pool"): member}, {})
    with store.read() as conn:
        assert changes.read(conn, "nothing") is None


def test_what_was_written_is_what_is_read(store, group):
    gone, unseen = _add(store, group, "gone"), _add(store, group, "unseen", server_id=None)
    parked = _add(store, group, "parked", state=NodeState.ENTERING_STANDBY)
    serving = [_add(store, group, name, state=NodeState.PENDING, in_service_at=None) for name in "abc"]
    before = _read(store, group)
    new = factories.node(group, "new", server_id=None, state=NodeState.PENDING, leaves_for=None, created_at=LATER)
    after = {
        **{node.id: move(node, NodeState.IN_SERVICE, LATER) for node in serving},
        parked.id: replace(move(parked, NodeState.STANDBY, LATER), health=Health.UNHEALTHY, health_cause="x"),
        new.id: new,
    }
    assert gone.id not in after
    assert unseen.id not in after
    written = _write(store, before, nodes=after, backoffs={PLACE: Backoff(*PLACE, 1, NOW, LATER)})
    assert _read(store, group) == written


def test_nothing_is_written_where_nothing_changed(store, group):
    _add(store, group, "one")
    before = _read(store, group)
    _write(store, before)
    assert _read(store, group) == before


def test_a_node_whose_server_was_seen_meanwhile_does_not_go_as_one_without(store, group):
    waiting = [_add(store, group, name, server_id=None, state=NodeState.PENDING, activity_id=name) for name in "ab"]
    before = _read(store, group)
    seen = Sighting(uuid_of("server"), ServerStatus.ACTIVE, NOW, waiting[0].launch_id)
    store.transact(lambda conn: sightings.record(conn, SCOPE, [seen]))
    entries = Entries(ended={"b": Ending(ActivityStatus.FAILED)})
    with pytest.raises(changes.Overtaken):
        _write(store, before, nodes={}, entries=entries)
    assert set(_read(store, group).nodes) == {node.id for node in waiting}
    _write(store, _read(store, group), nodes={})
    assert _read(store, group).nodes == {}


def test_what_a_pass_does_not_know_of_a_member_stays(store, group):
    node = _add(store, group, "one")
    member = _member(node)
    store.transact(lambda conn: traffic.put(conn, [member]))
    before = _read(store, group)
    key = (node.id, "pool")
    store.transact(lambda conn: traffic.see(conn, [(key, MemberHealth.HEALTHY)]))
    leaving = replace(member, state=RegistrationState.LEAVING, state_at=LATER, due_at=LATER)
    _write(store, before, registrations={key: leaving})
    seen = replace(leaving, health=MemberHealth.HEALTHY, served=True)
    assert _read(store, group).registrations == {key: seen}
    again = replace(_member(node), state=RegistrationState.ADDING, state_at=LATER)
    _write(store, _read(store, group), registrations={key: again})
    assert _read(store, group).registrations == {key: again}
    _write(store, _read(store, group), registrations={})
    assert _read(store, group).registrations == {}


def test_backoffs_replace_each_other_and_go(store, group):
    one, other = Backoff(*PLACE, 1, NOW, NOW), Backoff("us-east-1b", "k", 1, NOW, NOW)
    for after in ({PLACE: one}, {PLACE: replace(one, failures=2), ("us-east-1b", "k"): other}, {PLACE: one}, {}):
        _write(store, _read(store, group), backoffs=after)
        assert _read(store, group).backoffs == after


def test_what_an_engine_makes_of_a_cluster_is_no_intent(store, group):
    before = _read(store, group)
    store.transact(lambda conn: clusters.change(conn, group.id, NOW, desired=3, desired_at=NOW))
    after = replace(
        group,
        cooldown_until=LATER,
        suspended={Process.LAUNCH: LATER},
        causes=(),
        sources=(replace(SOURCE, state=SourceState.ADDED),),
    )
    _write(store, before, cluster=after)
    found = _read(store, group).cluster
    assert (found.cooldown_until, found.suspended, found.sources) == (LATER, after.suspended, after.sources)
    assert (found.spec.desired, found.generation) == (3, group.generation + 1)


def test_intent_is_not_a_passs_to_write(store, group):
    with pytest.raises(AssertionError):
        _write(store, _read(store, group), cluster=replace(group, generation=9))


def _entry(store, group, name, **values):
    entry = factories.activity(group, name, **values)
    store.transact(lambda conn: journal.begin(conn, [entry]))
    return entry


def _find(store, entry):
    with store.read() as conn:
        return activities.find(conn, entry.id)


def test_the_journal_is_written_with_what_it_tells_of(store, group):
    full, quota = Reason(ReasonKind.NO_CAPACITY, {"type": "t", "zone": "z"}), Reason(ReasonKind.QUOTA, {"limit": 3})
    open_ones = [_entry(store, group, name) for name in "abcde"]
    first, second, third, waits, stays = open_ones
    opened = factories.activity(group, "opened")
    entries = Entries(
        opened={opened.id: opened},
        ended={
            first.id: Ending(ActivityStatus.FAILED, full),
            second.id: Ending(ActivityStatus.FAILED, quota),
            third.id: Ending(ActivityStatus.SUCCESSFUL),
        },
        draining={waits.id},
        remarks={stays.id: quota, waits.id: None},
    )
    _write(store, _read(store, group), entries=entries)
    assert _find(store, opened) == opened
    told = [(one.status, one.reason, one.ended_at) for one in (_find(store, each) for each in open_ones)]
    assert told == [
        (ActivityStatus.FAILED, full, LATER),
        (ActivityStatus.FAILED, quota, LATER),
        (ActivityStatus.SUCCESSFUL, None, LATER),
        (ActivityStatus.DRAINING, None, None),
        (ActivityStatus.PRE_IN_SERVICE, quota, None),
    ]


def _told(store):
    with store.read() as conn:
        return [(row.target, row.data["id"]) for row in conn.execute(select(messages).order_by(messages.c.target))]


def _rule(conn, scope, *, enabled=True):
    RULES.add(conn, scope, Rule(uuid_of(f"rule {scope}"), "r", "{}", enabled, NOW))


def test_who_begins_to_listen_while_a_pass_is_under_way_is_told_of_its_ends(store, group):
    entries = [_entry(store, group, name) for name in "abcd"]
    first, second, third, fourth = ({each.id: Ending(ActivityStatus.FAILED)} for each in entries)
    before = _read(store, group)
    store.transact(lambda conn: (_rule(conn, factories.OTHER), _rule(conn, SCOPE, enabled=False)))
    _write(store, before, entries=Entries(ended=first))
    assert _told(store) == []
    heard = Notification(uuid_of("n"), group.id, group.name, "arn:topic", (Notice.LAUNCH_ERROR,))
    store.transact(lambda conn: NOTIFICATIONS.add(conn, SCOPE, heard))
    _write(store, before, entries=Entries(ended=second))
    told = [("", entries[1].id), ("arn:topic", entries[1].id)]
    assert _told(store) == told
    store.transact(lambda conn: NOTIFICATIONS.remove(conn, SCOPE, id=heard.id))
    _write(store, before, entries=Entries(ended=third))
    assert _told(store) == told
    store.transact(lambda conn: RULES.change(conn, SCOPE, uuid_of(f"rule {SCOPE}"), enabled=True))
    _write(store, before, entries=Entries(ended=fourth))
    assert sorted(_told(store)) == sorted([*told, ("", entries[3].id)])


def test_nobody_who_might_listen_is_looked_for_unless_something_ends(store, group):
    entry, overtaken = (_entry(store, group, name) for name in "ab")
    opened = factories.activity(group, "opened")
    asked = []

    def note(_conn, _cursor, statement, *_):
        if "FROM notifications" in statement or "FROM rules" in statement:
            asked.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    quiet = Entries(
        opened={opened.id: opened},
        draining={entry.id},
        ended={overtaken.id: Ending(ActivityStatus.CANCELLED, Reason(ReasonKind.SUPERSEDED))},
    )
    _write(store, _read(store, group), entries=quiet)
    assert asked == []
    ends = {entry.id: Ending(ActivityStatus.SUCCESSFUL), opened.id: Ending(ActivityStatus.FAILED)}
    _write(store, _read(store, group), entries=Entries(ended=ends))
    assert len(asked) == 1


def test_a_note_is_told_once_for_each_request(store, group):
    def noted(name, at, asked_at=None):
        causes = () if asked_at is None else (Cause(CauseKind.USER_SET_DESIRED, asked_at, {}),)
        note = factories.activity(
            group, name, kind=ActivityKind.NOTE, status=ActivityStatus.CANCELLED, started_at=at, ended_at=at
        )
        before = replace(_read(store, group), cluster=replace(group, causes=causes))
        _write(store, before, entries=Entries(notes=[note]))
        return _find(store, note) is not None

    assert noted("first", LATER)
    assert not noted("again", LATER)
    assert not noted("asked for before", LATER, NOW)
    assert noted("asked for since", LATER + timedelta(minutes=2), LATER + timedelta(minutes=1))


def test_a_cluster_goes_only_when_it_is_empty(store):
    group = factories.cluster(status=ClusterStatus.DELETING)
    store.transact(lambda conn: clusters.insert(conn, group))
    empty = _read(store, group)
    one = _add(store, group, "one", leaves_for=LeavesFor.DELETION)
    with pytest.raises(changes.Overtaken):
        _write(store, empty, goes=True)
    assert list(_read(store, group).nodes) == [one.id]
    _write(store, _read(store, group), nodes={}, goes=True)
    assert _read(store, group) is None
