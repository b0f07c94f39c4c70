"""What every balancing driver must hold, told through the port alone.

A driver's test module subclasses BalancingContract and gives the fixtures that raise NotImplementedError here.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence

import pytest

from backend.domain.scope import Scope
from backend.domain.traffic import MemberHealth
from backend.drivers.balancing import Balancing, PoolMember, Target
from backend.drivers.errors import PoolNotFound
from tests.backend.drivers.on_a_cloud import InProjects

NOWHERE = "00000000-0000-4000-8000-000000000000"
PORT = 9080


class BalancingContract(InProjects):
    @pytest.fixture
    def balancing(self) -> Balancing:
        raise NotImplementedError

    @pytest.fixture
    def pool(self) -> str:
        """A pool without members and without a monitor behind a load balancer, for members at PORT."""
        raise NotImplementedError

    @pytest.fixture
    def foreign(self) -> Callable[[str], None]:
        """Puts a member of somebody else into the pool, at an address and PORT."""
        raise NotImplementedError

    @pytest.fixture
    def targets(self) -> list[Target]:
        return [Target(str(uuid.uuid4()), f"10.10.0.{20 + number}", PORT) for number in range(3)]

    @pytest.fixture
    def look(self, balancing: Balancing, scope: Scope, pool: str) -> Callable[[], Sequence[PoolMember]]:
        return lambda: sorted(balancing.members(scope, pool), key=lambda member: member.address)

    def test_a_pool_is_told_with_its_balancer_and_its_port(self, balancing, scope, pool):
        told = {each.id: each for each in balancing.pools(scope)}[pool]
        balancers = {each.id: each for each in balancing.balancers(scope)}
        assert (told.protocol, told.port, told.monitor) == ("HTTP", PORT, None)
        (balancer,) = told.balancer_ids
        assert balancers[balancer].status == "active"
        assert balancers[balancer].address
        assert [each.balancer_id for each in balancing.listeners(scope) if each.pool_id == pool] == [balancer]

    def test_members_carry_their_owner_and_nobody_has_looked_at_them(self, balancing, scope, pool, targets, look):
        balancing.add_members(scope, pool, targets)
        members = look()
        assert [(each.address, each.port, each.owner) for each in members] == [
            (target.address, PORT, target.owner) for target in targets
        ]
        assert {each.health for each in members} == {MemberHealth.UNKNOWN}
        assert all(each.weight > 0 for each in members)
        assert len({each.id for each in members}) == 3

    def test_adding_again_changes_nothing_and_takes_an_address_over(self, balancing, scope, pool, targets, look):
        balancing.add_members(scope, pool, targets)
        before = look()
        balancing.add_members(scope, pool, targets[:2])
        assert [each.id for each in look()] == [each.id for each in before]
        heir = Target(str(uuid.uuid4()), targets[0].address, PORT)
        balancing.add_members(scope, pool, [heir])
        assert [each.owner for each in look()] == [heir.owner, targets[1].owner, targets[2].owner]
        balancing.drain_members(scope, pool, targets[:1])
        balancing.remove_members(scope, pool, targets[:1])
        assert [(each.owner, each.weight) for each in look()][:1] == [(heir.owner, 1)]

    def test_draining_leaves_the_rest_alone_and_may_be_taken_back(self, balancing, scope, pool, targets, look):
        balancing.add_members(scope, pool, targets)
        for _ in range(2):
            balancing.drain_members(scope, pool, targets[:2])
            assert [each.weight for each in look()] == [0, 0, 1]
        balancing.add_members(scope, pool, targets[:1])
        assert [each.weight for each in look()] == [1, 0, 1]

    def test_what_is_no_member_is_neither_drained_nor_missed(self, balancing, scope, pool, targets, look):
        balancing.drain_members(scope, pool, targets)
        balancing.remove_members(scope, pool, targets)
        assert look() == []

    def test_members_are_removed_once_and_again(self, balancing, scope, pool, targets, look):
        balancing.add_members(scope, pool, targets)
        for _ in range(2):
            balancing.remove_members(scope, pool, targets[:2])
            assert [each.address for each in look()] == [targets[2].address]

    def test_members_of_others_are_told_and_left_alone(self, balancing, scope, pool, targets, look, foreign):
        foreign(targets[0].address)
        balancing.drain_members(scope, pool, targets)
        balancing.remove_members(scope, pool, targets)
        assert [(each.address, each.owner, each.weight) for each in look()] == [(targets[0].address, None, 1)]

    def test_a_pool_that_never_was_is_not_found(self, balancing, scope, targets):
        for write in (balancing.add_members, balancing.drain_members, balancing.remove_members):
            with pytest.raises(PoolNotFound):
                write(scope, NOWHERE, targets)
        with pytest.raises(PoolNotFound):
            balancing.members(scope, NOWHERE)

    def test_projects_do_not_see_each_other(self, balancing, other_scope, pool):
        assert pool not in {each.id for each in balancing.pools(other_scope)}
        assert balancing.listeners(other_scope) == []
