"""Engines among each other: who is there, what comes first to whom, and what becomes of the work of one that dies."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count, pairwise

import pytest
from sqlalchemy.exc import OperationalError

from backend.engine.kinds import KINDS
from backend.engine.lanes import Lanes
from backend.engine.membership import Membership, share_of
from backend.store import engines, leases
from backend.store.engines import EngineRecord
from backend.store.leased import Claimer, Room
from tests.backend.engine.threads import Threads
from tests.factories import NOW

PATIENCE = timedelta(seconds=0.5)


class Roll:
    """What a coordinator tells all engines; None: it is away."""

    def __init__(self, *names):
        self.names = frozenset(names)

    def present(self):
        return self.names

    def end(self):
        self.names = None


def _membership(world, name, settings=None, peers=None, clock=None):
    settings = settings or world.engine_settings
    me = EngineRecord(name, "host", 1, "0039", NOW, NOW, settings.silence)
    return Membership(world.store, clock or world.clock, me, settings, KINDS, peers=peers)


def _names(world):
    with world.store.read() as conn:
        return [each.name for each in engines.all_of_them(conn)]


def _attend(world, *members, seconds, step=1.0):
    """Let these be heard of while time passes."""
    for _ in range(round(seconds / step)):
        for each in members:
            each.attend()
        world.clock.move(step)


def test_shares_are_equal_and_every_project_comes_first_to_one_of_them():
    living = [f"e{number}" for number in range(5)]
    shares = [share_of(name, living, PATIENCE) for name in living]
    assert shares[0].low == ""
    assert all(left.high == right.low for left, right in pairwise(shares))
    sizes = [int(share.high[:4].replace("zzzz", "10000"), 16) - int(share.low or "0", 16) for share in shares]
    assert max(sizes) - min(sizes) <= 1
    for project in ("00ff", "123456789012", "ffffffff", "default", ""):
        assert sum(share.low <= project < share.high for share in shares) == 1


def test_who_is_alone_or_told_to_end_has_no_share():
    assert share_of("one", ["one"], PATIENCE) is None
    assert share_of("one", ["two", "three"], PATIENCE) is None


def test_engines_see_each_other_and_share_and_one_that_drains_leaves_it_to_the_other(world):
    one, two = _membership(world, "one"), _membership(world, "two")
    _attend(world, one, two, seconds=4)
    assert (one.share.high, two.share.low) == ("8000", "8000")
    two.drain()
    _attend(world, one, two, seconds=4)
    assert one.share is None
    assert _names(world) == ["one", "two"]
    two.leave()
    assert _names(world) == ["one"]


def test_the_claims_of_an_engine_that_died_are_given_back_long_before_they_end(world):
    group = world.make(desired=1)
    one, two = _membership(world, "one"), _membership(world, "two")
    _attend(world, one, two, seconds=12)
    lease = leases.CLUSTERS.claim(
        world.store, Claimer("two", world.engine_settings.lease), world.clock.now(), Room(5, [])
    )
    assert [each.cluster_id for each in lease] == [group.id]
    died_at = world.clock.monotonic()
    while "two" in _names(world):
        _attend(world, one, seconds=1)
    assert world.clock.monotonic() - died_at < 13
    again = leases.CLUSTERS.claim(
        world.store, Claimer("one", world.engine_settings.lease), world.clock.now(), Room(5, [])
    )
    assert [(each.cluster_id, each.epoch) for each in again] == [(group.id, lease[0].epoch + 1)]
    with world.store.read() as conn:
        assert leases.fence(conn, lease[0]) is None


def test_nobody_is_taken_for_dead_by_who_was_kept_from_the_database_too(world):
    one, two = _membership(world, "one"), _membership(world, "two")
    _attend(world, one, two, seconds=12)
    world.clock.move(60)  # the database was away for all
    one.attend()
    assert _names(world) == ["one", "two"]
    _attend(world, one, two, seconds=12)
    assert _names(world) == ["one", "two"]


class Halted:
    """The clock of a virtual machine that is halted now and then, with all that it tells time by."""

    def __init__(self, outside):
        self._outside, self._halted = outside, 0.0

    def now(self):
        return self._outside.now() - timedelta(seconds=self._halted)

    def monotonic(self):
        return self._outside.monotonic() - self._halted

    def halt(self, seconds):
        self._halted += seconds


@pytest.mark.parametrize("is_forgotten", [True, False])
def test_who_was_halted_with_all_its_clocks_looks_what_it_still_holds_once_it_is_heard_of(world, is_forgotten):
    one, clock = _membership(world, "one"), Halted(world.clock)
    two = _membership(world, "two", clock=clock)
    _attend(world, one, two, seconds=12)
    assert not two.in_doubt
    if is_forgotten:
        _attend(world, one, seconds=12)
        assert _names(world) == ["one"]
    else:  # what it had may be given back before it is taken out
        world.clock.move(12)
    clock.halt(12)
    world.clock.move(2)
    two.attend()
    assert two.in_doubt
    two.vouch()
    _attend(world, one, two, seconds=12)
    assert not two.in_doubt


def test_hosts_that_were_halted_together_take_each_other_for_dead_no_sooner_than_others(world):
    clock = Halted(world.clock)
    one, two = (_membership(world, name, clock=clock) for name in ("one", "two"))
    _attend(world, one, two, seconds=12)
    world.clock.move(60)
    clock.halt(60)
    world.clock.move(3)
    one.attend()
    assert _names(world) == ["one", "two"]


def test_an_engine_that_starts_takes_nobody_for_dead_before_it_has_waited(world):
    two = _membership(world, "two")
    two.attend()
    world.clock.move(8)
    one = _membership(world, "one")
    _attend(world, one, seconds=8)
    assert "two" in _names(world)
    _attend(world, one, seconds=4)
    assert _names(world) == ["one"]


def test_who_was_taken_for_dead_is_among_them_again_and_tells(world, caplog):
    one, two = _membership(world, "one"), _membership(world, "two")
    _attend(world, one, two, seconds=12)
    _attend(world, one, seconds=16)
    assert _names(world) == ["one"]
    two.attend()
    assert _names(world) == ["one", "two"]
    assert "took this one for dead" in caplog.text


def test_an_engine_that_is_not_heard_of_begins_no_call_however_long_its_lease_is(world):
    lanes = Threads(world.clock, 1000.0)
    member = _membership(world, "one")
    calls = Lanes(world.clock, 1, executor_of=lambda *_: lanes)
    world.engine = world.new_engine("one", calls=calls, membership=member)
    world.make("first", desired=1)
    world.make("second", desired=1)
    world.engine.tick(world.clock.now())
    assert len(lanes.begun) == 1
    world.clock.move(8)  # the lease holds on for a minute, and others may take this engine for dead in a moment
    assert member.lapsed
    lanes.begun.pop(0)[1].set_result((None, 0.0))
    calls.wait(0)
    assert lanes.begun == []
    world.engine.tick(world.clock.now())
    assert len(lanes.begun) == 1


def test_who_was_silent_for_too_long_begins_nothing_before_it_knows_what_it_still_holds(world):
    """Another has its groups meanwhile, and leases that would hold on for most of a minute say nothing of that."""
    lanes = Threads(world.clock, 1000.0)
    calls = Lanes(world.clock, 1, executor_of=lambda *_: lanes)
    two = world.new_engine("two", calls=calls, membership=_membership(world, "two"))
    one = _membership(world, "one")
    _attend(world, one, seconds=12)
    groups = [world.make(name, desired=1) for name in ("first", "second")]
    world.clock.move(1)  # they come first to one or the other
    two.tick(world.clock.now())
    assert len(lanes.begun) == 1
    while "two" in _names(world):
        _attend(world, one, seconds=1)
    claimer = Claimer("one", world.engine_settings.lease)
    taken = leases.CLUSTERS.claim(world.store, claimer, world.clock.now(), Room(5, []))
    assert {each.cluster_id for each in taken} == {each.id for each in groups}
    lanes.begun.pop(0)[1].set_result((None, 0.0))
    for _ in range(3):
        two.tick(world.clock.now())
        world.clock.move(1)
    assert lanes.begun == []
    assert two.counters["lost_leases"] == 2


def test_it_stays_in_doubt_while_the_database_does_not_tell(world):
    def away(point):
        if point == "begin" and next(moments) > 1:
            raise OperationalError("BEGIN", None, Exception("connection refused"))

    lanes = Threads(world.clock, 1000.0)
    member = _membership(world, "two")
    two = world.new_engine("two", calls=Lanes(world.clock, 1, executor_of=lambda *_: lanes), membership=member)
    for name in ("first", "second"):
        world.make(name, desired=1)
    two.tick(world.clock.now())
    lanes.begun.pop(0)[1].set_result((None, 0.0))
    world.clock.move(10)
    moments = count(1)
    world.store.hook = away
    with pytest.raises(OperationalError):  # it was heard of, and no more
        two.tick(world.clock.now())
    assert member.lapsed
    assert lanes.begun == []
    world.store.hook = None
    two.tick(world.clock.now())
    assert not member.lapsed
    assert len(lanes.begun) == 1  # what it asks for was its own all the while


def test_who_is_heard_of_before_its_claims_are_given_back_keeps_them(world):
    """Whoever takes over may stand still itself between what it saw and what it does."""
    world.make(desired=1)
    one, two = _membership(world, "one"), _membership(world, "two")
    _attend(world, one, two, seconds=12)
    claimer = Claimer("two", world.engine_settings.lease)
    (lease,) = leases.CLUSTERS.claim(world.store, claimer, world.clock.now(), Room(5, []))
    silent_at = two._heard_at + world.engine_settings.silence.total_seconds()
    begun = count(1)

    def late(point):
        if point == "begin" and world.clock.monotonic() >= silent_at and next(begun) == 2:  # after the look
            world.store.hook = None
            two.attend()

    world.store.hook = late
    _attend(world, one, seconds=13)
    assert world.store.hook is None
    assert "two" in _names(world)
    with world.store.read() as conn:
        assert leases.fence(conn, lease) is not None
        assert leases.CLUSTERS.owned(conn) == {"two": 1}


def test_an_engine_that_ends_gives_back_what_it_did_not_finish(world):
    class Told:
        def is_set(self):
            return bool(lanes.begun)

    lanes = Threads(world.clock, 1000.0)
    calls = Lanes(world.clock, 4, executor_of=lambda *_: lanes)
    world.engine_settings = replace(world.engine_settings, drain=timedelta(0))
    engine = world.new_engine("two", calls=calls, membership=_membership(world, "two"))
    group = world.make(desired=1)
    engine.run(Told())
    assert _names(world) == []
    one = world.new_engine("one")
    assert one.tick(world.clock.now()).claimed["clusters"] == 1
    assert world.states(group) == ["Pending"]


def test_an_engine_without_a_database_still_ends(world):
    class Told:
        looks = 0

        def is_set(self):
            self.looks += 1
            if self.looks > 3:
                world.store.hook = away
            return self.looks > 3

    def away(_point):
        raise OperationalError("BEGIN", None, Exception("connection refused"))

    engine = world.new_engine("two", membership=_membership(world, "two"))
    engine.run(Told())
    world.store.hook = None
    assert _names(world) == ["two"]


@pytest.mark.parametrize("beat", [1.0, 2.0])
def test_settings_are_read_again_by_a_running_engine(world, beat):
    lanes = [Threads(world.clock, 1.0), Threads(world.clock, 1.0)]
    made: list[int] = []

    def threads(_region, number):
        made.append(number)
        return lanes[len(made) - 1]

    calls = Lanes(world.clock, 4, executor_of=threads)
    member = _membership(world, "one")
    engine = world.new_engine("one", calls=calls, membership=member)
    world.make(desired=1)
    engine.tick(world.clock.now())
    other = replace(world.engine_settings, cloud_calls=9, beat=timedelta(seconds=beat))
    engine.reload(lambda: other)
    engine.tick(world.clock.now())
    engine.reload(lambda: None)  # which cannot be read
    engine.tick(world.clock.now())
    assert made == [4 + 2, 9 + 2]
    assert engine._settings is other
    assert member._settings is other


def test_what_an_engine_finishes_stays_its_own_for_longer_than_a_lease(world):
    class Told:
        def is_set(self):
            return bool(lanes.begun)

    class Slow(Lanes):
        def wait(self, seconds):
            if lanes.begun:
                world.clock.move(1)
                lanes.move()
                other = Claimer("two", world.engine_settings.lease)
                taken.extend(leases.CLUSTERS.claim(world.store, other, world.clock.now(), Room(5, [])))
            super().wait(0)

    taken: list[object] = []
    lanes = Threads(world.clock, 150.0)
    world.engine_settings = replace(world.engine_settings, drain=timedelta(seconds=300))
    engine = world.new_engine("one", calls=Slow(world.clock, 4, executor_of=lambda *_: lanes))
    world.make(desired=1)
    engine.run(Told())
    assert world.clock.monotonic() > 2 * world.engine_settings.lease.total_seconds()
    assert (taken, world.engine.counters.get("lost_leases", 0), len(world.servers())) == ([], 0, 1)


def test_an_engine_is_judged_by_its_own_silence(world):
    slow = replace(world.engine_settings, beat=timedelta(seconds=20), silence=timedelta(seconds=60))
    one, two = _membership(world, "one"), _membership(world, "two", slow)
    for _ in range(60):
        for each in (one, two):
            each.attend()
            assert not each.lapsed
        assert _names(world) == ["one", "two"]
        world.clock.move(1)
    assert (one.share.high, two.share.low) == ("8000", "8000")
    _attend(world, one, seconds=85)
    assert _names(world) == ["one"]


def test_who_beats_seldom_takes_over_from_who_beat_often(world):
    slow = replace(world.engine_settings, beat=timedelta(seconds=20), silence=timedelta(seconds=60))
    one, two = _membership(world, "one"), _membership(world, "two", slow)
    _attend(world, one, two, seconds=30)
    _attend(world, two, seconds=41)
    assert _names(world) == ["two"]


@pytest.mark.parametrize(("before", "after"), [(3, 30), (30, 3)])
def test_settings_that_change_at_one_engine_after_the_other_make_none_look_dead(world, before, after):
    def settings(beat):
        return replace(world.engine_settings, beat=timedelta(seconds=beat), silence=timedelta(seconds=3 * beat))

    one, two = (_membership(world, name, settings(before)) for name in ("one", "two"))
    _attend(world, one, two, seconds=100)
    for changed in (two, one):
        changed.take(settings(after))
        for _ in range(100):
            for each in (one, two):
                each.attend()
                each.vouch()  # as an engine does that has looked what it holds
                assert not each.lapsed
            assert _names(world) == ["one", "two"]
            world.clock.move(1)


def test_until_the_others_know_of_a_longer_silence_the_shorter_one_counts(world):
    def away(_point):
        raise OperationalError("BEGIN", None, Exception("connection refused"))

    one = _membership(world, "one")
    one.attend()
    one.take(replace(world.engine_settings, beat=timedelta(seconds=30), silence=timedelta(seconds=90)))
    world.store.hook = away
    with pytest.raises(OperationalError):
        one.attend()
    world.store.hook = None
    assert not one.lapsed
    world.clock.move(6)
    assert one.lapsed
    one.attend()
    one.vouch()
    world.clock.move(59)
    assert not one.lapsed


def test_whom_a_coordinator_misses_is_taken_over_from_sooner(world):
    roll = Roll("one", "two")
    one, two = (_membership(world, name, peers=roll) for name in ("one", "two"))
    _attend(world, one, two, seconds=12)
    roll.names = frozenset({"one"})
    died_at = world.clock.monotonic()
    while "two" in _names(world):
        _attend(world, one, seconds=1)
        assert two.lapsed or "two" in _names(world), "it may still begin calls"
    assert world.clock.monotonic() - died_at <= 9


def test_whom_a_coordinator_misses_and_the_database_hears_of_lives_and_comes_first_to_nothing(world):
    roll = Roll("one", "two")
    one, two = (_membership(world, name, peers=roll) for name in ("one", "two"))
    _attend(world, one, two, seconds=12)
    assert one.share is not None
    roll.names = frozenset({"one"})
    _attend(world, one, two, seconds=30)
    assert _names(world) == ["one", "two"]
    assert one.share is None


@pytest.mark.parametrize("gone", [None, frozenset()])
def test_a_coordinator_that_is_away_or_has_forgotten_all_is_as_none(world, gone):
    roll = Roll("one", "two")
    one, two = (_membership(world, name, peers=roll) for name in ("one", "two"))
    _attend(world, one, two, seconds=12)
    roll.names = gone
    _attend(world, one, two, seconds=12)
    assert _names(world) == ["one", "two"]
    if gone is None:
        assert (one.share.high, two.share.low) == ("8000", "8000")


def test_an_engine_that_no_coordinator_ever_had_is_judged_by_the_database_alone(world):
    one, two = _membership(world, "one", peers=Roll("one")), _membership(world, "two")
    _attend(world, one, two, seconds=12)
    assert (one.share.high, two.share.low) == ("8000", "8000")
    _attend(world, one, seconds=5)
    assert "two" in _names(world)


@pytest.mark.parametrize("peers", [None, Roll("one", "two")])
def test_no_engine_begins_a_call_after_another_may_have_taken_its_work(world, peers):
    """Whatever the moment at which it was heard of last."""
    silence, beat = world.engine_settings.silence, world.engine_settings.beat
    one = _membership(world, "one", peers=peers)
    one.attend()
    moment = silence * (2 / 3 if peers else 1)
    while not one.lapsed:
        world.clock.move(0.25)
    assert beat.total_seconds() < world.clock.monotonic() < moment.total_seconds()
