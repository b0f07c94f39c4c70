"""Somebody outside who chooses the nodes that go when capacity shrinks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from backend.domain.cluster import ClusterChange
from backend.domain.ids import short_id
from backend.domain.messages import Unreached
from backend.engine.consulted import Consulted
from backend.store.outlets import Outlets
from tests.backend.engine.world import EngineWorld
from tests.factories import NOW, SCOPE

URL = "https://choose.example/"


@dataclass
class Chooser:
    """Answers with what it is told to, or not at all, and keeps what it was asked."""

    named: list[str] = field(default_factory=list)
    away: bool = False
    asked: list = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    def consult(self, question):
        self.asked.append(question)
        self.meanwhile()
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


def test_passes_in_close_turn_ask_once_and_not_sooner_than_they_may(world, group, chooser):
    server = short_id(_living(world, group)[0])
    world.backend.clusters.resize(SCOPE, "web", 3)
    for second in range(29):  # each write has the cluster looked at again
        world.backend.nodes.protect(SCOPE, "web", [server], protected=second % 2 == 0)
        world.pass_time(1)
    assert len(chooser.asked) == 1
    chooser.named = [short_id(_living(world, group)[1])]
    world.pass_time(5)
    assert (len(chooser.asked), len(_living(world, group))) == (2, 3)


def test_a_plan_that_is_void_is_made_anew_with_the_same_answer(world, group, chooser):
    servers = [short_id(server) for server in _living(world, group)]
    chooser.named = [servers[1]]
    chooser.meanwhile = lambda: world.backend.nodes.protect(SCOPE, "web", [servers[0]], protected=True)
    world.backend.clusters.resize(SCOPE, "web", 3)
    world.pass_time(3)
    assert (len(chooser.asked), len(_living(world, group))) == (1, 3)


def test_what_is_asked_by_another_address_is_asked_anew(world, group, chooser):
    def other():
        world.backend.clusters.update(SCOPE, "web", ClusterChange({"termination_rules": ("https://other.example/",)}))

    servers = _living(world, group)
    chooser.named, chooser.meanwhile = [short_id(servers[1])], other
    world.backend.clusters.resize(SCOPE, "web", 3)
    world.pass_time(10)
    assert len(_living(world, group)) == 4
    world.pass_time(30)
    assert [each.target for each in chooser.asked] == [URL, "https://other.example/"]


def test_of_more_clusters_than_are_remembered_the_one_asked_for_longest_ago_is_forgotten():
    asked = Consulted(most=2)
    for number, name in enumerate(("a", "b", "a", "c")):
        asked.asked(name, NOW + timedelta(seconds=number))
    assert [asked.at(name) for name in "abc"] == [NOW + timedelta(seconds=2), None, NOW + timedelta(seconds=3)]


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
