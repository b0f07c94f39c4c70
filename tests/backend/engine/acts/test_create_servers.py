from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from backend.domain.activity import ActivityStatus
from backend.domain.node import NodeState, ServerStatus
from backend.domain.profile import ProfileRef, ServerSpec
from backend.drivers import errors
from backend.drivers.catalog import Catalog
from backend.drivers.compute import GroupPolicy
from backend.drivers.simulated.faults import Where
from backend.engine.acts.act import Result
from backend.engine.acts.create_servers import CreateServers
from backend.engine.revision import Revision
from backend.engine.snapshot import Profile
from tests.backend.engine.drafts import PROFILE, SETTINGS, owner, pending, rows
from tests.factories import NOW, SCOPE, World

ZONE = "us-east-1a"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def _carry_out(world, act):
    cloud = world.simulated.cloud
    return act.carry_out(cloud, Catalog(cloud, world.clock))


def _order(world, number, **spec):
    made = ServerSpec(**{"image": world.image(), "instance_type": "t3.micro", **spec})
    profile = Profile(made, ProfileRef("lc"))
    nodes = tuple(f"node-{index}" for index in range(number))
    return CreateServers(SCOPE, "launch", nodes, ZONE, None, profile, "web", {"a": "b"})


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
    result = _order(world, 25).carry_out(cloud, Catalog(cloud, world.clock))
    assert (len(result.servers), result.error) == (20, refusal)
    assert len(world.simulated.operator.servers()) == 20


@pytest.mark.parametrize("fault", ["lose_request", "lose_answer"])
def test_a_lost_answer_is_not_sent_again(world, fault):
    getattr(world.simulated.faults, fault)(Where(calls=("create",)))
    result = _carry_out(world, _order(world, 2))
    assert (list(result.servers), type(result.error)) == ([], errors.OutcomeUnknown)
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


GROUP = owner(desired=3)
ORDER = CreateServers(SCOPE, "launch", ("a", "b", "c"), ZONE, None, PROFILE, "web")


def _concluded(error, *present, servers=()):
    revision = Revision(rows(GROUP, *present), NOW, SETTINGS, Random(1))
    result = Result(ORDER, servers, error=error)
    assert set(ORDER.touches(result)) >= {node.id for node in present}
    ORDER.conclude(result, revision)
    return revision


def _waiting(name, **values):
    return pending(GROUP, name, **{"id": name, "server_id": None, "server_status": None, **values})


@pytest.mark.parametrize(
    "error", [errors.NoCapacity("full"), errors.CloudUnavailable("away"), errors.ImageNotFound("x")]
)
def test_what_was_not_made_has_failed_and_its_place_is_left_alone(error):
    made = _waiting("a", server_id="server")
    given_up = _waiting("b", state=NodeState.TERMINATING)
    revision = _concluded(error, made, given_up, _waiting("c"))
    assert list(revision.nodes) == ["a"]
    assert {entry: ending.status for entry, ending in revision.entries.ended.items()} == {
        "activity-b": ActivityStatus.SUCCESSFUL,
        "activity-c": ActivityStatus.FAILED,
    }
    assert revision.entries.ended["activity-c"].reason is not None
    assert revision.backoffs[ZONE, "configuration:lc"].failures == 1
    assert revision.again


def test_what_may_exist_is_waited_for_from_now_on():
    made, waiting = _waiting("a", server_id="server"), _waiting("b")
    revision = _concluded(errors.OutcomeUnknown("lost"), made, waiting)
    assert revision.nodes == {"a": made, "b": replace(waiting, asked_at=NOW)}
    assert (revision.entries.ended, revision.backoffs, revision.again) == ({}, {}, False)


def test_what_was_not_asked_for_since_it_may_be_another_s_is_asked_for_later_and_has_not_failed():
    made, waiting = _waiting("a", server_id="server"), _waiting("b")
    revision = _concluded(errors.NotHeld("late"), made, waiting, _waiting("c", state=NodeState.TERMINATING))
    assert revision.nodes == {"a": made, "b": waiting}
    assert {entry: ending.status for entry, ending in revision.entries.ended.items()} == {
        "activity-c": ActivityStatus.SUCCESSFUL
    }
    assert (revision.backoffs, revision.again) == ({}, False)


def test_nothing_is_read_where_all_were_made(world):
    servers = _carry_out(world, _order(world, 3)).servers
    assert not ORDER.touches(Result(ORDER, servers))


def test_servers_that_are_up_at_once_are_not_waited_for(world):
    (up,) = _carry_out(world, _order(world, 1)).servers
    for status, again in ((ServerStatus.BUILDING, False), (ServerStatus.ACTIVE, True)):
        assert _concluded(None, servers=[replace(up, status=status)]).again is again


def test_how_long_the_cloud_is_left_alone():
    rests = {
        errors.CloudUnavailable: SETTINGS.cloud_retry,
        errors.NoCapacity: timedelta(0),
        errors.NotAuthorized: timedelta(0),
    }
    for kind, rest in rests.items():
        assert ORDER.rest(kind("no"), SETTINGS) == rest
