"""Composite alarms: they follow others, act once whatever the number of engines, and are held back by a suppressor."""

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.alarms import AlarmState, Comparison, HistoryKind, Missing, WantedAlarm, Watched
from backend.domain.composites import (
    MOST_PARENTS,
    NOTHING_WATCHED,
    AlarmsNeeded,
    ChildrenMissing,
    Circular,
    Composite,
    ManyCompositesDeleted,
    Suppressor,
    TooManyParents,
)
from backend.domain.metric_queries import MetricStat
from backend.domain.metrics import Metric
from backend.domain.scope import Scope
from backend.services.alarms import AlarmQuery, HistoryQuery
from backend.store import alarms as rows
from backend.store.alarms import ALARMS
from tests.factories import SCOPE
from translators.cloudwatch import alarm_history

TOPIC = f"arn:aws:sns:{SCOPE.region}:1:t"
A, OK = AlarmState.ALARM, AlarmState.OK
WATCHED = Watched(
    Comparison.ABOVE, 1.0, 1, missing=Missing.IGNORE, stat=MetricStat(Metric("App", "Load"), 60, "Average")
)


def describe(alarm):
    return {"name": alarm.name}


def put(world, *names, scope=SCOPE):
    """Alarms that stay as they are set."""
    for name in names:
        world.backend.alarms.put(scope, WantedAlarm(name, WATCHED), describe)


def compose(world, name, *children, tree=None, suppressor=None, **values):
    """In alarm while one of these is."""
    meant = tree if tree is not None else ["or", *(["is", "ALARM", number] for number in range(len(children)))]
    document = Composite("", meant, children, suppressor).document()
    wanted = WantedAlarm(name, Watched.of(NOTHING_WATCHED), composite=document, alarm_actions=(TOPIC,), **values)
    return world.backend.alarms.put(SCOPE, wanted, describe)


def change(world, name, state=A):
    world.backend.alarms.set_state(SCOPE, name, state, "by hand")


def alarm(world, name):
    (found,) = world.backend.alarms.page(SCOPE, AlarmQuery([name]), 5).items
    return found


def happened(world, name, kind=None):
    items = world.backend.alarms.history(SCOPE, HistoryQuery(name, kind, ascending=True), 100).items
    return [alarm_history.told(item, ("us-east-1", "1"))["HistorySummary"] for item in items]


def told(world):
    """How often a message was sent."""
    return len(happened(world, "c", HistoryKind.ACTION))


@pytest.fixture
def children(world):
    put(world, "one", "two")
    return "one", "two"


def test_it_is_as_its_rule_says_at_once(world, children):
    compose(world, "c", *children)
    made = alarm(world, "c")
    assert (made.state, made.because["why"]) == (OK, "created")
    assert sorted(happened(world, "c")) == ['Alarm "c" created', "Alarm updated from INSUFFICIENT_DATA to OK"]


def test_it_follows_others_and_acts_once(world, children):
    compose(world, "c", *children)
    change(world, "one")
    since = world.clock.now()
    world.pass_time(3, step=1)
    assert (alarm(world, "c").state, alarm(world, "c").transitioned_at) == (A, since)
    assert [each["name"] for each in alarm(world, "c").because["by"]] == ["one"]
    change(world, "two")
    world.pass_time(3, step=1)
    assert [each["name"] for each in alarm(world, "c").because["by"]] == ["one"]
    assert happened(world, "c", HistoryKind.ACTION) == [f"Successfully executed action {TOPIC}"]
    assert told(world) == 1
    assert alarm(world, "c").next_at is None


def test_several_that_changed_meanwhile_are_taken_in_their_order(world, children):
    compose(world, "c", *children)
    change(world, "one")
    world.clock.move(1)
    change(world, "two")
    world.pass_time(2, step=1)
    assert [each["name"] for each in alarm(world, "c").because["by"]] == ["one"]


def test_one_follows_the_other(world, children):
    compose(world, "low", *children)
    compose(world, "middle", "low")
    compose(world, "top", "middle", tree=["not", ["is", "ALARM", 0]])
    assert alarm(world, "top").state is A
    change(world, "two")
    world.pass_time(5, step=1)
    assert [alarm(world, name).state for name in ("low", "middle", "top")] == [A, A, OK]


def test_what_is_set_by_hand_stays_until_another_changes(world, children):
    compose(world, "c", *children)
    change(world, "c")
    world.pass_time(90, step=10)
    assert alarm(world, "c").state is A
    change(world, "one", OK)
    world.pass_time(2, step=1)
    assert alarm(world, "c").state is OK


def test_a_fault_in_one_keeps_no_other_from_following(world, children):
    compose(world, "broken", *children)
    compose(world, "whole", *children)
    broken = alarm(world, "broken")
    document = {**broken.composite, "tree": ["is"]}
    world.store.transact(lambda conn: ALARMS.change(conn, SCOPE, broken.id, composite=document))
    change(world, "one")
    world.pass_time(3, step=1)
    assert alarm(world, "whole").state is A
    assert world.engine.counters["alarm_faults"] == 1
    assert alarm(world, "broken").next_at > world.clock.now()


def holding(wait=5, extension=5):
    return Suppressor("s", "s", timedelta(seconds=wait), timedelta(seconds=extension))


@pytest.fixture
def held(world, children):
    put(world, "s")
    compose(world, "c", *children, suppressor=holding())


def test_it_waits_for_its_suppressor_and_acts_then(world, held):
    """Source: conformance/recorded alarm_composites.suppression/11."""
    change(world, "one")
    since = world.clock.now()
    world.pass_time(3, step=1)
    made = alarm(world, "c")
    assert (made.state, made.holder, told(world)) == (A, "WaitPeriod", 0)
    world.pass_time(4, step=1)
    made = alarm(world, "c")
    assert (made.holder, told(world)) == (None, 1)
    assert (made.transitioned_at, made.updated_at) == (since, since + timedelta(seconds=5))
    change(world, "s")
    world.pass_time(3, step=1)
    assert (alarm(world, "c").holder, told(world)) == (None, 1)


def test_it_is_silent_while_its_suppressor_is_in_alarm(world, held):
    change(world, "s")
    change(world, "one")
    world.pass_time(20, step=5)
    assert (alarm(world, "c").state, alarm(world, "c").holder, told(world)) == (A, "Alarm", 0)
    change(world, "s", OK)
    world.pass_time(3, step=1)
    assert (alarm(world, "c").holder, told(world)) == ("ExtensionPeriod", 0)
    world.pass_time(4, step=1)
    assert (alarm(world, "c").holder, told(world)) == (None, 1)


def test_what_is_over_while_it_is_silent_is_not_told(world, held):
    change(world, "s")
    change(world, "one")
    world.pass_time(5, step=1)
    change(world, "one", OK)
    world.pass_time(5, step=1)
    change(world, "s", OK)
    world.pass_time(15, step=1)
    assert (alarm(world, "c").state, alarm(world, "c").holder, told(world)) == (OK, None, 0)


@pytest.mark.parametrize("names", [("one", "two"), ("one",)])
def test_a_suppressor_that_ends_while_a_rule_is_written_anew_is_not_missed(world, held, names):
    change(world, "s")
    change(world, "one")
    world.pass_time(3, step=1)
    assert alarm(world, "c").holder == "Alarm"
    change(world, "s", OK)
    compose(world, "c", *names, suppressor=holding(), description="written anew")
    assert (alarm(world, "c").holder, told(world)) == ("ExtensionPeriod", 0)
    world.pass_time(8, step=1)
    assert (alarm(world, "c").holder, told(world)) == (None, 1)


def test_a_circle_is_refused_and_what_is_needed_is_kept(world, children):
    compose(world, "low", *children)
    compose(world, "top", "low")
    with pytest.raises(Circular):
        compose(world, "low", "low")
    with pytest.raises(Circular):
        compose(world, "low", "one", "top")
    with pytest.raises(Circular):
        compose(world, "low", "one", suppressor=Suppressor("top", "top", timedelta(), timedelta()))
    remove = world.backend.alarms.remove
    with pytest.raises(AlarmsNeeded) as found:
        remove(SCOPE, ["one", "two", "low"], describe)
    assert sorted(found.value.names) == ["low", "one", "two"]
    compose(world, "other", "one")
    with pytest.raises(ManyCompositesDeleted):
        remove(SCOPE, ["other", "top"], describe)
    remove(SCOPE, ["top"], describe)
    remove(SCOPE, ["other"], describe)
    remove(SCOPE, ["low"], describe)
    remove(SCOPE, ["one", "two"], describe)
    assert world.backend.alarms.page(SCOPE, AlarmQuery(), 5).items == []


def test_a_rule_that_is_written_anew_lets_others_go(world, children):
    compose(world, "c", *children)
    compose(world, "c", "one")
    world.backend.alarms.remove(SCOPE, ["two"], describe)
    assert [each.name for each in world.backend.alarms.children(SCOPE, "c", 5).items] == ["one"]
    assert [each.name for each in world.backend.alarms.parents(SCOPE, "one", 5).items] == ["c"]


def test_an_alarm_is_in_so_many_rules_at_most(world, children, monkeypatch):
    monkeypatch.setattr("backend.store.composites.MOST_PARENTS", 2)
    compose(world, "a", "one")
    compose(world, "b", "one")
    with pytest.raises(TooManyParents):
        compose(world, "c", "one")
    assert MOST_PARENTS == 150


def test_another_projects_alarms_are_nobodys_children(world):
    put(world, "one", scope=Scope("other", SCOPE.region))
    with pytest.raises(ChildrenMissing):
        compose(world, "c", "one")


def test_two_engines_act_once(world, children):
    compose(world, "c", *children)
    other = world.new_engine("two")
    change(world, "one")
    for _ in range(6):
        for engine in (other, world.engine):
            assert not engine.tick(world.clock.now()).faults
        world.clock.move(0.5)
    assert (alarm(world, "c").state, told(world)) == (A, 1)


def test_what_changes_while_it_is_looked_at_is_not_missed(world, children):
    """A child of the same batch is written before it: it is looked at afterwards, as it is then."""
    compose(world, "c", *children)
    rings = replace(WATCHED, missing=Missing.BREACHING)
    world.backend.alarms.put(SCOPE, WantedAlarm("one", rings), describe)
    one, both = alarm(world, "one"), alarm(world, "c")
    world.store.transact(lambda conn: ALARMS.change(conn, SCOPE, both.id, next_at=one.next_at))
    world.pass_time(75, step=1)
    assert (alarm(world, "one").state, alarm(world, "c").state) == (A, A)


def test_an_alarm_that_went_with_its_policy_has_no_data(world, children):
    compose(world, "c", *children, tree=["is", "INSUFFICIENT_DATA", 0])
    change(world, "one")
    world.pass_time(2, step=1)
    assert alarm(world, "c").state is OK
    one = alarm(world, "one")
    world.store.transact(lambda conn: rows._remove(conn, SCOPE, {one.id}, world.clock.now()))
    world.store.transact(lambda conn: rows.wake(conn, SCOPE, world.clock.now()))
    world.pass_time(2, step=1)
    assert (alarm(world, "c").state, alarm(world, "c").because["by"][0]["state"]) == (A, "INSUFFICIENT_DATA")
