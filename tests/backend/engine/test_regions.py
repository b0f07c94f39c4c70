"""What hangs in one region or one project holds up nobody else: whole engines over lanes, in virtual time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from backend.domain.scope import Scope
from backend.engine.settings import EngineSettings
from backend.store import tables, watches
from tests.backend.engine.threads import HangingLanes, Threads
from tests.backend.engine.world import EngineWorld
from tests.factories import NOW, OTHER, SCOPE


class Hanging:
    """An engine over a cloud part of which hangs: calls there end without an answer after three minutes."""

    def __init__(self, hangs, settings=None):
        self.world = EngineWorld(engine_settings=settings or EngineSettings())
        self.threads = {}
        clock, settings = self.world.clock, self.world.engine_settings
        lanes = HangingLanes(clock, settings.cloud_calls, rule=settings.breaker, executor_of=self._threads, hangs=hangs)
        self.world.engine = self.world.new_engine("one", calls=lanes)
        self.lanes = lanes

    def _threads(self, region, number):
        self.threads[region] = Threads(self.world.clock, 0.05)
        return self.threads[region]

    def tick(self, step=0.5):
        self.world.clock.move(step)
        for threads in self.threads.values():
            threads.move()
        self.world.engine.tick(self.world.clock.now())


@pytest.fixture
def hanging(request):
    made = Hanging(request.param)
    yield made
    made.world.close()


@pytest.mark.parametrize("hanging", [lambda scope: scope.region == "hung"], indirect=True)
def test_a_region_that_hangs_delays_no_look_at_another(hanging):
    world = hanging.world
    for number in range(60):
        place = Scope(f"project-{number}", "hung")
        world.store.transact(lambda conn, place=place: watches.pull(conn, place, NOW - timedelta(hours=1)))
    group = world.make(desired=1)
    looks, longest, last = 0, 0.0, 0.0
    for _ in range(900):
        hanging.tick()
        if world.engine.counters["listings"] > looks:
            looks, now = world.engine.counters["listings"], world.clock.monotonic()
            longest, last = max(longest, now - last), now
    assert world.states(group) == ["InService"]
    assert longest <= 16
    assert looks > 27


@pytest.mark.parametrize("hanging", [lambda scope: scope == OTHER], indirect=True)
def test_a_project_that_hangs_delays_nothing_of_another(hanging):
    world = hanging.world
    for number in range(150):
        world.make(f"hung-{number}", scope=OTHER, desired=1)
    hanging.tick()
    group = world.make(desired=12)
    for _ in range(16):
        hanging.tick()
    assert world.states(group) == ["InService"] * 12


@pytest.mark.parametrize("watch_full", [timedelta(minutes=15), timedelta(minutes=1)])
def test_a_few_projects_that_hang_do_not_shut_their_region(watch_full):
    hanging = Hanging(lambda _scope: False, EngineSettings(watch_full=watch_full))
    world, hung = hanging.world, [Scope(f"hung-{number}", SCOPE.region) for number in range(5)]
    well = [Scope(f"well-{number}", SCOPE.region) for number in range(20)]
    for place in (*hung, *well):
        world.make("group", scope=place, desired=1)
    for _ in range(60):
        hanging.tick(1.0)
    hanging.lanes.hangs = lambda scope: scope in hung
    longest, seen = 0.0, dict.fromkeys(well, world.clock.monotonic())
    before = _seen(world)
    for _ in range(420):
        hanging.tick(1.0)
        now, after = world.clock.monotonic(), _seen(world)
        for place in well:
            if after[place] != before[place]:
                seen[place] = now
            longest = max(longest, now - seen[place])
        before = after
    world.close()
    assert longest <= 20


def _seen(world):
    """Up to when each project was looked at."""
    with world.store.read() as conn:
        return {Scope(row.project_id, row.region): row.seen_until for row in conn.execute(select(tables.watches))}
