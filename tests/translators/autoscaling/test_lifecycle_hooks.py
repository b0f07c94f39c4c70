"""Lifecycle hooks through their operations: whom a hook tells, and under which role."""

from __future__ import annotations

import pytest

from backend.domain.lifecycle_findings import HookIncomplete, TargetUnreached
from backend.domain.messages import Gone
from backend.store.outlets import Outlets
from tests.factories import World
from translators.errors import AWSError

QUEUE, OTHER, GONE = (f"arn:aws:sqs:us-east-1:123456789012:{name}" for name in ("q", "other", "gone"))
ROLE, SECOND = (f"arn:aws:iam::123456789012:role/{name}" for name in ("r", "second"))
HOOK = {"LifecycleHookName": "h", "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING"}


@pytest.fixture
def heard():
    """Targets that were told something."""
    return []


@pytest.fixture
def world(heard):
    def shelf(_conn, _scope, target, _telling, _now):
        if target == GONE:
            raise Gone(target)
        heard.append(target)

    made = World(outlets=Outlets(shelves={"sqs": shelf, "lambda": shelf}))
    made.group()
    yield made
    made.close()


def _put(world, **params):
    world.call("PutLifecycleHook", AutoScalingGroupName="web", **{**HOOK, **params})


def _told(world):
    (hook,) = world.call("DescribeLifecycleHooks", AutoScalingGroupName="web")["LifecycleHooks"]
    return hook.get("NotificationTargetARN"), hook.get("RoleARN")


def test_a_new_hook_needs_a_role_for_its_target_and_tells_nobody_without(world, heard):
    with pytest.raises(HookIncomplete, check=lambda found: found.lacks_role):
        _put(world, NotificationTargetARN=QUEUE)
    with pytest.raises(HookIncomplete, check=lambda found: found.lacks_role):
        world.call(
            "CreateAutoScalingGroup",
            AutoScalingGroupName="new",
            LaunchConfigurationName="lc",
            MinSize=0,
            MaxSize=1,
            AvailabilityZones=["us-east-1a"],
            LifecycleHookSpecificationList=[{**HOOK, "NotificationTargetARN": QUEUE}],
        )
    assert heard == []
    assert world.call("DescribeLifecycleHooks", AutoScalingGroupName="web")["LifecycleHooks"] == []


def test_a_role_that_is_not_said_stays_beside_a_new_target(world, heard):
    _put(world, NotificationTargetARN=QUEUE, RoleARN=ROLE)
    _put(world, NotificationTargetARN=OTHER)
    assert _told(world) == (OTHER, ROLE)
    _put(world, HeartbeatTimeout=60)
    assert _told(world) == (OTHER, ROLE)
    _put(world, NotificationTargetARN=OTHER, RoleARN=SECOND)
    assert _told(world) == (OTHER, SECOND)
    assert heard == [QUEUE, OTHER, OTHER]
    _put(world, NotificationTargetARN="")
    assert _told(world) == (None, None)
    _put(world, NotificationTargetARN=QUEUE)
    assert _told(world) == (QUEUE, None)


def test_a_function_has_no_role(world):
    function = "arn:aws:lambda:us-east-1:123456789012:function:f"
    _put(world, NotificationTargetARN=QUEUE, RoleARN=ROLE)
    with pytest.raises(AWSError, match="should not be specified"):
        _put(world, NotificationTargetARN=function, RoleARN=ROLE)
    _put(world, NotificationTargetARN=function)
    assert _told(world) == (function, None)


def test_what_was_not_taken_names_the_role_that_stayed(world):
    _put(world, NotificationTargetARN=QUEUE, RoleARN=ROLE)
    with pytest.raises(TargetUnreached) as found:
        _put(world, NotificationTargetARN=GONE)
    assert (found.value.target, found.value.role) == (GONE, ROLE)
    assert _told(world) == (QUEUE, ROLE)
