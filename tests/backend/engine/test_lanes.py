from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from backend.clock import SystemClock
from backend.domain.scope import Scope
from backend.drivers import terms
from backend.drivers.errors import CloudError, CloudUnavailable, NotHeld
from backend.engine.breaker import BreakerRule
from backend.engine.lanes import Call, InlineCalls, Lanes, held_by
from tests.backend.engine.threads import Threads
from tests.factories import HandClock

ONE, TWO = Scope("one", "r"), Scope("two", "r")


def _drain(calls, futures):
    while not all(future.done() for future in futures):
        calls.wait(5)
    return [future.result() for future in futures]


def test_inline_calls_are_done_when_submitted():
    futures = InlineCalls().submit([Call(ONE, lambda: 1), Call(TWO, lambda: 2)])
    assert [future.result() for future in futures] == [1, 2]


def test_a_project_has_only_its_share_at_once():
    lock, running, most = threading.Lock(), {ONE: 0, TWO: 0}, {ONE: 0, TWO: 0}

    def ask(scope):
        with lock:
            running[scope] += 1
            most[scope] = max(most[scope], running[scope])
        together.wait(5) if scope is TWO else None
        with lock:
            running[scope] -= 1
        return scope

    together = threading.Barrier(2)
    calls = Lanes(SystemClock(), at_once=4)
    futures = calls.submit([Call(scope, lambda scope=scope: ask(scope)) for scope in (ONE,) * 6 + (TWO,) * 2])
    assert _drain(calls, futures) == [ONE] * 6 + [TWO] * 2
    assert most[ONE] <= 2
    assert most[TWO] == 2
    calls.close()


def test_heavy_calls_wait_for_each_other_and_hold_up_nobody_else():
    lock, running, most = threading.Lock(), 0, 0
    light_done = threading.Event()

    def ask():
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        light_done.wait(5)  # the first heavy call ends only after the light one behind it
        with lock:
            running -= 1
        return "heavy"

    def light():
        light_done.set()
        return "light"

    calls = Lanes(SystemClock(), at_once=2, heavy_at_once=1)
    futures = calls.submit([*(Call(scope, ask, heavy=True) for scope in (ONE, TWO, ONE)), Call(ONE, light)])
    assert _drain(calls, futures) == ["heavy"] * 3 + ["light"]
    assert most == 1
    calls.close()


def test_a_fault_of_a_call_reaches_who_asked():
    def fail():
        raise ValueError("broken")

    calls = Lanes(SystemClock(), at_once=1)
    (future,) = calls.submit([Call(ONE, fail)])
    calls.wait(5)
    with pytest.raises(ValueError, match="broken"):
        future.result(5)
    calls.close()


HUNG, WELL = Scope("one", "hung"), Scope("one", "well")


class World:
    """Lanes over such threads, in time that passes by hand."""

    def __init__(self, at_once=4, seconds=None, **more):
        self.clock = HandClock()
        self.threads = {}
        self.seconds = {"hung": 180.0, **(seconds or {})}
        self.lanes = Lanes(self.clock, at_once, executor_of=self._threads, **more)

    def _threads(self, region, number):
        self.threads[region] = Threads(self.clock, self.seconds.get(region, 1.0))
        return self.threads[region]

    def pass_time(self, seconds, step=0.5):
        for _ in range(int(seconds / step)):
            self.clock.move(step)
            for threads in self.threads.values():
                threads.move()
            self.lanes.wait(0)

    def begun(self, region):
        return len(self.threads[region].begun)


def down():
    return CloudUnavailable("no answer")


class Term:
    def __init__(self):
        self.over = self.lost = False


def test_a_region_that_hangs_holds_up_no_other():
    world = World()
    world.lanes.submit([Call(Scope(f"p{number}", "hung"), down) for number in range(20)])
    (answer,) = world.lanes.submit([Call(WELL, lambda: "there")])
    world.pass_time(1)
    assert (answer.result(0), world.begun("hung")) == ("there", 4)


def test_a_project_that_hangs_holds_up_no_other_of_its_region():
    world = World()
    world.lanes.submit([Call(HUNG, down) for _ in range(20)])
    assert world.begun("hung") == 2
    world.lanes.submit([Call(Scope("two", "hung"), down)])
    assert world.begun("hung") == 3


def test_a_project_whose_listings_hang_holds_up_no_other_s_listing():
    world = World()
    world.lanes.submit([Call(HUNG, down, heavy=True) for _ in range(6)])
    assert world.begun("hung") == 1, "one of the two threads for listings"
    world.lanes.submit([Call(Scope("two", "hung"), down, heavy=True)])
    assert world.begun("hung") == 2


@pytest.mark.parametrize("heavy", [False, True])
def test_projects_take_turns(heavy):
    world = World(at_once=2)
    order = []
    world.lanes.submit(
        [Call(Scope(project, "r"), partial(order.append, project), heavy=heavy) for project in "aaabbbccc"]
    )
    world.pass_time(6)
    assert sorted(order[:3]) == ["a", "b", "c"]
    assert len(order) == 9


def test_nothing_is_begun_for_a_lease_that_is_over_until_it_is_renewed():
    world, held, gone = World(), Term(), Term()
    held.over = gone.over = gone.lost = True
    waiting, dropped, other = (
        world.lanes.submit([replace(Call(WELL, lambda: "done"), term=term)])[0] for term in (held, gone, Term())
    )
    world.pass_time(2)
    assert (waiting.done(), dropped.cancelled(), other.result(0)) == (False, True, "done")
    held.over = False
    world.pass_time(2)
    assert waiting.result(0) == "done"


def test_whose_lease_is_over_before_something_is_made_makes_nothing_and_blames_no_cloud():
    world, held, made = World(rule=BreakerRule(failures=1)), Term(), list[int]()

    def make(number: int) -> CloudError | None:
        held.over = number < 3  # this process stands still for as long, then
        try:
            terms.check()
        except CloudError as error:
            return error
        made.append(number)
        return None

    for number in range(4):
        (told,) = world.lanes.submit(held_by(held, [Call(WELL, partial(make, number))]))
        world.pass_time(2)
        assert isinstance(told.result(0), NotHeld) == (number < 3)
        held.over = False
    assert made == [3]


def test_who_asked_nothing_since_its_lease_was_over_takes_no_region_for_one_that_answers(caplog):
    world, held = World(rule=BreakerRule(failures=1)), Term()
    world.lanes.submit([Call(HUNG, down)])
    world.pass_time(200)

    def late() -> CloudError:
        return NotHeld("late")

    (told,) = world.lanes.submit(held_by(held, [Call(HUNG, late)]))
    world.pass_time(200)
    assert isinstance(told.result(0), NotHeld)
    assert "answers again" not in caplog.text


def test_what_does_not_answer_is_asked_only_now_and_then():
    world = World(rule=BreakerRule(failures=2, pause=timedelta(seconds=60)))
    told = world.lanes.submit([Call(HUNG, down, unasked=lambda error: ("unasked", error)) for _ in range(6)])
    world.pass_time(180)
    answers = [future.result(0) for future in told]
    assert [isinstance(answer, tuple) for answer in answers] == [False] * 2 + [True] * 4
    assert isinstance(answers[-1][1], CloudUnavailable)
    world.pass_time(60)
    probe, other = world.lanes.submit([Call(HUNG, lambda: "there"), Call(HUNG, down)])
    assert (probe.done(), isinstance(other.result(0), CloudUnavailable)) == (False, True)
    world.pass_time(180)
    assert probe.result(0) == "there"
    (after,) = world.lanes.submit([Call(HUNG, lambda: "there")])
    assert not after.done()
    assert world.begun("hung") == 1


def test_who_waits_hears_at_once_what_was_noticed_while_something_was_submitted():
    world = World()
    (first,) = world.lanes.submit([Call(WELL, lambda: 1)])
    world.clock.move(1)
    world.threads["well"].move()
    world.lanes.submit([Call(WELL, lambda: 2)])
    before = world.clock.now()
    world.lanes.wait(3)
    assert (first.result(0), world.clock.now()) == (1, before)
