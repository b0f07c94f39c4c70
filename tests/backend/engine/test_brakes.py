"""An operator's brake: what was begun is seen to its end, nothing is begun, and all goes on when it is off."""

from __future__ import annotations

from backend.domain.brakes import Brake
from backend.domain.ids import short_id
from backend.domain.profile import ServerSpec
from backend.engine import plan
from backend.services.servers import Order
from backend.store import brakes
from tests.factories import SCOPE


def _put(world, project=""):
    brakes.put(world.store, Brake(project, "", world.clock.now(), "root@ops", ""))


def _lift(world, project=""):
    assert brakes.lift(world.store, project, "")


def test_nothing_is_launched_under_a_brake_and_what_lacks_comes_when_it_is_off(world):
    group = world.make(desired=1)
    world.pass_time(5)
    _put(world)
    world.backend.clusters.resize(SCOPE, "web", 4)
    world.pass_time(60, 2)
    assert world.states(group) == ["InService"]
    assert len(world.servers()) == 1
    _lift(world)
    world.pass_time(6)
    assert world.states(group) == ["InService"] * 4


def test_nothing_is_ended_under_a_brake_whoever_asked_for_it(world):
    group = world.make(desired=3)
    world.pass_time(5)
    _put(world)
    node = world.nodes(group)[0]
    world.backend.nodes.terminate(SCOPE, short_id(node.server_id), decrement=True)
    world.backend.clusters.resize(SCOPE, "web", 0)
    world.pass_time(120, 2)
    assert len(world.servers()) == 3
    assert world.states(group).count("Terminating") == 1
    _lift(world)
    world.pass_time(10)
    assert world.servers() == []


def test_a_launch_that_was_asked_for_comes_into_service_and_a_server_that_ended_leaves(world):
    group = world.make(desired=2)
    world.engine.tick(world.clock.now())
    _put(world)
    world.pass_time(6)
    assert world.states(group) == ["InService"] * 2
    world.backend.nodes.terminate(SCOPE, short_id(world.nodes(group)[0].server_id), decrement=True)
    world.simulated.operator.vanish(world.nodes(group)[0].server_id)
    world.pass_time(1000, 5)
    assert world.states(group) == ["InService"]


def test_an_orphan_stays_under_a_brake_and_goes_when_it_is_off(world):
    group = world.make(desired=1)
    world.pass_time(5)
    (node,) = world.nodes(group)
    order = Order(ServerSpec(image=world.image(), instance_type="t3.micro", zone="us-east-1a"))
    (made,) = world.backend.servers.run(SCOPE, order)
    world.simulated.cloud.compute.adopt(SCOPE, made.id, node.launch_id)
    _put(world)
    world.pass_time(300, 5)
    assert len(world.servers()) == 2
    _lift(world)
    world.pass_time(60, 2)
    assert world.servers() == [node.server_id]


def test_another_projects_brake_holds_nobody_else(world):
    _put(world, "somebody")
    group = world.make(desired=1)
    world.pass_time(5)
    assert world.states(group) == ["InService"]


def test_a_phase_that_is_new_begins_nothing_under_a_brake_by_itself():
    assert {phase.__name__ for phase in plan.UNDER_BRAKE} == {"settle", "lead_waits", "lead_traffic", "depart", "rest"}
    assert set(plan.PHASES) > plan.UNDER_BRAKE
