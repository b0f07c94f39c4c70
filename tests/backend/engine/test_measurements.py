"""What engines measure themselves, each minute, once: groups that have it switched on, and what servers have to do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.domain.metrics import metric
from backend.domain.node import NodeState
from backend.domain.warm_pools import WarmPool
from backend.drivers.simulated import SimulatedSettings, Where
from backend.drivers.simulated.loads import script_of
from backend.engine import measurements
from backend.policies.group_metrics import group_metrics
from backend.store import measuring, metrics
from backend.store.leased import Claimer, Room
from backend.store.measuring import LEASED
from backend.store.metrics import MetricQuery
from tests import factories
from tests.backend.engine.world import EngineWorld
from tests.factories import NOW, OTHER, SCOPE, longest_due
from translators.autoscaling.metrics import METRICS

MINUTE = timedelta(minutes=1)


def made(**settings):
    chosen = SimulatedSettings(boot_seconds=0, boot_spread=0, delete_seconds=0, seed=7, **settings)
    return EngineWorld(settings=chosen)


@pytest.fixture
def world():
    one = made()
    yield one
    one.close()


@pytest.fixture
def loaded():
    one = made(loads=True)
    yield one
    one.close()


def told(world, name, namespace="AWS/AutoScaling", scope=SCOPE, **dimensions):
    of = metric(namespace, name, dimensions or {"AutoScalingGroupName": "web"})
    with world.store.read() as conn:
        return metrics.points(conn, scope, of, 60, NOW, NOW + 60 * MINUTE)


def minutes(points):
    return [((point.at - NOW) / MINUTE, point.samples, point.total) for point in points]


def names(world, namespace, scope=SCOPE):
    with world.store.read() as conn:
        return {of.name for of, _ in metrics.page(conn, scope, MetricQuery(namespace), 1000).items}


def test_every_metric_of_the_api_is_counted_and_no_other():
    assert set(group_metrics(factories.cluster(), {})) == set(METRICS)


def test_nodes_count_by_their_state():
    """Source of the total with what is retained: stackd, retention_native."""
    states = {
        NodeState.IN_SERVICE: (3, 7),
        NodeState.PENDING_WAIT: (1, 1),
        NodeState.TERMINATING: (2, 2),
        NodeState.STANDBY: (4, 4),
        NodeState.TERMINATING_RETAINED: (5, 5),
        NodeState.WARMED_STOPPED: (2, 2),
        NodeState.WARMED_PENDING: (1, 1),
    }
    pooled = factories.cluster(minimum=1, maximum=9, desired=4, warm_pool=WarmPool())
    found = group_metrics(pooled, states)
    assert (found["GroupInServiceInstances"], found["GroupTotalInstances"]) == (3, 11)
    assert {name: value for name, value in found.items() if value and not name.endswith("Instances")} == {
        "GroupMinSize": 1,
        "GroupMaxSize": 9,
        "GroupDesiredCapacity": 4,
        "GroupInServiceCapacity": 7,
        "GroupPendingCapacity": 1,
        "GroupStandbyCapacity": 4,
        "GroupTerminatingCapacity": 2,
        "GroupTerminatingRetainedCapacity": 5,
        "GroupTotalCapacity": 15,
        "WarmPoolDesiredCapacity": 5,
        "WarmPoolPendingCapacity": 1,
        "WarmPoolWarmedCapacity": 2,
        "WarmPoolTotalCapacity": 3,
        "GroupAndWarmPoolDesiredCapacity": 9,
        "GroupAndWarmPoolTotalCapacity": 18,
    }


def test_a_group_is_measured_each_minute_from_when_it_is_switched_on_until_it_is_off(world):
    world.make(desired=2)
    world.pass_time(130, step=5)
    assert names(world, "AWS/AutoScaling") == set()
    world.backend.clusters.collect_metrics(SCOPE, "web", ("GroupInServiceInstances", "GroupMaxSize"))
    world.pass_time(200, step=5)
    points = told(world, "GroupInServiceInstances")
    assert len(points) >= 2
    assert [(point.samples, point.total, point.unit) for point in points] == [(1, 2, "None")] * len(points)
    assert all(point.at.second == 0 for point in points)
    assert names(world, "AWS/AutoScaling") == {"GroupInServiceInstances", "GroupMaxSize"}
    world.backend.clusters.drop_metrics(SCOPE, "web", ("GroupInServiceInstances", "GroupMaxSize"))
    world.pass_time(70, step=5)
    before = len(told(world, "GroupInServiceInstances"))
    world.pass_time(200, step=5)
    assert len(told(world, "GroupInServiceInstances")) == before
    with world.store.read() as conn:
        assert longest_due(conn, LEASED) is None


def test_servers_are_measured_by_themselves_and_as_their_group(loaded):
    group = loaded.make(desired=2)
    loaded.pass_time(5)
    loaded.simulated.loads.put("web", script_of("0:120"))
    loaded.pass_time(240, step=5)
    points = told(loaded, "CPUUtilization", "AWS/EC2")
    assert len(points) >= 2
    assert {(point.samples, point.value("Average"), point.unit) for point in points} == {(2, 60, "Percent")}
    node = loaded.nodes(group)[0]
    alone = told(loaded, "CPUUtilization", "AWS/EC2", InstanceId=f"i-{node.server_id.replace('-', '')[:17]}")
    assert {(point.samples, point.total) for point in alone} == {(1, 60)}
    assert names(loaded, "AWS/EC2", OTHER) == set()


def test_a_cloud_that_does_not_answer_leaves_a_gap_and_groups_are_counted_all_the_same(loaded):
    loaded.make(desired=1)
    loaded.backend.clusters.collect_metrics(SCOPE, "web", ("GroupInServiceInstances",))
    loaded.pass_time(5)
    loaded.simulated.loads.put("web", script_of("0:50"))
    loaded.simulated.faults.unavailable(Where(calls=("loads",)))
    loaded.pass_time(240, step=5)
    assert told(loaded, "CPUUtilization", "AWS/EC2") == []
    assert len(told(loaded, "GroupInServiceInstances")) >= 2


def test_a_minute_that_is_written_twice_is_measured_once(world):
    """The answer to a commit may be lost: then the same is written again, under the same lease."""
    world.make(desired=1)
    world.backend.clusters.collect_metrics(SCOPE, "web", ("GroupDesiredCapacity",))
    world.store.transact(lambda conn: measuring.demand(conn, SCOPE, world.clock.now()))
    (lease,) = LEASED.claim(world.store, Claimer("one", MINUTE), world.clock.now(), Room(5, []))
    context = world.engine._context
    for _ in range(2):
        world.store.transact(lambda conn: measurements._write(context, lease, (), NOW, None, conn))
    assert minutes(told(world, "GroupDesiredCapacity")) == [(0, 1, 1)]


def test_several_engines_measure_a_minute_once(world):
    world.make(desired=1)
    world.backend.clusters.collect_metrics(SCOPE, "web", ("GroupDesiredCapacity",))
    other = world.new_engine("two")
    for _ in range(60):
        other.tick(world.clock.now())
        world.pass_time(5, step=5)
    points = told(world, "GroupDesiredCapacity")
    assert len(points) >= 4
    assert {point.samples for point in points} == {1}
