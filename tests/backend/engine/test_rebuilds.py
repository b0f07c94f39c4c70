"""Instance refreshes that write root disks anew, over the simulated cloud: members stay, their images change."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from backend.domain.activity import ActivityKind, ActivityStatus, ReasonKind
from backend.domain.cluster import ClusterChange, NewCluster, PlacementRequest, Process, SourceRequest
from backend.domain.hooks import HookRequest, Result, Transition
from backend.domain.ids import short_id
from backend.domain.lifecycle import WAYS
from backend.domain.mixes import MixRequest, OverrideRequest
from backend.domain.node import REBUILDING, Health
from backend.domain.profile import ServerSpec
from backend.domain.refresh_findings import RefreshFlaw, RefreshForbidsPool, RefreshRefused
from backend.domain.refreshes import Handling, RefreshRequest, RefreshStrategy
from backend.domain.warm_pools import WarmPoolRequest
from backend.drivers import errors
from backend.drivers.simulated.faults import ANYWHERE, Where
from backend.engine.settings import EngineSettings
from backend.services.templates import NewVersion, TemplateRef
from backend.store import lifecycle, tables
from tests.backend.engine.world import EngineWorld
from tests.factories import SCOPE

V1, LATEST = (SourceRequest(template_name="web", version=version) for version in ("1", "$Latest"))
MICRO, SMALL = "t3.micro", "t3.small"
REBUILD = Where(calls=("rebuild",))


class Rebuilt(EngineWorld):
    """A world whose groups are mixed of two types, and that counts what was written anew."""

    def __post_init__(self) -> None:
        super().__post_init__()
        images = [each for each in self.simulated.cloud.images.list(SCOPE) if each.active]
        self.old, self.new, self.newest = [each.short_id for each in images if each.architecture == "x86_64"][:3]
        self.foreign = next(each.short_id for each in images if each.architecture != "x86_64")
        spec = ServerSpec(image=self.old, instance_type=MICRO)
        self.backend.templates.create(SCOPE, "web", NewVersion(spec, {}, "me"))
        self.backend.templates.add_version(SCOPE, TemplateRef(name="web"), NewVersion(spec, {}, "me"))
        self.written: Counter[str] = Counter()
        servers = self.simulated.cloud.compute._servers
        own = servers.set_image

        def counted(connection, row, image):
            self.written[row.id] += 1
            own(connection, row, image)

        servers.set_image = counted

    def group(self, desired=4, *, image=None, source=V1, **values):
        bounds = {"minimum": 0, "maximum": 20, "desired": desired, "warmup_seconds": 0, **values}
        place = PlacementRequest(zones=("us-east-1a", "us-east-1b"))
        wanted = NewCluster("web", bounds, source, place, mix=self.mix(image))
        made = self.backend.clusters.create(SCOPE, wanted)
        self.pass_time(10)
        return made

    def mix(self, image, *types):
        return MixRequest(tuple(OverrideRequest(each, image=image) for each in types or (MICRO, SMALL)))

    def start(self, image=None, mix=None, **preferences):
        request = RefreshRequest(
            strategy=RefreshStrategy.REPLACE_ROOT_VOLUME, mix=mix or self.mix(image or self.new), **preferences
        )
        return self.backend.refreshes.start(SCOPE, "web", request)

    @property
    def refresh(self):
        return self.backend.refreshes.page(SCOPE, "web", limit=10).items[0]

    def images(self, cluster):
        """The images of servers in service, as the cloud tells them; held against what the rows say."""
        told = {server.id: short_id(server.image_id) for _, server in self.simulated.operator.servers()}
        here = [node for node in self.nodes(cluster) if node.state == "InService"]
        for node in here:
            assert node.own_image in {None, told[node.server_id]}
        return Counter(told[node.server_id] for node in here)

    def ids(self, cluster):
        return {node.server_id for node in self.nodes(cluster)}


@pytest.fixture
def world():
    return Rebuilt()


def test_members_stay_and_their_root_disks_are_written_anew(world):
    cluster = world.group()
    before = {node.server_id: node.address for node in world.nodes(cluster)}
    world.start(minimum_percent=50)
    world.pass_time(60)
    assert (world.refresh.status, world.refresh.percent, world.refresh.to_update) == ("Successful", 100, 0)
    assert {node.server_id: node.address for node in world.nodes(cluster)} == before
    assert (world.images(cluster), set(world.written.values())) == ({world.new: 4}, {1})
    assert {node.own_image for node in world.nodes(cluster)} == {world.new}
    assert {each.image for each in world.cluster(cluster).spec.mix.overrides} == {world.new}
    rebuilt = [entry for entry in world.journal(cluster) if entry.kind is ActivityKind.REBUILD]
    assert [entry.status for entry in rebuilt] == [ActivityStatus.SUCCESSFUL] * 4
    assert ActivityKind.REBUILD not in WAYS  # whose ends are told as launches and terminations
    world.backend.clusters.resize(SCOPE, "web", 5)
    world.pass_time(10)
    assert world.images(cluster) == {world.new: 5}


@pytest.mark.parametrize(
    ("preferences", "least"),
    [({}, 3), ({"minimum_percent": 50}, 2), ({"minimum_percent": 100, "maximum_percent": 150}, 3)],
)
def test_no_more_are_out_of_service_than_may_be_and_none_is_launched(world, preferences, least):
    cluster = world.group()
    before, seen = world.ids(cluster), set()
    world.start(warmup_seconds=5, **preferences)
    while world.refresh.ended_at is None:
        world.pass_time(0.5)
        here = world.nodes(cluster)
        seen |= {str(node.state) for node in here}
        assert sum(node.state == "InService" for node in here) >= least
        assert {node.server_id for node in here} == before
    assert world.images(cluster) == {world.new: 4}
    assert "ReplacingRootVolume:Proceed" in seen
    assert not seen & {"Terminating", "Pending"}


def test_hooks_hold_a_member_on_its_way_out_and_back(world):
    cluster = world.group(1)
    for name, transition in (("drain", Transition.TERMINATING), ("configure", Transition.LAUNCHING)):
        world.backend.hooks.put(SCOPE, "web", HookRequest(name, transition, 600, Result.CONTINUE))
    world.start()
    world.pass_time(5)
    (node,) = world.nodes(cluster)
    assert (node.state, world.written) == ("ReplacingRootVolume:Wait", {})
    world.backend.hooks.complete(SCOPE, "web", "drain", Result.CONTINUE, token=None, server=short_id(node.server_id))
    world.pass_time(10)
    assert [each.state for each in world.nodes(cluster)] == ["Pending:Wait"]
    world.backend.hooks.complete(
        SCOPE, "web", "configure", Result.CONTINUE, token=None, server=short_id(node.server_id)
    )
    world.pass_time(5)
    assert (world.images(cluster), world.refresh.status) == ({world.new: 1}, "Successful")
    columns = tables.metadata.tables["messages"].c
    with world.store.read() as conn:
        told = [
            row.data
            for row in conn.execute(tables.metadata.tables["messages"].select().where(columns.kind == "action"))
        ]
    assert {(each["hook"], each["origin"], each["destination"], each["rebuilds"]) for each in told} == {
        ("drain", "AutoScalingGroup", "AutoScalingGroup", 1),
        ("configure", "AutoScalingGroup", "AutoScalingGroup", 1),
    }


def test_a_hook_that_abandons_the_way_back_has_the_member_replaced(world):
    cluster = world.group(1)
    world.start(bake_seconds=600)
    before = world.ids(cluster)
    world.backend.hooks.put(SCOPE, "web", HookRequest("strict", Transition.LAUNCHING, 30))
    world.pass_time(10)
    (node,) = world.nodes(cluster)
    world.backend.hooks.complete(SCOPE, "web", "strict", Result.ABANDON, token=None, server=short_id(node.server_id))
    world.backend.hooks.delete(SCOPE, "web", "strict")
    world.pass_time(60)
    assert world.images(cluster) == {world.new: 1}
    assert not world.ids(cluster) & before


def test_what_was_heard_and_not_answered_is_not_asked_again(world):
    cluster = world.group(2)
    world.simulated.faults.lose_answer(REBUILD, times=2)
    world.start(minimum_percent=0)
    world.pass_time(60)
    assert (world.images(cluster), sorted(world.written.values())) == ({world.new: 2}, [1, 1])


def test_the_same_image_is_not_asked_for_again_either(world):
    cluster = world.group(2)
    world.simulated.faults.lose_answer(REBUILD, times=2)
    world.start(world.old, minimum_percent=0, skip_matching=False)
    world.pass_time(60)
    assert (world.images(cluster), sorted(world.written.values())) == ({world.old: 2}, [1, 1])


def test_what_was_never_heard_is(world):
    cluster = world.group(2)
    world.simulated.faults.lose_request(REBUILD, times=2)
    world.start(minimum_percent=0)
    world.pass_time(60)
    assert (world.images(cluster), sorted(world.written.values())) == ({world.new: 2}, [1, 1])


@pytest.fixture
def hasty():
    """A world in which a server that is not active within a minute has failed."""
    return Rebuilt(engine_settings=EngineSettings(boot_timeout=timedelta(seconds=60)))


def none_written(_world):
    return True


def some_written(world):
    return bool(world.written)


@pytest.mark.parametrize(
    ("where", "since"),
    [(REBUILD, none_written), (ANYWHERE, none_written), (ANYWHERE, some_written)],
    ids=["rebuilds", "all", "all, from when it was told"],
)
def test_a_cloud_that_is_away_ends_nobody(hasty, where, since):
    """It is away for longer than a server may take to be active."""
    cluster = hasty.group(2)
    before = hasty.ids(cluster)
    hasty.start(minimum_percent=0)
    while not since(hasty):
        hasty.pass_time(0.5)
    hasty.simulated.faults.unavailable(where, seconds=120)
    hasty.pass_time(110, 2)
    assert all(node.state in REBUILDING for node in hasty.nodes(cluster))
    hasty.pass_time(120, 2)
    assert (hasty.images(cluster), hasty.ids(cluster)) == ({hasty.new: 2}, before)
    assert sorted(hasty.written.values()) == [1, 1]


def remarks(world, cluster):
    return {
        entry.reason and entry.reason.kind
        for entry in world.journal(cluster)
        if entry.kind is ActivityKind.REBUILD and entry.status is not ActivityStatus.FAILED
    }


def test_what_is_waited_for_is_told(hasty):
    cluster = hasty.group(2)
    hasty.simulated.faults.unavailable(REBUILD, seconds=60)
    hasty.start(minimum_percent=0)
    hasty.pass_time(50, 2)
    assert remarks(hasty, cluster) == {ReasonKind.CLOUD_UNREACHED}
    hasty.pass_time(60, 2)
    assert remarks(hasty, cluster) == {None}


def test_an_engine_that_may_not_ask_ends_nobody_either(hasty):
    cluster = hasty.group(2)
    before = hasty.ids(cluster)
    hasty.simulated.faults.refuse(errors.NotAuthorized("over"), REBUILD, seconds=200)
    hasty.start(minimum_percent=0)
    hasty.pass_time(600, 5)
    assert (hasty.images(cluster), hasty.ids(cluster)) == ({hasty.new: 2}, before)


def test_one_that_is_refused_all_its_time_is_replaced(hasty):
    cluster = hasty.group(1)
    before = hasty.ids(cluster)
    hasty.simulated.faults.refuse(errors.ServerStateConflict("it is locked"), REBUILD, seconds=600)
    hasty.start(minimum_percent=0)
    hasty.pass_time(50, 2)
    assert hasty.ids(cluster) == before
    hasty.pass_time(120, 2)
    assert (hasty.images(cluster), hasty.ids(cluster) & before) == ({hasty.new: 1}, set())
    (failed,) = [entry for entry in hasty.journal(cluster) if entry.status is ActivityStatus.FAILED]
    assert (failed.kind, failed.reason.kind) == (ActivityKind.REBUILD, ReasonKind.CLOUD_REFUSED)


def test_one_that_is_not_active_in_time_is_replaced(hasty):
    cluster = hasty.group(1)
    before = hasty.ids(cluster)
    hasty.start(minimum_percent=0)
    while not hasty.written:
        hasty.pass_time(0.5)
    hasty.simulated.operator.stop(next(iter(before)))
    hasty.pass_time(50, 2)
    assert hasty.ids(cluster) == before
    hasty.pass_time(60, 2)
    assert (hasty.images(cluster), hasty.ids(cluster) & before) == ({hasty.new: 1}, set())
    (failed,) = [entry for entry in hasty.journal(cluster) if entry.status is ActivityStatus.FAILED]
    assert failed.reason.kind is ReasonKind.START_TIMEOUT


def test_one_that_is_written_anew_from_its_own_image_is_written_once(world):
    cluster = world.group(2)
    world.start(world.old, minimum_percent=0)
    world.pass_time(60)
    assert (world.refresh.status, sorted(world.written.values())) == ("Successful", [1, 1])
    assert world.images(cluster) == {world.old: 2}


def test_an_image_that_cannot_be_had_has_the_member_replaced(world):
    cluster = world.group(2)
    before = world.ids(cluster)
    world.simulated.faults.refuse(errors.ImageNotFound("gone"), REBUILD, times=1)
    world.start(minimum_percent=50)
    world.pass_time(90)
    assert (world.refresh.status, world.images(cluster)) == ("Successful", {world.new: 2})
    assert len(world.ids(cluster) & before) == 1
    (failed,) = [entry for entry in world.journal(cluster) if entry.status is ActivityStatus.FAILED]
    assert failed.kind is ActivityKind.REBUILD


def test_a_server_that_fails_over_it_is_replaced(world):
    cluster = world.group(2)
    world.start(minimum_percent=0)
    while not world.written:
        world.pass_time(0.5)
    broken = next(iter(world.written))
    world.simulated.operator.break_server(broken)
    world.pass_time(60)
    assert (world.refresh.status, world.images(cluster)) == ("Successful", {world.new: 2})
    assert broken not in world.ids(cluster)


def test_a_server_that_ends_meanwhile_is_replaced(world):
    cluster = world.group(2)
    world.start(minimum_percent=0)
    while not world.written:
        world.pass_time(0.5)
    world.simulated.operator.terminate(next(iter(world.written)))
    world.pass_time(90)
    assert world.images(cluster) == {world.new: 2}


def test_a_rollback_writes_what_was_before(world):
    cluster = world.group(image=world.old)
    before = world.ids(cluster)
    world.start(minimum_percent=50, bake_seconds=3600)
    world.pass_time(60)
    assert (world.refresh.status, world.images(cluster)) == ("Baking", {world.new: 4})
    world.backend.refreshes.roll_back(SCOPE, "web")
    world.pass_time(60)
    assert (world.refresh.status, world.images(cluster), world.ids(cluster)) == (
        "RollbackSuccessful",
        {world.old: 4},
        before,
    )
    assert {node.refresh_id for node in world.nodes(cluster)} == {None}


def test_a_rollback_under_way_takes_back_what_is_being_written(world):
    cluster = world.group()
    world.start(minimum_percent=50)
    while not world.written:
        world.pass_time(0.5)
    world.backend.refreshes.roll_back(SCOPE, "web")
    world.pass_time(60)
    assert (world.refresh.status, world.images(cluster)) == ("RollbackSuccessful", {world.old: 4})


@pytest.mark.parametrize("wait", [True, False])
def test_one_that_is_cancelled_leaves_nobody_half_written(world, wait):
    cluster = world.group()
    world.start(minimum_percent=50)
    while not world.written:
        world.pass_time(0.5)
    world.backend.refreshes.cancel(SCOPE, "web", wait=wait)
    world.pass_time(0.5)
    under_way = any(node.state in REBUILDING for node in world.nodes(cluster))
    assert (world.refresh.status == "Cancelling") is (wait and under_way)
    world.pass_time(60)
    assert world.refresh.status == "Cancelled"
    assert sum(world.images(cluster).values()) == 4


def test_who_has_the_image_is_skipped(world):
    cluster = world.group(2)
    world.start(minimum_percent=0)
    world.pass_time(60)
    world.written.clear()
    world.start(minimum_percent=0, skip_matching=True)
    world.pass_time(5)
    assert (world.refresh.status, world.written) == ("Successful", {})
    world.start(world.newest, minimum_percent=0, skip_matching=True)
    world.pass_time(60)
    assert world.images(cluster) == {world.newest: 2}


def test_a_rolling_refresh_looks_at_an_overrides_image_too(world):
    cluster = world.group(2, image=world.old)
    request = RefreshRequest(mix=world.mix(world.new), skip_matching=True, minimum_percent=0)
    world.backend.refreshes.start(SCOPE, "web", request)
    world.pass_time(60)
    assert (world.images(cluster), world.written) == ({world.new: 2}, {})


def test_who_is_protected_keeps_its_protection(world):
    cluster = world.group(2)
    servers = [short_id(each) for each in world.ids(cluster)]
    world.backend.nodes.protect(SCOPE, "web", servers, protected=True)
    world.start(minimum_percent=0, protected=Handling.REFRESH)
    world.pass_time(1.5)
    world.backend.clusters.resize(SCOPE, "web", 0)
    world.pass_time(60)
    assert world.images(cluster) == {world.new: 2}
    assert all(node.protected for node in world.nodes(cluster))


def test_one_out_of_service_for_its_disk_may_be_scaled_in(world):
    cluster = world.group(2)
    world.start(minimum_percent=0)
    while not world.written:
        world.pass_time(0.5)
    world.backend.clusters.resize(SCOPE, "web", 0)
    world.pass_time(60)
    assert (world.nodes(cluster), world.refresh.status) == ([], "Successful")


def test_who_is_unwell_is_replaced_as_a_whole(world):
    cluster = world.group(2)
    ill = min(world.ids(cluster))
    world.backend.clusters.suspend(SCOPE, "web", [Process.REPLACE_UNHEALTHY])
    world.backend.nodes.set_health(SCOPE, short_id(ill), Health.UNHEALTHY, respect_grace=False)
    world.start(minimum_percent=0)
    world.pass_time(60)
    assert (world.images(cluster), ill in world.ids(cluster)) == ({world.new: 2}, False)


def test_a_group_that_goes_takes_them_with_it(world):
    cluster = world.group(2)
    world.start(minimum_percent=0)
    while not world.written:
        world.pass_time(0.5)
    world.backend.clusters.delete(SCOPE, "web", force=True)
    world.pass_time(30)
    assert (world.servers(), world.nodes(cluster)) == ([], [])


def test_another_engine_goes_on_where_one_died(world):
    cluster = world.group(2)
    world.start(minimum_percent=0)
    while not any(node.state in REBUILDING for node in world.nodes(cluster)):
        world.pass_time(0.5)
    world.engine = world.new_engine("two")
    world.pass_time(120)
    assert (world.images(cluster), sorted(world.written.values())) == ({world.new: 2}, [1, 1])


def flaw(world, **more):
    with pytest.raises(RefreshRefused) as refused:
        world.start(**more)
    return refused.value.flaw


def test_what_it_needs(world):
    cluster = world.group(1)
    assert flaw(world, mix=world.mix(None)) is RefreshFlaw.NEEDS_IMAGES
    assert flaw(world, desired=LATEST) is RefreshFlaw.MOVING_VERSION
    assert flaw(world, mix=world.mix(world.new, SMALL)) is RefreshFlaw.FOREIGN_TYPES
    world.backend.warm_pools.put(SCOPE, "web", WarmPoolRequest(prepared=2))
    assert flaw(world) is RefreshFlaw.WARM_POOL
    world.backend.clusters.update(SCOPE, "web", ClusterChange(source=V1))
    assert flaw(world, desired=V1) is RefreshFlaw.NEEDS_MIX
    assert world.cluster(cluster).refresh_id is None


def test_no_pool_comes_meanwhile(world):
    world.group(1)
    world.start(bake_seconds=60)
    with pytest.raises(RefreshForbidsPool):
        world.backend.warm_pools.put(SCOPE, "web", WarmPoolRequest(prepared=2))


def test_no_pool_comes_to_a_mix_that_is_brought_and_goes_with_none(world):
    world.group(1)
    weighty = MixRequest((OverrideRequest(MICRO, 2), OverrideRequest(SMALL, 1)))
    world.backend.refreshes.start(SCOPE, "web", RefreshRequest(mix=weighty, bake_seconds=60))
    with pytest.raises(RefreshForbidsPool):
        world.backend.warm_pools.put(SCOPE, "web", WarmPoolRequest(prepared=2))


def test_nobody_waits_for_hooks_of_one_that_is_gone(world):
    cluster = world.group(1)
    world.backend.hooks.put(SCOPE, "web", HookRequest("drain", Transition.TERMINATING, 600, Result.CONTINUE))
    world.start()
    world.pass_time(5)
    world.simulated.operator.terminate(next(iter(world.ids(cluster))))
    world.pass_time(60)
    assert world.images(cluster) == {world.new: 1}
    with world.store.read() as conn:
        assert not lifecycle.actions(conn, world.cluster(cluster))


def test_where_nobody_may_be_ended_it_stays_out_of_service(world):
    cluster = world.group(1)
    world.start()
    while not world.written:
        world.pass_time(0.5)
    world.backend.clusters.suspend(SCOPE, "web", [Process.TERMINATE])
    world.simulated.operator.terminate(next(iter(world.written)))
    world.pass_time(30)
    assert [node.state for node in world.nodes(cluster)] == ["ReplacingRootVolume:Proceed"]
    world.backend.clusters.resume(SCOPE, "web")
    world.pass_time(30)
    assert world.images(cluster) == {world.new: 1}


def test_one_that_has_just_come_is_written_anew_in_a_later_pass(world):
    cluster = world.group(0)
    world.start(minimum_percent=0, bake_seconds=60)
    world.pass_time(1)
    world.backend.clusters.resize(SCOPE, "web", 2)
    world.pass_time(2.5)
    world.backend.refreshes.roll_back(SCOPE, "web")
    world.pass_time(60)
    assert (world.refresh.status, world.images(cluster)) == ("RollbackSuccessful", {world.old: 2})
