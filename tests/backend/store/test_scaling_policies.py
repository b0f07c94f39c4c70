"""Which nodes policies count as capacity that has warmed up."""

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.node import NodeState
from backend.store.scaling_policies import is_warm
from tests.factories import NOW, cluster, node

GROUP = cluster()
WARMUP = timedelta(seconds=300)
BEFORE, ADDED, SINCE = (NOW - timedelta(seconds=seconds) for seconds in (1000, 200, 100))


@pytest.mark.parametrize(
    ("created_at", "in_service_at", "state", "warm"),
    [
        (BEFORE, BEFORE, NodeState.IN_SERVICE, True),
        (SINCE, SINCE, NodeState.IN_SERVICE, False),
        (BEFORE, SINCE, NodeState.IN_SERVICE, False),  # from the warm pool or standby, or was on its way
        (BEFORE, ADDED, NodeState.IN_SERVICE, False),
        (BEFORE, SINCE, NodeState.STANDBY, False),
        (BEFORE, None, NodeState.PENDING, False),
    ],
)
def test_what_came_into_service_since_policies_added_warms_up(created_at, in_service_at, state, warm):
    one = node(GROUP, "n", created_at=created_at, in_service_at=in_service_at, state=state)
    added = replace(GROUP, scaled_out_at=ADDED)
    assert is_warm(added, one, WARMUP, NOW) is warm
    assert is_warm(added, one, WARMUP, NOW + WARMUP) is (state is NodeState.IN_SERVICE)
    assert is_warm(GROUP, one, WARMUP, NOW) is (state is NodeState.IN_SERVICE)  # no policy ever added


def test_all_warm_up_where_the_cluster_has_a_warm_up_of_its_own():
    own = replace(GROUP, spec=replace(GROUP.spec, warmup_seconds=300))
    assert not is_warm(own, node(own, "n", created_at=BEFORE, in_service_at=SINCE), WARMUP, NOW)
    assert is_warm(own, node(own, "n", created_at=BEFORE, in_service_at=BEFORE), WARMUP, NOW)
