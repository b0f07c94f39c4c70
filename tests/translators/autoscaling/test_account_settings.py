"""Account settings: turned by account and region, told in pages, and followed by the engine."""

import pytest

from tests.factories import OTHER

NAME = "launchBeforeTerminate"


def told(world, **more):
    return {each["Name"]: each["Value"] for each in world.call("DescribeAccountSettings", **more)["Settings"]}


def test_off_until_it_is_turned_on(world):
    assert world.call("DescribeAccountSettings") == {
        "Settings": [{"Name": NAME, "Value": "disabled", "EnforcementType": "none"}]
    }
    assert world.call("PutAccountSetting", Name=NAME, Value="enabled") == {}
    assert told(world) == told(world, Name=NAME) == {NAME: "enabled"}
    assert told(world, scope=OTHER) == {NAME: "disabled"}
    world.call("PutAccountSetting", Name=NAME, Value="disabled")
    assert told(world, MaxRecords=1) == {NAME: "disabled"}


@pytest.mark.parametrize(
    ("operation", "params", "words"),
    [
        ("PutAccountSetting", {"Name": "other", "Value": "enabled"}, f"name: other. Valid values: [{NAME}]"),
        ("DescribeAccountSettings", {"Name": "other"}, f"name: other. Valid values: [{NAME}]"),
        ("PutAccountSetting", {"Name": NAME, "Value": "on"}, "value: on. Valid values: [enabled, disabled]"),
    ],
)
def test_what_is_no_setting_is_refused(refused, operation, params, words):
    error = refused(operation, **params)
    assert (error.code, error.message) == ("ValidationError", f"Invalid account setting {words}")


def test_pages_have_bounds(refused):
    assert "at 'maxRecords'" in refused("DescribeAccountSettings", MaxRecords=101).message
    assert refused("DescribeAccountSettings", NextToken="x").code == "InvalidNextToken"
