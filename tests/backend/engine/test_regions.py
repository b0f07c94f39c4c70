"""What hangs in one region or one project holds up nobody else: whole engines over lanes, in virtual time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.domain.scope import Scope
from backend.drivers.errors import CloudUnavailable
from backend.engine.lanes import Lanes
from backend.store import watches
from tests.backend.engine.threads import Threads
from tests.backend.engine.world import EngineWorld
from tests.factories import NOW


class Hanging:
    """An engine over a cloud one of whose regions hangs: its calls end without an answer after three minutes."""

    def __init__(self):
        self.world = EngineWorld()
        self.threads = {}
        clock, settings = self.world.clock, self.world.engine_settings
        lanes = Lanes(clock, settings.cloud_calls, rule=settings.breaker, executor_of=self._threads)
        self.world.engine = self.world.new_engine("one", calls=lanes)
        self.lanes = lanes

    def _threads(self, region, number):
        hangs = region == "hung"
        instead = CloudUnavailable("no answer") if hangs else None
        self.threads[region] = Threads(self.world.clock, 180.0 if hangs else 0.05, instead)
        return self.threads[region]

    def tick(self, step=0.5):
        self.world.clock.move(step)
        for threads in self.threads.values():
            threads.move()
        self.lanes.wait(0)
        self.world.engine.tick(self.world.clock.now())


@pytest.fixture
def hanging():
    made = Hanging()
    yield made
    made.world.close()


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
