"""One lease for every kind of row: who may claim how much, what a renewal holds on, and that no wish is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event, update

from backend.domain.scope import Scope
from backend.engine.kinds import KINDS
from backend.engine.membership import Membership
from backend.engine.settings import EngineSettings
from backend.store import engines, leases, tables, traffic, watches
from backend.store.engines import EngineRecord
from backend.store.leased import Claimer, Kinds, Room, Share
from tests.factories import NOW, OTHER, SCOPE, longest_due

LEASE = timedelta(seconds=60)
ONE, TWO = Claimer("one", LEASE), Claimer("two", LEASE)
LATER = NOW + timedelta(hours=1)


def _pull(store, scope=SCOPE, at=NOW):
    store.transact(lambda conn: watches.pull(conn, scope, at))


def _claim(store, claimer=ONE, room=None):
    return leases.WATCHES.claim(store, claimer, store.clock.now(), room or Room(5, []))


def _release(store, lease, due_at=LATER):
    store.transact(lambda conn: leases.WATCHES.release(conn, lease, due_at))


def _due_at(store):
    with store.read() as conn:
        return longest_due(conn, leases.WATCHES)


def test_a_full_region_does_not_hold_up_the_others(store):
    for number in range(8):
        _pull(store, Scope(f"p{number}", "full"), NOW - timedelta(hours=1))
    _pull(store, Scope("p9", "other"))
    claimed = _claim(store, room=Room(3, []))
    assert [lease.scope.region for lease in claimed] == ["full"] * 3 + ["other"]
    held = [lease.scope for lease in claimed]
    assert _claim(store, TWO, Room(3, held)) == []
    _pull(store, Scope("p8", "other"))
    assert [lease.scope for lease in _claim(store, TWO, Room(3, held))] == [Scope("p8", "other")]


def test_a_project_is_given_half_of_its_region(store):
    for number in range(6):
        store.transact(lambda conn, number=number: traffic.pull_pool(conn, Scope("big", "r"), f"pool-{number}", NOW))
    store.transact(lambda conn: traffic.pull_pool(conn, Scope("small", "r"), "pool-z", NOW + timedelta(seconds=1)))
    store.clock.move(1)
    claimed = leases.POOLS.claim(store, ONE, store.clock.now(), Room(4, []))
    assert [lease.scope.project_id for lease in claimed] == ["big", "big", "small"]
    room = Room(4, [lease.scope for lease in claimed])
    assert (room.full_regions, room.full_projects) == ([], [Scope("big", "r")])
    assert leases.POOLS.claim(store, TWO, store.clock.now(), room) == []


def _pools(store, project, number, at=NOW, region="r"):
    def work(conn):
        for each in range(number):
            traffic.pull_pool(conn, Scope(project, region), f"{project}-{each}", at)

    store.transact(work)


def _claim_pools(store, room):
    return [each.scope.project_id for each in leases.POOLS.claim(store, TWO, store.clock.now(), room)]


def test_what_is_due_long_of_some_projects_keeps_no_other_waiting(store):
    """Theirs comes again and again before it can all be done: whoever holds less has the next turn."""
    _pools(store, "a", 9, NOW - timedelta(hours=2))
    _pools(store, "b", 9, NOW - timedelta(hours=1))
    _pools(store, "c", 2, NOW)
    _pools(store, "d", 1, NOW)
    held = [Scope("a", "r"), Scope("a", "r"), Scope("b", "r")]
    assert _claim_pools(store, Room(4, held)) == ["c"]
    assert _claim_pools(store, Room(4, [Scope("a", "r"), *held[2:], Scope("c", "r")])) == ["d"]
    assert _claim_pools(store, Room(4, held)) == ["c"]
    assert _claim_pools(store, Room(4, held)) == ["b"]


def test_projects_share_what_is_free_and_the_longest_due_come_first_in_each(store):
    _pools(store, "a", 9, NOW - timedelta(hours=2))
    _pools(store, "b", 9, NOW - timedelta(hours=1))
    _pools(store, "c", 1, NOW)
    _pools(store, "e", 1, NOW, region="other")
    assert _claim_pools(store, Room(6, [])) == ["a", "a", "a", "b", "b", "c", "e"]


def test_no_more_projects_are_looked_for_than_there_is_room_for(store):
    for number in range(8):
        _pools(store, f"p{number}", 1, NOW - timedelta(minutes=9 - number))
    assert _claim_pools(store, Room(3, [])) == ["p0", "p1", "p2"]


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_somebody_is_always_given_something(at_once):
    assert Room(at_once, []).take(SCOPE)


def test_a_renewal_tells_what_is_still_held(store):
    _pull(store)
    _pull(store, OTHER, NOW + timedelta(seconds=1))
    store.clock.move(1)
    lost, kept = _claim(store)
    store.clock.move(61)
    (theirs,) = _claim(store, TWO, Room(2, [OTHER]))
    assert theirs.scope == lost.scope
    assert leases.WATCHES.renew(store, [lost, kept], ONE) == [kept]
    assert (lost.lost, lost.over, kept.lost, kept.over) == (True, True, False, False)
    assert leases.WATCHES.renew(store, [], ONE) == []


@pytest.mark.on("postgresql", "mariadb")
def test_a_row_that_another_transaction_holds_keeps_no_other_from_its_renewal(store):
    for name in ("p1", "p2"):
        _pull(store, Scope(name, "r"))
    first, second = _claim(store)
    before = first.mark
    store.clock.move(10)
    with store.engine.connect() as holder, holder.begin():
        assert leases.WATCHES.fence(holder, first) is not None
        assert leases.WATCHES.renew(store, [first, second], ONE) == [second]
        assert (first.lost, second.lost, first.mark, second.mark) == (
            False,
            False,
            before,
            before + timedelta(seconds=10),
        )
    assert leases.WATCHES.renew(store, [first, second], ONE) == [first, second]
    assert first.mark == before + timedelta(seconds=10)


@pytest.mark.on("postgresql", "mariadb")
def test_a_row_that_another_engine_is_about_to_take_is_lost_when_it_has_it(store):
    _pull(store)
    (lease,) = _claim(store)
    store.clock.move(10)
    with store.engine.connect().execution_options(coppice_write=True) as other, other.begin():
        other.execute(update(tables.watches).values(epoch=tables.watches.c.epoch + 1, owner="two"))
        assert leases.WATCHES.renew(store, [lease], ONE) == []
        assert (lease.lost, lease.over) == (False, False)
        assert leases.WATCHES.renew(store, [lease], ONE, doubted=True) == []
        assert (lease.lost, lease.over) == (False, True)
    assert leases.WATCHES.renew(store, [lease], ONE) == []
    assert lease.lost


@pytest.mark.on("postgresql", "mariadb")
def test_what_is_in_doubt_is_held_again_when_nobody_took_it(store):
    _pull(store)
    (lease,) = _claim(store)
    with store.engine.connect() as holder, holder.begin():
        assert leases.WATCHES.fence(holder, lease) is not None
        assert leases.WATCHES.renew(store, [lease], ONE, doubted=True) == []
        assert lease.over
        assert lease.ends_by(NOW, 0.0)
    assert leases.WATCHES.renew(store, [lease], ONE) == [lease]
    assert not lease.over


def test_what_was_given_back_and_is_held_again_has_its_owner(store):
    """Else whoever takes over when that one dies would not find it."""
    _pull(store)
    (lease,) = _claim(store)
    store.transact(lambda conn: leases.WATCHES.abandon(conn, "one", (), store.clock.now()))
    assert leases.WATCHES.renew(store, [lease], ONE, doubted=True) == [lease]
    with store.read() as conn:
        assert leases.WATCHES.owned(conn) == {"one": 1}


def test_a_clock_that_is_put_back_makes_no_lease_longer(store):
    _pull(store)
    (lease,) = _claim(store)
    store.clock.put_back(timedelta(hours=1))
    store.clock.move(59)
    assert not lease.over
    store.clock.move(1)
    assert lease.over
    assert leases.WATCHES.renew(store, [lease], ONE) == [lease]
    assert not lease.over
    store.clock.move(60)
    assert lease.over


def test_a_renewal_moves_the_mark_and_a_wish_after_the_first_one_is_heard(store):
    _pull(store)
    (lease,) = _claim(store)
    for _ in range(2):
        store.clock.move(40)
        leases.WATCHES.renew(store, [lease], ONE)
    _pull(store, at=store.clock.now())
    _release(store, lease)
    assert _due_at(store) == store.clock.now()


def test_a_wish_that_a_passed_mark_may_hide_is_heard(store):
    _pull(store)
    (lease,) = _claim(store)
    store.clock.move(70)  # nobody renewed it, and nobody took it
    _pull(store, at=store.clock.now())
    _release(store, lease)
    assert len(_claim(store, TWO)) == 1


def test_a_wish_that_a_passed_mark_may_hide_outlives_a_late_renewal(store):
    _pull(store)
    (lease,) = _claim(store)
    store.clock.move(70)
    _pull(store, at=store.clock.now())
    assert leases.WATCHES.renew(store, [lease], ONE) == [lease]
    assert _claim(store, TWO) == []
    _release(store, lease)
    assert len(_claim(store, TWO)) == 1


def test_who_asked_for_less_haste_than_the_work_itself_is_not_obeyed(store):
    _pull(store)
    (lease,) = _claim(store)
    _pull(store, at=NOW + timedelta(seconds=20))
    _release(store, lease, NOW + timedelta(seconds=5))
    assert _due_at(store) == NOW + timedelta(seconds=5)


def test_an_undisturbed_release_says_when_it_is_due(store):
    _pull(store)
    (lease,) = _claim(store)
    assert _due_at(store) == lease.mark == NOW + LEASE
    _release(store, lease)
    assert _due_at(store) == LATER


LOW, HIGH = Scope("1111", "r"), Scope("eeee", "r")
SHARES = [Share("", "8000", timedelta(seconds=2)), Share("8000", "zzzz", timedelta(seconds=2))]


def test_what_is_of_an_engines_share_comes_first_and_what_waits_too_long_is_anybodys(store):
    kinds = Kinds({"watches": leases.WATCHES})
    _pull(store, LOW)
    _pull(store, HIGH)
    one, two = (Claimer(name, LEASE, share) for name, share in zip("12", SHARES, strict=True))
    assert [lease.scope for lease in _claim(store, two)] == [HIGH]
    assert kinds.due(store, store.clock.now(), two.share) == set()
    assert kinds.due(store, store.clock.now(), one.share) == {"watches"}
    store.clock.move(1)
    assert _claim(store, two) == []
    store.clock.move(1)
    assert kinds.due(store, store.clock.now(), two.share) == {"watches"}
    assert [lease.scope for lease in _claim(store, two)] == [LOW]
    assert _claim(store, one) == []


def test_a_share_keeps_within_the_room_there_is(store):
    for number in range(6):
        _pull(store, Scope(f"1{number}", "full"))
    _pull(store, Scope("19", "other"))
    claimed = _claim(store, Claimer("1", LEASE, SHARES[0]), Room(3, [Scope("10", "full")]))
    assert sorted(lease.scope.region for lease in claimed) == ["full", "full", "other"]


def test_when_the_next_row_is_due_is_told_held_or_not(store):
    kinds = Kinds({"watches": leases.WATCHES, "pools": leases.POOLS})
    assert kinds.next_due(store) is None
    _pull(store, LOW, LATER)
    assert kinds.next_due(store) == LATER
    _pull(store, HIGH)
    _claim(store)
    assert kinds.next_due(store) == NOW + LEASE


def test_what_is_given_back_is_locked_in_the_order_in_which_it_is_renewed(store):
    for project in ("c", "a", "b"):
        _pull(store, Scope(project, "r"))
    assert len(_claim(store)) == 3
    updated = []

    def note(_conn, _cursor, statement, parameters, _context, _many):
        if statement.startswith("UPDATE watches"):
            told = parameters.values() if isinstance(parameters, dict) else parameters
            updated.extend(each for each in told if each in {"a", "b", "c"})

    event.listen(store.engine, "before_cursor_execute", note)
    given_back = store.transact(lambda conn: leases.WATCHES.abandon(conn, "one", (), NOW))
    event.remove(store.engine, "before_cursor_execute", note)
    assert (given_back.given_back, updated) == (3, ["a", "b", "c"])


@pytest.mark.on("postgresql", "mariadb")
def test_what_a_transaction_holds_in_which_an_engine_died_keeps_the_rest_from_nobody(store):
    for name in ("p1", "p2"):
        _pull(store, Scope(name, "r"))
    first, second = _claim(store)

    def give_back():
        return store.transact(lambda conn: leases.WATCHES.abandon(conn, "one", (), store.clock.now(), patient=False))

    with store.engine.connect() as dead, dead.begin():
        leases.WATCHES.fence(dead, first)
        assert give_back() == (1, 1)
        assert [lease.scope for lease in _claim(store, TWO)] == [second.scope]
    assert give_back() == (1, 0)
    assert [lease.scope for lease in _claim(store, TWO)] == [first.scope]


@pytest.mark.on("postgresql", "mariadb")
def test_what_another_transaction_holds_is_put_off_later(store):
    _pull(store)
    (lease,) = _claim(store)

    def put_off():
        return store.transact(lambda conn: leases.WATCHES.put_off(conn, lease, NOW + timedelta(seconds=5)))

    with store.engine.connect() as holder, holder.begin():
        leases.WATCHES.fence(holder, lease)
        assert put_off() is False
    assert put_off() is True
    assert _due_at(store) == NOW + timedelta(seconds=5)
    store.clock.move(10)
    _claim(store, TWO)
    assert put_off() is True  # it is lost: there is nothing to be put off


@pytest.mark.on("postgresql", "mariadb")
@pytest.mark.parametrize("died", ["at work", "being heard of"])
def test_engines_go_on_while_a_dead_one_s_transaction_holds_rows(store, died):
    settings = EngineSettings()

    def member(name):
        me = EngineRecord(name, "host", 1, "0039", NOW, NOW, settings.silence)
        return Membership(store, store.clock, me, settings, KINDS)

    def attend(seconds, *members):
        for _ in range(seconds):
            for each in members:
                each.attend()
            store.clock.move(1)

    def names():
        with store.read() as conn:
            return [each.name for each in engines.all_of_them(conn)]

    one, two = member("one"), member("two")
    _pull(store)
    attend(12, one, two)
    (lease,) = _claim(store)
    with store.engine.connect() as dead, dead.begin():
        if died == "at work":
            leases.WATCHES.fence(dead, lease)
        else:
            engines.seen(dead, one._me, NOW)
        attend(20, two)
        assert names() == ["one", "two"]
    attend(4, two)
    assert names() == ["two"]
    assert [each.key for each in _claim(store, TWO)] == [lease.key]
