"""Security groups as the services keep them: their limits, where they may be, and what is read for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend import Backend, errors
from backend.domain.security_groups import RULES_LIMIT, GroupRule
from backend.drivers.simulated.faults import Where
from backend.services.security_groups import SecurityGroups
from tests.factories import SCOPE, World

V4 = GroupRule("", "", False, "tcp", 0, 0, "0.0.0.0/0")


def rules(peer: str, count: int) -> list[GroupRule]:
    return [replace(V4, from_port=port, to_port=port, peer=peer) for port in range(1, count + 1)]


def in_ipv4(rule: GroupRule) -> GroupRule:
    return replace(rule, peer="10.0.0.0/8") if rule.ipv6 else rule


@pytest.fixture
def groups(world: World) -> SecurityGroups:
    return world.backend.security_groups


def test_changed_rules_are_counted_as_new_ones_are(groups: SecurityGroups) -> None:
    made = groups.create(SCOPE, "web", "d", None)
    both = [*rules("0.0.0.0/0", RULES_LIMIT), *rules("::/0", RULES_LIMIT)]
    groups.change(SCOPE, made.id, lambda here: [*here, *both])
    with pytest.raises(errors.LimitExceeded):
        groups.change(SCOPE, made.id, lambda here: [in_ipv4(rule) for rule in here])
    groups.change(SCOPE, made.id, lambda here: [replace(rule, description="d") for rule in here])


def test_a_vpc_on_its_way_out_gets_no_group(world: World, groups: SecurityGroups) -> None:
    networks = world.backend.networks
    vpc = networks.create_vpc(SCOPE, "10.0.0.0/16")
    world.simulated.faults.unavailable(Where(calls=("delete_vpc",)))
    networks.delete_vpc(SCOPE, vpc.id)
    with pytest.raises(errors.NetworkUnknown):
        groups.create(SCOPE, "web", "d", vpc.id)


def test_a_balancer_in_a_new_vpc_gets_its_own_group_in_every_process(world: World, groups: SecurityGroups) -> None:
    other = Backend.build(world.store, world.simulated.cloud, world.clock)
    other.security_groups.list(SCOPE)
    vpc = world.backend.networks.create_vpc(SCOPE, "10.0.0.0/16")
    (default,) = [each for each in groups.list(SCOPE) if each.vpc == vpc.id]
    (found,) = other.balancers.security_groups(SCOPE, [], vpc.cloud_id)
    assert found.id == default.cloud_id
