"""What activities tell of warm pools, as it was recorded."""

from __future__ import annotations

import pytest

from backend.domain.activity import Activity, ActivityKind, Cause, CauseKind
from backend.domain.warm_pools import WarmPool, put_cause
from tests.factories import NOW, activity, cluster, uuid_of
from translators.autoscaling import activity_words

WEB = cluster("web")
SERVER = uuid_of("server")
ID = f"i-{SERVER.replace('-', '')[:17]}"
T = "At 2026-11-22T13:00:00Z"
CHANGING = "changing the capacity of WarmPool from"


def told(*causes: Cause | None) -> str:
    return activity_words.cause(_entry(ActivityKind.WARM_LAUNCH, *causes))


def _entry(kind: ActivityKind, *causes: Cause | None) -> Activity:
    return activity(WEB, kind=kind, server_id=SERVER, causes=tuple(cause for cause in causes if cause is not None))


@pytest.mark.parametrize(
    ("standing", "wanted", "sizes", "words"),
    [
        (
            None,
            WarmPool(0, 1),
            (0, 1),
            f"a user request put a new WarmPool with MinSize: 0 and MaxGroupPreparedCapacity: 1 {CHANGING} 0 to 1.",
        ),
        (
            None,
            WarmPool(2),
            (0, 2),
            f"a user request put a new WarmPool with MinSize: 2 and MaxGroupPreparedCapacity: null {CHANGING} 0 to 2.",
        ),
        (
            WarmPool(1),
            WarmPool(0),
            (1, 0),
            f"a user request update of WarmPool MinSize from min: 1 to min: 0 {CHANGING} 1 to 0.",
        ),
        (
            WarmPool(0),
            WarmPool(1, 1),
            (0, 1),
            (
                "a user request update of WarmPool MinSize and MaxGroupPreparedCapacity from min: 0 to min: 1, max: null"
                f" to max: 1 {CHANGING} 0 to 1."
            ),
        ),
        (
            WarmPool(0, 1),
            WarmPool(0, 1).deleted(),
            (1, 0),
            f"a user request update of WarmPool MaxGroupPreparedCapacity from max: 1 to max: 0 {CHANGING} 1 to 0.",
        ),
    ],
)
def test_requests(standing, wanted, sizes, words):
    """Source: stackd warm_pool_sizing_native and warm_pool_native; ``null`` in the second is unsourced."""
    assert told(put_cause(standing, wanted, sizes, NOW)) == f"{T} {words}"


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        (
            CauseKind.USER_UPDATED_MAXIMUM,
            {"old": 0, "new": 1, "before": 0, "after": 1},
            f"a user request update of AutoScalingGroup max capacity from max: 0 to max: 1 {CHANGING} 0 to 1.",
        ),
        (
            CauseKind.WARM_POOL_DECREASE,
            {},
            (
                "an instance was taken out of service in response to a difference between desired and actual capacity,"
                " shrinking the capacity."
            ),
        ),
        (
            CauseKind.SELECTED_FOR_WARM_POOL,
            {"server": SERVER},
            f"instance {ID} was selected for scale in to warm pool.",
        ),
        (
            CauseKind.WARM_POOL_DELETED,
            {"server": SERVER},
            f"instance {ID} was taken out of service in response to a group deletion.",
        ),
        (
            CauseKind.HEALTH_VOLUME,
            {},
            "an instance was taken out of service in response to EBS volume health check failure.",
        ),
    ],
)
def test_what_the_engine_does(kind, data, words):
    assert told(Cause(kind, NOW, data)) == f"{T} {words}"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (ActivityKind.WARM_LAUNCH, "Launching a new EC2 instance into warm pool"),
        (ActivityKind.DRAW, "Launching a new EC2 instance from warm pool"),
        (ActivityKind.RETURN, "Scaling in EC2 instance into warm pool"),
        (ActivityKind.WARM_TERMINATE, "Terminating EC2 instance from warm pool"),
    ],
)
def test_descriptions(kind, words):
    assert activity_words.description(_entry(kind)) == f"{words}: {ID}"
