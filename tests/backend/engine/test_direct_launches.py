"""Direct launches, from the request to what came of them, through an engine and whatever befalls it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from backend import errors
from backend.domain.cluster import ClusterChange, PlacementRequest, Process, SourceRequest
from backend.domain.cluster_findings import AboveMaximum, ClusterNotFound, ProcessSuspended
from backend.domain.launch_findings import DirectLaunchRefused, Unfit, ZonesMismatch
from backend.domain.node import NodeState
from backend.domain.profile import ServerSpec
from backend.domain.token import ClientToken
from backend.drivers.simulated.faults import Where
from backend.engine.cluster_pass import cluster_pass
from backend.services.direct_launches import LaunchRequest
from backend.services.templates import NewVersion, TemplateRef
from backend.store import leases
from backend.store.leased import Claimer, Room
from tests.backend.engine.world import EngineWorld
from tests.factories import SCOPE

ZONE = PlacementRequest(zones=("us-east-1a",))
OTHER_ZONE = PlacementRequest(zones=("us-east-1b",))


@pytest.fixture
def world():
    world = EngineWorld()
    yield world
    world.close()


@pytest.fixture
def group(world):
    """A cluster in two zones that launches from a template, with one node."""
    spec = ServerSpec(image=world.image(), instance_type="t3.micro")
    world.backend.templates.create(SCOPE, "lt", NewVersion(spec, {}, "arn"))
    made = world.make(desired=1, maximum=6)
    world.backend.clusters.update(SCOPE, "web", ClusterChange({}, SourceRequest(template_name="lt")))
    world.pass_time(6)
    return made


def ask(world, capacity=2, token="t", place=ZONE, **more):
    wanted = LaunchRequest("web", capacity, ClientToken("LaunchInstances", token, f"{capacity}"), place, **more)
    return world.backend.direct_launches.ask(SCOPE, wanted)


def told(world, **more):
    """What came of it: servers, and reasons of what has none; None while it is at work."""
    launch, again = ask(world, **more)
    assert again
    if launch.done_at is None:
        return None
    entries = [entry for _, entry in world.backend.direct_launches.outcome(SCOPE, launch).entries]
    servers = {entry.server_id for entry in entries if entry.server_id}
    return servers, [str(entry.reason.kind) for entry in entries if not entry.server_id and entry.reason]


def desired(world, group):
    return world.cluster(group).spec.desired


def told_at(world):
    """When what came of it was known."""
    return ask(world)[0].done_at


def test_nodes_are_made_at_once_and_what_is_desired_follows(world, group):
    assert ask(world)[1] is False
    assert (told(world), desired(world, group)) == (None, 1)
    world.pass_time(1)
    servers, refused = told(world)
    fresh = [node for node in world.nodes(group) if node.state is NodeState.PENDING]
    assert servers == {node.server_id for node in fresh}
    assert [node.zone for node in fresh] == ["us-east-1a"] * 2
    assert (refused, desired(world, group), world.cluster(group).launching) == ([], 3, False)
    assert world.cluster(group).desired_at == told_at(world)
    world.pass_time(20)
    assert Counter(world.states(group)) == {"InService": 3}
    assert told(world) == (servers, [])
    assert len(world.servers()) == 3
    assert world.cluster(group).causes == ()


def test_where_there_is_no_room_it_is_told_and_nothing_more_is_desired(world, group):
    world.simulated.faults.close_zone("us-east-1b")
    ask(world, place=OTHER_ZONE)
    world.pass_time(1)
    assert told(world, place=OTHER_ZONE) == (set(), ["no_capacity"] * 2)
    world.pass_time(60)
    assert (desired(world, group), len(world.servers())) == (1, 1)


def test_what_is_made_of_it_is_told_beside_what_is_not(world, group):
    world.simulated.faults.capacity("us-east-1b", 1)
    ask(world, 3, place=OTHER_ZONE)
    world.pass_time(1)
    servers, refused = told(world, capacity=3, place=OTHER_ZONE)
    assert (len(servers), refused) == (1, ["no_capacity"] * 2)
    world.pass_time(60)
    assert (desired(world, group), len(world.servers())) == (2, 2)


def test_the_cluster_tries_by_itself_where_that_is_wanted(world, group):
    world.simulated.faults.close_zone("us-east-1b")
    ask(world, place=OTHER_ZONE, retries=True)
    world.pass_time(1)
    assert told(world, place=OTHER_ZONE) == (set(), ["no_capacity"] * 2)
    assert desired(world, group) == 3
    world.pass_time(60)
    assert Counter(node.zone for node in world.nodes(group)) == {"us-east-1a": 3}


@pytest.mark.parametrize("asks", [False, True], ids=["before the cloud is asked", "before the answer is written"])
def test_an_engine_that_dies_between_neither_loses_nor_doubles_anything(world, group, asks):
    ask(world)
    context = world.new_engine("dies")._context
    (lease,) = leases.CLUSTERS.claim(
        world.store, Claimer("dies", timedelta(seconds=60)), world.clock.now(), Room(2, [])
    )
    calls = next(cluster_pass(context, lease))
    if asks:
        for call in calls:
            call.ask()
    assert told(world) is None
    world.pass_time(600, 2)
    servers, refused = told(world)
    assert (len(servers), refused, desired(world, group)) == (2, [], 3)
    assert len(world.servers()) == len(world.nodes(group)) == 3


def test_a_lost_answer_is_waited_for(world, group):
    world.simulated.faults.lose_answer(Where(calls=("create",)), times=1)
    ask(world)
    world.pass_time(0.5)
    assert told(world) is None
    world.pass_time(60)
    servers, refused = told(world)
    assert (len(servers), refused, desired(world, group), len(world.servers())) == (2, [], 3, 3)


def test_a_lost_request_comes_to_nothing(world, group):
    world.simulated.faults.lose_request(Where(calls=("create",)), times=1)
    ask(world)
    world.pass_time(1200, 2)
    assert told(world) == (set(), ["launch_lost"] * 2)
    assert (desired(world, group), len(world.servers())) == (1, 1)


def test_a_capacity_that_is_set_meanwhile_is_raised_by_what_is_made(world, group):
    ask(world)
    world.backend.clusters.resize(SCOPE, "web", 2)
    world.pass_time(20)
    assert (desired(world, group), len(world.servers())) == (4, 4)


def test_bounds_that_are_lowered_meanwhile_stand(world, group):
    ask(world)
    world.backend.clusters.update(SCOPE, "web", ClusterChange({"maximum": 2}))
    world.pass_time(5)
    assert told(world) == (set(), ["out_of_bounds"])
    assert (desired(world, group), len(world.servers())) == (1, 1)


def test_a_template_that_is_gone_is_told(world, group):
    world.backend.templates.delete(SCOPE, TemplateRef(name="lt"))
    ask(world)
    world.pass_time(1)
    assert told(world) == (set(), ["profile_not_found"])


def test_what_does_not_fit_is_refused(world, group):
    with pytest.raises(AboveMaximum):
        ask(world, 6)
    ask(world, 3)
    with pytest.raises(AboveMaximum):  # together with what is at work
        ask(world, 3, "other")
    with pytest.raises(errors.TokenReused):
        ask(world, 2)
    with pytest.raises(ZonesMismatch):
        ask(world, 1, "third", PlacementRequest(zones=("us-east-1c",)))
    with pytest.raises(DirectLaunchRefused) as found:
        ask(world, 1, "third", PlacementRequest())
    assert found.value.why is Unfit.NO_ZONE
    world.backend.clusters.suspend(SCOPE, "web", [Process.LAUNCH])
    with pytest.raises(ProcessSuspended):
        ask(world, 1, "third")
    assert ask(world, 3)[1]  # it is known all the same


def test_a_launch_configuration_is_not_launched_from(world):
    world.make(desired=0)
    with pytest.raises(DirectLaunchRefused) as found:
        ask(world)
    assert found.value.why is Unfit.NO_TEMPLATE


def test_a_cluster_that_goes_takes_its_launches_with_it(world, group):
    ask(world)
    world.backend.clusters.delete(SCOPE, "web", force=True)
    world.pass_time(60)
    assert world.servers() == []
    with pytest.raises(ClusterNotFound):
        ask(world)
