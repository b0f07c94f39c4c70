"""What the event bus tells of alarms, from what a service wrote to what a rule's target hears."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from backend.domain.messages import EVERYWHERE
from backend.services.events import RuleRequest
from backend.store import outbox
from backend.store.outbox_tables import messages
from backend.store.outlets import Outlets
from tests.factories import OTHER, SCOPE, World
from tests.translators.cloudwatch.test_alarms import BASE
from translators.events.bodies import Bodies

ACCOUNT = "123456789012"
PLACES = Bodies(
    region_of=lambda region: region,
    account_of=lambda _: ACCOUNT,
    zone_ids=lambda _, names: dict.fromkeys(names, "use1-az1"),
    entry_of=lambda _: None,
)


@pytest.fixture
def world():
    world = World()
    world.backend.events.put(SCOPE, RuleRequest("r", '{"source":["aws.cloudwatch"]}'))
    yield world
    world.close()


def ask(world, operation, **params):
    """Each a second after the one before, for what is told at one time has no order."""
    world.clock.move(1)
    return world.call(operation, service="cloudwatch", **params)


def told(world):
    """The events that wait to be told, oldest first."""
    with world.store.read() as conn:
        rows = conn.execute(select(messages.c.stream_id).where(messages.c.target == EVERYWHERE)).scalars()
        found = [
            each.message for key in dict.fromkeys(rows) for each in outbox.waiting(conn, key, world.clock.now(), 50)
        ]
    return [PLACES(message).event for message in found]


def test_the_life_of_an_alarm(world):
    """Source: conformance/recorded alarm_delivery.events_*; CloudWatch User Guide, "Alarm events and EventBridge"."""
    given = {**BASE, "AlarmName": "a", "Dimensions": [{"Name": "Probe", "Value": "p"}], "TreatMissingData": "ignore"}
    ask(world, "PutMetricAlarm", **given, AlarmDescription="first")
    ask(world, "PutMetricAlarm", **given, AlarmDescription="second")
    ask(world, "PutMetricAlarm", **given, AlarmDescription="second")
    ask(world, "DisableAlarmActions", AlarmNames=["a"])
    ask(world, "SetAlarmState", AlarmName="a", StateValue="ALARM", StateReason="r", StateReasonData='{"x":1}')
    ask(world, "DeleteAlarms", AlarmNames=["a"])
    made, changed, disabled, rang, gone = told(world)
    assert {each["source"] for each in (made, changed, disabled, rang, gone)} == {"aws.cloudwatch"}
    assert {each["resources"][0].rpartition(":")[2] for each in (made, changed, rang, gone)} == {"a"}
    assert [each["detail"].get("operation") for each in (made, changed, disabled, rang, gone)] == [
        *("create", "update", "update", None, "delete")
    ]
    assert made["detail-type"] == gone["detail-type"] == "CloudWatch Alarm Configuration Change"
    assert rang["detail-type"] == "CloudWatch Alarm State Change"
    (metric,) = made["detail"]["configuration"].pop("metrics")
    assert metric["metricStat"] == {
        "metric": {"namespace": "N", "name": "u", "dimensions": {"Probe": "p"}},
        "period": 60,
        "stat": "Average",
    }
    assert set(made["detail"]["configuration"]) == {
        *("evaluationPeriods", "threshold", "comparisonOperator", "treatMissingData", "alarmName", "description"),
        *("actionsEnabled", "timestamp", "okActions", "alarmActions", "insufficientDataActions"),
    }
    assert "previousConfiguration" not in made["detail"]
    assert changed["detail"]["previousConfiguration"]["description"] == "first"
    assert set(changed["detail"]["state"]) == {"value", "timestamp"}
    assert disabled["detail"]["configuration"]["actionsEnabled"] is False
    assert disabled["detail"]["previousConfiguration"]["actionsEnabled"] is True
    state = rang["detail"]["state"]
    assert (state["value"], state["reason"], state["reasonData"]) == ("ALARM", "r", '{"x":1}')
    assert rang["detail"]["previousState"]["reason"] == "Unchecked: Initial alarm creation"
    assert set(rang["detail"]["configuration"]) == {"description", "metrics"}
    assert gone["detail"]["state"]["reason"] == "r"
    assert "previousConfiguration" not in gone["detail"]


def test_a_composite_alarm_tells_what_holds_it(world):
    ask(world, "PutMetricAlarm", **BASE, AlarmName="s")
    ask(
        world,
        "PutCompositeAlarm",
        AlarmName="c",
        AlarmRule="FALSE",
        ActionsSuppressor="s",
        ActionsSuppressorWaitPeriod=120,
        ActionsSuppressorExtensionPeriod=180,
    )
    ask(world, "SetAlarmState", AlarmName="c", StateValue="ALARM", StateReason="r")
    rang = told(world)[-1]["detail"]
    assert rang["configuration"] == {
        "alarmRule": "FALSE",
        "actionsSuppressor": "s",
        "actionsSuppressorWaitPeriod": 120,
        "actionsSuppressorExtensionPeriod": 180,
    }
    assert rang["state"]["actionsSuppressedBy"] == "WaitPeriod"
    assert rang["state"]["actionsSuppressedReason"] == "Actions suppressed by WaitPeriod"
    assert rang["previousState"]["reason"].endswith("was created and its alarm rule evaluates to OK")
    assert json.loads(rang["previousState"]["reasonData"]) == {"triggeringAlarms": []}


def test_nobody_is_told_where_nobody_has_a_rule(world):
    world.backend.events.enable(SCOPE, "r", enabled=False)
    world.backend.events.put(OTHER, RuleRequest("r", '{"source":["aws.cloudwatch"]}'))
    ask(world, "PutMetricAlarm", **BASE, AlarmName="a")
    assert told(world) == []


def test_events_have_no_more_room_than_other_messages(world):
    world.backend.alarms._outlets = Outlets(most_waiting=1)
    ask(world, "PutMetricAlarm", **BASE, AlarmName="a")
    ask(world, "PutMetricAlarm", **BASE, AlarmName="b")
    assert [each["detail"]["alarmName"] for each in told(world)] == ["a"]
