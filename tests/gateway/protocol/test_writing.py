from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import pytest

from gateway.protocol import scalars
from gateway.protocol.writing import UnknownMemberError
from gateway.services import Services
from translators.errors import AWSError

ALL = Services()


class State(StrEnum):
    IN_SERVICE = "InService"


def form(service):
    return "ec2" if service == "ec2" else "query"


def written(service, operation, result):
    return ALL.service(service).operation(operation, form(service)).answer(result, "id").body.decode()


def refused(service, error):
    return ALL.service(service).protocols[form(service)].refuse(error, "id").body.decode()


def test_empty_lists_are_written_and_absent_members_are_not():
    text = written(
        "autoscaling",
        "DescribeAutoScalingGroups",
        {"AutoScalingGroups": [{"AutoScalingGroupName": "g", "Tags": [], "Status": None}]},
    )
    assert "<member><AutoScalingGroupName>g</AutoScalingGroupName><Tags/></member>" in text
    assert "Status" not in text


def test_enums_of_ours_are_written_as_their_values():
    text = written(
        "autoscaling", "DescribeAutoScalingInstances", {"AutoScalingInstances": [{"LifecycleState": State.IN_SERVICE}]}
    )
    assert "<LifecycleState>InService</LifecycleState>" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a & b", "a &amp; b"),
        ("<x>", "&lt;x&gt;"),
        ("]]>", "]]&gt;"),
        ("\r\n\t", "&#xD;\n\t"),
        ("a\x00b\x1fc\x0bd", "a\ufffdb\ufffdc\ufffdd"),
        ("\x7f\x85", "&#x7F;&#x85;"),
        ("\ud800\ufffe\uffff", "\ufffd\ufffd\ufffd"),
        ("ü€\U0001f600", "ü€\U0001f600"),
    ],
)
def test_text(text, expected):
    assert scalars.escaped(text) == expected


def test_instants():
    moment = datetime(2020, 2, 11, 18, 34, 10, 123999, tzinfo=UTC)
    assert scalars.milliseconds_when_any(moment) == "2020-02-11T18:34:10.123Z"
    assert scalars.milliseconds_when_any(moment.replace(microsecond=999)) == "2020-02-11T18:34:10Z"
    assert scalars.milliseconds_always(moment.replace(microsecond=0)) == "2020-02-11T18:34:10.000Z"
    abroad = moment.astimezone(timezone(timedelta(hours=5)))
    assert scalars.milliseconds_when_any(abroad) == "2020-02-11T18:34:10.123Z"


def test_numbers():
    assert [scalars.written_number(value) for value in (1, 0.5, float("nan"), float("inf"), float("-inf"))] == [
        "1.0",
        "0.5",
        "NaN",
        "Infinity",
        "-Infinity",
    ]
    assert [scalars.written_integer(value) for value in (1, True, 2.0)] == ["1", "1", "2"]
    assert (scalars.written_boolean(1), scalars.written_boolean(0)) == ("true", "false")
    assert (scalars.written_blob(b"\x00"), scalars.written_blob("a")) == ("AA==", "YQ==")


def test_error_documents():
    error = AWSError("ValidationError", "a < b")
    assert refused("autoscaling", error) == (
        '<ErrorResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><Error><Type>Sender</Type>'
        "<Code>ValidationError</Code><Message>a &lt; b</Message></Error><RequestId>id</RequestId></ErrorResponse>"
    )
    assert refused("ec2", error) == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>ValidationError</Code>'
        "<Message>a &lt; b</Message></Error></Errors><RequestID>id</RequestID></Response>"
    )


def test_a_member_that_the_shape_has_not_is_a_fault_in_every_suite():
    for service, operation, answer in (
        ("autoscaling", "DescribeAutoScalingGroups", {"AutoScalingGroups": [{"Tagz": []}]}),
        ("ec2", "DescribeInstances", {"Reservationz": None}),
    ):
        with pytest.raises(UnknownMemberError, match="z"):
            written(service, operation, answer)


def test_in_production_it_is_dropped_and_told_once(caplog):
    operation = Services(strict=False).service("autoscaling").operation("DescribeAutoScalingGroups", "query")
    groups = [{"AutoScalingGroupName": name, "Tagz": []} for name in "ab"]
    text = operation.answer({"AutoScalingGroups": groups}, "id").body.decode()
    assert text.count("<member>") == 2
    assert "Tagz" not in text
    assert caplog.text.count("Tagz") == 1
