"""What alarms do to servers: once when a state begins, to the server that they watch and to nobody else's."""

from functools import partial

import pytest

from backend.domain.alarms import (
    AlarmFlaw,
    AlarmRefused,
    AlarmState,
    Comparison,
    HistoryKind,
    Missing,
    ServerAct,
    WantedAlarm,
    Watched,
    server_act_of,
)
from backend.domain.brakes import Brake
from backend.domain.metric_queries import MetricStat
from backend.domain.metrics import Metric, measured
from backend.domain.node import ServerStatus
from backend.domain.profile import ServerSpec
from backend.domain.scaling import Adjustment, PolicyKind, WantedPolicy
from backend.domain.scope import Scope
from backend.drivers.simulated.faults import Moment
from backend.services.alarms import AlarmQuery, HistoryQuery
from backend.services.scaling_policies import Said
from backend.services.servers import Order
from backend.store import brakes, metrics
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


def watch(world, server, *actions, scope=SCOPE, name="a", dimension="InstanceId"):
    metric = Metric("AWS/EC2", "CPUUtilization", ((dimension, f"i-{server}"),))
    watched = Watched(Comparison.ABOVE, 1.0, 1, missing=Missing.IGNORE, stat=MetricStat(metric, 60, "Average"))
    world.backend.alarms.put(scope, WantedAlarm(name, watched, alarm_actions=actions), describe)


def rings(world, name="a", scope=SCOPE):
    world.backend.alarms.set_state(scope, name, AlarmState.ALARM, "by hand")
    world.pass_time(4, step=1)


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


def test_one_server_alone_can_be_acted_on(world, server):
    with pytest.raises(AlarmRefused) as found:
        watch(world, server.short_id, STOP, dimension="AutoScalingGroupName")
    assert found.value.flaw is AlarmFlaw.NO_SERVER


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
