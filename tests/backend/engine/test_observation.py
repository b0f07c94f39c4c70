"""How often a project is looked at, and how far back each look reaches."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from backend.drivers.simulated import SimulatedSettings
from backend.engine.observation import changes_since
from backend.engine.settings import EngineSettings
from tests.backend.engine.world import EngineWorld
from tests.factories import NOW, SCOPE, HandClock

SETTINGS = EngineSettings(watch_idle=timedelta(seconds=5))
FAR = SETTINGS.watch_overlap + SETTINGS.watch_idle


def at(seconds: float) -> datetime:
    return datetime(2026, 11, 22, 13, 0, tzinfo=UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("seen", "now", "back"),
    [
        (0.0, 0.5, SETTINGS.watch_glance),
        (4.0, 4.9, SETTINGS.watch_glance),
        (4.5, 5.0, FAR),  # the first within these five seconds
        (5.0, 5.5, SETTINGS.watch_glance),
        (3.0, 12.0, FAR),
        (5.0, 10.0, FAR),
    ],
)
def test_the_first_look_in_each_pause_reaches_far_back(seen, now, back):
    assert changes_since(at(seen), at(now), SETTINGS) == at(seen) - back


@pytest.mark.parametrize("pause", [0.1, 0.5, 0.7, 1.3, 3.0, 5.0, 7.0, 40.0])
def test_a_change_that_is_listed_as_late_as_the_overlap_is_seen(pause):
    looks = [at(index * pause) for index in range(int(60 / pause) + 3)]
    changed = at(20)
    listed = changed + SETTINGS.watch_overlap
    reaching = [now for seen, now in pairwise(looks) if now >= listed and changes_since(seen, now, SETTINGS) <= changed]
    assert reaching


def test_without_a_pause_every_look_reaches_far_back():
    settings = replace(SETTINGS, watch_idle=timedelta())
    assert changes_since(at(1), at(1.1), settings) == at(1) - settings.watch_overlap


@dataclass
class Watched:
    """A compute port whose listings of changes take their time, and are noted when they are asked for."""

    compute: Any
    clock: HandClock
    seconds: float
    asked: list[float] = field(default_factory=list)
    built: list[bool] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.compute, name)

    def list_changed(self, *arguments: Any, built: bool) -> Any:
        self.asked.append((self.clock.now() - NOW).total_seconds())
        self.built.append(built)
        self.clock.move(self.seconds)
        return self.compute.list_changed(*arguments, built=built)


def watched(seconds: float) -> tuple[EngineWorld, Watched]:
    """A world whose listings of changes take so long, and what notes them; servers boot in a minute."""
    world = EngineWorld(
        settings=SimulatedSettings(seed=7, boot_seconds=60),
        engine_settings=EngineSettings(watch_busy=timedelta(seconds=0.5), watch_idle=timedelta(seconds=5)),
    )
    noting = Watched(world.simulated.cloud.compute, world.clock, seconds)
    world.simulated = replace(world.simulated, cloud=replace(world.simulated.cloud, compute=noting))
    world.engine = world.new_engine("one")
    return world, noting


def looks(seconds: float, servers: int = 100) -> list[float]:
    """Pauses between the listings of half a minute in which servers boot, each taking so long."""
    world, noting = watched(seconds)
    world.make(desired=servers, maximum=servers)
    world.pass_time(30, step=0.1)
    world.close()
    later = noting.asked[3:]
    return [round(second - first - seconds, 1) for first, second in pairwise(later)]


def test_while_servers_boot_a_quick_cloud_is_looked_at_without_rest():
    assert set(looks(0.01)) <= {0.5, 0.6}


def test_a_slow_cloud_has_eight_times_the_rest_that_a_listing_takes():
    assert set(looks(0.5)) <= {4.0, 4.1}


def test_the_last_few_are_waited_for_without_rest():
    assert set(looks(1.0, servers=3)) <= {0.5, 0.6}
    assert set(looks(1.0, servers=12)) <= {2.0, 2.1}


def test_between_two_looks_at_all_changes_only_built_servers_are_asked_for():
    world, noting = watched(0.0)
    world.make(desired=10, maximum=10)
    world.pass_time(20, step=0.1)
    world.close()
    assert noting.built.count(False) == 4, "the first in each five seconds"
    assert noting.built.count(True) > 20


def test_while_a_server_leaves_every_look_is_at_all_changes():
    world, noting = watched(0.0)
    cluster = world.make(desired=10, maximum=20)
    world.pass_time(70)
    world.backend.clusters.resize(SCOPE, cluster.name, 9)
    world.pass_time(0.3, step=0.1)
    world.backend.clusters.resize(SCOPE, cluster.name, 20)
    del noting.built[:]
    while "Terminating" in world.states(cluster):
        world.pass_time(0.1, step=0.1)
    assert noting.built
    assert not any(noting.built)
    world.pass_time(3, step=0.1)
    world.close()
    assert any(noting.built), "launches alone are left"


def test_no_rest_is_longer_than_where_nothing_moves():
    assert set(looks(4.0)) <= {5.0, 5.1}


def test_where_nothing_was_left_the_next_complete_listing_is_no_later_than_elsewhere():
    often = EngineSettings(watch_full=timedelta(seconds=3), parting=timedelta(minutes=5))
    world = EngineWorld(engine_settings=often)
    first = world.make()
    world.pass_time(10)
    world.backend.clusters.delete(SCOPE, first.name, force=True)
    world.pass_time(30)
    vanished = world.make("later")
    world.pass_time(10)
    before = {node.server_id for node in world.nodes(vanished)}
    world.simulated.operator.vanish(min(before))
    world.pass_time(20)
    now = {node.server_id for node in world.nodes(vanished)}
    world.close()
    assert len(now) == 2
    assert now & before == before - {min(before)}
