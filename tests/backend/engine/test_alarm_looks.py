"""How an engine looks at alarms: for a short while at a project's, past those that fail, and in one order of locks."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Delete, Select, Update, event

from backend.domain.alarms import AlarmState, Comparison, HistoryKind, WantedAlarm, Watched
from backend.domain.metric_queries import MetricStat, Query
from backend.domain.metrics import Metric, measured
from backend.domain.scaling import PolicyKind, WantedPolicy
from backend.domain.scope import Scope
from backend.domain.tracking import Tracking
from backend.engine import alarm_verdicts, alarming
from backend.services.alarms import AlarmQuery, HistoryQuery
from backend.services.scaling_policies import PolicyName, Said
from backend.store import metrics, outbox
from backend.store.alarm_tables import alarm_rounds, alarms
from backend.store.outlets import Outlets
from tests.factories import SCOPE
from translators.cloudwatch import alarm_history

PLACE = ("us-east-1", "1")
LOAD = MetricStat(Metric("App", "Load"), 60, "Average")
OTHER = Scope("other", SCOPE.region)
ACTION = "arn:aws:autoscaling:us-east-1:1:scalingPolicy:{}:autoScalingGroupName/web:policyName/out"


@dataclass(frozen=True)
class Settled:
    """A verdict that needs no data."""

    state: AlarmState
    reason: str = "why"
    data: str = "{}"


def describe(alarm):
    return {"name": alarm.name}


def put(world, *names, scope=SCOPE, stat=LOAD, **values):
    for name in names:
        wanted = WantedAlarm(name, Watched(Comparison.ABOVE, 1.0, 1, stat=stat), **values)
        world.backend.alarms.put(scope, wanted, describe)


def found(world, scope=SCOPE):
    page = world.backend.alarms.page(scope, AlarmQuery(), 1000)
    return {alarm.name: alarm for alarm in page.items}


def tick(world):
    world.engine.tick(world.clock.now())


def judged(world):
    return world.engine.counters["alarms_judged"]


def slow(world, monkeypatch, seconds):
    real = alarming.verdict_of

    def verdict_of(*told):
        world.clock.at += timedelta(seconds=seconds)
        return real(*told)

    monkeypatch.setattr(alarming, "verdict_of", verdict_of)


def test_a_look_ends_when_its_time_is_over_and_others_have_theirs(world, monkeypatch):
    """Each evaluation takes half a second, and there are so many that all are due again before the last is judged."""
    put(world, *(f"a{number}" for number in range(150)))
    put(world, "b", scope=OTHER)
    world.clock.move(90)
    slow(world, monkeypatch, 0.5)
    began = world.clock.now()
    tick(world)
    assert judged(world) == 2  # one of each project
    assert world.clock.now() - began == timedelta(seconds=1)
    tick(world)
    assert judged(world) == 2  # the first project rests, and the other has nothing to do
    world.clock.move(1.5)
    tick(world)
    assert judged(world) == 3


def test_looks_reach_every_alarm(world):
    put(world, *(f"a{number}" for number in range(250)))
    world.clock.move(90)
    for _ in range(2):
        world.clock.move(1)
        tick(world)
    assert judged(world) == 250
    assert {alarm.state for alarm in found(world).values()} == {AlarmState.INSUFFICIENT_DATA}


@pytest.mark.parametrize("where", ["verdict_of", "come_to", "act"])
def test_a_fault_in_one_alarm_puts_that_one_off_alone(world, monkeypatch, caplog, where):
    policy = ACTION.format("12345678-1234-1234-1234-123456789012")
    values = {"ok_actions": (policy,), "alarm_actions": (policy,), "insufficient_actions": (policy,)}
    put(world, "good", "faulty", "well", **(values if where == "act" else {}))
    faulty = found(world)["faulty"]
    module = alarming.alarm_changes if where == "come_to" else alarming
    real = getattr(module, where)

    def fails(*told, **named):
        if faulty.id in told or any(getattr(each, "name", None) == "faulty" for each in told):
            raise ZeroDivisionError
        return real(*told, **named)

    monkeypatch.setattr(module, where, fails)
    verdict = Settled(AlarmState.OK)
    if where != "verdict_of":
        monkeypatch.setattr(alarming, "verdict_of", lambda *_: verdict)
    world.clock.move(90)
    with caplog.at_level(logging.ERROR):
        tick(world)
    counters = world.engine.counters
    assert (counters["faults"], counters["alarm_faults"], counters["alarms_judged"]) == (0, 1, 3)
    assert any(name in caplog.text for name in ("faulty", faulty.id))
    now = world.clock.now()
    after = found(world)
    assert all(alarm.next_at > now and alarm.acts is None for alarm in after.values())
    if where != "verdict_of":
        assert (after["good"].state, after["well"].state) == (AlarmState.OK, AlarmState.OK)
    monkeypatch.setattr(module, where, real)
    world.clock.move(61)
    tick(world)
    assert counters["alarm_faults"] == 1


def test_what_is_changed_while_it_is_judged_is_judged_again(world, monkeypatch):
    put(world, "a")
    world.clock.move(90)

    def verdict_of(*_):
        world.backend.alarms.set_state(SCOPE, "a", AlarmState.ALARM, "by hand")
        return Settled(AlarmState.OK)

    monkeypatch.setattr(alarming, "verdict_of", verdict_of)
    tick(world)
    assert found(world)["a"].state is AlarmState.ALARM
    monkeypatch.setattr(alarming, "verdict_of", lambda *_: Settled(AlarmState.OK))
    world.clock.move(1)
    tick(world)
    assert found(world)["a"].state is AlarmState.OK


def test_an_evaluation_has_its_measure_and_reads_only_what_is_asked_for(world, monkeypatch):
    """How samples are spread is most of what a metric has: no average pays for it, and a percentile within bounds."""
    monkeypatch.setattr(alarm_verdicts, "_STEPS", 100)
    put(world, "average")
    put(world, "percentile", stat=replace(LOAD, statistic="p90"))
    datum = measured(LOAD.metric, world.clock.now(), [float(number) for number in range(100)])
    world.store.transact(partial(metrics.add, scope=SCOPE, data=[datum], now=world.clock.now()))
    world.clock.move(90)
    tick(world)
    states = {name: alarm.state for name, alarm in found(world).items()}
    assert states == {"average": AlarmState.ALARM, "percentile": AlarmState.INSUFFICIENT_DATA}
    monkeypatch.setattr(alarm_verdicts, "_STEPS", 102)
    world.clock.move(60)
    tick(world)
    assert found(world)["percentile"].state is AlarmState.ALARM


def test_messages_of_alarms_have_no_more_room_than_others(world):
    world.backend.alarms._outlets = Outlets(most_waiting=3)
    topics = tuple(f"arn:aws:sns:{SCOPE.region}:1:t{number}" for number in range(2))
    put(world, "a", alarm_actions=topics, ok_actions=topics)
    for state in (AlarmState.ALARM, AlarmState.OK, AlarmState.ALARM):
        world.backend.alarms.set_state(SCOPE, "a", state, "by hand")
    with world.store.read() as conn:
        assert outbox.kept(conn, SCOPE.project_id) == 3
    query = HistoryQuery("a", HistoryKind.ACTION, ascending=True)
    items = world.backend.alarms.history(SCOPE, query, 10).items
    words = [alarm_history.told(item, PLACE)["HistorySummary"].split()[0] for item in items]
    assert sorted(words) == ["Failed"] * 3 + ["Successfully"] * 3
    told = [alarm_history.told(item, PLACE) for item in items]
    failed = next(each for each in told if each["HistorySummary"].startswith("Failed"))  # of one instant: no order
    assert json.loads(failed["HistoryData"])["actionState"] == "Failed"


def test_what_is_another_accounts_is_not_told_to_have_been_reached(world):
    world.backend.alarms._outlets = Outlets(reaches=lambda _, arn: ":111:" in arn)
    topics = tuple(f"arn:aws:sns:{SCOPE.region}:{account}:t" for account in ("111", "222"))
    put(world, "a", alarm_actions=topics)
    world.backend.alarms.set_state(SCOPE, "a", AlarmState.ALARM, "by hand")
    items = world.backend.alarms.history(SCOPE, HistoryQuery("a", HistoryKind.ACTION), 10).items
    assert {alarm_history.told(item, PLACE)["HistorySummary"] for item in items} == {
        f"Successfully executed action {topics[0]}",
        f"Failed to execute action {topics[1]}",
    }
    with world.store.read() as conn:
        assert outbox.kept(conn, SCOPE.project_id) == 1


def test_several_lines_that_only_data_show_are_judged_by_none_of_them(world):
    """REMOVE_EMPTY answers as many lines as have data."""
    other = replace(LOAD, metric=Metric("App", "Other"))
    stats = (Query("a", LOAD, returned=False), Query("b", other, returned=False))
    queries = (*stats, Query("e", expression="REMOVE_EMPTY([a,b])"))
    wanted = WantedAlarm("a", Watched(Comparison.ABOVE, 1.0, 1, queries=queries))
    world.backend.alarms.put(SCOPE, wanted, describe)
    both = [measured(each.metric, world.clock.now(), [5.0]) for each in (LOAD, other)]
    world.store.transact(partial(metrics.add, scope=SCOPE, data=both, now=world.clock.now()))
    world.clock.move(90)
    tick(world)
    assert (judged(world), found(world)["a"].state) == (1, AlarmState.INSUFFICIENT_DATA)


@pytest.fixture
def locks(world) -> Iterator[list[list[str]]]:
    """What each transaction locks, in order: the round of alarms, and alarms."""
    told: list[list[str]] = []

    def begun(_conn):
        told.append([])

    def executed(_conn, statement, *_):
        writes = isinstance(statement, Update | Delete)
        if not writes and not (isinstance(statement, Select) and statement._for_update_arg is not None):
            return
        tables = [statement.table] if writes else statement.get_final_froms()
        told[-1].extend(each.name for each in tables if each in {alarm_rounds, alarms})

    event.listen(world.store.engine, "begin", begun)
    event.listen(world.store.engine, "before_execute", executed)
    yield told
    event.remove(world.store.engine, "begin", begun)
    event.remove(world.store.engine, "before_execute", executed)


def test_the_round_is_held_before_any_alarm(world, locks):
    world.make(desired=1)
    put(world, "a")
    put(world, "a", description="another")
    world.backend.alarms.set_state(SCOPE, "a", AlarmState.ALARM, "by hand")
    said = Said(lambda policy: ACTION.format(policy.id), describe)
    for target in (50.0, 60.0):
        wanted = WantedPolicy("out", PolicyKind.TARGET_TRACKING, tracking=Tracking(target, stat=LOAD))
        world.backend.scaling_policies.put(SCOPE, "web", wanted, said)
    own = next(name for name in found(world) if name != "a")
    world.backend.alarms.set_state(SCOPE, own, AlarmState.ALARM, "by hand")
    world.clock.move(90)
    tick(world)
    world.backend.scaling_policies.remove(SCOPE, PolicyName("out", "web"))
    both = [each for each in locks if {"alarm_rounds", "alarms"} <= set(each)]
    assert len(both) >= 6
    assert {each[0] for each in both} == {"alarm_rounds"}


@pytest.mark.parametrize("most", [0, 20_000])
def test_alarms_with_much_to_read_are_read_one_by_one(world, monkeypatch, most):
    """What comes of them is the same."""
    monkeypatch.setattr("backend.store.metric_batches.MOST_ROWS", most)
    put(world, "a", "b")
    for _ in range(3):
        world.store.transact(
            partial(
                metrics.add, scope=SCOPE, data=[measured(LOAD.metric, world.clock.now(), [9.0])], now=world.clock.now()
            )
        )
        world.pass_time(60, step=5)
    assert {alarm.state for alarm in found(world).values()} == {AlarmState.ALARM}
