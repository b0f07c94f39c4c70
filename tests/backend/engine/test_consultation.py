"""Somebody outside who chooses the nodes that go when capacity shrinks."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from backend.domain.ids import short_id
from backend.domain.messages import Unreached
from backend.store.outlets import Outlets
from tests.backend.engine.world import EngineWorld
from tests.factories import SCOPE

URL = "https://choose.example/"


@dataclass
class Chooser:
    """Answers with what it is told to, or not at all, and keeps what it was asked."""

    named: list[str] = field(default_factory=list)
    away: bool = False
    asked: list = field(default_factory=list)

    def consult(self, question):
        self.asked.append(question)
        if self.away:
            raise Unreached("nobody there")
        return self.named


@pytest.fixture
def chooser():
    return Chooser()


@pytest.fixture
def world(chooser):
    world = EngineWorld(outlets=Outlets(consult=chooser.consult))
    world.engine = world.new_engine("consulting", outlets=world.outlets)
    yield world
    world.close()


@pytest.fixture
def group(world):
    made = world.make(desired=4, termination_rules=(URL, "OldestInstance"))
    world.pass_time(6)
    return made


def _living(world, group):
    return [node.server_id for node in world.nodes(group) if node.counted]


def test_who_is_named_goes_and_nobody_else(world, group, chooser):
    servers = _living(world, group)
    chooser.named = [short_id(servers[2]), "0" * 17]
    world.backend.clusters.resize(SCOPE, "web", 2)
    world.pass_time(20)
    assert set(_living(world, group)) == {servers[0], servers[1], servers[3]}
    question = chooser.asked[0]
    assert (question.target, sum(question.capacity.values()), len(question.nodes)) == (URL, 2, 2)
    chooser.named = [short_id(server) for server in servers]
    world.pass_time(60)
    assert len(_living(world, group)) == 2


def test_it_is_asked_again_now_and_then_while_it_names_nobody(world, group, chooser):
    world.backend.clusters.resize(SCOPE, "web", 3)
    world.pass_time(100)
    assert len(_living(world, group)) == 4
    assert 3 <= len(chooser.asked) <= 8
    chooser.away = True
    world.pass_time(100)
    assert len(_living(world, group)) == 4
    chooser.away, chooser.named = False, [short_id(_living(world, group)[1])]
    world.pass_time(60)
    assert len(_living(world, group)) == 3


def test_the_protected_stay_whoever_names_them(world, group, chooser):
    servers = _living(world, group)
    world.backend.nodes.protect(SCOPE, "web", [short_id(servers[0])], protected=True)
    chooser.named = [short_id(servers[0])]
    world.backend.clusters.resize(SCOPE, "web", 3)
    world.pass_time(60)
    assert len(_living(world, group)) == 4


def test_nobody_is_asked_where_no_rule_names_them(world, chooser):
    group = world.make("other", desired=2)
    world.pass_time(6)
    world.backend.clusters.resize(SCOPE, "other", 1)
    world.pass_time(20)
    assert (len(_living(world, group)), chooser.asked) == (1, [])
