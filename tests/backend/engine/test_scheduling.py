"""Schedules followed: at their time, in their order, once, whatever the number of engines."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.activity import ActivityKind, ActivityStatus, CauseKind, ReasonKind
from backend.domain.cluster import Process
from backend.domain.schedules import WantedSchedule
from backend.engine import scheduling
from backend.store import schedules
from backend.store.leased import Claimer, Room
from backend.store.schedules import ScheduleQuery
from tests.factories import NOW, OTHER, SCOPE, HandClock

HOUR = timedelta(hours=1)


@pytest.fixture
def group(world):
    made = world.make(desired=1, maximum=5)
    world.pass_time(5, step=1)
    return made


def put(world, name, at=None, scope=SCOPE, **wanted):
    world.backend.schedules.put(scope, "web", WantedSchedule(name, at, **wanted))


def listed(world, scope=SCOPE):
    page = world.backend.schedules.page(scope, ScheduleQuery(), limit=100)
    return {each.name: each for each in page.items}


def leap(world, to, seconds=5):
    """The engine sleeps until then."""
    world.clock.at = to
    world.pass_time(seconds, step=min(seconds, 1))


def sizes(world, group):
    spec = world.cluster(group).spec
    return spec.minimum, spec.desired, spec.maximum


def test_one_that_runs_once_is_followed_and_gone(world, group):
    put(world, "up", NOW + HOUR, minimum=1, desired=3, maximum=4)
    leap(world, NOW + HOUR - timedelta(seconds=2), 1)
    assert sizes(world, group) == (0, 1, 5)
    world.pass_time(8)
    assert sizes(world, group) == (1, 3, 4)
    assert world.states(group) == ["InService"] * 3
    assert listed(world) == {}
    assert world.engine.counters["schedules_run"] == 1
    entry = world.journal(group)[-1]
    assert entry.kind is ActivityKind.LAUNCH
    cause = entry.causes[0]
    assert cause.kind is CauseKind.SCHEDULED_ACTION
    assert cause.data == {"minimum": 1, "maximum": 4, "desired": 3, "before": 1, "after": 3}
    assert NOW + HOUR <= cause.at <= NOW + HOUR + timedelta(seconds=1)


def test_what_is_not_given_follows(world, group):
    put(world, "floor", NOW + HOUR, minimum=2)
    put(world, "roof", NOW + 2 * HOUR, minimum=0, maximum=1)
    leap(world, NOW + HOUR)
    assert sizes(world, group) == (2, 2, 5)
    leap(world, NOW + 2 * HOUR)
    assert sizes(world, group) == (0, 1, 1)


def test_runs_that_fail_are_told_each_by_itself(world, group):
    """Whoever has another schedule of the cluster at work runs it, too; the next time it has a turn of its own."""
    world.engine_settings = replace(world.engine_settings, schedules_at_once=1)
    world.engine = world.new_engine("one by one")
    put(world, "even", recurrence="0 */2 * * *", desired=9)
    put(world, "odd", recurrence="1 * * * *", desired=8)
    for hours in (3.5, 4.5, 5.0):  # both in the turn of the odd one; that alone; the even one alone
        leap(world, NOW + hours * HOUR)
    told = [entry for entry in world.journal(group) if entry.kind is ActivityKind.SCHEDULE]
    assert len({entry.id for entry in told}) == len(told) == world.engine.counters["schedules_failed"]
    assert (len(told), world.engine.counters["faults"]) == (4, 0)


def test_one_that_recurs_until_its_end(world, group):
    put(world, "daily", recurrence="0 14 * * *", desired=2, ends_at=NOW + 30 * HOUR)
    put(world, "night", recurrence="0 22 * * *", desired=0)
    leap(world, NOW + HOUR)
    assert sizes(world, group)[1] == 2
    assert listed(world)["daily"].next_at == NOW + 25 * HOUR
    leap(world, NOW + 9 * HOUR)
    assert sizes(world, group)[1] == 0
    leap(world, NOW + 25 * HOUR)
    assert sizes(world, group)[1] == 2
    # There is none before its end: it is there until then.
    assert listed(world)["daily"].next_at is None
    leap(world, NOW + 30 * HOUR)
    assert set(listed(world)) == {"night"}
    assert world.engine.counters["schedules_run"] == 3


def test_across_the_change_of_clocks(world, group):
    """A run on the wall clock of Berlin, on the last Sunday of March too."""
    world.clock.at = datetime(2027, 3, 27, 0, 0, tzinfo=UTC)
    put(world, "early", recurrence="30 2 * * *", zone="Europe/Berlin", desired=2)
    ran = []
    for _ in range(3):
        coming = listed(world)["early"].next_at
        world.backend.clusters.resize(SCOPE, "web", 1)
        leap(world, coming - timedelta(seconds=1), 0.5)
        assert sizes(world, group)[1] == 1
        leap(world, coming, 0.5)
        assert sizes(world, group)[1] == 2
        ran.append(coming)
    assert [f"{at:%m-%d %H:%M}" for at in ran] == ["03-27 01:30", "03-28 01:00", "03-29 00:30"]


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"desired": 9}, ReasonKind.OUT_OF_BOUNDS),
        ({"minimum": 7}, ReasonKind.BOUNDS_CROSSED),
    ],
)
def test_what_cannot_be_is_told_and_not_tried_again(world, group, caplog, wanted, reason):
    put(world, "bad", NOW + HOUR, **wanted)
    leap(world, NOW + HOUR)
    assert sizes(world, group) == (0, 1, 5)
    assert listed(world) == {}
    (entry,) = [each for each in world.journal(group) if each.kind is ActivityKind.SCHEDULE]
    assert (entry.status, entry.progress, entry.reason.kind) == (ActivityStatus.FAILED, 100, reason)
    assert entry.ended_at == entry.started_at
    assert "schedule='bad'" in caplog.text
    assert "cannot be followed" in caplog.text
    assert world.engine.counters["schedules_failed"] == 1


def test_suspended_ones_are_skipped(world, group):
    put(world, "once", NOW + HOUR, desired=3)
    put(world, "daily", recurrence="0 15 * * *", desired=2)
    world.backend.clusters.suspend(SCOPE, "web", [Process.SCHEDULED_ACTIONS])
    leap(world, NOW + 3 * HOUR)
    world.backend.clusters.resume(SCOPE, "web")
    world.pass_time(5)
    assert sizes(world, group)[1] == 1
    assert listed(world)["daily"].next_at == NOW + 26 * HOUR
    assert set(listed(world)) == {"daily"}
    assert [each.kind for each in world.journal(group)] == [ActivityKind.LAUNCH]


def test_what_was_due_while_no_engine_worked_is_done_once_in_its_order(world, group):
    """Down at eighteen, up at nine, and the engines away from Sunday noon to Tuesday night: down came last."""
    put(world, "up", recurrence="0 9 * * *", desired=4)
    put(world, "down", recurrence="0 18 * * *", desired=0)
    put(world, "often", recurrence="*/7 * * * *", maximum=5)
    leap(world, datetime(2026, 11, 24, 20, 1, tzinfo=UTC), 2)
    assert sizes(world, group) == (0, 0, 5)
    assert [
        cause.data["after"] for cause in world.cluster(group).causes if cause.kind is CauseKind.SCHEDULED_ACTION
    ] == [4, 0]
    assert world.engine.counters["schedules_run"] == 3
    assert listed(world)["up"].next_at == datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


def test_those_of_one_time_each_see_what_the_one_before_made(world, group):
    put(world, "b", NOW + HOUR + timedelta(seconds=1), maximum=9)
    put(world, "a", NOW + HOUR + timedelta(seconds=2), desired=8)
    leap(world, NOW + HOUR + timedelta(seconds=3))
    assert sizes(world, group) == (0, 8, 9)


def test_a_group_on_its_way_out_follows_none(world, group):
    put(world, "up", NOW + HOUR, desired=3)
    world.backend.clusters.delete(SCOPE, "web", force=True)
    world.clock.at = NOW + HOUR
    world.pass_time(20)
    assert listed(world) == {}
    assert [each.kind for each in world.journal(group)] == [ActivityKind.LAUNCH, ActivityKind.TERMINATE]


def test_another_project_has_its_own(world, group):
    world.make(scope=OTHER, desired=1)
    put(world, "up", NOW + HOUR, desired=3)
    put(world, "up", NOW + HOUR, scope=OTHER, desired=2)
    assert (listed(world)["up"].desired, listed(world, OTHER)["up"].desired) == (3, 2)
    world.backend.schedules.remove(OTHER, "web", "up")
    leap(world, NOW + HOUR)
    assert sizes(world, group)[1] == 3
    assert world.backend.clusters.get(OTHER, "web").spec.desired == 1


class Runs:
    """What was done to the desired capacity, by whom."""

    def __init__(self, monkeypatch):
        self.made = Counter()
        kept = scheduling._run

        def run(conn, schedule, wanted_at, now, rng):
            self.made[schedule.name, wanted_at] += 1
            return kept(conn, schedule, wanted_at, now, rng)

        monkeypatch.setattr(scheduling, "_run", run)


def test_several_engines_run_each_once(world, group, monkeypatch):
    runs = Runs(monkeypatch)
    world.clock.at = NOW + HOUR
    put(world, "often", recurrence="* * * * *", desired=2)
    put(world, "other", recurrence="*/2 * * * *", maximum=6)
    engines = [world.engine, world.new_engine("two"), world.new_engine("three")]
    for minute in range(1, 11):
        world.clock.at = NOW + HOUR + minute * timedelta(minutes=1)
        for engine in engines[minute % 3 :] + engines[: minute % 3]:
            assert not engine.tick(world.clock.now()).faults
            world.clock.move(0.5)
    assert set(runs.made.values()) == {1}
    assert Counter(name for name, _ in runs.made) == {"often": 10, "other": 5}


def test_an_engine_that_was_away_with_a_claim_does_nothing_with_it(world, group, monkeypatch):
    runs = Runs(monkeypatch)
    put(world, "up", recurrence="0 14 * * *", desired=3)
    world.clock.at = NOW + HOUR
    slow = HandClock(world.clock.at)
    (lease,) = schedules.LEASED.claim(world.store, Claimer("slow", timedelta(seconds=60)), slow.now(), Room(5, []))
    world.clock.move(61)
    world.pass_time(5)
    assert sizes(world, group)[1] == 3
    world.backend.clusters.resize(SCOPE, "web", 1)
    job = scheduling.follow(world.engine._context, lease)
    write = next(job)
    assert list(world.store.transact(write.work)) == []
    assert sizes(world, group)[1] == 1
    assert list(runs.made.values()) == [1]
    assert listed(world)["up"].next_at == NOW + 25 * HOUR


def test_a_transaction_that_is_done_twice_runs_nothing_twice(world, group, monkeypatch):
    """Whoever does not know whether it was written writes it again."""
    runs = Runs(monkeypatch)
    put(world, "up", recurrence="0 14 * * *", desired=3)
    world.clock.at = NOW + HOUR
    (lease,) = schedules.LEASED.claim(world.store, Claimer("one", timedelta(seconds=60)), NOW + HOUR, Room(5, []))
    write = next(scheduling.follow(world.engine._context, lease))
    for _ in range(2):
        world.store.transact(write.work)
    assert list(runs.made.values()) == [1]
    assert not schedules.LEASED.claim(world.store, Claimer("two", timedelta(seconds=60)), NOW + HOUR, Room(5, []))


def test_two_engines_with_two_schedules_of_one_group_keep_their_order(world, group):
    """One has the later at work, and does the earlier with it; the other finds nothing left."""
    put(world, "first", NOW + HOUR, desired=4)
    put(world, "second", NOW + HOUR + timedelta(seconds=1), desired=2)
    world.clock.at = NOW + HOUR + timedelta(seconds=2)
    claimer = Claimer("both", timedelta(seconds=60))
    first, second = schedules.LEASED.claim(world.store, claimer, world.clock.now(), Room(5, []))
    for lease, run in ((second, ["first", "second"]), (first, [])):
        write = next(scheduling.follow(world.engine._context, lease))
        assert [each.schedule.name for each in world.store.transact(write.work)] == run
    assert sizes(world, group)[1] == 2
    assert [cause.data["after"] for cause in world.cluster(group).causes] == [4, 2]


def test_one_that_is_written_anew_while_it_is_at_work(world, group):
    put(world, "up", NOW + HOUR, desired=4)
    world.clock.at = NOW + HOUR
    (lease,) = schedules.LEASED.claim(world.store, Claimer("one", timedelta(seconds=60)), NOW + HOUR, Room(5, []))
    put(world, "up", NOW + 2 * HOUR, desired=2)
    write = next(scheduling.follow(world.engine._context, lease))
    assert list(world.store.transact(write.work)) == []
    assert sizes(world, group)[1] == 1
    leap(world, NOW + 2 * HOUR)
    assert sizes(world, group)[1] == 2
