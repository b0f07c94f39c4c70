"""The balancing port with sources of ours in the place of their pools."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from backend.domain.balancers import Home
from backend.domain.scope import Scope
from backend.domain.traffic import MemberHealth, Registration, RegistrationState
from backend.drivers.balancing import Target
from backend.drivers.errors import Busy, CloudError, CloudUnavailable, PoolNotFound, Refused
from backend.drivers.housing import Housing
from backend.drivers.installation import named
from tests.factories import NOW, SCOPE, World, uuid_of

GROUP = "0123456789abcdef"
NODE = uuid_of("node")


@dataclass
class KnownHomes:
    """What is known of one source."""

    homes: Sequence[Home] | None = ()
    members: list[Registration] = field(default_factory=list)

    def of(self, scope: Scope, source_id: str) -> Sequence[Home] | None:
        assert (scope, source_id) == (SCOPE, GROUP)
        return self.homes

    def registered(self, source_id: str) -> Sequence[Registration]:
        assert source_id == GROUP
        return self.members


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def test_without_a_pool_what_is_registered_is_a_member(world):
    member = Registration(
        NODE, GROUP, "c", SCOPE.project_id, SCOPE.region, "s", "10.0.0.5", 80, None, RegistrationState.LEAVING, NOW
    )
    port = Housing(world.simulated.cloud.balancing, KnownHomes(members=[member]), named("i"))
    port.add_members(SCOPE, GROUP, [Target(NODE, "10.0.0.5", 80)])
    (told,) = port.members(SCOPE, GROUP)
    assert (told.owner, told.installation, told.weight, told.health) == (NODE, "i", 0, MemberHealth.UNKNOWN)


def test_a_source_that_is_not_there(world):
    port = Housing(world.simulated.cloud.balancing, KnownHomes(homes=None))
    for ask in (port.add_members, port.drain_members, port.remove_members):
        with pytest.raises(PoolNotFound):
            ask(SCOPE, GROUP, [])
    with pytest.raises(PoolNotFound):
        port.members(SCOPE, GROUP)


def test_several_pools_are_one(world):
    """A member has the worst of its healths, and is none before all pools have it."""
    pools = [world.simulated.pools.create(SCOPE, name) for name in ("a", "b")]
    homes = [Home(pool.id, 80 + number) for number, pool in enumerate(pools)]
    port = Housing(world.simulated.cloud.balancing, KnownHomes(homes))
    port.add_members(SCOPE, GROUP, [Target(NODE, "10.0.0.5", 0)])
    assert [world.simulated.pools.members(name)[0].port for name in ("a", "b")] == [80, 81]
    world.simulated.pools.judge("a", "10.0.0.5", MemberHealth.HEALTHY)
    world.simulated.pools.judge("b", "10.0.0.5", MemberHealth.UNHEALTHY)
    (told,) = port.members(SCOPE, GROUP)
    assert (told.owner, told.port, told.health) == (NODE, 0, MemberHealth.UNHEALTHY)
    world.simulated.pools.take_out("b", "10.0.0.5")
    assert port.members(SCOPE, GROUP) == []
    port.add_members(SCOPE, GROUP, [Target(NODE, "10.0.0.5", 0)])
    port.drain_members(SCOPE, GROUP, [Target(NODE, "10.0.0.5", 0)])
    assert [each.weight for each in port.members(SCOPE, GROUP)] == [0]
    port.remove_members(SCOPE, GROUP, [Target(NODE, "10.0.0.5", 0)])
    assert port.members(SCOPE, GROUP) == []


def test_pools_of_the_cloud_are_passed_on(world):
    pool = world.simulated.pools.create(SCOPE, "a")
    port = Housing(world.simulated.cloud.balancing, KnownHomes())
    port.add_members(SCOPE, pool.id, [Target(NODE, "10.0.0.5", 80)])
    assert port.members(SCOPE, pool.id) == world.simulated.pools.members("a")


class Asked:
    """A balancing port that answers of some pools otherwise. ``asked``: (what, pool) in order."""

    def __init__(self, failures):
        self.failures, self.asked = failures, []

    def add_members(self, scope, pool_id, targets):
        self._asked("add_members", pool_id)

    def drain_members(self, scope, pool_id, targets):
        self._asked("drain_members", pool_id)

    def remove_members(self, scope, pool_id, targets):
        self._asked("remove_members", pool_id)

    def _asked(self, what, pool_id):
        self.asked.append((what, pool_id))
        if pool_id in self.failures:
            raise self.failures[pool_id]


WRITES = ("add_members", "drain_members", "remove_members")


def put(write, failures):
    port = Asked(failures)
    try:
        getattr(Housing(port, KnownHomes([Home(pool, 80) for pool in "abc"])), write)(SCOPE, GROUP, [])
    except CloudError as error:
        return error, [pool for _, pool in port.asked]
    return None, [pool for _, pool in port.asked]


@pytest.mark.parametrize("write", WRITES)
def test_a_pool_that_is_busy_keeps_no_other_from_being_asked(write):
    busy, again = Busy("a"), Busy("b")
    assert put(write, {"a": busy, "b": again}) == (busy, ["a", "b", "c"])
    refused, gone = Refused("b"), PoolNotFound("a")
    assert put(write, {"a": gone, "b": refused}) == (refused, ["a", "b", "c"])
    assert put(write, {"a": refused, "b": busy}) == (busy, ["a", "b", "c"])


@pytest.mark.parametrize("write", WRITES)
def test_a_cloud_that_is_away_is_not_asked_on(write):
    away = CloudUnavailable("away")
    assert put(write, {"a": Busy("a"), "b": away}) == (away, ["a", "b"])


def test_members_of_a_pool_that_is_gone_are_none():
    """They stay those of the other pools: the source is not gone with one of them."""
    gone = {pool: PoolNotFound(pool) for pool in "abc"}
    for write in ("drain_members", "remove_members"):
        assert put(write, {"a": gone["a"]}) == (None, ["a", "b", "c"])
        assert put(write, gone) == (gone["a"], ["a", "b", "c"])
    assert put("add_members", {"a": gone["a"]}) == (gone["a"], ["a", "b", "c"])
