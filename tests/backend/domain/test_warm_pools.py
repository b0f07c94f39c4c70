"""How large warm pools are, and what is remembered of requests about them."""

from __future__ import annotations

import pytest

from backend.domain.activity import CauseKind
from backend.domain.warm_pools import CAUSES_KEPT, PoolState, WarmPool, WarmPoolRequest, beside, put_cause
from tests.factories import NOW, spec


@pytest.mark.parametrize(
    ("prepared", "minimum", "size"),
    [(None, 0, 2), (3, 0, 1), (2, 0, 0), (0, 0, 0), (6, 0, 4), (2, 1, 1), (None, 5, 5)],
)
def test_it_is_as_large_as_it_was_recorded(prepared, minimum, size):
    """Of a group of at most 4 with 2 desired. Source: stackd warm_pool_sizing."""
    assert WarmPool(minimum, prepared).size(4, 2) == size


def test_one_that_is_deleted_holds_none_and_keeps_the_rest():
    going = WarmPool(2, None, PoolState.RUNNING, reuse=True).deleted()
    assert (going.minimum, going.prepared, going.state, going.reuse) == (0, 0, PoolState.RUNNING, True)
    assert going.size(4, 0) == 0


def test_what_is_not_said_stays():
    standing = WarmPool(2, 3, PoolState.RUNNING, reuse=True)
    assert WarmPoolRequest().applied(standing) == standing
    assert WarmPoolRequest(prepared=-1).applied(standing).prepared is None
    assert WarmPoolRequest(prepared=0).applied(standing).prepared == 0
    assert WarmPoolRequest(minimum=0, reuse=False).applied(standing) == WarmPool(0, 3, PoolState.RUNNING, reuse=False)
    assert WarmPoolRequest().applied(None) == WarmPool()


def test_only_another_size_is_told():
    assert put_cause(None, WarmPool(), (0, 0), NOW) is None
    made = put_cause(None, WarmPool(0, 1), (0, 1), NOW)
    assert made is not None
    assert (made.kind, made.data) == (
        CauseKind.USER_PUT_WARM_POOL,
        {"minimum": 0, "prepared": 1, "before": 0, "after": 1},
    )
    changed = put_cause(WarmPool(0), WarmPool(1, 1), (0, 1), NOW)
    assert changed is not None
    assert changed.data == {
        "before": 0,
        "after": 1,
        "old_minimum": 0,
        "new_minimum": 1,
        "old_prepared": "null",
        "new_prepared": 1,
    }


def test_a_maximum_is_told_where_it_gives_another_size():
    pool = WarmPool()
    assert beside(pool, spec(maximum=4, desired=2), (4, 3), NOW) == pool
    assert beside(WarmPool(0, 2), spec(maximum=4, desired=2), (5, 2), NOW) == WarmPool(0, 2)
    (cause,) = beside(pool, spec(maximum=4, desired=2), (5, 2), NOW).causes
    assert (cause.kind, cause.data) == (
        CauseKind.USER_UPDATED_MAXIMUM,
        {"old": 4, "new": 5, "before": 2, "after": 3},
    )


def test_the_last_requests_are_remembered():
    pool = WarmPool()
    for number in range(CAUSES_KEPT + 2):
        cause = put_cause(None, WarmPool(number), (0, number + 1), NOW)
        assert cause is not None
        pool = pool.remembering(cause)
    assert [cause.data["minimum"] for cause in pool.causes] == list(range(2, CAUSES_KEPT + 2))
