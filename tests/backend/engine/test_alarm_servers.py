"""What alarms do to servers: once when a state begins, to the server that they watch and to nobody else's."""

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
from backend.domain.metric_queries import MetricStat
from backend.domain.metrics import Metric
from backend.domain.node import ServerStatus
from backend.domain.profile import ServerSpec
from backend.domain.scope import Scope
from backend.drivers.simulated.faults import Moment
from backend.services.alarms import HistoryQuery
from backend.services.servers import Order
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
