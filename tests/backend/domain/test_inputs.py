"""What targets get of an event. Source of the cases: conformance/recorded, events/*input* and stackd.events.input_paths."""

from __future__ import annotations

import pytest

from backend.domain import inputs
from backend.domain.steps import Steps, TooManySteps

EVENT = {
    "version": "0",
    "id": "e",
    "detail-type": "t",
    "source": "s",
    "account": "1",
    "time": "2026-01-02T03:04:05Z",
    "region": "r",
    "resources": [],
    "detail": {
        "payload": {"acc_id": "0a", "sf_id": "baz"},
        "single": ["HIGH"],
        "multi": ["ACTIVE", "INACTIVE"],
        "valid": True,
        "array": [{"name": "first"}, {"name": "second"}],
        "hyphen-key": "dash",
        "slash/key": "slash",
        "quote": 'a"b',
    },
}
PATHS = {
    "userId": "$.detail.payload.acc_id",
    "payload": "$.detail.payload",
    "single": "$.detail.single",
    "multi": "$.detail.multi",
    "valid": "$.detail.valid",
    "quote": "$.detail.quote",
    "none": "$.detail.none",
}


def _filled(template):
    return inputs.filled(template, inputs.variables(EVENT, PATHS, ("arn", "rule"), "now"))


@pytest.mark.parametrize(
    ("template", "body"),
    [
        ('"<multi> multiple list items"', '"[ACTIVE,INACTIVE] multiple list items"'),
        ('"<single> single"', '"[HIGH] single"'),
        ('"Command is <valid>!"', '"Command is true!"'),
        ('"Payload of <payload> and <userId>"', '"Payload of {acc_id:0a,sf_id:baz} and 0a"'),
        ('{"id" : "<userId>"}', '{"id" : "0a"}'),
        ('{"id" : <userId>}', '{"id" : "0a"}'),
        ('{"bod": [<userId>, "hardcoded"]}', '{"bod": ["0a", "hardcoded"]}'),
        ('{"bod": <payload>}', '{"bod": {"acc_id":"0a","sf_id":"baz"}}'),
        ('{"none": <none>}', '{"none": ""}'),
        ('{"quote": "<quote>"}', '{"quote": "a\\"b"}'),
        ('{"a": "\\"<userId>"}', '{"a": "\\"0a"}'),
        ("{<aws.events.rule-name>, <aws.events.event.ingestion-time>}", '{"rule", "now"}'),
    ],
)
def test_templates(template, body):
    assert _filled(template) == body


def test_the_event_itself_without_and_with_its_detail():
    told = inputs.variables(EVENT, {}, ("arn", "rule"), "now")
    assert told["aws.events.event.json"] == EVENT
    assert "detail" not in told["aws.events.event"]
    assert told["aws.events.event"]["detailType"] == "t"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$", EVENT),
        ("", {}),
        ("$.detail.array[*].name", ["first", "second"]),
        ("$.detail.array[1].name", "second"),
        ("$.detail.array[7]", None),
        ("$.detail.hyphen-key", "dash"),
        ("$.detail.slash/key", "slash"),
        ("$.detail.none.more", None),
    ],
)
def test_paths(path, value):
    assert inputs.is_path(path)
    assert inputs.at_path(EVENT, path) == value


@pytest.mark.parametrize(
    "path",
    [
        "$.detail.object.*",
        "$['detail']['text']",
        '$["detail"]["text"]',
        "$.detail['dot.key']",
        "$.detail.array[-1]",
        "$.detail.array[0:2]",
        "detail.text",
    ],
)
def test_what_is_no_path(path):
    assert not inputs.is_path(path)


def test_what_is_filled_has_an_end():
    with pytest.raises(inputs.InputTooLong):
        inputs.filled("<a>" * 300, {"a": "x" * 1000})
    assert len(inputs.filled("<a>" * 200, {"a": "x" * 1000})) == 200_400


def test_paths_take_a_step_for_each_value_on_their_way():
    event = {"a": [{"b": 1}] * 10_000}
    with pytest.raises(TooManySteps):
        inputs.variables(event, {"x": "$.a[*].b"}, ("arn", "rule"), "now", Steps(20_000))
    with pytest.raises(TooManySteps):
        inputs.filled("x" * 1000, {}, Steps(100))
