"""Warm pools under the engine: filled, drawn from, gone back into, trimmed and deleted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from backend.domain.activity import ActivityKind, ActivityStatus, CauseKind
from backend.domain.cluster import ClusterChange, NewCluster, PlacementRequest, Process, SourceRequest
from backend.domain.hooks import HookRequest, Result, Transition
from backend.domain.ids import short_id
from backend.domain.lifecycle_findings import NodeRetained
from backend.domain.mixes import MixRequest, OverrideRequest
from backend.domain.node import NodeState, ServerStatus
from backend.domain.profile import ServerSpec
from backend.domain.requirements import Bounds, Requirements
from backend.domain.warm_pool_findings import UnfitMix, WarmPoolBusy, WarmPoolInUse, WarmPoolNotFound, WarmPoolUnfit
from backend.domain.warm_pools import PoolState, WarmPoolRequest
from backend.drivers.errors import ServerStateConflict
from backend.drivers.simulated import SimulatedSettings
from backend.drivers.simulated.faults import Where
from backend.services.events import RuleRequest
from backend.services.templates import NewVersion
from backend.store import tables
from tests.backend.engine.world import EngineWorld
from tests.factories import SCOPE

MINUTE = 40.0
WAYS = [("EC2", "WarmPool"), ("WarmPool", "AutoScalingGroup"), ("AutoScalingGroup", "WarmPool"), ("WarmPool", "EC2")]
"""Source: conformance/recorded stackd.autoscaling.warm_pool_sizing_native.hook-draw, hook-return, hook-pool-end."""


class Warm(EngineWorld):
    def pass_time(self, seconds: float, step: float = 2.0) -> None:
        super().pass_time(seconds, step)

    def warm(self, *, seconds: float = MINUTE, desired: int = 0, maximum: int = 2, **pool: object):
        cluster = self.make(minimum=0, desired=desired, maximum=maximum)
        self.backend.warm_pools.put(SCOPE, "web", WarmPoolRequest(**pool))
        self.pass_time(seconds)
        return cluster

    def resize(self, desired: int, seconds: float = MINUTE) -> None:
        self.backend.clusters.resize(SCOPE, "web", desired)
        self.pass_time(seconds)

    def pooled(self) -> list[str]:
        return [member.state for member in self.backend.warm_pools.page(SCOPE, "web", limit=50)[1].items]

    def ways(self, kind: str) -> list[tuple[str, str]]:
        """From where to where nodes went, as messages tell it."""
        columns = tables.metadata.tables["messages"].c
        with self.store.read() as conn:
            rows = conn.execute(select(columns.data).where(columns.kind == kind).order_by(columns.created_at)).all()
        return [(row.data["origin"], row.data["destination"]) for row in rows]

    def shown(self) -> tuple[list[str], int]:
        (view,) = self.backend.clusters.page(SCOPE, names=["web"], limit=1).items
        return [member.state for member in view.members], view.warm


@pytest.fixture
def world():
    return Warm()


@pytest.mark.parametrize(
    ("state", "settled", "status"),
    [
        (PoolState.STOPPED, "Warmed:Stopped", ServerStatus.STOPPED),
        (PoolState.RUNNING, "Warmed:Running", ServerStatus.ACTIVE),
        (PoolState.HIBERNATED, "Warmed:Hibernated", ServerStatus.PAUSED),
    ],
)
def test_it_is_filled_and_its_servers_rest(world, state, settled, status):
    cluster = world.warm(state=state)
    assert world.pooled() == [settled] * 2
    assert {server.status for server in world.simulated.cloud.compute.list(SCOPE)} == {status}
    assert world.shown() == ([], 2)  # none of them is the group's
    told = world.journal(cluster)
    assert [(one.kind, one.status) for one in told] == [(ActivityKind.WARM_LAUNCH, ActivityStatus.SUCCESSFUL)] * 2
    assert [cause.kind for cause in told[0].causes] == [CauseKind.USER_PUT_WARM_POOL, CauseKind.CAPACITY_INCREASE]


@pytest.mark.parametrize("state", PoolState)
def test_who_is_drawn_serves_with_the_server_that_was_prepared(world, state):
    cluster = world.warm(state=state)
    prepared = {node.server_id for node in world.nodes(cluster)}
    world.resize(1)
    assert world.shown() == (["InService"], 1)
    (serving,) = [node for node in world.nodes(cluster) if node.state is NodeState.IN_SERVICE]
    assert serving.server_id in prepared
    assert {server.id for server in world.simulated.cloud.compute.list(SCOPE)} == prepared
    (entry,) = [one for one in world.journal(cluster) if one.kind is ActivityKind.DRAW]
    assert (entry.status, entry.server_id) == (ActivityStatus.SUCCESSFUL, serving.server_id)


def test_what_the_pool_lacks_is_launched_cold(world):
    world.warm(maximum=4, prepared=1)
    world.resize(3)
    assert world.shown() == (["InService"] * 3, 0)


def test_with_launches_suspended_nothing_is_drawn_and_nothing_trimmed(world):
    world.warm(maximum=1)
    world.backend.clusters.suspend(SCOPE, "web", [Process.LAUNCH])
    world.resize(1, 5 * MINUTE)
    assert world.shown() == ([], 1)
    world.backend.clusters.resume(SCOPE, "web", [Process.LAUNCH])
    world.pass_time(MINUTE)
    assert world.shown() == (["InService"], 0)


def test_a_smaller_pool_is_trimmed(world):
    cluster = world.warm(minimum=1, prepared=0)
    world.backend.warm_pools.put(SCOPE, "web", WarmPoolRequest(minimum=0))
    world.pass_time(MINUTE)
    assert world.pooled() == []
    assert world.simulated.cloud.compute.list(SCOPE) == []
    entry = world.journal(cluster)[-1]
    assert entry.kind is ActivityKind.WARM_TERMINATE
    assert [cause.kind for cause in entry.causes] == [
        CauseKind.USER_UPDATED_WARM_POOL,
        CauseKind.WARM_POOL_DECREASE,
        CauseKind.SELECTED_FOR_TERMINATION,
    ]


def test_scale_in_goes_back_where_that_is_wanted(world):
    cluster = world.warm(desired=1, maximum=1, reuse=True)
    (one,) = world.nodes(cluster)
    world.resize(0)
    assert world.pooled() == ["Warmed:Stopped"]
    (back,) = world.nodes(cluster)
    assert back.server_id == one.server_id
    assert [entry.kind for entry in world.journal(cluster)] == [ActivityKind.LAUNCH, ActivityKind.RETURN]
    world.resize(1)
    assert world.shown() == (["InService"], 0)
    assert world.nodes(cluster)[0].server_id == one.server_id


def test_hooks_hold_the_way_in_the_draw_the_return_and_the_end(world):
    cluster = world.make(minimum=0, desired=0, maximum=1)
    for name, transition in (("in", Transition.LAUNCHING), ("out", Transition.TERMINATING)):
        world.backend.hooks.put(SCOPE, "web", HookRequest(name, transition, 600))
    world.backend.warm_pools.put(SCOPE, "web", WarmPoolRequest(reuse=True))

    def passes(hook: str, state: NodeState) -> None:
        world.pass_time(30)
        (node,) = world.nodes(cluster)
        assert node.state is state
        server = short_id(node.server_id)
        world.backend.hooks.complete(SCOPE, "web", hook, Result.CONTINUE, token=None, server=server)
        world.pass_time(30)

    passes("in", NodeState.WARMED_PENDING_WAIT)
    assert world.pooled() == ["Warmed:Stopped"]
    world.backend.clusters.resize(SCOPE, "web", 1)
    passes("in", NodeState.PENDING_WAIT)
    assert world.shown() == (["InService"], 0)
    world.backend.clusters.resize(SCOPE, "web", 0)
    passes("out", NodeState.WARMED_PENDING_WAIT)
    assert world.pooled() == ["Warmed:Stopped"]
    world.backend.warm_pools.delete(SCOPE, "web", force=True)
    passes("out", NodeState.WARMED_TERMINATING_WAIT)
    assert world.nodes(cluster) == []
    assert world.cluster(cluster).warm_pool is None
    assert world.ways("action") == WAYS


def test_nobody_waits_in_the_pool_beyond_its_time(world):
    """No news comes meanwhile: the deadline alone has the cluster looked at again."""
    cluster = world.make(minimum=0, desired=0, maximum=1)
    world.backend.hooks.put(SCOPE, "web", HookRequest("in", Transition.LAUNCHING, 30, Result.CONTINUE))
    world.backend.hooks.put(SCOPE, "web", HookRequest("out", Transition.TERMINATING, 30, Result.CONTINUE))
    world.backend.warm_pools.put(SCOPE, "web", WarmPoolRequest(reuse=True))
    world.pass_time(2 * MINUTE)
    assert world.states(cluster) == [NodeState.WARMED_STOPPED]
    world.resize(1, 2 * MINUTE)
    assert world.states(cluster) == [NodeState.IN_SERVICE]
    world.resize(0, 2 * MINUTE)
    assert world.states(cluster) == [NodeState.WARMED_STOPPED]


def test_a_pool_with_nodes_is_deleted_by_force_alone(world):
    world.make(minimum=0, desired=0, maximum=1)
    with pytest.raises(WarmPoolNotFound):
        world.backend.warm_pools.delete(SCOPE, "web")
    world.backend.warm_pools.put(SCOPE, "web", WarmPoolRequest())
    world.pass_time(2)
    with pytest.raises(WarmPoolBusy):
        world.backend.warm_pools.delete(SCOPE, "web")
    world.pass_time(MINUTE)
    with pytest.raises(WarmPoolInUse):
        world.backend.warm_pools.delete(SCOPE, "web")
    world.backend.warm_pools.delete(SCOPE, "web", force=True)
    assert world.backend.warm_pools.page(SCOPE, "web", limit=1)[0].deleting
    world.pass_time(MINUTE)
    assert world.simulated.cloud.compute.list(SCOPE) == []
    assert world.backend.warm_pools.page(SCOPE, "web", limit=1)[0] is None


def test_a_deleted_group_takes_its_pool_with_it(world):
    world.warm(desired=1)
    world.backend.clusters.delete(SCOPE, "web", force=True)
    world.pass_time(2 * MINUTE)
    assert world.simulated.cloud.compute.list(SCOPE) == []
    assert world.backend.clusters.page(SCOPE, limit=1).items == []


def test_a_raised_maximum_is_told(world):
    cluster = world.warm(maximum=0)
    world.backend.clusters.update(SCOPE, "web", ClusterChange({"maximum": 1}))
    world.pass_time(MINUTE)
    assert world.pooled() == ["Warmed:Stopped"]
    assert world.journal(cluster)[0].causes[0].kind is CauseKind.USER_UPDATED_MAXIMUM
    assert world.cluster(cluster).warm_pool.causes == ()


def test_a_quiet_pool_costs_nothing(world):
    world.warm(maximum=3)
    before = world.engine.counters["passes"]
    world.pass_time(timedelta(minutes=30).total_seconds(), 30.0)
    assert world.engine.counters["passes"] - before <= 2


def test_what_a_hook_keeps_of_a_return_is_ended_by_its_user(world):
    cluster = world.make(minimum=0, desired=1, maximum=1)
    world.backend.hooks.put(SCOPE, "web", HookRequest("out", Transition.TERMINATING, 30, Result.ABANDON))
    world.backend.clusters.update(SCOPE, "web", ClusterChange({"retain_abandoned": True}))
    world.backend.warm_pools.put(SCOPE, "web", WarmPoolRequest(prepared=1, reuse=True))
    world.pass_time(MINUTE)
    world.resize(0, 2 * MINUTE)
    kept = next(node for node in world.nodes(cluster) if node.state is NodeState.WARMED_PENDING_RETAINED)
    entry = next(one for one in world.journal(cluster) if one.kind is ActivityKind.RETURN)
    assert (entry.status, entry.node_id) == (ActivityStatus.CANCELLED, kept.id)
    server = short_id(kept.server_id)
    with pytest.raises(NodeRetained):
        world.backend.nodes.terminate(SCOPE, server, decrement=True)
    world.backend.clusters.update(SCOPE, "web", ClusterChange({"retain_abandoned": False}))
    told = world.backend.nodes.terminate(SCOPE, server, decrement=False)
    assert told.kind is ActivityKind.WARM_TERMINATE
    world.pass_time(2 * MINUTE)
    assert [node.state for node in world.nodes(cluster)] == [NodeState.WARMED_STOPPED]


def test_without_retention_an_abandoned_return_still_returns(world):
    """Source: conformance/recorded stackd.autoscaling.warm_pool_return_abandon_native.abandoned-return."""
    cluster = world.warm(desired=1, maximum=1, reuse=True)
    world.backend.hooks.put(SCOPE, "web", HookRequest("out", Transition.TERMINATING, 30, Result.ABANDON))
    world.resize(0, 2 * MINUTE)
    assert world.states(cluster) == [NodeState.WARMED_STOPPED]
    assert world.journal(cluster)[-1].status is ActivityStatus.SUCCESSFUL


def test_one_that_an_entry_hook_gives_up_is_ended_and_another_comes(world):
    cluster = world.make(minimum=0, desired=0, maximum=1)
    world.backend.hooks.put(SCOPE, "web", HookRequest("in", Transition.LAUNCHING, 30))
    world.backend.warm_pools.put(SCOPE, "web", WarmPoolRequest())
    world.pass_time(2 * MINUTE)
    told = [(entry.kind, entry.status) for entry in world.journal(cluster)]
    assert (ActivityKind.WARM_LAUNCH, ActivityStatus.CANCELLED) in told
    assert (ActivityKind.WARM_TERMINATE, ActivityStatus.SUCCESSFUL) in told
    assert len(world.pooled()) == 1


def test_ends_are_told_with_their_ways(world):
    world.backend.events.put(SCOPE, RuleRequest("all", '{"source":["aws.autoscaling"]}'))
    world.warm(maximum=1, reuse=True)
    world.resize(1)
    world.resize(0)
    world.backend.warm_pools.delete(SCOPE, "web", force=True)
    world.pass_time(MINUTE)
    assert world.ways("activity") == WAYS


def test_a_server_that_its_owner_ends_in_the_pool_is_replaced(world):
    cluster = world.warm(maximum=1)
    (one,) = world.nodes(cluster)
    world.simulated.cloud.compute.delete(SCOPE, one.server_id)
    world.pass_time(2 * MINUTE)
    (other,) = world.nodes(cluster)
    assert (other.state, other.id == one.id) == (NodeState.WARMED_STOPPED, False)


@pytest.mark.parametrize("call", ["start", "stop", "create"])
def test_what_the_cloud_did_not_hear_is_asked_again(world, call):
    world.simulated.faults.lose_request(Where(calls=(call,)), times=1)
    world.warm(maximum=1, seconds=4 * MINUTE)
    world.resize(1, 4 * MINUTE)
    assert world.shown() == (["InService"], 0)


def test_a_server_that_is_suspended_for_minutes_comes_to_rest_as_it_is():
    """The engine has given up waiting by then, and a cloud that suspends takes no stop meanwhile."""
    world = Warm(settings=SimulatedSettings(boot_seconds=0, seed=7, suspend_seconds=200.0))

    def refuse(moment, call):
        if moment == "before" and call.name == "stop":
            raise ServerStateConflict("Cannot 'stop' instance while it is in task_state suspending")

    world.simulated.faults.hooks.append(refuse)
    cluster = world.warm(state=PoolState.HIBERNATED, maximum=1, seconds=6 * MINUTE)
    (node,) = world.nodes(cluster)
    assert [server.status for server in world.simulated.cloud.compute.list(SCOPE)] == [ServerStatus.PAUSED]
    assert node.state is NodeState.WARMED_HIBERNATED
    world.resize(1)
    assert [one.state for one in world.nodes(cluster) if one.id == node.id] == [NodeState.IN_SERVICE]


def by_requirements(world, **values):
    """A group whose types are chosen by what they have."""
    spec = ServerSpec(image=world.image(), instance_type="t3.micro")
    world.backend.templates.create(SCOPE, "lt", NewVersion(spec, {}, "me"))
    mix = MixRequest((OverrideRequest(requirements=Requirements(Bounds(2, 2), Bounds(1))),))
    bounds = {"minimum": 0, "maximum": 12, "desired": 0, **values}
    place = PlacementRequest(zones=("us-east-1a",))
    world.backend.clusters.create(SCOPE, NewCluster("web", bounds, SourceRequest(template_name="lt"), place, mix=mix))


@pytest.mark.parametrize("kind", ["vcpu", "memory-mib"])
def test_a_pool_goes_with_capacity_in_nodes_alone(world, kind):
    by_requirements(world, capacity_type=kind)
    with pytest.raises(WarmPoolUnfit) as refused:
        world.backend.warm_pools.put(SCOPE, "web", WarmPoolRequest())
    assert (refused.value.why, refused.value.joining) == (UnfitMix.CAPACITY_TYPE, False)


def test_capacity_in_vcpus_does_not_come_to_a_pool(world):
    by_requirements(world, capacity_type="units")
    world.backend.warm_pools.put(SCOPE, "web", WarmPoolRequest())
    with pytest.raises(WarmPoolUnfit) as refused:
        world.backend.clusters.update(SCOPE, "web", ClusterChange({"capacity_type": "vcpu"}))
    assert (refused.value.why, refused.value.joining) == (UnfitMix.CAPACITY_TYPE, True)
    world.backend.clusters.update(SCOPE, "web", ClusterChange({"capacity_type": "units"}))
