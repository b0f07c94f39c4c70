"""Load that a scenario scripts, and that the servers of a group share."""

from __future__ import annotations

import argparse
from datetime import timedelta

import pytest

from backend.domain.node import GROUP_TAG
from backend.drivers.metric_sources import Asked, Measure
from backend.drivers.simulated import SimulatedSettings, hand
from backend.drivers.simulated.loads import at, script_of
from backend.drivers.simulated.settable import CannotSet
from tests.factories import NOW, OTHER, SCOPE, World

MINUTE = timedelta(minutes=1)
SETTINGS = SimulatedSettings(boot_seconds=0, delete_seconds=0, seed=7, loads=True)


@pytest.fixture
def world():
    made = World(settings=SETTINGS)
    yield made
    made.close()


def servers(world, number, group="web"):
    made = [world.server() for _ in range(number)]
    for each in made:
        world.simulated.cloud.compute.tag(SCOPE, each.id, {GROUP_TAG: group}, ())
    return [each.id for each in made]


def loads(world, ids, minute=NOW, scope=SCOPE):
    (source,) = world.simulated.cloud.sources
    told = source.ask(scope, Asked({Measure.CPU: frozenset(ids)}, minute, minute + MINUTE))
    return [told.series.get((Measure.CPU, each), {}).get(minute) for each in ids]


def test_a_script_runs_straight_between_its_points():
    points = script_of("0:50, 120:300 600:60")
    assert [at(points, second) for second in (0, 60, 120, 360, 600, 9999)] == [50, 175, 300, 180, 60, 60]
    assert [at(points, second, 600) for second in (660, 1320)] == [175, 300]
    assert at(script_of("10:5"), 0) == 5


@pytest.mark.parametrize("text", ["", "1", "1:2:3", "a:1", "5:1 5:2", "9:1 5:2", "-1:5", "1:-5"])
def test_what_is_no_script(text):
    with pytest.raises(CannotSet):
        script_of(text)


def test_what_there_is_to_do_is_shared_by_the_servers_that_are_there(world):
    ids = servers(world, 4)
    stranger = servers(world, 1, "other")
    assert loads(world, ids) == [None] * 4
    world.simulated.loads.put("web", script_of("0:200"))
    assert loads(world, ids + stranger) == [50] * 4 + [None]
    world.simulated.operator.stop(ids[0])
    world.clock.move(5)
    assert loads(world, ids) == [None, *[pytest.approx(200 / 3)] * 3]
    world.simulated.loads.put("web", script_of("0:900"))
    assert loads(world, ids)[1:] == [100] * 3


def test_a_minute_is_told_in_the_mean_of_it(world):
    ids = servers(world, 1)
    world.simulated.loads.put("web", script_of("0:0 60:60"))
    assert loads(world, ids, NOW) == [30]
    assert loads(world, ids, NOW + MINUTE) == [60]


def test_a_projects_own_goes_before_that_of_all(world):
    ids = servers(world, 1)
    world.simulated.loads.put("web", script_of("0:10"))
    world.simulated.loads.put("web", script_of("0:20"), project=SCOPE.project_id)
    world.simulated.loads.put("web", script_of("0:30"), project=OTHER.project_id)
    assert loads(world, ids) == [20]
    assert world.simulated.loads.drop("web", SCOPE.project_id)
    assert loads(world, ids) == [10]
    assert not world.simulated.loads.drop("web", SCOPE.project_id)
    assert [row["group"] for row in world.simulated.loads.all()] == ["web", "web"]


def test_a_cloud_that_was_not_told_to_tells_nothing():
    assert World(settings=SimulatedSettings(seed=7)).simulated.cloud.sources == ()


def test_the_operators_words(world):
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command")
    for word, order in hand.ORDERS.items():
        order.arguments(commands.add_parser(word))

    def told(*words):
        return hand.carry_out(world.simulated, parser.parse_args(words))

    ids = servers(world, 2)
    assert told("load", "web", "0:50", "60:150", "--every", "120") == "load: web"
    assert loads(world, ids) == [50, 50]
    (row,) = told("loads")
    assert (row["group"], row["now"], row["script"], row["every"]) == ("web", 50, "0:50 60:150", 120)
    assert told("drop-load", "web") == "drop-load: web"
    for words in (("drop-load", "web"), ("load", "web", "x"), ("load", "web", "0:1", "--every", "0")):
        with pytest.raises(CannotSet):
            told(*words)
