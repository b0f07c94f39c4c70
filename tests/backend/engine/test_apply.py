from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from backend.domain.node import GROUP_TAG, NodeState, ServerStatus
from backend.domain.profile import ProfileRef, ServerSpec
from backend.drivers import errors
from backend.drivers.catalog import Catalog
from backend.drivers.compute import GroupPolicy
from backend.drivers.simulated.faults import Where
from backend.engine import apply
from backend.engine.snapshot import Profile
from tests import factories
from tests.factories import SCOPE, World

ZONE = "us-east-1a"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def _carry_out(world, act):
    cloud = world.simulated.cloud
    return apply.carry_out(cloud, Catalog(cloud, world.clock), act)


def _order(world, number, **spec):
    made = ServerSpec(**{"image": world.image(), "instance_type": "t3.micro", **spec})
    profile = Profile(made, ProfileRef("lc"))
    nodes = tuple(f"node-{index}" for index in range(number))
    return apply.CreateServers(SCOPE, "launch", nodes, ZONE, None, profile, "web", {"a": "b"})


def _calls(world, name="create"):
    made = []
    world.simulated.faults.hooks.append(
        lambda moment, call: made.append(call.count) if moment == "before" and call.name == name else None
    )
    return made


def test_a_batch_is_one_call(world):
    calls = _calls(world)
    result = _carry_out(world, _order(world, 7))
    assert (len(result.servers), result.error, calls) == (7, None, [7])
    assert {(server.launch_id, server.zone, server.tags["a"]) for server in result.servers} == {("launch", ZONE, "b")}


@pytest.mark.parametrize(("room", "wanted"), [(3, 10), (0, 10), (1, 2), (7, 8), (49, 50)])
def test_a_zone_gives_what_room_it_has(world, room, wanted):
    world.simulated.faults.capacity(ZONE, room)
    calls = _calls(world)
    result = _carry_out(world, _order(world, wanted))
    assert len(result.servers) == room
    assert isinstance(result.error, errors.NoCapacity)
    assert len(calls) <= 14


def test_a_quota_is_told_as_it_met_the_whole_batch(world):
    world.simulated.faults.quota(SCOPE.project_id, 6)
    result = _carry_out(world, _order(world, 7))
    assert len(result.servers) == 6
    assert (result.error.requested, result.error.limit) == (7, 6)


class PartOf:
    """A cloud that is asked for each server, and refuses one on the way."""

    def __init__(self, compute, made, refusal):
        self.compute, self.made, self.refusal = compute, made, refusal

    def __getattr__(self, name):
        return getattr(self.compute, name)

    def create(self, scope, request, count):
        assert count > self.made
        raise errors.PartlyMade(self.compute.create(scope, request, self.made), self.refusal)


@pytest.mark.parametrize("refusal", [errors.QuotaExceeded("instances", 25, 20), errors.CloudUnavailable("no")])
def test_a_part_that_was_made_is_kept_and_no_more_is_asked_for(world, refusal):
    cloud = world.simulated.cloud
    cloud = replace(cloud, compute=PartOf(cloud.compute, 20, refusal))
    result = apply.carry_out(cloud, Catalog(cloud, world.clock), _order(world, 25))
    assert (len(result.servers), result.error) == (20, refusal)
    assert len(world.simulated.operator.servers()) == 20


@pytest.mark.parametrize("fault", ["lose_request", "lose_answer"])
def test_a_lost_answer_is_not_sent_again(world, fault):
    getattr(world.simulated.faults, fault)(Where(calls=("create",)))
    result = _carry_out(world, _order(world, 2))
    assert (result.servers, type(result.error)) == ([], errors.OutcomeUnknown)
    made = [server.launch_id for _, server in world.simulated.operator.servers()]
    assert made == (["launch"] * 2 if fault == "lose_answer" else [])


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ({"image": "0" * 17}, errors.ImageNotFound),
        ({"image": None}, errors.ProfileIncomplete),
        ({"instance_type": "z9.huge"}, errors.FlavorNotFound),
        ({"key_name": "lost"}, errors.KeyPairNotFound),
        ({"security_group_ids": ("0" * 17,)}, errors.SecurityGroupNotFound),
    ],
)
def test_what_cannot_be_resolved_is_refused_by_name(world, spec, error):
    result = _carry_out(world, _order(world, 1, **spec))
    assert isinstance(result.error, error)


@pytest.mark.parametrize(("policy", "counts"), [("anti-affinity", [1] * 8), ("affinity", [9]), (None, [9])])
def test_servers_that_are_to_be_apart_are_asked_for_one_by_one(world, policy, counts):
    if policy:
        world.simulated.cloud.compute.create_server_group(SCOPE, "pg", GroupPolicy(policy))
    calls = _calls(world)
    result = _carry_out(world, replace(_order(world, 9), server_group="pg" if policy else None))
    assert calls == counts
    assert len(result.servers) == (7 if policy == "anti-affinity" else 9)
    assert isinstance(result.error, errors.NoCapacity) is (policy == "anti-affinity")


def test_a_server_group_that_is_gone_is_refused_by_name(world):
    result = _carry_out(world, replace(_order(world, 1), server_group="pg"))
    assert isinstance(result.error, errors.ServerGroupNotFound)
    assert result.error.detail == "pg"


def _member(world):
    (server,) = _carry_out(world, _order(world, 1)).servers
    return factories.node(factories.cluster(), "n", server_id=server.id, state=NodeState.TERMINATING)


def test_servers_are_deleted_and_what_is_gone_is_told(world):
    node = _member(world)
    world.simulated.faults.unavailable(Where(calls=("delete",)), times=1)
    assert isinstance(_carry_out(world, apply.DeleteServer(SCOPE, node)).error, errors.CloudUnavailable)
    assert _carry_out(world, apply.DeleteServer(SCOPE, node)) == apply.Answered(apply.DeleteServer(SCOPE, node))
    world.clock.move(5)
    assert _carry_out(world, apply.DeleteServer(SCOPE, node)).gone


def test_taking_in_and_letting_go_are_opposites(world):
    node = _member(world)
    taken = _carry_out(world, apply.TakeServerIn(SCOPE, node, "web")).server
    assert (taken.launch_id, taken.tags[GROUP_TAG], taken.status) == (node.launch_id, "web", ServerStatus.ACTIVE)
    _carry_out(world, apply.LetServerGo(SCOPE, node))
    left = _carry_out(world, apply.LookAtServer(SCOPE, node)).server
    assert (left.launch_id, GROUP_TAG in left.tags) == (None, False)
