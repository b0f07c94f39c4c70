"""Requests that botocore would not send: odd orders, gaps, empty things, wrong types."""

from datetime import UTC, datetime

import pytest

from gateway.limits import Limits
from gateway.protocol.form import pairs, tree
from gateway.services import Services
from translators.errors import AWSError

LIMITS = Limits()
ALL = Services()


def read(service, operation, raw):
    form = pairs(raw if isinstance(raw, bytes) else raw.encode(), LIMITS)
    return ALL.service(service).operation(operation, "ec2" if service == "ec2" else "query").read(tree(form, LIMITS))


def refusal(service, operation, raw):
    with pytest.raises(AWSError) as caught:
        read(service, operation, raw)
    assert caught.value.status == 400
    return caught.value.code, caught.value.message


def test_lists_in_any_order_and_with_gaps():
    raw = "AutoScalingGroupNames.member.10=c&AutoScalingGroupNames.member.2=b&AutoScalingGroupNames.member.1=a"
    assert read("autoscaling", "DescribeAutoScalingGroups", raw) == {"AutoScalingGroupNames": ["a", "b", "c"]}
    assert read("ec2", "DescribeRegions", "RegionName.7=b&RegionName.3=a") == {"RegionNames": ["a", "b"]}


def test_a_huge_index_costs_nothing():
    assert read("autoscaling", "DescribeAutoScalingGroups", "AutoScalingGroupNames.member.999999999=a") == {
        "AutoScalingGroupNames": ["a"]
    }
    code, message = refusal("autoscaling", "DescribeAutoScalingGroups", f"AutoScalingGroupNames.member.{'9' * 5000}=a")
    assert code == "MalformedInput"
    assert len(message) < 300


@pytest.mark.parametrize("index", ["0", "-1", "x", "", "1.5", "\u0661"])
def test_indices_that_are_none(index):
    assert (
        refusal("autoscaling", "DescribeAutoScalingGroups", f"AutoScalingGroupNames.member.{index}=a")[0]
        == "MalformedInput"
    )


def test_empty_lists_structures_and_texts():
    assert read("autoscaling", "DescribeAutoScalingGroups", "AutoScalingGroupNames=&NextToken=") == {
        "AutoScalingGroupNames": [],
        "NextToken": "",
    }
    assert read("autoscaling", "UpdateAutoScalingGroup", "LaunchTemplate=") == {"LaunchTemplate": {}}
    assert read(
        "autoscaling", "DescribeAutoScalingGroups", "AutoScalingGroupNames=&AutoScalingGroupNames.member.1=a"
    ) == {"AutoScalingGroupNames": ["a"]}
    assert read(
        "autoscaling", "DescribeAutoScalingGroups", "AutoScalingGroupNames.member.1=a&AutoScalingGroupNames="
    ) == {"AutoScalingGroupNames": ["a"]}
    assert read("sns", "CreateTopic", "Attributes=") == {"Attributes": {}}


def test_maps():
    raw = "Attributes.entry.2.key=b&Attributes.entry.2.value=2&Attributes.entry.1.value=1&Attributes.entry.1.key=a"
    assert read("sns", "CreateTopic", raw) == {"Attributes": {"a": "1", "b": "2"}}
    assert refusal("sns", "CreateTopic", "Attributes.entry.1.key=a")[0] == "MalformedInput"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-02-11T18:34:10Z", datetime(2020, 2, 11, 18, 34, 10, tzinfo=UTC)),
        ("2020-02-11T18:34:10.123456789Z", datetime(2020, 2, 11, 18, 34, 10, 123456, tzinfo=UTC)),
        ("2020-02-11T20:34:10%2B02:00", datetime(2020, 2, 11, 18, 34, 10, tzinfo=UTC)),
        ("2020-02-11T18:34:10", datetime(2020, 2, 11, 18, 34, 10, tzinfo=UTC)),
        ("2020-02-11T18:34Z", datetime(2020, 2, 11, 18, 34, tzinfo=UTC)),
        ("2020-02-11", datetime(2020, 2, 11, tzinfo=UTC)),
        ("1581446050", datetime(2020, 2, 11, 18, 34, 10, tzinfo=UTC)),
        ("1581446050.5", datetime(2020, 2, 11, 18, 34, 10, 500000, tzinfo=UTC)),
        ("-1", datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_instants(text, expected):
    assert read("autoscaling", "PutScheduledUpdateGroupAction", f"StartTime={text}") == {"StartTime": expected}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2020-13-01T00:00:00Z",
        "20200211",
        "2020-02-11T25:00:00Z",
        "0001-01-01T00:00:00%2B10:00",
        "999999999999",
        "0000-01-01",
        "1e5",
    ],
)
def test_instants_that_are_none(text):
    found = read("autoscaling", "PutScheduledUpdateGroupAction", f"StartTime={text}") if text == "20200211" else None
    if found is None:
        assert refusal("autoscaling", "PutScheduledUpdateGroupAction", f"StartTime={text}") == (
            "MalformedInput",
            "timestamp must follow ISO8601",
        )
    else:
        # Digits alone are seconds.
        assert found["StartTime"].year == 1970


@pytest.mark.parametrize(("text", "expected"), [("true", True), ("false", False), ("1", True), ("0", False)])
def test_booleans(text, expected):
    assert read("autoscaling", "SetDesiredCapacity", f"HonorCooldown={text}") == {"HonorCooldown": expected}
    assert read("ec2", "DescribeRegions", f"DryRun={text}") == {"DryRun": expected}


@pytest.mark.parametrize("text", ["TRUE", "yes", "", "truee"])
def test_booleans_that_are_none(text):
    assert refusal("autoscaling", "SetDesiredCapacity", f"HonorCooldown={text}") == (
        "MalformedInput",
        "boolean must follow xsd1.1 definition",
    )
    assert refusal("ec2", "DescribeRegions", f"DryRun={text}")[0] == "InvalidParameterValue"


@pytest.mark.parametrize("text", ["", "1.5", "x", "2147483648", "-2147483649", "9" * 30, "\u0661", "1_0", " 1"])
def test_integers_that_are_none(text):
    assert refusal("autoscaling", "SetDesiredCapacity", f"DesiredCapacity={text}")[0] == "MalformedInput"


def test_integers_at_their_bounds():
    assert read("autoscaling", "SetDesiredCapacity", "DesiredCapacity=2147483647") == {"DesiredCapacity": 2**31 - 1}
    assert read("autoscaling", "SetDesiredCapacity", "DesiredCapacity=-2147483648") == {"DesiredCapacity": -(2**31)}


@pytest.mark.parametrize("text", ["1e", "0x1", "1_0", "nan", "inf", ""])
def test_numbers_that_are_none(text):
    assert refusal("autoscaling", "ExecutePolicy", f"MetricValue={text}")[0] == "MalformedInput"


def test_blobs():
    raw = "MessageAttributes.entry.1.Name=n&MessageAttributes.entry.1.Value.DataType=Binary&MessageAttributes.entry.1.Value.BinaryValue="
    assert read("sns", "Publish", raw + "AAEC")["MessageAttributes"]["n"]["BinaryValue"] == b"\x00\x01\x02"
    assert refusal("sns", "Publish", raw + "not%20base64!")[0] == "MalformedInput"


def test_structures_where_text_is_expected_and_the_reverse():
    assert refusal("autoscaling", "SetDesiredCapacity", "DesiredCapacity.member.1=1") == (
        "MalformedInput",
        "Start of list found where not expected",
    )
    assert refusal("autoscaling", "SetDesiredCapacity", "DesiredCapacity.x=1") == (
        "MalformedInput",
        "Start of structure or map found where not expected",
    )
    assert refusal("autoscaling", "DescribeTags", "Filters=x") == (
        "MalformedInput",
        "Unexpected list element termination",
    )
    assert refusal("autoscaling", "UpdateAutoScalingGroup", "LaunchTemplate=x") == (
        "MalformedInput",
        "Unexpected complex element termination",
    )
    assert refusal("autoscaling", "DescribeTags", "Filters.1.Name=x")[0] == "MalformedInput"
    assert refusal("autoscaling", "SetDesiredCapacity", "DesiredCapacity=1&DesiredCapacity.x=1")[0] == "MalformedInput"
    assert refusal("ec2", "DescribeRegions", "RegionName=x")[0] == "InvalidParameterValue"


def test_names_that_a_shape_does_not_have():
    assert read("autoscaling", "DescribeTags", "Nonsense.member.1.x=1&MaxRecords=5") == {"MaxRecords": 5}
    assert refusal("ec2", "DescribeRegions", "Nonsense=1") == (
        "UnknownParameter",
        "The parameter Nonsense is not recognized",
    )
    assert refusal("ec2", "DescribeRegions", "Filter.2.Nonsense=1") == (
        "UnknownParameter",
        "The parameter Filter.2.Nonsense is not recognized",
    )


def test_ec2_names_the_parameter():
    assert refusal("ec2", "DescribeInstances", "MaxResults=many") == (
        "InvalidParameterValue",
        "Value (many) for parameter MaxResults is invalid. many can not be converted to an Integer.",
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"a=%ff",
        b"a=\xff",
        b"%c3=1",
        b"a=%00",
        b"a\x00=1",
        b"NextToken=1&NextToken=2",
        b"&".join(b"a" for _ in range(10_001)),
    ],
)
def test_forms_that_cannot_be_read(raw):
    assert refusal("autoscaling", "DescribeTags", raw)[0] == "MalformedQueryString"


def test_the_same_thing_said_twice_is_said_once():
    assert read("autoscaling", "DescribeTags", "NextToken=1&NextToken=1&&=&x") == {"NextToken": "1"}
