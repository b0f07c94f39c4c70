"""What an operator set is what groups are held to, in AWS's words."""

import pytest

from backend.domain.quotas import Quota
from backend.store import quotas
from tests.factories import SCOPE

CASES = [
    (Quota.CLUSTERS, 1, "You have already reached your limit of 1 AutoScalingGroups."),
    (Quota.SIZE, 3, "The maximum size of an AutoScalingGroup can be no more than 3."),
    (Quota.TAGS, 0, "You tried to create more tags than allowed"),
]


@pytest.mark.parametrize(("quota", "most", "words"), CASES)
def test_a_group_too_much(world, refused, quota, most, words):
    world.group("one", maximum=2)
    world.store.transact(lambda conn: quotas.put(conn, SCOPE.project_id, quota, most))
    told = refused(
        "CreateAutoScalingGroup",
        AutoScalingGroupName="two",
        MinSize=0,
        MaxSize=4 if quota is Quota.SIZE else 2,
        LaunchConfigurationName="lc",
        AvailabilityZones=["us-east-1a"],
        Tags=[{"Key": "team", "Value": "blue", "PropagateAtLaunch": True}],
    )
    assert (told.code, told.message) == ("LimitExceeded", words)


def test_a_group_that_is_larger_than_may_be_may_shrink(world, refused):
    world.group("one", maximum=4)
    world.store.transact(lambda conn: quotas.put(conn, SCOPE.project_id, Quota.SIZE, 2))
    world.call("UpdateAutoScalingGroup", AutoScalingGroupName="one", MaxSize=3)
    assert "no more than 2" in refused("UpdateAutoScalingGroup", AutoScalingGroupName="one", MaxSize=4).message
