"""A project may have so many instances and no more, whatever its groups want."""

import pytest

from backend.domain.activity import ActivityStatus, ReasonKind
from backend.domain.ids import short_id
from backend.domain.quotas import Quota
from backend.drivers.simulated.faults import Moment, Where
from backend.errors import LimitExceeded
from backend.store import quotas
from tests.factories import SCOPE


@pytest.fixture
def asked(world):
    """How many servers were asked for, in each request, and how often the cloud's quotas were."""
    calls = []
    world.simulated.faults.hooks.append(lambda moment, call: calls.append(call) if moment is Moment.BEFORE else None)
    return calls


@pytest.fixture
def allowed(world):
    def put(most):
        world.store.transact(lambda conn: quotas.put(conn, SCOPE.project_id, Quota.INSTANCES, most))

    return put


def _failed(world, group):
    return [each for each in world.journal(group) if each.status is ActivityStatus.FAILED]


def test_as_many_are_launched_as_may_be_and_the_rest_is_told(world, allowed):
    allowed(3)
    group = world.make(desired=5, maximum=10)
    world.pass_time(20)
    assert world.states(group) == ["InService"] * 3
    told = _failed(world, group)
    assert {each.reason.kind for each in told} == {ReasonKind.QUOTA}
    assert told[0].reason.data["limit"] == 3
    before = len(told)
    world.pass_time(2)
    assert len(_failed(world, group)) - before <= 1  # told again by growing pauses, not at each look


def test_what_grew_is_filled_up(world, allowed):
    allowed(1)
    group = world.make(desired=3)
    world.pass_time(20)
    assert world.states(group) == ["InService"]
    allowed(None)
    world.pass_time(1000)
    assert world.states(group) == ["InService"] * 3


def test_the_cloud_is_asked_for_no_more_than_its_own_quota(world, asked):
    world.simulated.faults.quota(SCOPE.project_id, 3)
    group = world.make(desired=5, maximum=10)
    world.pass_time(20)
    assert world.states(group) == ["InService"] * 3
    assert sum(each.count for each in asked if each.name == "create") == 3
    told = _failed(world, group)
    assert {(each.reason.kind, each.reason.data["resource"], each.reason.data["limit"]) for each in told} == {
        (ReasonKind.QUOTA, "instances", 3)
    }
    world.simulated.faults.lift()
    world.pass_time(1000)
    assert world.states(group) == ["InService"] * 5


def test_the_cloud_is_asked_for_its_quotas_once_a_pass_and_a_project(world, asked):
    for name in ("one", "two", "three"):
        world.make(name, desired=5, maximum=10)
    world.engine.tick(world.clock.now())
    assert sum(each.name == "create" for each in asked) > 3
    assert sum(each.name == "quotas" for each in asked) <= 3
    world.pass_time(20)
    before = len(asked)
    world.pass_time(60)
    assert not [each for each in asked[before:] if each.name == "quotas"], "who launches nothing asks for none"


def test_a_cloud_that_tells_nothing_of_its_quotas_is_asked_for_servers(world, asked):
    world.simulated.faults.unavailable(Where(calls=("quotas",)))
    world.simulated.faults.quota(SCOPE.project_id, 3)
    group = world.make(desired=5, maximum=10)
    world.pass_time(20)
    assert world.states(group) == ["InService"] * 3
    assert {each.reason.kind for each in _failed(world, group)} == {ReasonKind.QUOTA}


def test_groups_of_a_project_share_it(world, allowed):
    allowed(4)
    one = world.make("one", desired=3)
    two = world.make("two", desired=3)
    world.pass_time(30)
    assert len(world.nodes(one)) + len(world.nodes(two)) == 4


def test_lowered_it_ends_nobody_and_replaces_nobody(world, allowed):
    group = world.make(desired=3)
    world.pass_time(20)
    allowed(1)
    first = world.nodes(group)[0]
    world.backend.nodes.terminate(SCOPE, short_id(first.server_id), decrement=False)
    world.pass_time(60)
    assert world.states(group) == ["InService"] * 2
    assert {each.reason.kind for each in _failed(world, group)} == {ReasonKind.QUOTA}


def test_what_is_attached_counts(world, allowed):
    world.make("one", desired=1)
    world.pass_time(20)
    server = world.server()
    world.pass_time(5)
    allowed(1)
    with pytest.raises(LimitExceeded) as refused:
        world.backend.nodes.attach(SCOPE, "one", [server.short_id])
    assert (refused.value.what, refused.value.limit) == ("instances", 1)
    allowed(2)
    assert len(world.backend.nodes.attach(SCOPE, "one", [server.short_id])) == 1
