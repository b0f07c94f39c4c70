"""Clusters that launch into a server group: what its policy allows is what comes up."""

from __future__ import annotations

from collections import Counter

from backend.domain.activity import ActivityStatus, ReasonKind
from backend.domain.cluster import ClusterChange
from backend.drivers.compute import GroupPolicy
from tests.factories import SCOPE


def reasons(world, cluster):
    failed = [entry for entry in world.journal(cluster) if entry.status is ActivityStatus.FAILED]
    return {(entry.reason.kind, entry.zone) for entry in failed}


def test_nodes_lie_in_the_cluster_s_group(world):
    group = world.backend.server_groups.create(SCOPE, "pg", GroupPolicy.ANTI_AFFINITY)
    world.make(desired=4, server_group="pg")
    world.pass_time(10)
    told = world.simulated.cloud.compute.list(SCOPE)
    assert [server.server_group_id for server in told] == [group.id] * 4


def test_as_many_as_find_hosts_of_their_own_come_up_and_the_rest_is_told(world):
    world.backend.server_groups.create(SCOPE, "pg", GroupPolicy.ANTI_AFFINITY)
    cluster = world.make(desired=20, server_group="pg")
    world.pass_time(30)
    standing = Counter(node.zone for node in world.nodes(cluster) if node.server_id)
    assert standing == {"us-east-1a": 7, "us-east-1b": 7}
    assert reasons(world, cluster) == {
        (ReasonKind.NO_CAPACITY, "us-east-1a"),
        (ReasonKind.NO_CAPACITY, "us-east-1b"),
    }


def test_a_group_of_neighbours_grows_in_one_zone(world):
    world.backend.server_groups.create(SCOPE, "pg", GroupPolicy.AFFINITY)
    cluster = world.make(desired=4, server_group="pg")
    world.pass_time(120)
    standing = Counter(node.zone for node in world.nodes(cluster) if node.server_id)
    assert (len(standing), standing.total()) == (1, 4)
    assert {kind for kind, _ in reasons(world, cluster)} == {ReasonKind.NO_CAPACITY}


def test_a_group_that_disappears_fails_launches_until_it_is_back(world):
    world.backend.server_groups.create(SCOPE, "pg", GroupPolicy.ANTI_AFFINITY)
    cluster = world.make(desired=1, server_group="pg")
    world.pass_time(10)
    (group,) = world.backend.server_groups.list(SCOPE)
    world.simulated.cloud.compute.delete_server_group(SCOPE, group.id)
    world.backend.clusters.resize(SCOPE, "web", 2)
    world.pass_time(10)
    assert {kind for kind, _ in reasons(world, cluster)} == {ReasonKind.SERVER_GROUP_NOT_FOUND}
    (entry, *_) = [entry for entry in world.journal(cluster) if entry.status is ActivityStatus.FAILED]
    assert entry.reason.data == {"group": "pg"}
    world.backend.server_groups.create(SCOPE, "pg", GroupPolicy.ANTI_AFFINITY)
    world.pass_time(600)
    assert len([node for node in world.nodes(cluster) if node.server_id]) == 2


def test_without_a_group_again_launches_go_where_they_like(world):
    world.backend.server_groups.create(SCOPE, "pg", GroupPolicy.ANTI_AFFINITY)
    world.make(desired=1, server_group="pg")
    world.pass_time(10)
    world.backend.clusters.update(SCOPE, "web", ClusterChange({"server_group": None, "desired": 3}))
    world.pass_time(10)
    inside = [server.server_group_id is not None for server in world.simulated.cloud.compute.list(SCOPE)]
    assert sorted(inside) == [False, False, True]


def test_a_cluster_fills_the_partitions_of_its_group_evenly(world):
    world.backend.server_groups.create(SCOPE, "racks", GroupPolicy.PARTITION, 3)
    world.make(desired=12, server_group="racks")
    world.pass_time(20)
    told = Counter((server.zone, server.partition) for server in world.simulated.cloud.compute.list(SCOPE))
    assert told == {(zone, number): 2 for zone in ("us-east-1a", "us-east-1b") for number in (1, 2, 3)}
