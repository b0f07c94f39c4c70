"""The event bus through its operations: what is put, told, matched and sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from random import Random

import pytest

from backend.domain.ids import account_id
from backend.domain.messages import EVERYWHERE, Message, MessageKind
from backend.domain.rules import Rule
from backend.drivers.catalog import Catalog
from backend.engine.kinds import messages
from backend.engine.lanes import InlineCalls
from backend.engine.loop import Engine
from backend.engine.settings import EngineSettings
from backend.errors import Finding
from backend.store import outbox, rows
from backend.store.outlets import Outlets
from backend.store.rules import Bus
from tests.factories import OTHER, SCOPE, World, uuid_of
from translators.errors import AWSError, translate
from translators.events.bodies import Bodies

ACCOUNT = account_id(SCOPE.project_id)
QUEUE = "arn:aws:sqs:us-east-1:{}:q"
ALL = '{"source":[{"exists":true}]}'


class _World(World):
    def ask(self, operation, **params):
        return self.call(operation, service="events", **params)

    def tell(self):
        """Let the engine deliver what waits."""
        catalog = Catalog(self.simulated.cloud, self.clock)
        engine = Engine(
            store=self.store,
            cloud=self.simulated.cloud,
            catalog=catalog,
            clock=self.clock,
            settings=EngineSettings(),
            rng=Random(1),
            name="one",
            calls=InlineCalls(),
            kinds=(messages.KIND,),
            rounds=(),
            outlets=self.outlets,
        )
        for _ in range(3):
            engine.tick(self.clock.now())
            self.clock.move(1)


@pytest.fixture
def heard():
    """(target, body) of what was delivered."""
    return []


@pytest.fixture
def wholes():
    """(target, event) of what was delivered as an event, and not as a text alone."""
    return []


@pytest.fixture
def world(heard, wholes):
    def shelf(_conn, _scope, target, telling, _now):
        heard.append((target, telling.body))
        if telling.event is not None:
            wholes.append((target, telling.event))

    words = Bodies(lambda region: region, lambda _: "123456789012", lambda *_: {}, rows.entry_told)
    outlets = Outlets(
        words=words,
        shelves={"sqs": shelf, "log": shelf, EVERYWHERE: Bus(["log:"], 5)},
        sinks={"https": lambda scope, target, telling: shelf(None, scope, target, telling, None)},
        most_waiting=5,
        reserved={"log", EVERYWHERE},
    )
    made = _World(outlets=outlets)
    yield made
    made.close()


@pytest.fixture
def queue(world):
    return QUEUE.format(ACCOUNT)


def _refused(world, operation, **params):
    with pytest.raises((AWSError, Finding)) as found:
        world.ask(operation, **params)
    told = translate(found.value, "events")
    assert told is not None, found.value
    return told.code, told.message


def _put(world, name="r", pattern=ALL, **more):
    return world.ask("PutRule", Name=name, EventPattern=pattern, **more)["RuleArn"]


def _target(world, arn, rule="r", name="t", **more):
    return world.ask("PutTargets", Rule=rule, Targets=[{"Id": name, "Arn": arn, **more}])


def _event(world, **more):
    entry = {"Source": "s", "DetailType": "probe", "Detail": '{"text":"hello","n":[1,2]}', **more}
    return world.ask("PutEvents", Entries=[entry])


def test_a_rule_is_told_as_it_was_put_and_a_second_put_replaces_all_but_its_tags(world):
    arn = _put(world, pattern='{"source":["x"]}', State="DISABLED", Description="d", Tags=[{"Key": "k", "Value": "v"}])
    assert arn.endswith(":rule/r")
    told = world.ask("DescribeRule", Name="r")
    assert (told["State"], told["Description"], told["EventBusName"]) == ("DISABLED", "d", "default")
    assert told["CreatedBy"] == ACCOUNT
    _put(world, pattern='{"source":["y"]}', Tags=[{"Key": "k", "Value": "other"}])
    told = world.ask("DescribeRule", Name="r")
    assert (told["State"], told["EventPattern"], "Description" in told) == ("ENABLED", '{"source":["y"]}', False)
    assert world.ask("ListTagsForResource", ResourceARN=arn) == {"Tags": [{"Key": "k", "Value": "v"}]}


def test_tags_are_put_and_taken(world):
    arn = _put(world)
    world.ask("TagResource", ResourceARN=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    world.ask("UntagResource", ResourceARN=arn, TagKeys=["a", "x"])
    assert world.ask("ListTagsForResource", ResourceARN=arn) == {"Tags": [{"Key": "b", "Value": "2"}]}


def test_rules_come_in_pages_by_name(world):
    for name in ("b", "a", "c", "x1"):
        _put(world, name)
    first = world.ask("ListRules", Limit=2)
    assert [rule["Name"] for rule in first["Rules"]] == ["a", "b"]
    rest = world.ask("ListRules", Limit=2, NextToken=first["NextToken"])
    assert ([rule["Name"] for rule in rest["Rules"]], "NextToken" in rest) == (["c", "x1"], False)
    assert [rule["Name"] for rule in world.ask("ListRules", NamePrefix="x")["Rules"]] == ["x1"]
    assert _refused(world, "ListRules", NextToken="x")[0] == "ValidationException"


def test_targets_are_told_as_they_were_put(world, queue):
    _put(world)
    transformer = {"InputPathsMap": {"a": "$.detail"}, "InputTemplate": '{"a":<a>}'}
    assert _target(world, queue, InputTransformer=transformer) == {"FailedEntryCount": 0, "FailedEntries": []}
    _target(world, queue, name="u", Input="{}")
    assert world.ask("ListTargetsByRule", Rule="r")["Targets"] == [
        {"Id": "t", "Arn": queue, "InputTransformer": transformer},
        {"Id": "u", "Arn": queue, "Input": "{}"},
    ]
    assert world.ask("ListRuleNamesByTarget", TargetArn=queue) == {"RuleNames": ["r"]}
    _target(world, queue, InputPath="$.detail")
    assert world.ask("ListTargetsByRule", Rule="r")["Targets"][0] == {"Id": "t", "Arn": queue, "InputPath": "$.detail"}
    assert world.ask("RemoveTargets", Rule="r", Ids=["t", "absent"])["FailedEntryCount"] == 0
    assert len(world.ask("ListTargetsByRule", Rule="r")["Targets"]) == 1


def test_a_rule_with_targets_is_not_deleted_and_a_missing_one_is_no_error(world, queue):
    _put(world)
    _target(world, queue)
    words = "Rule can't be deleted since it has targets."
    assert _refused(world, "DeleteRule", Name="r") == ("ValidationException", words)
    world.ask("RemoveTargets", Rule="r", Ids=["t"])
    for _ in range(2):
        world.ask("DeleteRule", Name="r")
    assert world.ask("ListRules")["Rules"] == []


@pytest.mark.parametrize(
    ("more", "body"),
    [
        ({"Input": '{ "fixed": true }'}, '{ "fixed": true }'),
        ({"Input": "null"}, "null"),
        ({"InputPath": "$.detail.text"}, '"hello"'),
        ({"InputPath": ""}, "{}"),
        ({"InputTransformer": {"InputPathsMap": {"t": "$.detail.text"}, "InputTemplate": '"<t>!"'}}, '"hello!"'),
        (
            {"InputTransformer": {"InputTemplate": "[<aws.events.rule-arn>]"}},
            '["arn:aws:events:us-east-1:ACCOUNT:rule/r"]',
        ),
    ],
)
def test_what_a_target_gets(world, queue, heard, more, body):
    _put(world, pattern='{"detail":{"n":[2]}}')
    _target(world, queue, **more)
    assert _event(world)["FailedEntryCount"] == 0
    world.tell()
    assert heard == [(queue, body.replace("ACCOUNT", ACCOUNT))]


def test_the_whole_event_with_the_id_that_was_answered(world, queue, heard):
    _put(world)
    _target(world, queue)
    answer = _event(world, Time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), Resources=["x"])
    world.tell()
    assert json.loads(heard[0][1]) == {
        "version": "0",
        "id": answer["Entries"][0]["EventId"],
        "detail-type": "probe",
        "source": "s",
        "account": ACCOUNT,
        "time": "2026-01-02T03:04:05Z",
        "region": "us-east-1",
        "resources": ["x"],
        "detail": {"text": "hello", "n": [1, 2]},
    }


def test_who_is_disabled_or_means_others_or_belongs_to_others_hears_nothing(world, queue, heard):
    _put(world)
    _target(world, queue)
    world.ask("DisableRule", Name="r")
    _put(world, "other", '{"source":["other"]}')
    _target(world, queue, "other")
    _event(world)
    world.tell()
    assert heard == []
    world.ask("EnableRule", Name="r")
    world.call("PutEvents", service="events", scope=OTHER, Entries=[{"Source": "s", "DetailType": "t", "Detail": "{}"}])
    world.tell()
    assert heard == []
    _event(world)
    world.tell()
    assert [target for target, _ in heard] == [queue]


def test_what_the_engine_tells_everywhere_reaches_rules_and_the_operator(world, queue, heard, wholes):
    _put(world, pattern='{"source":["aws.autoscaling"],"detail-type":["EC2 Instance-launch Lifecycle Action"]}')
    _target(world, queue)
    data = {
        "hook": "h",
        "transition": "launching",
        "token": "t",
        "server_id": uuid_of("s"),
        "origin": "EC2",
        "destination": "AutoScalingGroup",
        "request_id": "r",
    }
    message = Message(
        uuid_of("m"), SCOPE.project_id, SCOPE.region, uuid_of("web"), "web", MessageKind.ACTION, EVERYWHERE, data,
        world.clock.now(),
    )  # fmt: skip
    world.store.transact(lambda conn: outbox.add(conn, [message]))
    world.tell()
    assert sorted(target for target, _ in heard) == sorted([queue, "log:"])
    assert {json.loads(body)["detail"]["LifecycleHookName"] for _, body in heard} == {"h"}
    # The operator's targets may tell what kind of event it is (notifications of oslo.messaging do).
    ((target, event),) = wholes
    assert (target, event["detail-type"]) == ("log:", "EC2 Instance-launch Lifecycle Action")
    assert event == json.loads(dict(heard)["log:"])


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"Detail": "[]"}, "MalformedDetail"),
        ({"Detail": "{{}"}, "MalformedDetail"),
        ({"Detail": '"NotJSON"'}, "MalformedDetail"),
        ({"Detail": '{"a": NaN}'}, "MalformedDetail"),
        ({"Detail": '{"a": 1e999}'}, "MalformedDetail"),
        ({"Detail": '{"a": "\\ud800"}'}, "MalformedDetail"),
        ({"Detail": '{"a":' * 101 + "1" + "}" * 101}, "MalformedDetail"),
        ({"Detail": '{"a": 1e99999999999999999999}'}, "MalformedDetail"),
        ({"DetailType": ""}, "InvalidArgument"),
        ({"Source": "aws.autoscaling"}, "NotAuthorizedForSourceException"),
    ],
)
def test_entries_that_are_not_taken_are_told_in_their_place(world, more, code):
    entry = {"Source": "s", "DetailType": "t", "Detail": "{}"}
    answer = world.ask("PutEvents", Entries=[{**entry, **more}, entry])
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0]["ErrorCode"] == code
    assert "EventId" in answer["Entries"][1]


@pytest.mark.parametrize(
    ("operation", "params", "told"),
    [
        ("DescribeRule", {"Name": "x"}, ("ResourceNotFoundException", "Rule x does not exist on EventBus default.")),
        ("EnableRule", {"Name": "x"}, ("ResourceNotFoundException", "Rule x does not exist on EventBus default.")),
        (
            "DeleteRule",
            {"Name": "x", "EventBusName": "gone"},
            ("ResourceNotFoundException", "Event bus gone does not exist."),
        ),
        (
            "RemoveTargets",
            {"Rule": "x", "Ids": ["t"]},
            ("ResourceNotFoundException", "Rule x does not exist on EventBus default."),
        ),
        (
            "PutRule",
            {"Name": "x", "EventPattern": '{"source":[{"unknown":"x"}]}'},
            (
                "InvalidEventPatternException",
                "Event pattern is not valid. Reason: Unrecognized match type unknown",
            ),
        ),
    ],
)
def test_the_recorded_refusals(world, operation, params, told):
    assert _refused(world, operation, **params) == told


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"Input": "{}", "InputPath": "$"}, "Only one of Input, InputPath, or InputTransformer must be provided for target t."),
        ({"InputPath": "$.a[-1]"}, "InputPath for target t is invalid."),
        (
            {"InputTransformer": {"InputPathsMap": {}, "InputTemplate": "<notdefinedkey>"}},
            "InputTemplate for target t contains invalid placeholder notdefinedkey.",
        ),
        ({"RetryPolicy": {"MaximumRetryAttempts": 1}}, "RetryPolicy of target t is not supported by Coppice."),
        ({"Input": "{"}, "Input for target t is not a valid JSON text."),
    ],
)  # fmt: skip
def test_targets_that_are_refused(world, queue, more, words):
    _put(world)
    target = {"Id": "t", "Arn": queue, **more}
    assert _refused(world, "PutTargets", Rule="r", Targets=[target]) == ("ValidationException", words)
    assert world.ask("ListTargetsByRule", Rule="r")["Targets"] == []


@pytest.mark.parametrize(
    "arn",
    ["sqs:q", "arn:aws:https:us-east-1:{}:foo", "arn:aws:lambda:us-east-1:{}:function:f", "arn:aws:sqs:us-east-1:000000000001:q", "log:", "", "arn:aws:sqs:eu:{}:q"],
)  # fmt: skip
def test_nobody_names_what_is_not_theirs_to_send_to(world, arn):
    _put(world)
    target = {"Id": "t", "Arn": arn.format(ACCOUNT)}
    assert _refused(world, "PutTargets", Rule="r", Targets=[target])[0] == "ValidationException"


@pytest.mark.parametrize("url", ["https://u:p@h/", "https://", "http://h:0/"])
def test_a_target_may_be_a_url_that_is_one(world, url):
    _put(world)
    _target(world, "https://hooks.example/path")
    assert world.ask("ListTargetsByRule", Rule="r")["Targets"] == [{"Id": "t", "Arn": "https://hooks.example/path"}]
    code, _ = _refused(world, "PutTargets", Rule="r", Targets=[{"Id": "t", "Arn": url}])
    assert code == "ValidationException"


def test_a_sixth_target(world, queue):
    _put(world)
    targets = [{"Id": str(number), "Arn": queue} for number in range(6)]
    told = ("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
    assert _refused(world, "PutTargets", Rule="r", Targets=targets) == told


def test_the_deepest_detail_that_is_taken_is_told(world, queue, heard):
    _put(world)
    _target(world, queue, InputPath="$.source")
    assert _event(world, Detail='{"a":' * 100 + "1" + "}" * 100)["FailedEntryCount"] == 0
    world.tell()
    assert heard == [(queue, '"s"')]


_MANY = json.dumps({"detail": {"a": [{"prefix": f"{number}x"} for number in range(150)]}})
_LONG = json.dumps({"a": ["a"] * 20_000})


def test_an_event_that_takes_too_much_work_is_told_as_not_taken(world, queue, heard):
    _put(world, pattern=_MANY)
    assert _event(world, Detail=_LONG)["FailedEntryCount"] == 0  # who tells nobody is not asked
    _target(world, queue)
    answer = _event(world, Detail=_LONG)
    assert (answer["FailedEntryCount"], answer["Entries"][0]["ErrorCode"]) == (1, "ThrottlingException")
    assert _event(world, Detail='{"a":"12x"}')["FailedEntryCount"] == 0
    world.tell()
    assert len(heard) == 1
    event = {"id": "1", "source": "s", "detail-type": "t", "account": "1", "region": "r", "time": "t"}
    event["detail"] = json.loads(_LONG)
    code, words = _refused(world, "TestEventPattern", EventPattern=_MANY, Event=json.dumps(event))
    assert (code, "too complex" in words) == ("InvalidEventPatternException", True)


def test_patterns_are_tried_while_nobody_waits_to_write(world, queue, monkeypatch):
    writing, seen = [], []
    transact, means = world.store.transact, Rule.means

    def watched(work):
        writing.append(1)
        try:
            return transact(work)
        finally:
            writing.pop()

    def tried(self, *given):
        seen.append(bool(writing))
        return means(self, *given)

    _put(world)
    _target(world, queue)
    monkeypatch.setattr(type(world.store), "transact", lambda _self, work: watched(work))
    monkeypatch.setattr(Rule, "means", tried)
    _event(world)
    assert seen == [False]


def test_a_template_that_multiplies_an_event_is_not_told(world, queue, heard):
    _put(world)
    transformer = {"InputPathsMap": {"a": "$"}, "InputTemplate": "<a>" * 2700}
    _target(world, queue, InputTransformer=transformer)
    _target(world, queue, name="u", InputPath="$.source")
    assert _event(world, Detail=json.dumps({"a": "x" * 1000}))["FailedEntryCount"] == 0
    world.tell()
    assert heard == [(queue, '"s"')]


def test_a_request_causes_no_more_messages_than_there_is_room_for(world, queue, heard):
    _put(world)
    for name in "abcde":
        _target(world, queue, name=name)
    entry = {"Source": "s", "DetailType": "t", "Detail": json.dumps({"a": "x" * 200_000})}
    for name in range(20):
        _put(world, f"r{name}")
        for target in "abcde":
            _target(world, queue, f"r{name}", name=target)
    answer = world.ask("PutEvents", Entries=[entry])
    assert answer["Entries"][0]["ErrorCode"] == "ThrottlingException"
    world.tell()
    assert heard == []


def test_events_are_not_taken_while_too_much_waits(world, queue, heard):
    _put(world)
    _target(world, queue)
    _target(world, queue, name="u")
    entry = {"Source": "s", "DetailType": "t", "Detail": "{}"}
    answer = world.ask("PutEvents", Entries=[entry] * 3)
    assert [each.get("ErrorCode") for each in answer["Entries"]] == [None, None, "ThrottlingException"]
    other = world.call("PutEvents", service="events", scope=OTHER, Entries=[entry])
    assert other["FailedEntryCount"] == 0
    world.tell()
    assert len(heard) == 4
    assert _event(world)["FailedEntryCount"] == 0


def test_patterns_are_tried(world):
    event = {"id": "1", "source": "order", "detail-type": "Test", "account": "1", "region": "r", "time": "t"}
    for source, result in (("order", True), ("shipment", False)):
        pattern = json.dumps({"source": [source]})
        answer = world.ask("TestEventPattern", EventPattern=pattern, Event=json.dumps(event))
        assert answer == {"Result": result}
    for text in ('["plain string"]', '{"testEvent": "value"}', "plain string"):
        told = _refused(world, "TestEventPattern", EventPattern=ALL, Event=text)
        assert told == ("ValidationException", "Parameter Event is not valid.")
