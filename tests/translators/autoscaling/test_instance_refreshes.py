from __future__ import annotations

from datetime import timedelta

import pytest

from backend.domain.refresh_findings import RefreshFlaw, RefreshRefused
from backend.domain.refreshes import Handling, RefreshReason, RefreshStatus, RollbackCause
from tests import factories
from tests.factories import NOW
from translators.autoscaling import fleet_errors, refresh_words

SERVER = "0a1b2c3d-4e5f-4a6b-8c7d-9e8f7a6b5c4d"
INSTANCE = "i-0a1b2c3d4e5f4a6b8"
OWNER = factories.cluster("web")


def start(world, **more):
    return world.call("StartInstanceRefresh", AutoScalingGroupName="web", **more)["InstanceRefreshId"]


def described(world, **more):
    return world.call("DescribeInstanceRefreshes", AutoScalingGroupName="web", **more)["InstanceRefreshes"]


def test_what_is_told_right_after_the_start(world):
    """Source: conformance/recorded refresh_native."""
    world.group(health_grace_seconds=300)
    identity = start(world)
    assert described(world) == [
        {
            "InstanceRefreshId": identity,
            "AutoScalingGroupName": "web",
            "Status": "Pending",
            "Strategy": "Rolling",
            "Preferences": {
                "MinHealthyPercentage": 90,
                "InstanceWarmup": 300,
                "SkipMatching": False,
                "AutoRollback": False,
                "AlarmSpecification": {},
            },
        }
    ]
    assert [each["InstanceRefreshId"] for each in described(world, InstanceRefreshIds=[identity, "x"])] == [identity]
    assert described(world, InstanceRefreshIds=["x"]) == []


def test_what_was_given_is_told_again(world):
    world.group(warmup_seconds=5)
    preferences = {
        "MinHealthyPercentage": 50,
        "MaxHealthyPercentage": 150,
        "InstanceWarmup": 7,
        "CheckpointPercentages": [20, 100],
        "CheckpointDelay": 60,
        "ScaleInProtectedInstances": "Refresh",
        "StandbyInstances": "Terminate",
        "BakeTime": 10,
    }
    start(world, Preferences=preferences)
    told = described(world)[0]["Preferences"]
    assert told == {**preferences, "SkipMatching": False, "AutoRollback": False, "AlarmSpecification": {}}


def test_what_was_not_given_is_the_groups_to_say(world):
    world.group(warmup_seconds=5, maintenance_minimum_percent=100, maintenance_maximum_percent=120)
    start(world, Preferences={"CheckpointPercentages": [100]})
    told = described(world)[0]["Preferences"]
    assert (told["MinHealthyPercentage"], told["MaxHealthyPercentage"], told["InstanceWarmup"]) == (100, 120, 5)
    assert told["CheckpointDelay"] == 3600


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (
            {"Preferences": {"AutoRollback": True}},
            (
                "The request isn\u2019t valid. The AutoRollback parameter cannot be set to true when the"
                " DesiredConfiguration parameter is empty. Set AutoRollback to false or specify a desired configuration and"
                " try again."
            ),
        ),
        (
            {"Strategy": "ReplaceRootVolume"},
            (
                "The request isn't valid. The DesiredConfiguration parameter must be specified when using"
                " ReplaceRootVolume. Add the DesiredConfiguration parameter and try again."
            ),
        ),
        (
            {"Preferences": {"CheckpointPercentages": [50, 50]}},
            "Checkpoint percentages must be sorted in ascending order with no duplicates.",
        ),
        (
            {"Preferences": {"MinHealthyPercentage": 50, "MaxHealthyPercentage": 151}},
            "The difference between MaxHealthyPercentage and MinHealthyPercentage must be less than or equal to 100.",
        ),
        (
            {"Preferences": {"MaxHealthyPercentage": 110}},
            "If you specify MaxHealthyPercentage, you must also specify MinHealthyPercentage.",
        ),
        (
            {"Preferences": {"CheckpointDelay": 5}},
            "If you specify CheckpointDelay, you must also specify CheckpointPercentages.",
        ),
        ({"Preferences": {"SkipMatching": True}}, "Using skip matching with a launch configuration is not supported."),
        (
            {"Preferences": {"AlarmSpecification": {"Alarms": ["high"]}}},
            "CloudWatch alarm high does not exist.",
        ),
        (
            {"DesiredConfiguration": {"MixedInstancesPolicy": {"LaunchTemplate": {}}}},
            "Valid requests must contain either launchTemplateId or LaunchTemplateName",
        ),
        (
            {
                "DesiredConfiguration": {
                    "LaunchTemplate": {"LaunchTemplateName": "web"},
                    "MixedInstancesPolicy": {"LaunchTemplate": {}},
                }
            },
            "The DesiredConfiguration must specify either a LaunchTemplate or a MixedInstancesPolicy.",
        ),
    ],
)
def test_refusals(world, refused, request_, words):
    world.group()
    error = refused("StartInstanceRefresh", AutoScalingGroupName="web", **request_)
    assert (error.code, error.message) == ("ValidationError", words)
    assert described(world) == []


@pytest.mark.parametrize("flaw", list(RefreshFlaw))
def test_every_flaw_has_words(flaw):
    assert fleet_errors.TABLE[RefreshRefused](RefreshRefused(flaw)).code == "ValidationError"


def test_eleven_alarms_are_refused(world, refused):
    world.group()
    alarms = {"Alarms": [f"a{each}" for each in range(11)]}
    error = refused("StartInstanceRefresh", AutoScalingGroupName="web", Preferences={"AlarmSpecification": alarms})
    assert "Member must have length less than or equal to 10" in error.message


@pytest.mark.parametrize("operation", ["StartInstanceRefresh", "CancelInstanceRefresh", "RollbackInstanceRefresh"])
def test_of_no_group(refused, operation):
    words = "AutoScalingGroup name not found - AutoScalingGroup 'x' not found"
    assert refused(operation, AutoScalingGroupName="x").message == words


def test_one_at_a_time(world, refused):
    world.group()
    start(world)
    error = refused("StartInstanceRefresh", AutoScalingGroupName="web")
    words = "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh."
    assert (error.code, error.message) == ("InstanceRefreshInProgress", words)
    error = refused("RollbackInstanceRefresh", AutoScalingGroupName="web")
    words = "No in progress or baking Instance Refresh found for Auto Scaling group web."
    assert (error.code, error.message) == ("ActiveInstanceRefreshNotFound", words)
    world.call("CancelInstanceRefresh", AutoScalingGroupName="web")
    assert described(world)[0]["StatusReason"] == "Cancelled due to user request."


def test_pages(world):
    world.group()
    start(world)
    answer = world.call("DescribeInstanceRefreshes", AutoScalingGroupName="web", MaxRecords=1)
    assert "NextToken" not in answer


@pytest.mark.parametrize("reason", list(RefreshReason))
def test_every_reason_has_words(reason):
    item = factories.refresh(
        OWNER, reason={"kind": str(reason), "server": SERVER, "alarm": "high", "waits": "protected"}
    )
    words = refresh_words.status_reason(item, NOW)
    assert words
    assert len(words) <= 1023
    if reason is RefreshReason.PROTECTED:
        assert words == (
            f"Waiting for remaining instances to be available. For example: {INSTANCE} is protected. Remove instance"
            " scale-in protection to continue."
        )


@pytest.mark.parametrize("cause", list(RollbackCause))
def test_a_rollback_tells_why(cause):
    item = factories.refresh(OWNER, percent=100, to_update=0, protected=Handling.WAIT)
    told = refresh_words.refresh(item.rolled_back(cause, {"alarm": "high"}, NOW), NOW)
    assert told["Status"] == "RollbackInProgress"
    details = told["RollbackDetails"]
    assert details.pop("RollbackReason").startswith("Rollback triggered ")
    assert details == {
        "RollbackStartTime": NOW,
        "PercentageCompleteOnRollback": 100,
        "InstancesToUpdateOnRollback": 0,
    }


def test_what_is_told_of_a_warm_pool():
    """Source: the model, InstanceRefreshProgressDetails."""
    item = factories.refresh(
        OWNER, percent=60, to_update=2, members_percent=100, members_to_update=0, pool_percent=0, pool_to_update=2
    )
    parts = {
        "LivePoolProgress": {"PercentageComplete": 100, "InstancesToUpdate": 0},
        "WarmPoolProgress": {"PercentageComplete": 0, "InstancesToUpdate": 2},
    }
    assert refresh_words.refresh(item, NOW)["ProgressDetails"] == parts
    back = refresh_words.refresh(item.rolled_back(RollbackCause.USER, {}, NOW), NOW)
    assert back["RollbackDetails"]["ProgressDetailsOnRollback"] == parts


def test_what_is_left_of_a_bake():
    item = factories.refresh(OWNER, status=RefreshStatus.BAKING, bakes_until=NOW + timedelta(seconds=59))
    words = "Waiting for bake time to finish before continuing. There are 59 seconds left."
    assert refresh_words.status_reason(item, NOW) == words
