"""A host is drained: groups replace what they have there, the new ones first; and it is taken back."""

from __future__ import annotations

import pytest

import wsgi
from backend.commands import hosts
from backend.commands.line import Troubles
from backend.domain.ids import short_id
from backend.drivers.errors import NotAuthorized
from backend.drivers.simulated import SimulatedSettings
from tests.backend.engine.world import EngineWorld
from tests.factories import OTHER, SCOPE

HERE = "us-east-1a"
"""Each zone of the embedded cloud is a host."""


@pytest.fixture
def world():
    made = EngineWorld(settings=SimulatedSettings(seed=7))
    yield made
    made.close()


def _drain(world, compute=None, region=None):
    return hosts.drained(world.store, compute or world.simulated.cloud.compute, HERE, region, world.clock.now())


def _serving(world, group):
    return {node.server_id: node.zone for node in world.nodes(group) if str(node.state) == "InService"}


def test_what_is_on_the_host_is_replaced_and_never_are_there_fewer(world):
    group = world.make(desired=2)
    world.pass_time(10)
    before = _serving(world, group)
    (row,) = _drain(world)
    assert row == {
        "project": SCOPE.project_id,
        "region": SCOPE.region,
        "group": "web",
        "instances": 1,
        "what": "replaced, new ones first",
    }
    fewest = 2
    for _ in range(60):
        world.pass_time(0.5)
        fewest = min(fewest, len(_serving(world, group)))
    after = _serving(world, group)
    assert fewest == 2
    assert len(after) == 2
    (left,) = [server for server, zone in before.items() if zone == HERE]
    assert left not in after
    assert set(before) - {left} <= set(after), "who is on another host stays"


def test_what_comes_of_each_is_told_and_who_is_on_the_way_out_is_not_counted(world):
    group = world.make(desired=6, maximum=6)
    world.pass_time(20)
    standby, ended = [node.server_id for node in world.nodes(group) if node.zone == HERE][:2]
    world.backend.nodes.enter_standby(SCOPE, "web", [short_id(standby)], decrement=True)
    world.backend.nodes.terminate(SCOPE, short_id(ended), decrement=True)
    assert {row["what"]: row["instances"] for row in _drain(world)} == {
        "replaced, new ones first": 1,
        "stays (standby)": 1,
    }
    assert [row["instances"] for row in hosts.kept(world.store, HERE, None, world.clock.now())] == [2]


def test_what_was_not_replaced_yet_stays_where_it_is_taken_back(world):
    group = world.make(desired=2)
    world.pass_time(10)
    before = _serving(world, group)
    _drain(world)
    assert [row["instances"] for row in hosts.kept(world.store, "elsewhere", None, world.clock.now())] == []
    assert [row["instances"] for row in hosts.kept(world.store, HERE, None, world.clock.now())] == [1]
    world.pass_time(20)
    assert _serving(world, group) == before


def test_it_stays_as_well_where_its_successor_is_under_way(world):
    group = world.make(desired=2)
    world.pass_time(10)
    before = _serving(world, group)
    _drain(world)
    for _ in range(100):
        if len(world.nodes(group)) > 2:
            break
        world.engine.tick(world.clock.now())
        world.clock.move(0.1)
    assert len(world.nodes(group)) == 3
    hosts.kept(world.store, HERE, None, world.clock.now())
    world.pass_time(60)
    assert _serving(world, group) == before
    assert len(world.nodes(group)) == 2


class Shut:
    """A project lets nobody look."""

    def __init__(self, compute):
        self.compute = compute

    def on_host(self, scope, host):
        if scope == OTHER:
            raise NotAuthorized("no access")
        return self.compute.on_host(scope, host)


def test_a_project_that_cannot_be_asked_is_told_and_the_others_are_drained(world):
    for scope in (SCOPE, OTHER):
        world.make(desired=2, scope=scope)
    world.pass_time(10)
    told = _drain(world, Shut(world.simulated.cloud.compute))
    assert isinstance(told, Troubles)
    assert {row["project"]: row["instances"] for row in told} == {SCOPE.project_id: 1, OTHER.project_id: 0}
    assert _drain(world, region="elsewhere") == []


def test_the_command_says_where_nothing_is(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    assert wsgi.main(["migrate"]) == 0
    capsys.readouterr()
    assert wsgi.main(["drain", "us-east-1a"]) == 0
    assert capsys.readouterr().out == "No group has an instance there.\n"
    assert wsgi.main(["drain", "us-east-1a", "--undo", "-o", "json"]) == 0
    assert capsys.readouterr().out.strip() == "[]"
    assert wsgi.main(["drain", "x" * 256]) == 1
