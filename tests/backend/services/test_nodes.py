from concurrent.futures import ThreadPoolExecutor

import pytest

from backend.domain.activity import ActivityKind, ActivityStatus, CauseKind
from backend.domain.cluster import Process
from backend.domain.cluster_findings import (
    AboveMaximum,
    BelowMinimum,
    ClusterDeleting,
    ClusterNotFound,
    NodeNotFound,
    NodeNotInCluster,
    NodeStateConflict,
    ProcessSuspended,
)
from backend.domain.ids import short_id
from backend.domain.node import Health, NodeState
from backend.domain.profile import ProfileRef
from backend.domain.server_findings import ServerNotAttachable, ServerUnknown
from backend.drivers.errors import ServerBusy
from backend.drivers.simulated.faults import Where
from backend.store import activities, journal, nodes
from tests.factories import NOW, OTHER, SCOPE, World, activity


@pytest.fixture
def api(world):
    return world.backend.nodes


def short(node):
    return short_id(node.server_id)


def read(world, node):
    with world.store.read() as conn:
        return nodes.get(conn, node.id)


def desired(world, name="web"):
    return world.backend.clusters.get(SCOPE, name).spec.desired


def told(entry):
    cause = entry.causes[-1]
    return entry.kind, entry.status, entry.progress, cause.kind, cause.data.get("before"), cause.data.get("after")


TERMINATE = (ActivityKind.TERMINATE, ActivityStatus.IN_PROGRESS, 0, CauseKind.USER_TERMINATED)


class TestTerminate:
    @pytest.mark.parametrize(("decrement", "after"), [(False, 2), (True, 1)])
    def test_in_one_transaction(self, world, api, decrement, after):
        (node,) = world.put(world.group(), "a", protected=True)
        world.clock.move(3)
        entry = api.terminate(SCOPE, short(node), decrement=decrement)
        assert told(entry) == (*TERMINATE, *((2, 1) if decrement else (None, None)))
        moved = read(world, node)
        assert (moved.state, moved.state_at, moved.activity_id) == (NodeState.TERMINATING, world.clock.now(), entry.id)
        here = world.backend.clusters.get(SCOPE, "web")
        assert (here.spec.desired, here.generation, here.due_at) == (after, 1, world.clock.now())
        with world.store.read() as conn:
            assert activities.find(conn, entry.id) == entry

    def test_again_tells_the_same(self, world, api):
        (node,) = world.put(world.group(), "a")
        first = api.terminate(SCOPE, short(node), decrement=True)
        assert api.terminate(SCOPE, short(node), decrement=True) == first
        assert desired(world) == 1

    def test_not_below_the_minimum(self, world, api):
        (node,) = world.put(world.group(desired=1), "a")
        with pytest.raises(BelowMinimum):
            api.terminate(SCOPE, short(node), decrement=True)
        assert read(world, node).state is NodeState.IN_SERVICE
        assert desired(world) == 1

    def test_standby_is_not_in_the_capacity(self, world, api):
        (node,) = world.put(world.group(), "a", state=NodeState.STANDBY)
        assert told(api.terminate(SCOPE, short(node), decrement=True))[-2:] == (None, None)
        assert desired(world) == 2

    def test_a_pending_launch_is_cancelled(self, world, api):
        made = world.group()
        launch = activity(made)
        (node,) = world.put(made, "a", state=NodeState.PENDING, activity_id=launch.id)
        world.store.transact(lambda conn: journal.begin(conn, [launch]))
        api.terminate(SCOPE, short(node), decrement=False)
        with world.store.read() as conn:
            ended = activities.find(conn, launch.id)
        assert (ended.status, ended.ended_at) == (ActivityStatus.CANCELLED, NOW)

    def test_refusals(self, world, api):
        (node,) = world.put(world.group(), "a", state=NodeState.DETACHING)
        with pytest.raises(NodeStateConflict):
            api.terminate(SCOPE, short(node), decrement=False)
        with pytest.raises(NodeNotFound):
            api.terminate(OTHER, short(node), decrement=False)
        with pytest.raises(NodeNotFound):
            api.terminate(SCOPE, "i-nonsense", decrement=False)

    def test_many_all_or_none(self, world, api):
        first, second = world.put(world.group(), "a", "b")
        with pytest.raises(BelowMinimum):
            api.terminate_many(SCOPE, "web", [short(first), short(second)], decrement=True)
        assert read(world, first).state is NodeState.IN_SERVICE
        entries = api.terminate_many(SCOPE, "web", [short(second), short(first)], decrement=False)
        assert [entry.node_id for entry in entries] == [second.id, first.id]
        with pytest.raises(NodeNotInCluster):
            api.terminate_many(SCOPE, "web", ["0" * 17], decrement=False)

    def test_many_at_once_never_fall_below_the_minimum(self, tmp_path):
        world = World(url=f"sqlite:///{tmp_path}/store.db")
        made = world.group(minimum=2, desired=4)
        four = world.put(made, *"abcd")

        def end(node):
            try:
                world.backend.nodes.terminate(SCOPE, short(node), decrement=True)
            except BelowMinimum:
                return "refused"
            return "ended"

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(end, four)) == ["ended", "ended", "refused", "refused"]
        assert desired(world) == 2
        world.close()


class TestAttach:
    def test_intent(self, world, api):
        world.group(protect_new=True)
        server = world.server()
        (entry,) = api.attach(SCOPE, "web", [server.short_id, server.short_id])
        assert told(entry) == (ActivityKind.ATTACH, ActivityStatus.IN_PROGRESS, 0, CauseKind.USER_ATTACHED, 2, 3)
        with world.store.read() as conn:
            node = nodes.by_servers(conn, SCOPE, [server.short_id])[server.short_id]
        assert (node.state, node.attached, node.protected) == (NodeState.PENDING, True, True)
        assert (node.server_id, node.zone, node.profile) == (server.id, server.zone, None)
        assert node.activity_id == entry.id
        assert desired(world) == 3

    def test_two_raise_it_by_two(self, world, api):
        world.group()
        entries = api.attach(SCOPE, "web", [world.server().short_id, world.server().short_id])
        assert [told(entry)[-2:] for entry in entries] == [(2, 3), (3, 4)]
        assert desired(world) == 4

    def test_refusals(self, world, api):
        world.group()
        server = world.server()
        with pytest.raises(ServerUnknown):
            api.attach(SCOPE, "web", ["0" * 17])
        with pytest.raises(ClusterNotFound):
            api.attach(OTHER, "web", [server.short_id])
        with pytest.raises(ClusterNotFound):
            api.attach(SCOPE, "x", ["0" * 17])
        with pytest.raises(ServerNotAttachable, match="zone"):
            api.attach(SCOPE, "web", [world.server(zone="us-east-1c").short_id])
        world.simulated.operator.pause(server.id)
        with pytest.raises(ServerNotAttachable, match="not_running"):
            api.attach(SCOPE, "web", [server.short_id])

    def test_a_server_that_is_to_stop_once_the_cloud_lets_it(self, world, api):
        world.group()
        server = world.server()
        world.simulated.faults.refuse(ServerBusy("in task_state image_snapshot"), Where(calls=("stop", "reboot")))
        world.backend.servers.reboot(SCOPE, [server])
        world.backend.servers.stop(SCOPE, [server])
        with pytest.raises(ServerNotAttachable) as found:
            api.attach(SCOPE, "web", [server.short_id])
        assert (found.value.why, found.value.state) == ("not_running", "stopping")

    def test_a_server_that_is_to_be_rebooted_runs(self, world, api):
        world.group()
        server = world.server()
        world.simulated.faults.refuse(ServerBusy("in task_state image_snapshot"), Where(calls=("reboot",)))
        world.backend.servers.reboot(SCOPE, [server])
        assert len(api.attach(SCOPE, "web", [server.short_id])) == 1

    def test_a_server_of_a_cluster(self, world, api):
        world.group()
        world.group("db")
        server = world.server()
        api.attach(SCOPE, "web", [server.short_id])
        with pytest.raises(ServerNotAttachable) as found:
            api.attach(SCOPE, "db", [server.short_id])
        assert (found.value.why, found.value.cluster) == ("in_cluster", "web")

    def test_not_above_the_maximum(self, world, api):
        world.group(desired=4)
        with pytest.raises(AboveMaximum):
            api.attach(SCOPE, "web", [world.server().short_id])

    def test_needs_launch(self, world, api):
        made = world.group()
        server = world.server()
        world.backend.clusters.suspend(SCOPE, "web", [Process.LAUNCH])
        with pytest.raises(ProcessSuspended):
            api.attach(SCOPE, "web", [server.short_id])
        world.put(made, "a")
        world.backend.clusters.delete(SCOPE, "web", force=True)
        with pytest.raises(ClusterDeleting):
            api.attach(SCOPE, "web", [server.short_id])


class TestDetachAndStandby:
    def test_detach(self, world, api):
        first, second = world.put(world.group(minimum=0), "a", "b")
        (parked,) = world.put(world.backend.clusters.get(SCOPE, "web"), "c", state=NodeState.STANDBY)
        entries = api.detach(SCOPE, "web", [short(first), short(parked), short(second)], decrement=True)
        start = (ActivityKind.DETACH, ActivityStatus.IN_PROGRESS, 50, CauseKind.USER_DETACHED)
        assert [told(entry) for entry in entries] == [(*start, 2, 1), (*start, None, None), (*start, 1, 0)]
        assert {read(world, node).state for node in (first, second, parked)} == {NodeState.DETACHING}
        assert desired(world) == 0

    def test_detach_without_decrement(self, world, api):
        (node,) = world.put(world.group(), "a")
        assert told(api.detach(SCOPE, "web", [short(node)], decrement=False)[0])[-2:] == (None, None)
        assert desired(world) == 2

    def test_enter_and_exit(self, world, api):
        (node,) = world.put(world.group(), "a")
        (entry,) = api.enter_standby(SCOPE, "web", [short(node)], decrement=True)
        assert told(entry) == (
            ActivityKind.ENTER_STANDBY, ActivityStatus.IN_PROGRESS, 50, CauseKind.USER_ENTERED_STANDBY, 2, 1
        )  # fmt: skip
        assert read(world, node).state is NodeState.ENTERING_STANDBY
        with pytest.raises(NodeStateConflict):
            api.exit_standby(SCOPE, "web", [short(node)])
        world.change(node.id, state=NodeState.STANDBY)
        (entry,) = api.exit_standby(SCOPE, "web", [short(node)])
        assert told(entry) == (
            ActivityKind.EXIT_STANDBY, ActivityStatus.PRE_IN_SERVICE, 30, CauseKind.USER_EXITED_STANDBY, 1, 2
        )  # fmt: skip
        assert (read(world, node).state, desired(world)) == (NodeState.PENDING, 2)

    def test_bounds(self, world, api):
        first, second = world.put(world.group(), "a", "b")
        both = [short(first), short(second)]
        for leave in (api.detach, api.enter_standby):
            with pytest.raises(BelowMinimum):
                leave(SCOPE, "web", both, decrement=True)
        world.backend.clusters.resize(SCOPE, "web", 4)
        world.change(first.id, state=NodeState.STANDBY)
        with pytest.raises(AboveMaximum):
            api.exit_standby(SCOPE, "web", [short(first)])

    def test_states_and_membership(self, world, api):
        (node,) = world.put(world.group(), "a", state=NodeState.PENDING)
        (other,) = world.put(world.group("db"), "b")
        with pytest.raises(NodeStateConflict) as found:
            api.detach(SCOPE, "web", [short(node)], decrement=False)
        assert found.value.required == ("InService", "Standby")
        with pytest.raises(NodeStateConflict):
            api.enter_standby(SCOPE, "web", [short(node)], decrement=False)
        with pytest.raises(NodeNotInCluster):
            api.detach(SCOPE, "web", [short(other)], decrement=False)

    def test_a_cluster_that_is_going(self, world, api):
        first, second = world.put(world.group(), "a", "b")
        world.backend.clusters.delete(SCOPE, "web", force=True)
        for leave in (api.detach, api.enter_standby):
            with pytest.raises(ClusterDeleting):
                leave(SCOPE, "web", [short(first)], decrement=False)
        assert told(api.terminate(SCOPE, short(second), decrement=True))[-2:] == (None, None)
        assert desired(world) == 0

    def test_exit_needs_launch(self, world, api):
        (node,) = world.put(world.group(), "a", state=NodeState.STANDBY)
        world.backend.clusters.suspend(SCOPE, "web", [Process.LAUNCH])
        with pytest.raises(ProcessSuspended):
            api.exit_standby(SCOPE, "web", [short(node)])


class TestHealth:
    @pytest.mark.parametrize(("respect", "due"), [(True, 100), (False, 40)])
    def test_grace(self, world, api, respect, due):
        (node,) = world.put(world.group(health_grace_seconds=100), "a")
        world.clock.move(40)
        api.set_health(SCOPE, short(node), Health.UNHEALTHY, respect_grace=respect)
        judged = read(world, node)
        assert (judged.health, judged.health_cause) == (Health.UNHEALTHY, "health_custom")
        assert (judged.health_due_at - NOW).total_seconds() == due
        assert world.backend.clusters.get(SCOPE, "web").due_at == world.clock.now()

    def test_a_grace_that_is_over(self, world, api):
        (node,) = world.put(world.group(health_grace_seconds=10), "a")
        world.clock.move(40)
        api.set_health(SCOPE, short(node), Health.UNHEALTHY)
        assert read(world, node).health_due_at == world.clock.now()

    def test_healthy_undoes(self, world, api):
        (node,) = world.put(world.group(), "a")
        api.set_health(SCOPE, short(node), Health.UNHEALTHY)
        api.set_health(SCOPE, short(node), Health.HEALTHY)
        judged = read(world, node)
        assert (judged.health, judged.health_cause, judged.health_due_at) == (Health.HEALTHY, None, None)

    def test_unknown(self, api):
        with pytest.raises(NodeNotFound):
            api.set_health(SCOPE, "0" * 17, Health.UNHEALTHY)


def test_protect(world, api):
    first, second = world.put(world.group(), "a", "b")
    (coming,) = world.put(world.backend.clusters.get(SCOPE, "web"), "c", state=NodeState.PENDING)
    api.protect(SCOPE, "web", [short(first), short(second)], protected=True)
    assert read(world, first).protected
    assert read(world, second).protected
    api.protect(SCOPE, "web", [short(first)], protected=False)
    assert not read(world, first).protected
    with pytest.raises(NodeStateConflict):
        api.protect(SCOPE, "web", [short(coming)], protected=True)
    with pytest.raises(NodeNotInCluster):
        api.protect(SCOPE, "web", ["0" * 17], protected=True)


def test_page(world, api):
    made = world.group()
    world.put(made, "a", "b")
    world.put(made, "c", profile=ProfileRef("gone"))
    world.put(made, "pending", server_id=None)
    first = api.page(SCOPE, limit=2)
    rest = api.page(SCOPE, limit=2, after=first.marker)
    members = [member for _, member in (*first.items, *rest.items)]
    assert len(members) == 3
    assert sorted(member.configuration or "" for member in members) == ["", "lc", "lc"]
    assert [name for name, _ in api.page(SCOPE, servers=[members[0].server, "x"], limit=9).items] == ["web"]


@pytest.mark.parametrize(
    "act",
    [
        lambda world, api, node: api.terminate(SCOPE, short(node), decrement=True),
        lambda world, api, node: api.attach(SCOPE, "web", [world.server().short_id]),
        lambda world, api, node: api.detach(SCOPE, "web", [short(node)], decrement=True),
        lambda world, api, node: api.enter_standby(SCOPE, "web", [short(node)], decrement=True),
    ],
    ids=["terminate", "attach", "detach", "standby"],
)
def test_since_when_the_capacity_is_desired_is_known_whoever_changed_it(world, api, act):
    (node,) = world.put(world.group(), "a")
    world.clock.move(3)
    act(world, api, node)
    assert world.backend.clusters.get(SCOPE, "web").desired_at == world.clock.now()


def test_what_leaves_without_a_decrement_changes_nothing_of_it(world, api):
    (node,) = world.put(world.group(), "a")
    api.terminate(SCOPE, short(node), decrement=False)
    assert world.backend.clusters.get(SCOPE, "web").desired_at is None


def test_who_is_back_from_standby_is_desired_from_then_on(world, api):
    (node,) = world.put(world.group(), "a", state=NodeState.STANDBY)
    world.clock.move(3)
    api.exit_standby(SCOPE, "web", [short(node)])
    assert world.backend.clusters.get(SCOPE, "web").desired_at == world.clock.now()
