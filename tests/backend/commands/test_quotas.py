"""The operator's commands on what projects may have."""

from __future__ import annotations

import pytest

from backend.commands import CannotDo, quotas
from backend.domain.quotas import Quota
from tests.factories import OTHER, SCOPE, World


@pytest.fixture
def world():
    made = World()
    yield made
    made.close()


def _rows(world, project="", region=None):
    return {row["quota"]: row for row in quotas.shown(world.store, project, region)}


def test_what_nobody_decided_is_awss(world):
    rows = _rows(world)
    assert list(rows) == list(Quota)
    assert rows["groups"] == {"quota": "groups", "limit": 500, "set_for": "aws"}
    assert rows["instances"]["limit"] == "unlimited"


def test_a_number_is_set_told_and_taken_back(world):
    assert quotas.put(world.store, SCOPE.project_id, "groups", 1) == f"groups of project {SCOPE.project_id}: 1."
    world.group("web")
    row = _rows(world, SCOPE.project_id, SCOPE.region)["groups"]
    assert row == {"quota": "groups", "limit": 1, "set_for": "project", "used": 1}
    assert _rows(world, OTHER.project_id)["groups"]["set_for"] == "aws"
    answer = world.call("DescribeAccountLimits")
    assert (answer["MaxNumberOfAutoScalingGroups"], answer["NumberOfAutoScalingGroups"]) == (1, 1)
    told = quotas.put(world.store, SCOPE.project_id, "groups", None)
    assert told == f"groups of project {SCOPE.project_id}: 500 (aws)."
    assert quotas.put(world.store, "", "groups", 7) == "groups of projects without one of their own: 7."


def test_an_unknown_name_is_told_with_those_there_are(world):
    with pytest.raises(CannotDo, match="there is no quota servers; there are groups, "):
        quotas.put(world.store, "", "servers", 1)
