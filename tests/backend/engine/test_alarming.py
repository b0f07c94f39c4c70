"""Alarms judged and policies that follow: from what is measured to a group that grows and shrinks."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from backend.domain.activity import CauseKind
from backend.domain.alarms import (
    AlarmState,
    Comparison,
    HistoryKind,
    Missing,
    ReasonDataUnreadable,
    WantedAlarm,
    Watched,
)
from backend.domain.cluster import Process
from backend.domain.ids import short_id
from backend.domain.metric_queries import MetricStat
from backend.domain.metrics import Metric, measured
from backend.domain.scaling import Adjustment, Breach, PolicyKind, Step, WantedPolicy
from backend.domain.tracking import Tracking
from backend.domain.warm_pools import WarmPoolRequest
from backend.engine import alarming
from backend.services.alarms import AlarmQuery, HistoryQuery
from backend.services.scaling_policies import PolicyName, Said
from backend.store import alarms, metrics
from backend.store.leased import Claimer, Room
from tests.factories import SCOPE
from translators.cloudwatch import alarm_history

LOAD = Metric("App", "Load", (("Group", "web"),))
OUT = (Step(0.0, 20.0, 1), Step(20.0, None, 2))


@pytest.fixture
def group(world):
    made = world.make(desired=1, maximum=5, cooldown_seconds=60)
    world.pass_time(5, step=1)
    return made


def describe(alarm):
    return {"name": alarm.name}


def policy(world, name="out", **values):
    given = {"kind": PolicyKind.STEP, "adjustment": Adjustment.CHANGE, "steps": OUT, "warmup_seconds": 30, **values}
    return world.backend.scaling_policies.put(SCOPE, "web", WantedPolicy(name, **given), Said(action, describe))


def action(policy):
    return (
        f"arn:aws:autoscaling:us-east-1:1:scalingPolicy:{policy.id}:autoScalingGroupName/web:policyName/{policy.name}"
    )


def alarm(world, *actions, name="high", missing=None, comparison=Comparison.ABOVE, threshold=50.0, **values):
    watched = Watched(comparison, threshold, 1, missing=missing, stat=MetricStat(LOAD, 60, "Average"))
    world.backend.alarms.put(SCOPE, WantedAlarm(name, watched, alarm_actions=actions, **values), describe)


def measure(world, value):
    datum = measured(LOAD, world.clock.now(), [value])
    world.store.transact(partial(metrics.add, scope=SCOPE, data=[datum], now=world.clock.now()))


def minutes(world, number, value=None):
    """That many minutes, in each of which so much is measured."""
    for _ in range(number):
        if value is not None:
            measure(world, value)
        world.pass_time(60, step=5)


def state(world, name="high"):
    (found,) = world.backend.alarms.page(SCOPE, AlarmQuery([name]), 5).items
    return found.state


def history(world, kind, name="high"):
    page = world.backend.alarms.history(SCOPE, HistoryQuery(name, kind, ascending=True), 100)
    return [alarm_history.told(item, ("us-east-1", "1"))["HistorySummary"] for item in page.items]


def test_load_grows_the_group_and_its_end_shrinks_it(world, group):
    high, low = policy(world), policy(world, "in", steps=(Step(None, 0.0, -1),))
    alarm(world, action(high))
    alarm(world, action(low), name="low", comparison=Comparison.BELOW, threshold=10.0)
    minutes(world, 3, 60.0)
    assert state(world) is AlarmState.ALARM
    assert world.cluster(group).spec.desired == 3
    assert world.states(group) == ["InService"] * 3
    causes = [cause for entry in world.journal(group) for cause in entry.causes if "policy" in cause.data]
    assert {cause.kind for cause in causes} == {CauseKind.ALARM_TRIGGERED_POLICY}
    first = causes[0].data
    assert (first["alarm"], first["policy"], first["before"], first["after"]) == ("high", "out", 1, 2)
    minutes(world, 4, 30.0)
    assert (state(world), state(world, "low")) == (AlarmState.OK, AlarmState.OK)
    assert world.cluster(group).spec.desired == 4  # the third minute was judged in the fourth
    minutes(world, 6, 1.0)
    assert world.cluster(group).spec.desired == 0
    assert history(world, HistoryKind.STATE) == [
        "Alarm updated from INSUFFICIENT_DATA to ALARM",
        "Alarm updated from ALARM to OK",
    ]
    assert history(world, HistoryKind.ACTION)[0] == f"Successfully executed action {action(high)}"


def test_the_same_step_adds_nothing_while_it_warms_up(world, group):
    high = policy(world, warmup_seconds=600)
    alarm(world, action(high))
    minutes(world, 5, 60.0)
    assert world.cluster(group).spec.desired == 2
    minutes(world, 2, 90.0)
    assert world.cluster(group).spec.desired == 3


def test_what_comes_from_the_warm_pool_warms_up_like_what_is_launched(world, group):
    """It was made before the policy added anything, and has come into service since."""
    world.backend.warm_pools.put(SCOPE, "web", WarmPoolRequest(minimum=3))
    world.pass_time(60, step=5)
    alarm(world, action(policy(world, warmup_seconds=240)))
    minutes(world, 5, 60.0)
    assert (world.cluster(group).spec.desired, world.states(group).count("InService")) == (2, 2)
    minutes(world, 3, 60.0)
    assert world.cluster(group).spec.desired == 3


def test_a_simple_policy_waits_for_its_cooldown(world, group):
    alarm(world, action(policy(world, kind=PolicyKind.SIMPLE, steps=(), amount=1, cooldown_seconds=170)))
    minutes(world, 3, 60.0)
    assert world.cluster(group).spec.desired == 2
    minutes(world, 3, 60.0)
    assert world.cluster(group).spec.desired == 3


@pytest.mark.parametrize("why", ["suspended", "disabled", "switched off"])
def test_what_keeps_a_policy_from_acting(world, group, why):
    high = policy(world, enabled=why != "disabled")
    alarm(world, action(high), enabled=why != "switched off")
    if why == "suspended":
        world.backend.clusters.suspend(SCOPE, "web", [Process.ALARM_NOTIFICATION])
    minutes(world, 3, 60.0)
    assert (state(world), world.cluster(group).spec.desired) == (AlarmState.ALARM, 1)
    if why == "suspended":  # what breaches when it is resumed counts
        world.backend.clusters.resume(SCOPE, "web")
        minutes(world, 1, 60.0)
        assert world.cluster(group).spec.desired == 2


def test_a_value_without_a_step_fails_the_action(world, group):
    high = policy(world, steps=(Step(30.0, None, 1),))
    alarm(world, action(high))
    minutes(world, 3, 60.0)
    assert world.cluster(group).spec.desired == 1
    assert history(world, HistoryKind.ACTION) == [
        (
            "Failed to execute AutoScaling action: No step adjustment found for metric value [60.0] and breach threshold"
            " 50.0"
        )
    ]


def test_a_state_that_is_set_acts_once_and_lasts_until_it_is_judged(world, group):
    high = policy(world, kind=PolicyKind.SIMPLE, steps=(), amount=1)
    alarm(world, action(high), missing=Missing.NOT_BREACHING)
    world.pass_time(65, step=5)
    assert state(world) is AlarmState.OK
    world.backend.alarms.set_state(SCOPE, "high", AlarmState.ALARM, "by hand")
    world.pass_time(2, step=1)
    assert (state(world), world.cluster(group).spec.desired) == (AlarmState.ALARM, 2)
    world.pass_time(65, step=5)
    assert (state(world), world.cluster(group).spec.desired) == (AlarmState.OK, 2)


def test_a_step_policy_is_told_the_points_of_a_state_that_is_set(world, group):
    """Source: conformance/recorded alarm_signals."""
    alarm(world, action(policy(world)), missing=Missing.IGNORE)
    old = (world.clock.now() - timedelta(seconds=120)).isoformat()
    for number, (data, words) in enumerate(
        (
            (None, "Failed to execute AutoScaling action: Metric data points must be provided"),
            ('{"evaluatedDatapoints":[{"value":100.0}]}', "Failed to execute AutoScaling action: Metric data points"),
            ("[]", "Failed to execute AutoScaling action: Metric data points must be provided"),
            (
                f'{{"recentDatapoints":[100.0],"queryDate":"{old}"}}',
                "Skipping autoscaling action: Scaling deemed unsafe",
            ),
            ('{"recentDatapoints":[100.0]}', "Successfully executed action"),
        )
    ):
        world.backend.alarms.set_state(SCOPE, "high", AlarmState.OK, "before")
        world.backend.alarms.set_state(SCOPE, "high", AlarmState.ALARM, "by hand", data)
        world.pass_time(1, step=1)
        found = history(world, HistoryKind.ACTION)
        assert len(found) == number + 1
        assert found[-1].startswith(words)
    assert world.cluster(group).spec.desired == 3


def test_each_evaluation_is_one_engines(world, group):
    """Two engines that both hold the round of a project: the second finds that it lost it."""
    alarm(world, action(policy(world, kind=PolicyKind.SIMPLE, steps=(), amount=1)))
    measure(world, 60.0)
    world.clock.move(90)
    now = world.clock.now()
    (first,) = alarms.ROUNDS.claim(world.store, Claimer("one", timedelta(seconds=30)), now, Room(5, []))
    world.clock.move(31)
    (second,) = alarms.ROUNDS.claim(world.store, Claimer("two", timedelta(seconds=30)), world.clock.now(), Room(5, []))
    context = world.engine._context
    judged, _ = alarming._judge(context, SCOPE, context.clock.monotonic() + 1)
    none = timedelta()
    assert world.store.transact(partial(alarming._note, context, first, judged, none)) is None
    found = world.store.transact(partial(alarming._note, context, second, judged, none))
    assert len(found.acting) == 1
    assert world.store.transact(partial(alarming.act, context, first, found.acting[0])) == ()
    assert len(world.store.transact(partial(alarming.act, context, second, found.acting[0]))) == 1
    assert world.store.transact(partial(alarming.act, context, second, found.acting[0])) == ()
    assert world.cluster(group).spec.desired == 2


def test_alarms_forget_policies_that_are_no_more(world, group):
    high = policy(world)
    alarm(world, action(high), "arn:aws:sns:us-east-1:1:t")
    alarm(world, action(high), name="only")
    world.backend.clusters.delete(SCOPE, "web", force=True)
    world.pass_time(30, step=1)
    found = world.backend.alarms.page(SCOPE, AlarmQuery(), 10).items
    assert [(each.name, each.alarm_actions) for each in found] == [("high", ("arn:aws:sns:us-east-1:1:t",))]


def _fine(world, seconds, *actions):
    """An alarm of ten seconds, and so much time in which it has reason to ring."""
    watched = Watched(Comparison.ABOVE, 50.0, 1, stat=MetricStat(LOAD, 10, "Average"))
    world.backend.alarms.put(SCOPE, WantedAlarm("fine", watched, alarm_actions=actions), describe)
    for _ in range(seconds):
        datum = measured(LOAD, world.clock.now(), [60.0], fine=True)
        world.store.transact(partial(metrics.add, scope=SCOPE, data=[datum], now=world.clock.now()))
        world.pass_time(1, step=1)


def test_ten_seconds(world, group):
    _fine(world, 30, action(policy(world, warmup_seconds=600)))
    assert (state(world, "fine"), world.cluster(group).spec.desired) == (AlarmState.ALARM, 2)


def test_who_is_looked_at_each_ten_seconds_has_its_policies_asked_once_a_minute(world, group):
    """Source: the guide; an Auto Scaling action is invoked again once a minute while the state lasts."""
    _fine(world, 55, action(policy(world, steps=(Step(0.0, None, 1),), warmup_seconds=0)))
    assert world.cluster(group).spec.desired == 2
    _fine(world, 60, action(policy(world, steps=(Step(0.0, None, 1),), warmup_seconds=0)))
    assert world.cluster(group).spec.desired == 3


@pytest.mark.parametrize(
    "data",
    [
        '{"recentDatapoints":[1e999]}',
        '{"recentDatapoints":[1' + "0" * 400 + "]}",
        '{"recentDatapoints":[1e308],"evaluatedDatapoints":5,"queryDate":7}',
        '{"recentDatapoints":[1e308],"evaluatedDatapoints":[null,{"timestamp":"0001-01-01T00:00:00+14:00"}]}',
        '{"recentDatapoints":{"a":1}}',
        '{"recentDatapoints":[true,null,"1"]}',
        '{"recentDatapoints":[100.0],"queryDate":"9999-12-31T23:59:59-14:00"}',
        "7",
        "null",
    ],
)
def test_data_of_a_state_that_anybody_may_write_stop_no_engine(world, group, data):
    for policy_id in (policy(world), track(world)):
        alarm(world, action(policy_id), name=f"of {policy_id.name}", missing=Missing.IGNORE)
    own = world.backend.alarms.page(SCOPE, AlarmQuery(), 10).items
    for each in own:
        world.backend.alarms.set_state(SCOPE, each.name, AlarmState.ALARM, "by hand", data)
    world.pass_time(2, step=1)
    assert world.engine.counters["faults"] == 0
    assert not any(each.acts for each in world.backend.alarms.page(SCOPE, AlarmQuery(), 10).items)


def test_data_that_are_no_json_are_refused(world, group):
    alarm(world)
    for data in ("[" * 2000, "{", "[1,]"):
        with pytest.raises(ReasonDataUnreadable):
            world.backend.alarms.set_state(SCOPE, "high", AlarmState.ALARM, "by hand", data)


TARGET = Tracking(50.0, stat=MetricStat(LOAD, 60, "Average"))


def track(world, name="track", tracking=TARGET, **values):
    wanted = WantedPolicy(name, PolicyKind.TARGET_TRACKING, tracking=tracking, **{"warmup_seconds": 30, **values})
    return world.backend.scaling_policies.put(SCOPE, "web", wanted, Said(action, describe))


def test_a_metric_is_held_at_its_target(world, group):
    """A load of 130 that the members share: three of them bring it below 50; and when it is gone one is enough."""
    made = track(world)
    high, low = made.alarms
    assert (high[:28], low[:27]) == ("TargetTracking-web-AlarmHigh", "TargetTracking-web-AlarmLow")

    def share(total, number):
        for _ in range(number):
            serving = max(1, world.states(group).count("InService"))
            minutes(world, 1, total / serving)

    share(130.0, 5)
    assert world.cluster(group).spec.desired == 3
    share(130.0, 25)
    assert world.cluster(group).spec.desired == 3  # no flapping
    share(30.0, 12)
    assert world.cluster(group).spec.desired == 3  # too little, and not for long
    share(30.0, 10)
    assert world.cluster(group).spec.desired == 1


def test_what_warms_up_and_has_its_share_of_the_load_counts_as_such(world):
    """A load of 800, of which no member can bear more than 100: sixteen bring it to 50, before the first is warm."""
    made = world.make(desired=3, maximum=30, cooldown_seconds=60)
    world.pass_time(30, step=1)
    track(world, warmup_seconds=600)
    seen = []
    for _ in range(9):
        minutes(world, 1, min(100.0, 800.0 / world.states(made).count("InService")))
        seen.append(world.cluster(made).spec.desired)
    assert (max(seen[:6]), seen[-3:]) == (12, [16, 16, 16])


def test_both_alarms_are_the_policys_own(world, group):
    first = track(world)
    again = track(world, tracking=replace(TARGET, target=60.0))
    found = {each.name: each for each in world.backend.alarms.page(SCOPE, AlarmQuery(), 10).items}
    assert set(found) == set(again.alarms)
    assert not set(first.alarms) & set(again.alarms)
    high, low = (found[name] for name in again.alarms)
    assert (high.rule.threshold, high.rule.periods, low.rule.threshold, low.rule.periods) == (60.0, 3, 54.0, 15)
    assert high.alarm_actions == low.alarm_actions == (action(again),)
    world.backend.scaling_policies.remove(SCOPE, PolicyName("track", "web"))
    assert world.backend.alarms.page(SCOPE, AlarmQuery(), 10).items == []


@pytest.mark.parametrize("other", ["silent", "busy", "idle"])
def test_all_policies_have_to_agree_before_anything_is_taken_away(world, group, other):
    world.backend.clusters.resize(SCOPE, "web", 4)
    world.pass_time(5, step=1)
    track(world)
    second = Metric("App", "Queue")
    track(world, "other", Tracking(10.0, stat=MetricStat(second, 60, "Average")))
    for _ in range(24):
        if other != "silent":
            datum = measured(second, world.clock.now(), [9.5 if other == "busy" else 1.0])
            world.store.transact(partial(metrics.add, scope=SCOPE, data=[datum], now=world.clock.now()))
        minutes(world, 1, 5.0)
    assert world.cluster(group).spec.desired == (1 if other == "idle" else 4)


def test_what_was_measured_of_another_capacity_takes_nothing_away_whoever_changed_it(world, group):
    world.backend.clusters.resize(SCOPE, "web", 4)
    world.pass_time(5, step=1)
    track(world)
    minutes(world, 14, 5.0)
    node = next(node for node in world.nodes(group) if node.counted)
    world.backend.nodes.detach(SCOPE, "web", [short_id(node.server_id)], decrement=True)
    minutes(world, 4, 5.0)
    assert world.cluster(group).spec.desired == 3
    minutes(world, 20, 5.0)
    assert world.cluster(group).spec.desired == 1


def test_one_that_takes_nothing_away(world, group):
    world.backend.clusters.resize(SCOPE, "web", 4)
    world.pass_time(5, step=1)
    track(world, tracking=replace(TARGET, no_scale_in=True))
    minutes(world, 20, 5.0)
    assert world.cluster(group).spec.desired == 4
    minutes(world, 5, 60.0)
    assert world.cluster(group).spec.desired == 5


def test_a_short_warm_up_does_not_end_a_long_one(world, group):
    """What the one of a long warm-up added still warms up for it, whatever another adds for whom it is warm."""
    slow = policy(world, "slow", warmup_seconds=900)
    policy(world, "quick", warmup_seconds=30)
    alarm(world, action(slow), name="for-slow")
    minutes(world, 3, 60.0)
    assert world.cluster(group).spec.desired == 2
    world.backend.scaling_policies.execute(SCOPE, PolicyName("quick", "web"), breach=Breach((60.0,), 50.0))
    assert world.cluster(group).spec.desired == 3
    minutes(world, 2, 90.0)
    assert world.cluster(group).spec.desired == 3  # one is warm for it, and the higher step has added two
