"""When the engine looks at a security group whose rules are written, on every database."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from backend.domain.security_groups import CONFIRMED, UNSETTLED, GroupState, KeptGroup
from backend.store import security_groups as rows
from backend.store.leased import Claimer, Room
from backend.store.security_groups import GROUPS, LEASED, GroupLease, Held
from backend.store.session import Store
from tests.factories import NOW, OTHER, SCOPE, HandClock, longest_due, uuid_of

WEB = KeptGroup(
    "0123456789abcdef0", "web", "d", "v" * 17, uuid_of("v"), GroupState.AVAILABLE, NOW, "t", cloud_id=uuid_of("w")
)
LEASE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def web(store: Store, clock: HandClock) -> None:
    """A group that was settled some time ago."""
    values = {"due_at": clock.now() + CONFIRMED, "generation": 0, "epoch": 0}
    store.transact(lambda conn: GROUPS.add(conn, SCOPE, WEB, **values))


def hold(store: Store, clock: HandClock) -> Held:
    held = store.transact(lambda conn: rows.hold(conn, SCOPE, WEB.id, clock.now()))
    assert held is not None
    return held


def due(store: Store, clock: HandClock) -> timedelta:
    """In how long the engine looks at it."""
    with store.read() as conn:
        found = longest_due(conn, LEASED)
    assert found is not None
    return found - clock.now()


def looked_at(store: Store, clock: HandClock) -> GroupLease:
    now: datetime = clock.now()
    store.transact(lambda conn: GROUPS.change(conn, SCOPE, WEB.id, due_at=now))
    (lease,) = LEASED.claim(store, Claimer("e", LEASE), now, Room(4, ()))
    return lease


def test_a_write_by_itself_is_settled(store: Store, clock: HandClock) -> None:
    assert store.transact(lambda conn: rows.hold(conn, OTHER, WEB.id, clock.now())) is None
    held = hold(store, clock)
    assert (held.group, held.generation, held.alone, due(store, clock)) == (WEB, 1, True, UNSETTLED)
    store.transact(lambda conn: rows.settled(conn, SCOPE, held, clock.now()))
    assert due(store, clock) == CONFIRMED


def test_writes_that_overlap_are_not(store: Store, clock: HandClock) -> None:
    first, second = hold(store, clock), hold(store, clock)
    assert (first.alone, second.alone) == (True, False)
    store.transact(lambda conn: rows.settled(conn, SCOPE, second, clock.now()))
    store.transact(lambda conn: rows.settled(conn, SCOPE, first, clock.now()))
    assert due(store, clock) == UNSETTLED


def test_clocks_that_differ_hide_no_write_and_no_look(store: Store, clock: HandClock) -> None:
    """Who looks, or writes, may have another clock; what the engine that looks wrote of its lease counts, too."""
    hold(store, clock)
    behind = clock.now() - timedelta(seconds=5)
    held = store.transact(lambda conn: rows.hold(conn, SCOPE, WEB.id, behind))
    assert held is not None
    assert not held.alone
    store.transact(lambda conn: GROUPS.change(conn, SCOPE, WEB.id, due_at=clock.now()))
    LEASED.claim(store, Claimer("e", CONFIRMED), clock.now(), Room(4, ()))
    held = hold(store, clock)
    assert not held.alone
    store.transact(lambda conn: rows.settled(conn, SCOPE, held, clock.now()))
    assert due(store, clock) == UNSETTLED


def test_a_look_that_nobody_met_is_the_last_for_long(store: Store, clock: HandClock) -> None:
    lease = looked_at(store, clock)
    store.transact(lambda conn: rows.release(conn, lease, 0, clock.now(), CONFIRMED))
    assert due(store, clock) == CONFIRMED


@pytest.mark.parametrize("ends_first", [False, True])
def test_a_look_that_met_a_write_is_repeated(store: Store, clock: HandClock, *, ends_first: bool) -> None:
    lease = looked_at(store, clock)
    held = hold(store, clock)
    ends = [
        lambda conn: rows.settled(conn, SCOPE, held, clock.now()),
        lambda conn: rows.release(conn, lease, 0, clock.now(), CONFIRMED),
    ]
    for end in ends if ends_first else reversed(ends):
        store.transact(end)
    assert due(store, clock) == timedelta(0)
