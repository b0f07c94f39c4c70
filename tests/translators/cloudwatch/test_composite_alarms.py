"""Composite alarms as CloudWatch's clients write and read them."""

import json
from datetime import UTC, datetime

import pytest

from backend.errors import Finding
from tests.factories import World
from tests.translators.cloudwatch.test_alarms import BASE, TOPIC
from translators.cloudwatch import alarm_rules
from translators.cloudwatch.composite_words import reason
from translators.errors import AWSError, translate


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


@pytest.fixture
def ask(world):
    def call(operation, **params):
        return world.call(operation, service="cloudwatch", **params)

    call("PutMetricAlarm", AlarmName="m", **BASE)
    call("PutMetricAlarm", AlarmName="n", **BASE)
    return call


@pytest.fixture
def refused(ask):
    def words(operation, **params):
        with pytest.raises((AWSError, Finding)) as found:
            ask(operation, **params)
        told = translate(found.value, "cloudwatch")
        assert told is not None
        return told.message

    return words


def composites(ask, **params):
    return ask("DescribeAlarms", AlarmTypes=["CompositeAlarm"], **params)["CompositeAlarms"]


def arn(name):
    return f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:{name}"


ACCOUNT = "123456789012"


def parsed(rule):
    return alarm_rules.parsed(rule, lambda given: given)


@pytest.mark.parametrize(
    ("rule", "tree", "names"),
    [
        ("TRUE", True, ()),
        ("NOT NOT FALSE", False, ()),
        ("ALARM(a) OR OK(b) AND NOT ALARM(a)", ["or", ["is", "ALARM", 0], ["and", ["is", "OK", 1], ["not", ["is", "ALARM", 0]]]], ("a", "b")),
        ("(ALARM(a) OR ALARM(b)) AND TRUE", ["and", ["or", ["is", "ALARM", 0], ["is", "ALARM", 1]], True], ("a", "b")),
        ('INSUFFICIENT_DATA("a (b) \\"c\\"")', ["is", "INSUFFICIENT_DATA", 0], ('a (b) "c"',)),
        ("ALARM(OK)", ["is", "ALARM", 0], ("OK",)),
        ("AT_LEAST(2, NOT OK, (a, b, a))", ["least", 2, "OK", True, False, [0, 1, 0]], ("a", "b")),
    ],
)  # fmt: skip
def test_what_rules_mean(rule, tree, names):
    assert parsed(rule) == (tree, names)


_OPERAND = "'(', 'NOT', AT_LEAST, TRUE or FALSE, ALARM, OK, or INSUFFICIENT_DATA"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("", f"Unsupported token '<EOF>' at char 0, must be: {_OPERAND}"),
        ("TRUE AND", f"Unsupported token '<EOF>' at char 8, must be: {_OPERAND}"),
        ("()", f"Unsupported token ')' at char 1, must be: {_OPERAND}"),
        ("(TRUE", "Unsupported token '<EOF>' at char 5, must be: ')', 'AND', 'OR'"),
        ("(TRUE x)", "Unsupported token 'x' at char 6, must be: ')'"),
        ("TRUE)", "Unsupported token ')' at char 4, must be: <EOF>"),
        ("TRUE <EOF>", "Unsupported token '<EOF>' at char 5, must be: <EOF>"),
        ("TRUE <EOF> AND (", "Unsupported token '<EOF>' at char 5, must be: <EOF>, 'AND', 'OR'"),
        ("(TRUE <EOF>", "Unsupported token '<EOF>' at char 6, must be: ')', 'AND', 'OR'"),
        ("ALARM a", "Unsupported token 'a' at char 6, must be: '('"),
        ("ALARM(a b)", "Unsupported token 'b' at char 8, must be: ')'"),
        ("AT_LEAST(0%, ALARM, (a))", "AT_LEAST percentage threshold must be between 1 and 100"),
    ],
)
def test_what_is_no_rule(rule, words):
    with pytest.raises(AWSError) as found:
        parsed(rule)
    assert found.value.message == f"Error in AlarmRule [{words}]"


@pytest.mark.parametrize(
    "rule",
    [
        "(" * 101 + "TRUE" + ")" * 101,
        " OR ".join(["TRUE"] * 501),
        " OR ".join(f"OK({number})" for number in range(101)),
        "(" * 10240,
        '"' * 10239,
        'ALARM("' + "\\" * 10000,
        "NOT " * 2559 + "NOT",
    ],
)
def test_a_rule_is_bounded(rule):
    with pytest.raises(AWSError):
        parsed(rule)


def test_the_largest_rules_are_read():
    deep = "(" * 100 + "TRUE" + ")" * 100
    assert parsed(deep)[0] is True
    assert len(parsed(" OR ".join(f"OK({number})" for number in range(100)))[1]) == 100
    assert parsed("NOT " * 2000 + "TRUE")[0] is True


def test_it_is_told_as_recorded(ask):
    """Source: conformance/recorded alarm_controls.describe-composite-after-type-conflict."""
    ask("PutCompositeAlarm", AlarmName="c", AlarmRule="FALSE")
    (told,) = composites(ask)
    own = told["AlarmArn"]
    assert told["StateReason"] == f"{own} was created and its alarm rule evaluates to OK"
    assert told["StateReasonData"] == '{"triggeringAlarms":[]}'
    assert (told["ActionsEnabled"], told["AlarmActions"], told["StateValue"]) == (True, [], "OK")
    assert "ActionsSuppressor" not in told
    assert ask("DescribeAlarms")["CompositeAlarms"] == []
    both = ask("DescribeAlarms", AlarmTypes=["CompositeAlarm", "MetricAlarm"])
    assert [len(both[kind]) for kind in ("CompositeAlarms", "MetricAlarms")] == [1, 2]


def test_its_suppressor_is_told_as_given(ask, refused):
    periods = {"ActionsSuppressorWaitPeriod": 5, "ActionsSuppressorExtensionPeriod": 6}
    ask("PutCompositeAlarm", AlarmName="c", AlarmRule="ALARM(m)", ActionsSuppressor="n", **periods)
    (told,) = composites(ask)
    assert {name: told[name] for name in ("ActionsSuppressor", *periods)} == {"ActionsSuppressor": "n", **periods}
    assert refused("DeleteAlarms", AlarmNames=["n"]) == (
        "Cannot delete n as there are composite alarm(s) depending on it."
    )
    assert refused("DeleteAlarms", AlarmNames=["m", "n", "c"]) == (
        "Cannot delete m,n as there are composite alarm(s) depending on them."
    )
    asked = {"AlarmName": "c", "AlarmRule": "ALARM(m)"}
    assert "does not exist" in refused("PutCompositeAlarm", **asked, ActionsSuppressor="x", **periods)
    assert "is required" in refused("PutCompositeAlarm", **asked, ActionsSuppressor="n")
    assert "require ActionsSuppressor" in refused("PutCompositeAlarm", **asked, ActionsSuppressorWaitPeriod=1)
    assert "negative" in refused(
        "PutCompositeAlarm", **asked, ActionsSuppressor="n", **{**periods, "ActionsSuppressorWaitPeriod": -1}
    )
    assert "itself via its ActionsSuppressor" in refused(
        "PutCompositeAlarm", **asked, ActionsSuppressor="c", **periods
    )  # fmt: skip
    assert "ActionConfiguration" in refused(
        "PutCompositeAlarm", **asked, ActionConfiguration={"AlarmTagsPropagation": {"Enabled": True}}
    )


def test_other_kinds_of_alarms_have_other_names(ask, refused):
    ask("PutCompositeAlarm", AlarmName="c", AlarmRule="FALSE")
    taken = "AlarmName [{}] is already used by another alarm of a different type"
    assert refused("PutMetricAlarm", AlarmName="c", **BASE) == taken.format("c")
    assert refused("PutCompositeAlarm", AlarmName="m", AlarmRule="FALSE") == taken.format("m")


@pytest.mark.parametrize("service", ["autoscaling", "automate", "lambda"])
def test_it_acts_on_topics_alone(refused, service):
    action = f"arn:aws:{service}:us-east-1:{ACCOUNT}:ec2:stop"
    words = refused("PutCompositeAlarm", AlarmName="c", AlarmRule="TRUE", AlarmActions=[action])
    assert words.startswith(f"Actions of {service} are not supported")


def test_relatives(ask, refused):
    ask("PutCompositeAlarm", AlarmName="c", AlarmRule="ALARM(m)")
    ask("PutCompositeAlarm", AlarmName="d", AlarmRule="OK(c) OR OK(n) OR OK(m)")
    parents = ask("DescribeAlarms", ParentsOfAlarmName="m")
    assert [each["AlarmName"] for each in parents["CompositeAlarms"]] == ["c", "d"]
    assert set(parents["CompositeAlarms"][0]) == {"AlarmName", "AlarmArn"}
    first = ask("DescribeAlarms", ChildrenOfAlarmName="d", MaxRecords=2)
    rest = ask("DescribeAlarms", ChildrenOfAlarmName="d", MaxRecords=2, NextToken=first["NextToken"])
    assert [
        each["AlarmName"] for each in (*first["CompositeAlarms"], *first["MetricAlarms"], *rest["MetricAlarms"])
    ] == [*("c", "m", "n")]
    assert set(first["MetricAlarms"][0]) == {"AlarmName", "AlarmArn", "StateValue", "StateUpdatedTimestamp"}
    assert "cannot be specified with StateValue" in refused("DescribeAlarms", ParentsOfAlarmName="m", StateValue="OK")


def test_its_history_is_its_own(ask):
    """Source: conformance/recorded alarm_idempotence."""
    asked = {"AlarmName": "c", "AlarmRule": "FALSE", "AlarmDescription": "d", "ActionsEnabled": False}
    ask("PutCompositeAlarm", **asked)
    ask("PutCompositeAlarm", **asked)
    items = ask("DescribeAlarmHistory", AlarmTypes=["CompositeAlarm"])["AlarmHistoryItems"]
    assert {item["AlarmType"] for item in items} == {"CompositeAlarm"}
    by_kind = {item["HistoryItemType"]: json.loads(item["HistoryData"]) for item in items}
    assert len(items) == len(by_kind) == 2
    created = by_kind["ConfigurationUpdate"]["createdAlarm"]
    assert created["stateValue"] == "INSUFFICIENT_DATA"
    assert (created["childStates"], created["okactions"], created["alarmRule"]) == ([], [], "FALSE")
    state = by_kind["StateUpdate"]
    assert state["newState"]["stateReasonData"] == {"triggeringAlarms": []}
    assert state["newState"]["stateReason"].endswith("was created and its alarm rule evaluates to OK")
    assert state["oldState"]["stateValue"] == "INSUFFICIENT_DATA"
    of_metrics = ask("DescribeAlarmHistory")["AlarmHistoryItems"]
    assert {item["AlarmName"] for item in of_metrics} == {"m", "n"}


def test_a_rule_written_anew_tells_so(ask):
    ask("PutCompositeAlarm", AlarmName="c", AlarmRule="FALSE")
    ask("PutCompositeAlarm", AlarmName="c", AlarmRule="TRUE", AlarmActions=[TOPIC])
    (told,) = composites(ask)
    assert told["StateValue"] == "ALARM"
    assert told["StateReason"].endswith("was updated and its new alarm rule evaluates to ALARM")
    actions = ask("DescribeAlarmHistory", AlarmTypes=["CompositeAlarm"], HistoryItemType="Action")["AlarmHistoryItems"]
    assert [each["HistorySummary"] for each in actions] == [f"Successfully executed action {TOPIC}"]


def test_tags_states_and_switches(ask):
    ask("PutCompositeAlarm", AlarmName="c", AlarmRule="FALSE", Tags=[{"Key": "k", "Value": "v"}])
    (told,) = composites(ask)
    assert ask("ListTagsForResource", ResourceARN=told["AlarmArn"])["Tags"] == [{"Key": "k", "Value": "v"}]
    ask("DisableAlarmActions", AlarmNames=["c"])
    ask("SetAlarmState", AlarmName="c", StateValue="ALARM", StateReason="by hand", StateReasonData='{"a":1}')
    (told,) = composites(ask, StateValue="ALARM")
    assert (told["ActionsEnabled"], told["StateReason"], told["StateReasonData"]) == (False, "by hand", '{"a":1}')
    ask("DeleteAlarms", AlarmNames=["m", "c"])
    assert composites(ask) == []


def test_the_data_of_a_reason_have_an_end():
    """Of a hundred alarms not all have room in it. Source: the model, StateReasonData."""
    at = datetime(2022, 7, 22, 15, 57, 45, 394000, tzinfo=UTC).isoformat()
    by = [{"name": f"alarm-{number:03}", "state": "ALARM", "at": at} for number in range(100)]
    words, data = reason("c", {"state": "ALARM", "because": {"why": "changed", "by": by}}, ("us-east-1", ACCOUNT))
    assert words == f"{arn('alarm-000')} transitioned to ALARM at Friday 22 July, 2022 15:57:45 UTC"
    assert len(data) <= 4000
    first = json.loads(data)["triggeringAlarms"][0]
    assert first == {"arn": arn("alarm-000"), "state": {"value": "ALARM", "timestamp": "2022-07-22T15:57:45.394+0000"}}
