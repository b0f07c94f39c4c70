"""A bell wakes who sleeps, is heard by who lies down after it rang, and how long an engine sleeps."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from backend.engine.bell import Bell
from backend.store import watches
from tests.factories import SCOPE

POLL, LONGEST, BEAT = timedelta(seconds=0.25), timedelta(seconds=1), timedelta(seconds=3)


class Told:
    """Notes how long an engine means to sleep, and ends it after so many times."""

    def __init__(self, world, looks):
        self.world, self.looks, self.slept = world, looks, []

    def ring(self):
        pass

    def wait(self, seconds):
        self.slept.append(round(seconds, 3))
        self.world.clock.move(seconds)
        return False

    def is_set(self):
        return len(self.slept) >= self.looks


def _slept(world, looks, is_told):
    world.engine_settings = replace(world.engine_settings, poll=POLL, poll_longest=LONGEST, beat=BEAT)
    told = Told(world, looks)
    world.new_engine("one", bell=told, is_told=lambda: is_told).run(told)
    return told.slept


def test_a_ring_is_heard_by_who_lies_down_after_it_and_many_are_one():
    bell = Bell()
    bell.ring()
    bell.ring()
    assert bell.wait(0) is True
    assert bell.wait(0) is False


def test_pauses_double_while_nothing_is_due_where_nobody_tells_of_work(world):
    assert _slept(world, 5, is_told=False) == [0.25, 0.5, 1.0, 1.0, 1.0]


def test_who_is_told_of_work_sleeps_until_it_has_to_be_heard_of(world):
    assert _slept(world, 2, is_told=True) == [3.0, 3.0]


def test_nobody_sleeps_past_what_is_due(world):
    at = world.clock.now() + timedelta(seconds=2)
    world.store.transact(lambda conn: watches.pull(conn, SCOPE, at))
    assert _slept(world, 1, is_told=True) == [2.0]
