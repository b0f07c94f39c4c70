from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from backend.domain.activity import ActivityKind, ActivityStatus, CauseKind, ReasonKind
from backend.domain.cluster import ClusterChange, PlacementRequest, Process, SourceRequest, Tag
from backend.domain.cluster_findings import ClusterNotFound
from backend.domain.identities import PROFILE_TAG
from backend.domain.node import Health, NodeState, ServerStatus
from backend.domain.profile import ServerSpec
from backend.drivers.errors import QuotaExceeded, ServerNotFound
from backend.drivers.simulated import Where
from backend.engine.kinds import KINDS
from backend.engine.lanes import Lanes
from backend.engine.settings import EngineSettings
from backend.errors import KeysUnreached
from backend.services.roles import NewRole
from backend.services.servers import Order
from backend.services.templates import NewVersion
from backend.store import wakes
from backend.store.guarded import Guard, guard
from backend.store.secrets import Seal, new_key
from backend.store.tables import nodes as node_table
from tests.backend.engine.threads import Threads
from tests.factories import SCOPE


@dataclass
class Hidden:
    """A compute port that does not know some servers."""

    compute: Any
    servers: list[str]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.compute, name)

    def get(self, scope: Any, server_id: str) -> Any:
        if server_id in self.servers:
            raise ServerNotFound(server_id)
        return self.compute.get(scope, server_id)

    def list(self, scope: Any) -> Any:
        return [server for server in self.compute.list(scope) if server.id not in self.servers]


def _short(node):
    return node.server_id.replace("-", "")[:17]


def test_nodes_come_into_service_and_the_journal_tells(world):
    group = world.make(desired=3)
    world.pass_time(5)
    assert world.states(group) == ["InService"] * 3
    assert sorted(node.zone for node in world.nodes(group)) == ["us-east-1a", "us-east-1a", "us-east-1b"]
    entries = world.journal(group)
    assert [(entry.kind, entry.status, entry.progress) for entry in entries] == [
        (ActivityKind.LAUNCH, ActivityStatus.SUCCESSFUL, 100)
    ] * 3
    assert {cause.kind for entry in entries for cause in entry.causes} == {
        CauseKind.USER_CREATED,
        CauseKind.CAPACITY_INCREASE,
    }
    assert {entry.server_id for entry in entries} == {node.server_id for node in world.nodes(group)}
    after = world.backend.clusters.get(SCOPE, "web")
    assert after.causes == ()
    assert after.cooldown_until is not None


def test_servers_carry_names_tags_and_the_token(world):
    group = world.make(desired=1)
    world.backend.tags.put(SCOPE, [("web", Tag("team", "a", True)), ("web", Tag("own", "b", False))])
    world.pass_time(5)
    ((_, server),) = world.simulated.operator.servers()
    assert dict(server.tags) == {"team": "a", "aws:autoscaling:groupName": "web"}
    assert server.launch_id == world.nodes(group)[0].launch_id
    assert server.name.startswith("web")


def test_template_versions_are_resolved_at_each_launch(world):
    version = NewVersion(ServerSpec(image=world.image(), instance_type="t3.micro"), {}, "arn")
    template = world.backend.templates.create(SCOPE, "lt", version)
    group = world.make(desired=0)
    change = ClusterChange({"desired": 1}, SourceRequest(template_name="lt", version="$Latest"))
    world.backend.clusters.update(SCOPE, "web", change)
    world.pass_time(5)
    newer = replace(version, spec=ServerSpec(image=world.image(), instance_type="t3.small"))
    world.backend.templates.add_version(SCOPE, _ref("lt"), newer)
    world.backend.clusters.resize(SCOPE, "web", 2)
    world.pass_time(5)
    found = world.nodes(group)
    assert [(node.profile.template_version, node.instance_type) for node in found] == [(1, "t3.micro"), (2, "t3.small")]
    tags = [server.tags for _, server in world.simulated.operator.servers()]
    assert tags[1]["aws:ec2launchtemplate:version"] == "2"
    assert tags[1]["aws:ec2launchtemplate:id"] == f"lt-{template.id.replace('-', '')[:17]}"


def _ref(name):
    from backend.services.templates import TemplateRef

    return TemplateRef(name=name)


def test_scaling_in_and_deleting_leave_nothing(world):
    group = world.make(desired=3)
    world.pass_time(5)
    world.backend.clusters.resize(SCOPE, "web", 1)
    world.pass_time(5)
    assert world.states(group) == ["InService"]
    world.backend.clusters.delete(SCOPE, "web", force=True)
    world.pass_time(5)
    with pytest.raises(ClusterNotFound):
        world.backend.clusters.get(SCOPE, "web")
    assert world.simulated.operator.servers() == []
    assert {entry.status for entry in world.journal(group)} == {ActivityStatus.SUCCESSFUL}


def test_a_terminated_node_is_replaced_or_not(world):
    group = world.make(desired=2)
    world.pass_time(5)
    first, second = world.nodes(group)
    world.backend.nodes.terminate(SCOPE, _short(first), decrement=True)
    world.pass_time(5)
    assert [node.id for node in world.nodes(group)] == [second.id]
    world.backend.nodes.terminate(SCOPE, _short(second), decrement=False)
    world.pass_time(5)
    (after,) = world.nodes(group)
    assert (after.id != second.id, after.state) == (True, NodeState.IN_SERVICE)


@pytest.mark.parametrize("fate", ["stop", "break_server", "terminate", "vanish", "pause"])
def test_what_goes_bad_is_replaced(world, fate):
    group = world.make(desired=2)
    world.pass_time(5)
    first, second = world.nodes(group)
    getattr(world.simulated.operator, fate)(first.server_id)
    world.pass_time(1000 if fate == "vanish" else 30)
    assert world.states(group) == ["InService"] * 2
    assert {node.id for node in world.nodes(group)} > {second.id}
    assert first.id not in {node.id for node in world.nodes(group)}
    ends = [entry for entry in world.journal(group) if entry.kind is ActivityKind.TERMINATE]
    kind = CauseKind.HEALTH_STATUS_CHECK if fate == "break_server" else CauseKind.HEALTH_TERMINATED_OR_STOPPED
    assert [entry.causes[0].kind for entry in ends] == [kind]


def test_a_server_out_of_sight_is_left_alone(world):
    group = world.make(desired=1)
    world.pass_time(5)
    (before,) = world.nodes(group)
    world.simulated.operator.lose_sight(before.server_id)
    world.simulated.faults.unavailable(seconds=300)
    world.pass_time(600, 5)
    assert [node.id for node in world.nodes(group)] == [before.id]


def test_a_mass_failure_is_held_and_healed(world):
    group = world.make(desired=12)
    world.pass_time(8)
    before = {node.id for node in world.nodes(group)}
    for node in world.nodes(group):
        world.simulated.operator.pause(node.server_id)
    world.pass_time(60)
    assert {node.id for node in world.nodes(group)} == before
    assert {node.health for node in world.nodes(group)} == {Health.UNHEALTHY}
    for node in world.nodes(group):
        world.simulated.operator.recover(node.server_id)
    world.pass_time(600, 5)
    assert {(node.id in before, node.health) for node in world.nodes(group)} == {(True, Health.HEALTHY)}


def test_a_hold_ends_after_a_while_and_what_is_broken_is_replaced_then(world):
    group = world.make(desired=3)
    world.pass_time(8)
    before = {node.id for node in world.nodes(group)}
    for node in world.nodes(group)[:2]:
        world.simulated.operator.stop(node.server_id)
    world.pass_time(850, 2)
    assert {node.id for node in world.nodes(group)} == before
    world.pass_time(400, 2)
    assert world.states(group) == ["InService"] * 3
    assert len(before & {node.id for node in world.nodes(group)}) == 1
    assert world.cluster(group).held_since is None
    assert [entry.kind for entry in world.journal(group)].count(ActivityKind.HEALTH_CHECK) == 1


def test_servers_that_the_cloud_loses_together_are_asked_for_twice(world):
    group = world.make(desired=3)
    world.pass_time(8)
    before = {node.id for node in world.nodes(group)}
    lost = [node.server_id for node in world.nodes(group)[:2]]
    hidden = Hidden(world.simulated.cloud.compute, list(lost))
    world.simulated = replace(world.simulated, cloud=replace(world.simulated.cloud, compute=hidden))
    world.engine = world.new_engine("two")
    world.pass_time(920, 2)
    hidden.servers.clear()
    world.pass_time(120, 2)
    assert {node.id for node in world.nodes(group)} == before
    assert {node.health for node in world.nodes(group)} == {Health.HEALTHY}
    for server in lost:
        world.simulated.operator.vanish(server)
    world.pass_time(1200, 2)
    assert world.states(group) == ["InService"] * 3
    assert len(before & {node.id for node in world.nodes(group)}) == 1


def test_an_unhealthy_node_is_replaced_after_its_grace(world):
    group = world.make(desired=1, health_grace_seconds=60)
    world.pass_time(5)
    (before,) = world.nodes(group)
    world.backend.nodes.set_health(SCOPE, _short(before), Health.UNHEALTHY)
    world.pass_time(30)
    assert [node.id for node in world.nodes(group)] == [before.id]
    world.pass_time(60)
    (after,) = world.nodes(group)
    assert after.id != before.id
    launch = world.journal(group)[-1]
    assert (launch.kind, launch.causes[0].kind) == (ActivityKind.LAUNCH, CauseKind.REPLACING_UNHEALTHY)


def test_standby_and_back(world):
    group = world.make(desired=2)
    world.pass_time(5)
    first = world.nodes(group)[0]
    world.backend.nodes.enter_standby(SCOPE, "web", [_short(first)], decrement=True)
    world.pass_time(2)
    assert sorted(world.states(group)) == ["InService", "Standby"]
    world.backend.nodes.exit_standby(SCOPE, "web", [_short(first)])
    world.pass_time(2)
    assert world.states(group) == ["InService"] * 2
    assert {entry.status for entry in world.journal(group)} == {ActivityStatus.SUCCESSFUL}


def test_protection_and_verdicts_outlast_standby(world):
    group = world.make(desired=2)
    world.pass_time(5)
    first, second = world.nodes(group)
    servers = [_short(first), _short(second)]
    world.backend.nodes.protect(SCOPE, "web", servers[:1], protected=True)
    world.backend.nodes.enter_standby(SCOPE, "web", servers, decrement=True)
    world.pass_time(2)
    world.backend.nodes.set_health(SCOPE, servers[1], Health.UNHEALTHY)
    world.backend.nodes.exit_standby(SCOPE, "web", servers)
    world.pass_time(10)
    kept, new = world.nodes(group)
    assert (kept.id, kept.protected, kept.state) == (first.id, True, NodeState.IN_SERVICE)
    assert (new.id != second.id, new.protected, new.state) == (True, False, NodeState.IN_SERVICE)


def test_a_server_that_tells_nothing_new_is_asked_for_calmly(world):
    group = world.make(desired=1)
    world.pass_time(5)
    (one,) = world.nodes(group)
    world.backend.nodes.enter_standby(SCOPE, "web", [_short(one)], decrement=True)
    world.pass_time(5)
    world.simulated.operator.lose_sight(one.server_id)
    world.pass_time(40)
    world.backend.nodes.exit_standby(SCOPE, "web", [_short(one)])
    before = world.engine.counters["passes"]
    world.pass_time(100, 0.02)
    assert world.engine.counters["passes"] - before < 30
    world.simulated.operator.recover(one.server_id)
    world.pass_time(30)
    assert world.states(group) == ["InService"]


def test_attach_and_detach_change_the_token_and_the_tag(world):
    group = world.make(desired=0)
    world.pass_time(2)
    spec = ServerSpec(image=world.image(), instance_type="t3.micro", zone="us-east-1a")
    (made,) = world.backend.servers.run(SCOPE, Order(spec))
    world.clock.move(5)
    world.backend.nodes.attach(SCOPE, "web", [made.short_id])
    world.pass_time(2)
    (node,) = world.nodes(group)
    server = world.simulated.cloud.compute.get(SCOPE, made.id)
    assert (node.state, server.launch_id) == (NodeState.IN_SERVICE, node.launch_id)
    assert server.tags["aws:autoscaling:groupName"] == "web"
    world.backend.nodes.detach(SCOPE, "web", [made.short_id], decrement=True)
    world.pass_time(200, 5)
    server = world.simulated.cloud.compute.get(SCOPE, made.id)
    assert (world.nodes(group), server.launch_id, server.status) == ([], None, ServerStatus.ACTIVE)
    assert "aws:autoscaling:groupName" not in server.tags


def test_a_full_zone_gives_what_it_has_and_the_rest_goes_elsewhere(world):
    world.simulated.faults.capacity("us-east-1a", 3)
    group = world.make(desired=20)
    world.pass_time(10)
    zones = [node.zone for node in world.nodes(group)]
    assert (zones.count("us-east-1a"), zones.count("us-east-1b")) == (3, 17)
    failed = [entry for entry in world.journal(group) if entry.status is ActivityStatus.FAILED]
    assert {entry.reason.kind for entry in failed} == {ReasonKind.NO_CAPACITY}


def test_refused_launches_are_told_and_retried_ever_more_rarely(world):
    world.simulated.faults.refuse(QuotaExceeded("instances", 1, 0))
    group = world.make(desired=1)
    world.pass_time(400, 2)
    failed = world.journal(group)
    assert {(entry.status, entry.reason.kind) for entry in failed} == {(ActivityStatus.FAILED, ReasonKind.QUOTA)}
    assert 6 <= len(failed) <= 24
    world.simulated.faults.lift()
    world.pass_time(1000, 5)
    assert world.states(group) == ["InService"]


def test_idle_time_is_no_failing_time(world):
    group = world.make(desired=2)
    for zone in ("us-east-1a", "us-east-1b"):
        world.simulated.faults.capacity(zone, 0)
    world.pass_time(4 * 3600, 30)
    assert {entry.refusals > 0 for entry in world.backoffs(group)} == {True}
    world.backend.clusters.resize(SCOPE, "web", 0)
    world.pass_time(60)
    assert {entry.refusals for entry in world.backoffs(group)} == {0}
    world.simulated.faults.lift()
    world.pass_time(2 * 3600, 30)
    assert world.backoffs(group) == []
    world.clock.move(46 * 3600)
    world.backend.clusters.resize(SCOPE, "web", 2)
    world.pass_time(30)
    assert world.states(group) == ["InService"] * 2
    assert world.cluster(group).suspended == {}


def test_a_cloud_that_is_away_for_a_day_suspends_nothing(world):
    group = world.make(desired=1)
    world.simulated.faults.unavailable(Where(calls=("create",)))
    world.pass_time(25 * 3600, 300)
    assert (world.states(group), world.cluster(group).suspended) == ([], {})
    world.simulated.faults.lift()
    world.pass_time(1200, 5)
    assert world.states(group) == ["InService"]


def test_a_cluster_that_launched_nothing_for_a_day_stops_and_tells(world):
    group = world.make(desired=1)
    for zone in ("us-east-1a", "us-east-1b"):
        world.simulated.faults.capacity(zone, 0)
    world.pass_time(26 * 3600, 300)
    after = world.cluster(group)
    assert (set(after.suspended), after.given_up) == ({Process.LAUNCH}, {Process.LAUNCH})
    last = world.journal(group)[-1]
    assert last.reason is not None
    assert (last.kind, last.status, last.reason.kind) == (
        ActivityKind.LAUNCH,
        ActivityStatus.FAILED,
        ReasonKind.GIVEN_UP,
    )
    world.backend.clusters.suspend(SCOPE, "web")
    assert world.cluster(group).given_up == {Process.LAUNCH}
    world.simulated.faults.lift()
    world.backend.clusters.resume(SCOPE, "web")
    world.pass_time(30)
    assert (world.states(group), world.cluster(group).given_up) == (["InService"], frozenset())


@pytest.mark.parametrize("lost", ["lose_request", "lose_answer"])
def test_a_lost_answer_makes_neither_two_nor_none(world, lost):
    getattr(world.simulated.faults, lost)(Where(calls=("create",)))
    group = world.make(desired=2)
    world.pass_time(130, 1)
    assert world.states(group) == ["InService"] * 2
    assert len(world.simulated.operator.servers()) == 2


class Killed(BaseException):
    """The process is no more."""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_who_takes_over_from_a_killed_engine_launches_the_same_again(world, moment):
    group = world.make(desired=4)

    def kill(at: str, call: Any) -> None:
        if at == moment and call.name == "create":
            raise Killed

    world.simulated.faults.hooks.append(kill)
    with pytest.raises(Killed):
        world.pass_time(5)
    world.simulated.faults.hooks.clear()
    claimed = {node.id: node.launch_id for node in world.nodes(group)}
    assert len(claimed) == 4
    world.engine = world.new_engine("two")
    world.pass_time(60 + 30 + 5)
    assert {node.id: node.launch_id for node in world.nodes(group)} == claimed
    assert world.states(group) == ["InService"] * 4
    assert [entry.status for entry in world.journal(group)] == [ActivityStatus.SUCCESSFUL] * 4
    assert len(world.simulated.operator.servers()) == 4


def test_the_grace_of_a_lost_launch_begins_when_its_answer_is_lost(world):
    world.engine_settings = replace(world.engine_settings, lease=timedelta(seconds=600))  # as if it were renewed
    world.engine = world.new_engine("patient")
    group = world.make(desired=2)

    def dawdle(at: str, call: Any) -> None:
        if at == "before" and call.name == "create":
            world.clock.move(95)

    world.simulated.faults.hooks.append(dawdle)
    world.simulated.faults.lose_answer(Where(calls=("create",)), times=2)
    world.pass_time(200)
    world.simulated.faults.hooks.clear()
    world.pass_time(20)
    assert world.states(group) == ["InService"] * 2
    assert {entry.status for entry in world.journal(group)} == {ActivityStatus.SUCCESSFUL}
    assert len(world.simulated.operator.servers()) == 2


def test_a_deleted_launch_source_fails_the_launch_by_name(world):
    version = NewVersion(ServerSpec(image=world.image(), instance_type="t3.micro"), {}, "arn")
    world.backend.templates.create(SCOPE, "lt", version)
    group = world.make(desired=0)
    world.backend.clusters.update(SCOPE, "web", ClusterChange({}, SourceRequest(template_name="lt")))
    world.backend.templates.delete(SCOPE, _ref("lt"))
    world.backend.clusters.resize(SCOPE, "web", 2)
    world.pass_time(30)
    entries = world.journal(group)
    assert {entry.reason.kind for entry in entries} == {ReasonKind.PROFILE_NOT_FOUND}
    assert 1 < len(entries) < 6


def test_servers_note_their_instance_profile_and_one_that_is_gone_fails_the_launch(world):
    profiles = world.backend.instance_profiles
    world.backend.roles.create(SCOPE, NewRole("r", "/", "{}"))
    made = profiles.create(SCOPE, "p", "/", {})
    profiles.add_role(SCOPE, "p", "r")
    spec = ServerSpec(image=world.image(), instance_type="t3.micro", iam_profile="p")
    world.backend.templates.create(SCOPE, "lt", NewVersion(spec, {}, "arn"))
    group = world.make(desired=0)
    world.backend.clusters.update(SCOPE, "web", ClusterChange({}, SourceRequest(template_name="lt")))
    world.backend.clusters.resize(SCOPE, "web", 1)
    world.pass_time(10)
    assert [server.tags[PROFILE_TAG] for server in world.backend.servers.list(SCOPE)] == [made.note]
    profiles.remove_role(SCOPE, "p", "r")
    world.backend.clusters.resize(SCOPE, "web", 2)
    world.pass_time(10)
    profiles.delete(SCOPE, "p")
    world.pass_time(60)
    failed = [entry.reason for entry in world.journal(group) if entry.status is ActivityStatus.FAILED]
    assert {reason.kind for reason in failed} == {ReasonKind.IAM_PROFILE_NOT_FOUND}
    assert {reason.data["empty"] for reason in failed} == {0, 1}
    assert len(world.simulated.operator.servers()) == 1


def test_zones_that_are_no_longer_wanted_are_left_one_after_the_other(world):
    group = world.make(desired=4)
    world.pass_time(5)
    place = PlacementRequest(zones=("us-east-1b", "us-east-1c"))
    world.backend.clusters.update(SCOPE, "web", ClusterChange({}, placement=place))
    world.pass_time(60)
    assert sorted(node.zone for node in world.nodes(group)) == ["us-east-1b"] * 2 + ["us-east-1c"] * 2
    assert world.states(group) == ["InService"] * 4


def test_protection_is_noted_once_and_honoured(world):
    group = world.make(desired=2, protect_new=True)
    world.pass_time(5)
    world.backend.clusters.resize(SCOPE, "web", 0)
    world.pass_time(30)
    assert world.states(group) == ["InService"] * 2
    notes = [entry for entry in world.journal(group) if entry.kind is ActivityKind.NOTE]
    assert len(notes) == 1
    world.backend.nodes.protect(SCOPE, "web", [_short(node) for node in world.nodes(group)], protected=False)
    world.pass_time(5)
    assert world.nodes(group) == []


def test_suspended_processes_do_nothing_until_resumed(world):
    group = world.make(desired=0)
    world.backend.clusters.suspend(SCOPE, "web", [Process.LAUNCH])
    world.backend.clusters.resize(SCOPE, "web", 2)
    world.pass_time(5)
    assert world.nodes(group) == []
    world.backend.clusters.resume(SCOPE, "web", [Process.LAUNCH])
    world.pass_time(5)
    assert world.states(group) == ["InService"] * 2


def test_old_nodes_are_renewed(world):
    group = world.make(desired=2, maximum_lifetime_seconds=86_400)
    world.pass_time(5)
    before = {node.id for node in world.nodes(group)}
    world.clock.move(86_400)
    world.pass_time(60)
    assert not before & {node.id for node in world.nodes(group)}
    assert world.states(group) == ["InService"] * 2


def test_an_orphan_is_ended_after_its_grace(world):
    group = world.make(desired=1)
    world.pass_time(5)
    (node,) = world.nodes(group)
    (made,) = world.backend.servers.run(
        SCOPE, Order(ServerSpec(image=world.image(), instance_type="t3.micro", zone="us-east-1a"))
    )
    world.simulated.cloud.compute.adopt(SCOPE, made.id, node.launch_id)
    world.pass_time(100, 2)
    assert len(world.simulated.operator.servers()) == 2
    world.pass_time(60, 2)
    assert [server.id for _, server in world.simulated.operator.servers()] == [node.server_id]


def test_a_fault_in_one_cluster_does_not_stop_the_next(world, caplog):
    broken = world.make("broken", desired=1)
    fine = world.make("fine", desired=1)

    class Fault(Exception):
        pass

    faults = [Fault()]

    def hook(_moment, call):
        if call.name == "create" and faults:
            raise faults.pop()

    world.simulated.faults.hooks.append(hook)
    assert world.engine.tick(world.clock.now()).faults == 1
    assert sorted(node.server_id is None for group in (broken, fine) for node in world.nodes(group)) == [False, True]
    assert "a job failed" in caplog.text
    world.simulated.faults.hooks.clear()
    world.clock.move(31)
    world.pass_time(130, 1)
    assert world.states(broken) == world.states(fine) == ["InService"]


def test_what_a_newer_version_wrote_is_left_to_it_and_stops_nothing_else(world, caplog):
    """Two versions on one database, while one takes the other's place."""
    left, other = world.make("left", desired=1), world.make("other", desired=1)
    another = replace(SCOPE, project_id="another")
    elsewhere = world.make("elsewhere", desired=1, scope=another)
    world.pass_time(5)

    def write(state):
        written = update(node_table).where(node_table.c.cluster_id == left.id).values(state=state)
        world.store.transact(lambda conn: conn.execute(written))

    write("FromTheFuture")
    for group, scope, desired in ((left, SCOPE, 2), (other, SCOPE, 3), (elsewhere, another, 2)):
        world.backend.clusters.resize(scope, group.name, desired)
    world.pass_time(120)
    assert world.states(other) == ["InService"] * 3
    assert world.states(elsewhere) == ["InService"] * 2
    counters = world.engine.counters
    assert (counters["faults"], counters["left_to_newer"] > 0) == (0, True)
    assert caplog.text.count("left to a newer Coppice, which knows the NodeState FromTheFuture") == 1
    assert "Traceback" not in caplog.text
    write("InService")
    world.pass_time(60)
    assert world.states(left) == ["InService"] * 2


def test_what_lies_sealed_waits_for_its_keys_and_stops_nothing_else(world, caplog):
    """An engine that starts while the key manager is away: no server is launched without its user data."""
    key, away = new_key(), [True]

    def keys():
        if away[0]:
            raise KeysUnreached("the manager is away")
        return [key]

    guard(world.store.engine, Guard(Seal([key]), closes=True))
    sealed = world.make("sealed", desired=1)
    guard(world.store.engine, Guard(Seal((), keys, lazily=True, clock=world.clock)))
    other = world.make("other", desired=2)
    world.pass_time(120)
    assert (world.states(sealed), world.states(other)) == ([], ["InService"] * 2)
    counters = world.engine.counters
    assert (counters["faults"], counters["keys_unreached"] > 0) == (0, True)
    assert caplog.text.count("what lies sealed cannot be opened, what needs it waits: the manager is away") == 1
    assert "Traceback" not in caplog.text
    away[0] = False
    world.pass_time(90)
    assert world.states(sealed) == ["InService"]


def test_a_group_whose_launch_data_nothing_opens_is_cared_for_and_launches_nothing(world):
    guard(world.store.engine, Guard(Seal([new_key()]), closes=True))
    group = world.make(desired=3)
    world.pass_time(10)
    guard(world.store.engine, Guard(Seal([new_key()])))
    ended = world.nodes(group)[0].server_id
    world.simulated.cloud.compute.delete(SCOPE, ended)
    world.pass_time(60)
    assert world.states(group) == ["InService"] * 2
    assert world.engine.counters["faults"] == 0
    world.backend.clusters.resize(SCOPE, "web", 1)
    world.pass_time(60)
    assert (world.states(group), len(world.servers())) == (["InService"], 1)


def test_another_engine_takes_over_what_the_first_left(world):
    group = world.make(desired=2)

    class Died(BaseException):
        pass

    def hook(moment, call):
        if call.name == "create" and moment == "after":
            raise Died

    world.simulated.faults.hooks.append(hook)
    with pytest.raises(Died):
        world.engine.tick(world.clock.now())
    world.simulated.faults.hooks.clear()
    world.engine = world.new_engine("two")
    world.pass_time(160, 1)
    assert world.states(group) == ["InService"] * 2
    assert len(world.simulated.operator.servers()) == 2


def test_an_idle_cluster_costs_nothing_between_its_due_times(world):
    world.make(desired=2)
    world.pass_time(10)
    before = dict(world.engine.counters)
    world.pass_time(300, 1)
    assert world.engine.counters["passes"] == before["passes"]
    assert world.engine.counters["listings"] - before["listings"] <= 21


def test_old_entries_leave_the_journal(world):
    group = world.make(desired=1)
    world.pass_time(5)
    assert len(world.journal(group)) == 1
    world.clock.move(EngineSettings().activity_retention.total_seconds())
    world.pass_time(3)
    assert world.journal(group) == []


def test_running_until_told_to_stop(world):
    class Stop:
        looks = 0

        def is_set(self):
            self.looks += 1
            return self.looks > 20

    group = world.make(desired=1)
    world.engine.run(Stop())
    assert world.states(group) == ["InService"]


def test_how_long_work_has_waited_is_measured(world):
    group = world.make(desired=1)
    world.pass_time(5)
    assert set(world.measures.lags) == {kind.name for kind in KINDS}
    world.clock.move(100)
    world.store.transact(lambda conn: wakes.wake(conn, [group.id], world.clock.now() - timedelta(seconds=70)))
    engine = world.new_engine("two", kinds=())
    engine.tick(world.clock.now())
    assert world.measures.lags["clusters"] == 70
    world.pass_time(20)
    assert world.measures.lags["clusters"] < 1


def test_what_another_engine_took_over_is_dropped(world, caplog):
    lanes = Threads(world.clock, 1000.0)
    calls = Lanes(world.clock, 4, executor_of=lambda *_: lanes)
    world.engine = world.new_engine("one", calls=calls)
    world.make(desired=1)
    assert world.engine.tick(world.clock.now()).under_way == 1
    world.clock.move(61)
    world.new_engine("two").tick(world.clock.now())
    assert world.engine.tick(world.clock.now()).under_way == 0
    assert world.engine.counters["lost_leases"] == 1
    assert "another engine has taken over" in caplog.text


def test_what_is_under_way_is_renewed_when_a_clock_was_put_back(world):
    """The database's clock was not, and others would have it after a minute."""
    lanes = Threads(world.clock, 1000.0)
    calls = Lanes(world.clock, 4, executor_of=lambda *_: lanes)
    world.engine = world.new_engine("one", calls=calls)
    world.make(desired=1)
    world.engine.tick(world.clock.now())
    (job,) = world.engine._running
    world.clock.put_back(timedelta(hours=1))
    for _ in range(12):
        world.clock.move(10)
        world.engine.tick(world.clock.now())
        assert not job.lease.over
    assert world.engine._running == [job]
    assert job.lease.mark <= world.clock.now() + world.engine_settings.lease


def test_what_is_renewed_is_worked_on_to_its_end(world):
    lanes = Threads(world.clock, 150.0)
    calls = Lanes(world.clock, 4, executor_of=lambda *_: lanes)
    world.engine = world.new_engine("one", calls=calls)
    group = world.make(desired=1)
    other = world.new_engine("two")
    for _ in ("quotas", "server"):  # that is, what the cloud is asked for
        for _ in range(16):
            world.engine.tick(world.clock.now())
            assert not any(other.tick(world.clock.now()).claimed.values())
            world.clock.move(10)
        lanes.move()
        calls.wait(0)
    world.engine.tick(world.clock.now())
    assert [node.server_id is None for node in world.nodes(group)] == [False]
    assert world.engine.counters["lost_leases"] == 0
