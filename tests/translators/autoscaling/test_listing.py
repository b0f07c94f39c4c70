import pytest

from tests.factories import request
from translators import paging
from translators.autoscaling import listing
from translators.errors import AWSError


def token(marker, operation="DescribeScalingActivities", world=None):
    call = request(world.backend, "autoscaling", operation, {})
    return paging.encode(operation, marker, paging.binding(call))


@pytest.mark.parametrize(
    "marker", [1, None, ["a"], {"a": 1}, "a\0b", "nonsense", "0.x.y", "0.9999999999999999999999.y"]
)
def test_a_made_up_token(world, refused, marker):
    error = refused("DescribeScalingActivities", NextToken=token(marker, world=world))
    assert (error.code, error.status) == ("InvalidNextToken", 400)


def test_limits(world):
    def limit(**params):
        return listing.limit_of(request(world.backend, "autoscaling", "DescribeTags", params), 50, 100)

    assert limit() == 50
    assert limit(MaxRecords=100) == 100
    for refused in (0, -1, 101):
        with pytest.raises(AWSError):
            limit(MaxRecords=refused)


def test_group_of(world):
    world.group()
    call = request(world.backend, "autoscaling", "DescribePolicies", {"AutoScalingGroupName": "web"})
    assert listing.group_of(call).name == "web"
