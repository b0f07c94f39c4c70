"""Instance refreshes from their start to their end, over the simulated cloud."""

from __future__ import annotations

from collections import Counter

import pytest

from backend.domain.account_settings import Setting
from backend.domain.cluster import ClusterChange, NewCluster, PlacementRequest, Process, SourceRequest
from backend.domain.cluster_findings import ClusterNotFound
from backend.domain.ids import short_id
from backend.domain.mixes import MixRequest, OverrideRequest
from backend.domain.node import Health
from backend.domain.profile import LaunchSource, ServerSpec
from backend.domain.refresh_findings import NoRefresh, RefreshHolds, RefreshUnderWay
from backend.domain.refreshes import RefreshRequest, document
from backend.domain.warm_pools import WarmPoolRequest
from backend.services import mixes
from backend.services.templates import NewVersion, TemplateRef
from backend.store import refreshes
from tests.backend.engine.world import EngineWorld
from tests.factories import SCOPE

V1, V2 = (SourceRequest(template_name="web", version=version) for version in ("1", "2"))


@pytest.fixture
def world():
    made = EngineWorld()
    spec = ServerSpec(image=made.image(), instance_type="t3.micro")
    made.backend.templates.create(SCOPE, "web", NewVersion(spec, {}, "me"))
    made.backend.templates.add_version(SCOPE, TemplateRef(name="web"), NewVersion(spec, {}, "me"))
    return made


def group(world, desired=2, maximum=20, source=V1, **values):
    bounds = {"minimum": 0, "maximum": maximum, "desired": desired, "warmup_seconds": 0, **values}
    place = PlacementRequest(zones=("us-east-1a", "us-east-1b"))
    made = world.backend.clusters.create(SCOPE, NewCluster("web", bounds, source, place))
    world.pass_time(10)
    assert versions(world, made) == {int(source.version): desired} or not desired
    return made


def versions(world, cluster):
    return Counter(node.profile.template_version for node in world.nodes(cluster) if node.state == "InService")


def start(world, **preferences):
    return world.backend.refreshes.start(SCOPE, "web", RefreshRequest(**preferences))


def told(world):
    return world.backend.refreshes.page(SCOPE, "web", limit=10).items[0]


def test_every_member_is_replaced_and_the_group_takes_what_it_was_given(world):
    cluster = group(world, 4)
    start(world, desired=V2)
    assert told(world).status == "Pending"
    world.pass_time(60)
    refresh = told(world)
    assert (refresh.status, refresh.percent, refresh.to_update, refresh.reason) == ("Successful", 100, 0, None)
    assert versions(world, cluster) == {2: 4}
    assert world.cluster(cluster).spec.source.template_version == "2"
    assert world.cluster(cluster).refresh_id is None


def test_a_second_one_is_refused_until_the_first_is_over(world):
    group(world)
    start(world)
    with pytest.raises(RefreshUnderWay):
        start(world)
    world.pass_time(60)
    start(world)
    assert len(world.backend.refreshes.page(SCOPE, "web", limit=10).items) == 2


def test_a_rollback_leaves_no_member_of_what_was_brought(world):
    cluster = group(world, 4)
    start(world, desired=V2, minimum_percent=50)
    while versions(world, cluster)[2] < 2:
        world.pass_time(0.5)
    world.backend.refreshes.roll_back(SCOPE, "web")
    world.pass_time(60)
    refresh = told(world)
    assert (refresh.status, refresh.percent) == ("RollbackSuccessful", 0)
    assert versions(world, cluster) == {1: 4}
    assert world.cluster(cluster).spec.source.template_version == "1"


@pytest.mark.parametrize("preferences", [{}, {"minimum_percent": 100, "maximum_percent": 150}, {"minimum_percent": 50}])
def test_it_stays_within_its_bounds_at_every_moment(world, preferences):
    cluster = group(world, 6)
    start(world, desired=V2, warmup_seconds=5, **preferences)
    least = 6 * preferences.get("minimum_percent", 90) // 100 - (not preferences)
    most = 6 * preferences.get("maximum_percent", 100) // 100
    while told(world).ended_at is None:
        world.pass_time(0.5)
        nodes = world.nodes(cluster)
        assert sum(node.state == "InService" for node in nodes) >= least
        assert sum(node.counted for node in nodes) <= most
    assert versions(world, cluster) == {2: 6}


def test_a_cancelled_one_leaves_the_group_as_it_is(world):
    cluster = group(world, 4)
    start(world, desired=V2)
    while versions(world, cluster)[2] < 1:
        world.pass_time(0.5)
    world.backend.refreshes.cancel(SCOPE, "web")
    world.pass_time(30)
    assert (told(world).status, told(world).reason) == ("Cancelled", {"kind": "cancelled"})
    assert versions(world, cluster).keys() == {1, 2}
    assert world.cluster(cluster).spec.source.template_version == "1"
    with pytest.raises(NoRefresh):
        world.backend.refreshes.cancel(SCOPE, "web")


def test_launches_that_fail_end_it_after_an_hour_and_what_was_is_brought_back(world):
    cluster = group(world, 2)
    spec = ServerSpec(image="0" * 17, instance_type="t3.micro")  # which there was when the version was tried
    world.backend.templates.add_version(SCOPE, TemplateRef(name="web"), NewVersion(spec, {}, "me"))
    broken = LaunchSource(template_id=told_template(world), template_name="web", template_version="3")
    identity = start(world, desired=V2, auto_rollback=True)
    world.store.transact(lambda conn: refreshes.REFRESHES.change(conn, SCOPE, identity, desired=document(broken)))
    world.pass_time(3700, step=30)
    assert told(world).rollback_cause == "stalled"
    world.pass_time(60)
    assert told(world).status == "RollbackSuccessful"
    assert versions(world, cluster) == {1: 2}


def told_template(world):
    return world.backend.templates.find(SCOPE, TemplateRef(name="web")).id


def test_a_group_that_grows_meanwhile_grows_by_what_is_brought(world):
    cluster = group(world, 2)
    start(world, desired=V2)
    world.backend.clusters.resize(SCOPE, "web", 5)
    world.pass_time(90)
    assert told(world).status == "Successful"
    assert versions(world, cluster) == {2: 5}


def test_a_group_that_shrinks_meanwhile_has_less_to_do(world):
    cluster = group(world, 6)
    start(world, desired=V2)
    world.pass_time(2)
    world.backend.clusters.resize(SCOPE, "web", 1)
    world.pass_time(60)
    assert told(world).status == "Successful"
    assert versions(world, cluster) == {2: 1}


def test_what_a_refresh_brings_is_not_changed_meanwhile(world):
    group(world)
    start(world, desired=V2, bake_seconds=60)
    with pytest.raises(RefreshHolds):
        world.backend.clusters.update(SCOPE, "web", ClusterChange(source=V1))
    world.backend.clusters.update(SCOPE, "web", ClusterChange({"cooldown_seconds": 5}))
    world.backend.refreshes.cancel(SCOPE, "web", wait=False)
    world.pass_time(5)
    world.backend.clusters.update(SCOPE, "web", ClusterChange(source=V2))


def test_a_deleted_group_takes_its_refresh_with_it(world):
    group(world)
    start(world, desired=V2, bake_seconds=60)
    world.backend.clusters.delete(SCOPE, "web", force=True)
    assert (told(world).status, told(world).reason) == ("Cancelled", {"kind": "cluster_deleted"})
    world.pass_time(30)
    with pytest.raises(ClusterNotFound):
        told(world)


def test_a_server_that_breaks_meanwhile_is_replaced_by_what_is_brought(world):
    cluster = group(world, 2)
    start(world, desired=V2, minimum_percent=100, maximum_percent=200, bake_seconds=600)
    world.pass_time(30)
    assert told(world).status == "Baking"
    server = world.nodes(cluster)[0].server_id
    world.backend.nodes.set_health(SCOPE, short_id(server), Health.UNHEALTHY, respect_grace=False)
    world.pass_time(30)
    assert versions(world, cluster) == {2: 2}
    world.backend.refreshes.roll_back(SCOPE, "web")
    world.pass_time(30)
    assert versions(world, cluster) == {1: 2}


def pooled(world, cluster):
    return Counter(node.profile.template_version for node in world.nodes(cluster) if node.state == "Warmed:Stopped")


@pytest.mark.parametrize("preferences", [{"minimum_percent": 50}, {"minimum_percent": 100, "maximum_percent": 200}])
def test_a_pool_is_refreshed_when_the_members_are(world, preferences):
    cluster = group(world, 2, maximum=8)
    world.backend.warm_pools.put(SCOPE, "web", WarmPoolRequest(prepared=5))
    world.pass_time(60, 2)
    assert pooled(world, cluster) == {1: 3}
    servers = {node.server_id for node in world.nodes(cluster)}
    start(world, desired=V2, **preferences)
    parts = []
    for _ in range(60):
        world.pass_time(2)
        drawn = [node for node in world.nodes(cluster) if node.drawn_at is not None and node.server_id in servers]
        assert not drawn  # nothing of what was is brought into service
        now = told(world)
        parts.append((now.members_percent, now.members_to_update, now.pool_percent, now.pool_to_update))
        if told(world).status == "Successful":
            break
    assert told(world).status == "Successful"
    world.pass_time(60, 2)
    assert (versions(world, cluster), pooled(world, cluster)) == ({2: 2}, {2: 3})
    assert (parts[0][2:], parts[-1]) == ((0, 3), (100, 0, 100, 0))


def test_a_rollback_leaves_nothing_in_the_pool_of_what_was_brought(world):
    cluster = group(world, 2, maximum=8)
    world.backend.warm_pools.put(SCOPE, "web", WarmPoolRequest(prepared=5))
    start(world, desired=V2, minimum_percent=50, bake_seconds=3600)
    world.pass_time(120, 2)
    assert (told(world).status, pooled(world, cluster)) == ("Baking", {2: 3})
    assert (told(world).percent, told(world).pool_percent) == (100, 100)
    world.backend.refreshes.roll_back(SCOPE, "web")
    world.pass_time(120, 2)
    assert told(world).status == "RollbackSuccessful"
    assert (told(world).percent, told(world).members_percent, told(world).pool_percent) == (0, 0, 0)
    assert (told(world).rollback_members_percent, told(world).rollback_pool_percent) == (100, 100)
    assert (versions(world, cluster), pooled(world, cluster)) == ({1: 2}, {1: 3})


def test_a_partial_refresh_leaves_the_pool_alone(world):
    cluster = group(world, 2, maximum=8)
    world.backend.warm_pools.put(SCOPE, "web", WarmPoolRequest(prepared=5))
    world.pass_time(60, 2)
    start(world, desired=V2, minimum_percent=50, checkpoints=(50,), checkpoint_seconds=0)
    world.pass_time(60, 2)
    assert (told(world).status, pooled(world, cluster)) == ("Successful", {1: 3})


def test_without_ends_a_pool_holds_a_refresh_up_for_an_hour(world):
    group(world, 0, maximum=8)
    world.backend.warm_pools.put(SCOPE, "web", WarmPoolRequest(prepared=1))
    world.pass_time(60, 2)
    world.backend.clusters.suspend(SCOPE, "web", [Process.TERMINATE])
    start(world, desired=V2)
    world.pass_time(60, 5)
    assert told(world).status == "InProgress"
    world.pass_time(3600, 60)
    assert told(world).status == "Failed"


def test_a_warm_up_may_take_longer_than_an_hour(world):
    cluster = group(world, 2)
    start(world, desired=V2, warmup_seconds=4000, minimum_percent=50)
    world.pass_time(8200, 40)
    assert (told(world).status, versions(world, cluster)) == ("Successful", {2: 2})


def mix_of(world, cluster):
    return [each.instance_type for each in world.cluster(cluster).spec.mix.overrides]


def test_a_mix_that_names_no_template_is_held_back_too(world):
    cluster = group(world)
    first = MixRequest((OverrideRequest("t3.micro"),))
    world.backend.clusters.update(SCOPE, "web", ClusterChange(source=V1, mix=first))
    start(world, desired=V2, bake_seconds=60)
    with pytest.raises(RefreshHolds):
        world.backend.clusters.update(SCOPE, "web", ClusterChange(mix=MixRequest((OverrideRequest("t3.small"),))))
    assert mix_of(world, cluster) == ["t3.micro"]


def test_a_mix_leaves_what_a_refresh_brought_while_it_was_looked_at(world, monkeypatch):
    cluster = group(world)
    world.backend.clusters.update(
        SCOPE, "web", ClusterChange(source=V1, mix=MixRequest((OverrideRequest("t3.micro"),)))
    )
    start(world, desired=V2, minimum_percent=0)

    def slow(*asked):
        world.pass_time(60, 1)
        assert told(world).status == "Successful"
        return mix_of_request(*asked)

    mix_of_request = mixes.mix_of
    monkeypatch.setattr(mixes, "mix_of", slow)
    world.backend.clusters.update(SCOPE, "web", ClusterChange(mix=MixRequest((OverrideRequest("t3.small"),))))
    assert (world.cluster(cluster).spec.source.template_version, mix_of(world, cluster)) == ("2", ["t3.small"])


def test_a_project_that_launches_first_refreshes_so(world):
    world.backend.account_settings.put(SCOPE, Setting.LAUNCH_FIRST, enabled=True)
    group(world)
    start(world)
    assert (told(world).minimum_percent, told(world).maximum_percent) == (100, 110)


def test_what_is_asked_for_goes_before_what_the_project_wants(world):
    world.backend.account_settings.put(SCOPE, Setting.LAUNCH_FIRST, enabled=True)
    group(world)
    start(world, minimum_percent=50, maximum_percent=100)
    assert (told(world).minimum_percent, told(world).maximum_percent) == (50, 100)
