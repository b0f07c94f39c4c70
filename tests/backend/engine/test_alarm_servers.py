"""What alarms do to servers: once when a state begins, to the server that they watch and to nobody else's."""

from datetime import timedelta
from functools import partial

import pytest

from backend.domain.alarm_actions import ServerAct, server_act_of
from backend.domain.alarms import (
    AlarmFlaw,
    AlarmRefused,
    AlarmState,
    Comparison,
    HistoryKind,
    Missing,
    WantedAlarm,
    Watched,
)
from backend.domain.brakes import Brake
from backend.domain.metric_queries import MetricStat
from backend.domain.metrics import Datum, Metric, measured
from backend.domain.node import ServerStatus
from backend.domain.profile import ServerSpec
from backend.domain.scaling import Adjustment, PolicyKind, Step, WantedPolicy
from backend.domain.scope import Scope
from backend.drivers.errors import ServerBusy
from backend.drivers.simulated.faults import Moment, Where
from backend.engine import alarm_servers
from backend.services.alarms import AlarmQuery, HistoryQuery
from backend.services.scaling_policies import Said
from backend.services.servers import Order
from backend.store import alarms, brakes, metrics
from backend.store.leased import Claimer, Room
from tests.backend.engine.test_alarming import action as action_of
from tests.factories import SCOPE
from translators.cloudwatch import alarm_history

OTHER = Scope("7f0c3b6d8e6f4e7a9b1c2d3e4f506199", SCOPE.region)
STOP, TERMINATE, REBOOT, RECOVER = (f"arn:aws:automate:us-east-1:ec2:{act}" for act in ServerAct)


@pytest.mark.parametrize(
    ("action", "act"),
    [
        (STOP, "stop"),
        (RECOVER, "recover"),
        ("arn:aws:swf:us-east-1:123456789012:action/actions/AWS_EC2.InstanceId.Terminate/1.0", "terminate"),
        ("arn:aws:automate:us-east-1:ec2:hibernate", None),
        ("arn:aws:sns:us-east-1:123456789012:stop", None),
    ],
)
def test_what_an_action_does(action, act):
    assert server_act_of(action) == act


def describe(alarm):
    return {"name": alarm.name}


def watched_of(server, dimension="InstanceId"):
    metric = Metric("AWS/EC2", "CPUUtilization", ((dimension, f"i-{server}"),))
    return Watched(Comparison.ABOVE, 1.0, 1, missing=Missing.IGNORE, stat=MetricStat(metric, 60, "Average"))


def watch(world, server, *actions, scope=SCOPE, name="a", dimension="InstanceId"):
    wanted = WantedAlarm(name, watched_of(server, dimension), alarm_actions=actions)
    world.backend.alarms.put(scope, wanted, describe)


def comes_to(world, state, name="a", scope=SCOPE):
    world.backend.alarms.set_state(scope, name, state, "by hand")


def rings(world, name="a", scope=SCOPE):
    comes_to(world, AlarmState.ALARM, name, scope)
    world.pass_time(4, step=1)


def alarm(world, name="a"):
    (found,) = world.backend.alarms.page(SCOPE, AlarmQuery([name]), 5).items
    return found


def happened(world, name="a"):
    items = world.backend.alarms.history(SCOPE, HistoryQuery(name, HistoryKind.ACTION), 10).items
    return [alarm_history.told(item, ("us-east-1", "1"))["HistorySummary"] for item in items]


def status(world, server):
    return {each.short_id: each.status for _, each in world.simulated.operator.servers()}.get(server.short_id)


@pytest.fixture
def asked(world):
    """Names of the calls that change a server."""
    found = []

    def note(moment, call):
        if moment is Moment.BEFORE and call.name in {"stop", "delete", "reboot", "start"}:
            found.append(call.name)

    world.simulated.faults.hooks.append(note)
    return found


@pytest.fixture
def server(world):
    spec = ServerSpec(image=world.image(), instance_type="t3.micro")
    (made,) = world.backend.servers.run(SCOPE, Order(spec))
    world.pass_time(5, step=1)
    assert status(world, made) is ServerStatus.ACTIVE
    return world.backend.servers.get(SCOPE, made.id)


@pytest.mark.parametrize(
    ("action", "call", "becomes"),
    [
        (STOP, "stop", ServerStatus.STOPPED),
        (TERMINATE, "delete", None),
        (REBOOT, "reboot", ServerStatus.ACTIVE),
        (RECOVER, "reboot", ServerStatus.ACTIVE),
    ],
)
def test_it_is_done_once(world, server, asked, action, call, becomes):
    watch(world, server.short_id, action)
    rings(world)
    world.pass_time(130, step=5)
    assert (asked, status(world, server)) == ([call], becomes)
    assert happened(world) == [f"Successfully executed action {action}"]


def test_a_server_that_stopped_is_recovered_by_a_start(world, server, asked):
    world.backend.servers.stop(SCOPE, [server])
    world.pass_time(60, step=5)
    watch(world, server.short_id, RECOVER)
    rings(world)
    assert asked == ["stop", "start"]


@pytest.mark.parametrize(("action", "hard"), [(REBOOT, False), (RECOVER, True)])
def test_to_recover_needs_no_system_that_answers(world, server, action, hard):
    world.simulated.cloud.compute.suspend(SCOPE, server.id)
    world.pass_time(30, step=5)
    assert status(world, server) is ServerStatus.PAUSED
    watch(world, server.short_id, action)
    rings(world)
    world.pass_time(5, step=1)
    assert (status(world, server) is ServerStatus.ACTIVE) is hard


def test_another_projects_server_is_never_touched(world, server, asked):
    watch(world, server.short_id, TERMINATE, scope=OTHER)
    rings(world, scope=OTHER)
    assert (asked, status(world, server)) == ([], ServerStatus.ACTIVE)
    items = world.backend.alarms.history(OTHER, HistoryQuery("a", HistoryKind.ACTION), 10).items
    assert [alarm_history.told(item, ("us-east-1", "1"))["HistorySummary"] for item in items] == [
        f"Failed to execute action {TERMINATE}: the instance does not exist"
    ]


@pytest.mark.parametrize(("option", "action"), [("protected", TERMINATE), ("kept_running", STOP)])
def test_a_protected_server_stays_as_it_is(world, server, asked, option, action):
    world.backend.server_changes.set(SCOPE, server, **{option: True})
    watch(world, server.short_id, action)
    rings(world)
    assert (asked, happened(world)) == ([], [f"Failed to execute action {action}: the instance is protected"])


def test_what_the_cloud_refuses_is_told(world, server):
    world.backend.servers.stop(SCOPE, [server])
    world.pass_time(60, step=5)
    watch(world, server.short_id, REBOOT)
    rings(world)
    assert happened(world) == [f"Failed to execute action {REBOOT}: ServerStateConflict"]


@pytest.mark.parametrize(
    ("action", "call", "becomes"),
    [
        (STOP, "stop", ServerStatus.STOPPED),
        (REBOOT, "reboot", ServerStatus.ACTIVE),
        (RECOVER, "reboot", ServerStatus.ACTIVE),
    ],
)
def test_what_a_busy_cloud_does_not_take_is_asked_for_again(world, server, asked, action, call, becomes):
    busy = ServerBusy("Cannot 'x' instance while it is in task_state image_snapshot")
    world.simulated.faults.refuse(busy, Where(calls=("stop", "reboot")), seconds=4)
    watch(world, server.short_id, action)
    rings(world)
    assert (asked, happened(world)) == ([], [])
    world.pass_time(30, step=1)
    assert (asked, status(world, server)) == ([call], becomes)
    assert happened(world) == [f"Successfully executed action {action}"]


def test_a_server_that_is_rebooted_just_now_needs_no_second_reboot(world, server, asked):
    watch(world, server.short_id, REBOOT)
    world.simulated.cloud.compute.reboot(SCOPE, server.id)
    comes_to(world, AlarmState.ALARM)
    world.pass_time(30, step=0.25)
    assert (asked, happened(world)) == (["reboot", "reboot"], [f"Successfully executed action {REBOOT}"])


def test_one_server_alone_can_be_acted_on(world, server):
    with pytest.raises(AlarmRefused) as found:
        watch(world, server.short_id, STOP, dimension="AutoScalingGroupName")
    assert found.value.flaw is AlarmFlaw.NO_SERVER


class Died(BaseException):
    """The engine's process ends here."""


def once(world, moment, name, work):
    """Have something happen at the first such call."""
    done = []

    def note(when, call):
        if when is moment and call.name == name and not done:
            done.append(call)
            work()

    world.simulated.faults.hooks.append(note)


def die():
    raise Died


@pytest.mark.parametrize("action", [REBOOT, RECOVER])
def test_a_reboot_whose_outcome_nobody_knows_is_not_asked_for_again(world, server, asked, action):
    watch(world, server.short_id, action)
    once(world, Moment.AFTER, "reboot", die)
    with pytest.raises(Died):
        rings(world)
    world.pass_time(300, step=5)
    assert asked == ["reboot"]
    assert happened(world) == [f"Failed to execute action {action}: its outcome is unknown"]


def test_a_stop_that_an_engine_died_over_is_asked_for_again(world, server, asked):
    watch(world, server.short_id, STOP)
    once(world, Moment.BEFORE, "stop", die)
    with pytest.raises(Died):
        rings(world)
    world.pass_time(300, step=5)
    assert (asked, status(world, server)) == (["stop", "stop"], ServerStatus.STOPPED)
    assert happened(world) == [f"Successfully executed action {STOP}"]


def test_a_state_that_begins_while_a_server_is_acted_on_acts_too(world, server, asked):
    watched = watched_of(server.short_id)
    wanted = WantedAlarm("a", watched, alarm_actions=(REBOOT,), ok_actions=(STOP,))
    world.backend.alarms.put(SCOPE, wanted, describe)
    once(world, Moment.BEFORE, "reboot", lambda: comes_to(world, AlarmState.OK))
    rings(world)
    world.pass_time(60, step=5)
    assert asked == ["reboot", "stop"]
    assert sorted(happened(world)) == [f"Successfully executed action {action}" for action in (REBOOT, STOP)]


@pytest.fixture
def other(world, server):
    """A server of the same project."""
    spec = ServerSpec(image=world.image(), instance_type="t3.micro")
    (made,) = world.backend.servers.run(SCOPE, Order(spec))
    world.pass_time(5, step=1)
    return world.backend.servers.get(SCOPE, made.id)


def test_a_server_that_is_watched_from_now_on_has_not_breached(world, server, other, asked):
    watch(world, server.short_id, TERMINATE)
    comes_to(world, AlarmState.ALARM)
    watch(world, other.short_id, TERMINATE)
    world.pass_time(90, step=5)
    assert (asked, status(world, server), status(world, other)) == ([], ServerStatus.ACTIVE, ServerStatus.ACTIVE)
    assert happened(world) == [f"Failed to execute action {TERMINATE}: the alarm changed before it was done"]


@pytest.mark.parametrize("actions", [(), (REBOOT,)])
def test_an_action_is_for_states_that_begin_after_it_was_asked_for(world, server, asked, actions):
    watch(world, server.short_id, STOP)
    comes_to(world, AlarmState.ALARM)
    watch(world, server.short_id, *actions)
    world.pass_time(90, step=5)
    assert (asked, status(world, server)) == ([], ServerStatus.ACTIVE)


def test_an_alarm_that_is_disabled_meanwhile_does_nothing(world, server, asked):
    watch(world, server.short_id, TERMINATE)
    comes_to(world, AlarmState.ALARM)
    world.backend.alarms.enable(SCOPE, ["a"], enabled=False, describe=describe)
    world.pass_time(90, step=5)
    assert (asked, status(world, server)) == ([], ServerStatus.ACTIVE)


@pytest.mark.parametrize("name", ["list", "stop"])
def test_it_is_done_when_the_cloud_is_back(world, server, name):
    watch(world, server.short_id, STOP)
    world.simulated.faults.unavailable(Where(calls=(name,)), times=None, seconds=60)
    rings(world)
    world.pass_time(40, step=2)
    assert (status(world, server), happened(world)) == (ServerStatus.ACTIVE, [])
    world.pass_time(60, step=2)
    assert (status(world, server), happened(world)) == (ServerStatus.STOPPED, [f"Successfully executed action {STOP}"])
    assert alarm(world).acts is None


def test_a_cloud_that_stays_away_is_given_up(world, server, asked):
    watch(world, server.short_id, STOP)
    world.simulated.faults.unavailable(Where(calls=("stop",)), times=None, seconds=3600)
    rings(world)
    world.pass_time(400, step=5)
    assert happened(world) == [f"Failed to execute action {STOP}: CloudUnavailable"]
    assert len(asked) < 80
    assert alarm(world).acts is None


@pytest.mark.parametrize("by_hand", [False, True])
def test_nothing_is_done_to_a_server_any_more_when_the_state_has_ended(world, server, by_hand):
    watch(world, server.short_id, TERMINATE)
    world.simulated.faults.unavailable(Where(calls=("list", "delete")), times=None, seconds=180)
    rings(world)
    if by_hand:
        comes_to(world, AlarmState.OK)
    else:
        world.backend.metrics.put(
            SCOPE, [Datum(watched_of(server.short_id).stat.metric, world.clock.now(), 1, 0.5, 0.5, 0.5)]
        )
    world.pass_time(250, step=5)
    assert (alarm(world).state, status(world, server)) == (AlarmState.OK, ServerStatus.ACTIVE)
    assert happened(world) == [f"Failed to execute action {TERMINATE}: the alarm changed before it was done"]


@pytest.mark.parametrize(("action", "becomes"), [(STOP, ServerStatus.STOPPED), (TERMINATE, None)])
def test_what_was_done_without_an_answer_is_told_as_done(world, server, action, becomes):
    watch(world, server.short_id, action)
    world.simulated.faults.lose_answer(Where(calls=("stop", "delete")))
    rings(world)
    world.pass_time(60, step=2)
    assert (status(world, server), happened(world)) == (becomes, [f"Successfully executed action {action}"])


def test_a_reboot_without_an_answer_is_asked_for_once(world, server, asked):
    watch(world, server.short_id, REBOOT)
    world.simulated.faults.lose_answer(Where(calls=("reboot",)))
    rings(world)
    world.pass_time(60, step=2)
    assert (asked, happened(world)) == (["reboot"], [f"Failed to execute action {REBOOT}: OutcomeUnknown"])


def test_an_operators_brake_holds_it_back_while_the_state_lasts(world, server, other, asked):
    for name, each in (("a", server), ("b", other)):
        watch(world, each.short_id, TERMINATE, name=name)
    brakes.put(world.store, Brake(SCOPE.project_id, SCOPE.region, world.clock.now(), "anna", "a fire"))
    rings(world, "a")
    rings(world, "b")
    world.pass_time(600, step=10)
    comes_to(world, AlarmState.OK, "b")
    world.pass_time(10, step=1)
    assert (asked, happened(world)) == ([], [])
    brakes.lift(world.store, SCOPE.project_id, SCOPE.region)
    world.pass_time(10, step=1)
    assert (asked, status(world, server), status(world, other)) == (["delete"], None, ServerStatus.ACTIVE)
    assert happened(world, "b") == [f"Failed to execute action {TERMINATE}: the alarm changed before it was done"]


def test_policies_are_asked_with_each_evaluation_while_a_server_is_waited_for(world, server):
    group = world.make(desired=1, maximum=9)
    steps = (Step(0.0, None, 1),)
    wanted = WantedPolicy("out", PolicyKind.STEP, adjustment=Adjustment.CHANGE, steps=steps, warmup_seconds=0)
    policy = world.backend.scaling_policies.put(SCOPE, "web", wanted, Said(action_of, describe))
    watch(world, server.short_id, STOP, action_of(policy))
    world.simulated.faults.unavailable(Where(calls=("stop",)), times=None, seconds=150)
    desired = []
    for _ in range(4):
        datum = Datum(watched_of(server.short_id).stat.metric, world.clock.now(), 1, 5.0, 5.0, 5.0)
        world.backend.metrics.put(SCOPE, [datum])
        world.pass_time(60, step=2)
        desired.append(world.cluster(group).spec.desired)
    assert desired == [1, 2, 3, 4]
    assert alarm(world).acts is None
    assert happened(world).count(f"Successfully executed action {STOP}") == 1


def test_what_is_written_down_twice_is_asked_for_all_the_same(world, server):
    """A store that does not tell whether it wrote has it written once more."""
    watch(world, server.short_id, REBOOT)
    comes_to(world, AlarmState.ALARM)
    ids = [alarm(world).id]
    now = world.clock.now()
    claim = Claimer("me", timedelta(seconds=60))
    (lease,) = alarms.ROUNDS.claim(world.store, claim, now, Room(5, []))
    context = world.engine._context
    for _ in range(2):
        begun = world.store.transact(partial(alarm_servers._asked, context, lease, ids))
        assert [(each.act, each.again) for each in begun] == [(ServerAct.REBOOT, False)]
    for _ in range(2):
        done = [alarm_servers._Done()]
        world.store.transact(partial(alarm_servers._keep, context, lease, begun, done))
    assert happened(world) == [f"Successfully executed action {REBOOT}"]


def _brake(world):
    brakes.put(world.store, Brake("", "", world.clock.now(), "root@ops", ""))


@pytest.mark.parametrize(("action", "call"), [(STOP, "stop"), (TERMINATE, "delete"), (REBOOT, "reboot")])
def test_under_a_brake_it_waits_and_is_done_once_when_that_is_off(world, server, asked, action, call):
    watch(world, server.short_id, action)
    _brake(world)
    rings(world)
    world.pass_time(130, step=5)
    assert (asked, happened(world)) == ([], [])
    assert brakes.lift(world.store, "", "")
    world.pass_time(2, step=1)
    assert (asked, happened(world)) == ([call], [f"Successfully executed action {action}"])
    world.pass_time(130, step=5)
    assert asked == [call]


def test_under_another_projects_brake_it_does_not_wait(world, server, asked):
    watch(world, server.short_id, TERMINATE)
    brakes.put(world.store, Brake(OTHER.project_id, "", world.clock.now(), "root@ops", ""))
    rings(world)
    assert asked == ["delete"]


def _turns_to_ok(world, server):
    world.backend.alarms.set_state(SCOPE, "a", AlarmState.OK, "by hand")


def _does_nothing_any_more(world, server):
    world.backend.alarms.enable(SCOPE, ["a"], enabled=False, describe=describe)


def _watches_another(world, server):
    spec = ServerSpec(image=world.image(), instance_type="t3.micro")
    (other,) = world.backend.servers.run(SCOPE, Order(spec))
    watch(world, other.short_id, TERMINATE)


@pytest.mark.parametrize("change", [_turns_to_ok, _does_nothing_any_more, _watches_another])
def test_what_waited_for_a_brake_is_not_done_where_it_is_not_meant_any_more(world, server, asked, change):
    watch(world, server.short_id, TERMINATE)
    _brake(world)
    rings(world)
    change(world, server)
    world.pass_time(70, step=5)
    assert brakes.lift(world.store, "", "")
    world.pass_time(70, step=5)
    assert asked == []


def _measured(world, server, value, minutes):
    metric = Metric("AWS/EC2", "CPUUtilization", (("InstanceId", f"i-{server.short_id}"),))
    for _ in range(minutes):
        datum = measured(metric, world.clock.now(), [value])
        world.store.transact(partial(metrics.add, scope=SCOPE, data=[datum], now=world.clock.now()))
        world.pass_time(60, step=5)


def test_an_alarm_whose_action_waits_is_judged_and_what_it_was_to_do_is_void_when_it_is_well_again(
    world, server, asked
):
    watch(world, server.short_id, TERMINATE)
    _brake(world)
    _measured(world, server, 99.0, 3)
    assert _state(world) is AlarmState.ALARM
    _measured(world, server, 0.0, 3)
    assert _state(world) is AlarmState.OK
    assert brakes.lift(world.store, "", "")
    world.pass_time(70, step=5)
    assert asked == []


def test_the_policies_of_an_alarm_are_asked_while_what_it_does_to_its_server_waits(world, server, asked):
    group = world.make(desired=1, maximum=2, cooldown_seconds=0)
    world.pass_time(5, step=1)
    wanted = WantedPolicy("out", PolicyKind.SIMPLE, Adjustment.CHANGE, 1, cooldown_seconds=0)
    policy = world.backend.scaling_policies.put(SCOPE, "web", wanted, Said(lambda made: made.id, describe))
    grows = f"arn:aws:autoscaling:us-east-1:1:scalingPolicy:{policy.id}:autoScalingGroupName/web:policyName/out"
    watch(world, server.short_id, TERMINATE, grows)
    _brake(world)
    _measured(world, server, 99.0, 4)
    assert world.cluster(group).spec.desired == 2
    assert happened(world) == [f"Successfully executed action {grows}"]
    assert brakes.lift(world.store, "", "")
    _measured(world, server, 99.0, 1)
    assert asked.count("delete") == 1
    assert happened(world).count(f"Successfully executed action {TERMINATE}") == 1


def _state(world):
    (found,) = world.backend.alarms.page(SCOPE, AlarmQuery(["a"]), 5).items
    return found.state
