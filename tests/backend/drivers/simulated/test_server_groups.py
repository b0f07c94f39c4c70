"""What a server group does to the launches of a simulated cloud."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.drivers.compute import GroupPolicy
from backend.drivers.errors import NoCapacity, OutcomeUnknown
from backend.drivers.simulated import SimulatedCloud, SimulatedSettings
from backend.drivers.simulated.faults import Where

ELSEWHERE = "us-east-1b"


@pytest.fixture
def compute(simulated):
    return simulated.cloud.compute


def grouped(compute, scope, launch, policy):
    return replace(launch, server_group=compute.create_server_group(scope, "pg", policy))


def test_seven_servers_of_a_zone_find_hosts_of_their_own(compute, scope, launch, clock):
    request = grouped(compute, scope, launch, GroupPolicy.ANTI_AFFINITY)
    first = compute.create(scope, request, 7)
    with pytest.raises(NoCapacity):
        compute.create(scope, request, 1)
    compute.create(scope, replace(request, zone=ELSEWHERE), 7)
    with pytest.raises(NoCapacity):
        compute.create(scope, replace(request, zone="us-east-1c"), 8)
    compute.create(scope, launch, 1)
    compute.delete(scope, first[0].id)
    with pytest.raises(NoCapacity):
        compute.create(scope, request, 1)
    clock.wait(2)
    compute.create(scope, request, 1)


def test_servers_that_are_to_be_together_stay_in_one_zone(compute, scope, launch, clock):
    request = grouped(compute, scope, launch, GroupPolicy.AFFINITY)
    made = compute.create(scope, request, 20)
    with pytest.raises(NoCapacity):
        compute.create(scope, replace(request, zone=ELSEWHERE), 1)
    for server in made:
        compute.delete(scope, server.id)
    clock.wait(2)
    compute.create(scope, replace(request, zone=ELSEWHERE), 1)


@pytest.mark.parametrize("policy", [GroupPolicy.SOFT_AFFINITY, GroupPolicy.SOFT_ANTI_AFFINITY])
def test_a_wish_refuses_nothing(compute, scope, launch, policy):
    request = grouped(compute, scope, launch, policy)
    compute.create(scope, request, 8)
    compute.create(scope, replace(request, zone=ELSEWHERE), 8)


def test_groups_and_who_is_in_them_are_kept(tmp_path, clock, scope, launch):
    path = str(tmp_path / "cloud.sqlite")
    simulated = SimulatedCloud.open(path, clock, SimulatedSettings(seed=1))
    request = grouped(simulated.cloud.compute, scope, launch, GroupPolicy.ANTI_AFFINITY)
    (server,) = simulated.cloud.compute.create(scope, request, 1)
    simulated.close()
    again = SimulatedCloud.open(path, clock, SimulatedSettings(seed=1))
    (group,) = again.cloud.compute.server_groups(scope)
    assert (group.id, group.name, group.policy) == (request.server_group.id, "pg", GroupPolicy.ANTI_AFFINITY)
    assert group.members == (server.id,)
    assert again.cloud.compute.get(scope, server.id) == server
    again.cloud.compute.delete_server_group(scope, group.id)
    assert again.cloud.compute.create_server_group(scope, "pg", GroupPolicy.AFFINITY).id != group.id
    again.close()


def test_a_creation_may_be_lost(simulated, compute, scope):
    simulated.faults.lose_answer(Where(calls=("create_server_group",)))
    with pytest.raises(OutcomeUnknown):
        compute.create_server_group(scope, "pg", GroupPolicy.AFFINITY)
    assert [group.name for group in compute.server_groups(scope)] == ["pg"]
