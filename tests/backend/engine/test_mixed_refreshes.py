"""Instance refreshes that bring a mixed instances policy, and mixes that two change at once."""

from __future__ import annotations

from collections import Counter

import pytest

from backend.domain.cluster import ClusterChange, NewCluster, PlacementRequest, SourceRequest
from backend.domain.ids import short_id
from backend.domain.mix_findings import CapacityTypeUnfit
from backend.domain.mixes import MixRequest, OverrideRequest
from backend.domain.profile import ServerSpec
from backend.domain.refresh_findings import RefreshHolds, RefreshIrreversible, RefreshRefused
from backend.domain.refreshes import Handling, RefreshRequest
from backend.domain.warm_pool_findings import WarmPoolUnfit
from backend.domain.warm_pools import WarmPoolRequest
from backend.errors import StaleRead
from backend.services import mixes
from backend.services.templates import NewVersion, TemplateRef
from tests.backend.engine.world import EngineWorld
from tests.factories import SCOPE

V1, V2 = (SourceRequest(template_name="web", version=version) for version in ("1", "2"))
SMALL, MICRO, MEDIUM = "t3.small", "t3.micro", "t3.medium"


def mix(*types, **share):
    return MixRequest(tuple(OverrideRequest(each) for each in types), share)


@pytest.fixture
def world():
    made = EngineWorld()
    spec = ServerSpec(image=made.image(), instance_type=MICRO)
    made.backend.templates.create(SCOPE, "web", NewVersion(spec, {}, "me"))
    made.backend.templates.add_version(SCOPE, TemplateRef(name="web"), NewVersion(spec, {}, "me"))
    return made


def group(world, desired=4, own=None, source=V1, **values):
    bounds = {"minimum": 0, "maximum": 20, "desired": desired, "warmup_seconds": 0, **values}
    place = PlacementRequest(zones=("us-east-1a", "us-east-1b"))
    made = world.backend.clusters.create(SCOPE, NewCluster("web", bounds, source, place, mix=own))
    world.pass_time(10)
    return made


def start(world, **preferences):
    return world.backend.refreshes.start(SCOPE, "web", RefreshRequest(**preferences))


def told(world):
    return world.backend.refreshes.page(SCOPE, "web", limit=10).items[0]


def there(world, cluster):
    serving = (node for node in world.nodes(cluster) if node.state == "InService")
    return Counter((node.profile.template_version, node.instance_type) for node in serving)


def test_members_come_from_the_mix_and_the_group_takes_it(world):
    cluster = group(world, own=mix(MICRO))
    start(world, desired=V2, mix=mix(SMALL, MEDIUM, on_demand_base=2), minimum_percent=50)
    assert [each.instance_type for each in world.cluster(cluster).spec.mix.overrides] == [MICRO]
    world.pass_time(60)
    assert told(world).status == "Successful"
    assert there(world, cluster) == {(2, SMALL): 4}
    spec = world.cluster(cluster).spec
    assert (spec.source.template_version, spec.mix.distribution.on_demand_base) == ("2", 2)
    assert [each.instance_type for each in spec.mix.overrides] == [SMALL, MEDIUM]
    world.backend.clusters.resize(SCOPE, "web", 5)
    world.pass_time(10)
    assert there(world, cluster) == {(2, SMALL): 5}


def test_a_group_without_a_mix_gets_one(world):
    cluster = group(world)
    start(world, desired=V1, mix=mix(SMALL), minimum_percent=50)
    world.pass_time(60)
    assert there(world, cluster) == {(1, SMALL): 4}
    assert world.cluster(cluster).spec.mix is not None


def test_a_rollback_brings_back_the_mix_that_was(world):
    cluster = group(world, own=mix(MICRO))
    start(world, mix=mix(SMALL), minimum_percent=50, bake_seconds=3600)
    world.pass_time(60)
    assert (told(world).status, there(world, cluster)) == ("Baking", {(1, SMALL): 4})
    world.backend.refreshes.roll_back(SCOPE, "web")
    world.pass_time(60)
    assert (told(world).status, there(world, cluster)) == ("RollbackSuccessful", {(1, MICRO): 4})
    assert [each.instance_type for each in world.cluster(cluster).spec.mix.overrides] == [MICRO]


def test_who_is_of_a_type_that_it_holds_is_skipped(world):
    cluster = group(world, own=mix(MICRO))
    before = {node.id for node in world.nodes(cluster)}
    start(world, mix=mix(SMALL, MICRO), skip_matching=True)
    world.pass_time(5)
    assert told(world).status == "Successful"
    assert {node.id for node in world.nodes(cluster)} == before
    assert [each.instance_type for each in world.cluster(cluster).spec.mix.overrides] == [SMALL, MICRO]


def test_who_is_of_another_type_is_not(world):
    cluster = group(world, own=mix(MICRO))
    start(world, mix=mix(SMALL, MEDIUM), skip_matching=True, minimum_percent=0)
    world.pass_time(60)
    assert there(world, cluster) == {(1, SMALL): 4}


def test_members_that_stay_count_what_the_new_mix_says(world):
    weighty = MixRequest((OverrideRequest(MICRO, 2), OverrideRequest(SMALL, 1)))
    cluster = group(world, own=mix(MICRO))
    start(world, mix=weighty, skip_matching=True)
    world.pass_time(30)
    assert [node.weight for node in world.nodes(cluster) if node.counted] == [2, 2]


def test_a_new_mix_with_weights_is_refreshed_in_its_units(world):
    cluster = group(world, 8, own=mix(MICRO))
    start(world, mix=MixRequest((OverrideRequest(SMALL, 4),)), minimum_percent=50)
    world.pass_time(120)
    assert told(world).status == "Successful"
    assert there(world, cluster) == {(1, SMALL): 2}


def test_what_a_mix_leaves_out_stays_as_it_was(world):
    cluster = group(world, own=mix(MICRO, on_demand_base=3))
    start(world, mix=MixRequest((OverrideRequest(SMALL),)), minimum_percent=0)
    world.pass_time(60)
    assert world.cluster(cluster).spec.mix.distribution.on_demand_base == 3


def test_an_override_of_a_moving_version_cannot_be_rolled_back_to(world):
    own = OverrideRequest(MICRO, template=SourceRequest(template_name="web", version="$Latest"))
    group(world, own=MixRequest((own,)))
    with pytest.raises(RefreshRefused):
        start(world, mix=mix(SMALL), auto_rollback=True)
    start(world, mix=mix(SMALL), bake_seconds=60)
    world.pass_time(1)
    with pytest.raises(RefreshIrreversible):
        world.backend.refreshes.roll_back(SCOPE, "web")


def test_what_a_group_could_not_have_no_refresh_brings(world):
    group(world, 1)
    world.backend.warm_pools.put(SCOPE, "web", WarmPoolRequest(prepared=1))
    with pytest.raises(WarmPoolUnfit):
        start(world, desired=V1, mix=MixRequest((OverrideRequest(SMALL, 2),)))


def test_a_capacity_type_goes_with_requirements_alone(world):
    group(world, 0, own=mix(MICRO))
    world.backend.clusters.update(SCOPE, "web", ClusterChange({"capacity_type": "units"}))
    start(world, mix=mix(SMALL))
    world.pass_time(5)
    with pytest.raises(CapacityTypeUnfit):
        world.backend.clusters.update(SCOPE, "web", ClusterChange({"capacity_type": "vcpu"}))


def test_nothing_else_changes_the_mix_meanwhile(world):
    group(world, own=mix(MICRO))
    start(world, mix=mix(SMALL), bake_seconds=60)
    with pytest.raises(RefreshHolds):
        world.backend.clusters.update(SCOPE, "web", ClusterChange(mix=mix(MEDIUM)))


def _between(monkeypatch, act, times=1):
    """Somebody else does that while a mix is held against the cloud."""
    own, left = mixes.mix_of, [times]

    def slow(*asked):
        if left[0]:
            left[0] -= 1
            act()
        return own(*asked)

    monkeypatch.setattr(mixes, "mix_of", slow)


def test_of_two_updates_of_one_mix_none_is_lost(world, monkeypatch):
    cluster = group(world, own=mix(MICRO))
    first, second = MixRequest(distribution={"on_demand_base": 3}), MixRequest((OverrideRequest(SMALL),))
    _between(monkeypatch, lambda: world.backend.clusters.update(SCOPE, "web", ClusterChange(mix=first)))
    world.backend.clusters.update(SCOPE, "web", ClusterChange(mix=second))
    made = world.cluster(cluster).spec.mix
    assert ([each.instance_type for each in made.overrides], made.distribution.on_demand_base) == ([SMALL], 3)


def test_a_refresh_begins_with_the_mix_that_is_there_by_then(world, monkeypatch):
    group(world, own=mix(MICRO))
    first = MixRequest(distribution={"on_demand_base": 3})
    _between(monkeypatch, lambda: world.backend.clusters.update(SCOPE, "web", ClusterChange(mix=first)))
    start(world, mix=MixRequest((OverrideRequest(SMALL),)))
    assert told(world).mix.distribution.on_demand_base == 3


def test_who_never_comes_to_it_is_told_to_try_again(world, monkeypatch):
    group(world, 0, own=mix(MICRO))
    bases = iter(range(1, 100))

    def again():
        change = MixRequest(distribution={"on_demand_base": next(bases)})
        world.backend.clusters.update(SCOPE, "web", ClusterChange(mix=change))

    own, busy = mixes.mix_of, []

    def contended(*asked):
        if not busy:
            busy.append(True)
            again()
            busy.clear()
        return own(*asked)

    monkeypatch.setattr(mixes, "mix_of", contended)
    with pytest.raises(StaleRead):
        world.backend.clusters.update(SCOPE, "web", ClusterChange(mix=mix(SMALL)))
    with pytest.raises(StaleRead):
        start(world, mix=mix(SMALL))


@pytest.mark.parametrize("protected", [None, Handling.IGNORE])
def test_what_the_group_protects_by_itself_holds_no_rollback_up(world, protected):
    cluster = group(world, own=mix(MICRO))
    world.backend.clusters.update(SCOPE, "web", ClusterChange({"protect_new": True}))
    start(world, mix=mix(SMALL), minimum_percent=50, bake_seconds=3600, protected=protected)
    world.pass_time(60)
    assert (told(world).status, there(world, cluster)) == ("Baking", {(1, SMALL): 4})
    world.backend.refreshes.roll_back(SCOPE, "web")
    world.pass_time(60)
    assert (told(world).status, there(world, cluster)) == ("RollbackSuccessful", {(1, MICRO): 4})


def test_what_a_user_protected_does(world):
    cluster = group(world, 2, own=mix(MICRO))
    start(world, mix=mix(SMALL), minimum_percent=50, bake_seconds=3600)
    world.pass_time(60)
    kept = short_id(world.nodes(cluster)[0].server_id)
    world.backend.nodes.protect(SCOPE, "web", [kept], protected=True)
    world.backend.refreshes.roll_back(SCOPE, "web")
    world.pass_time(60)
    assert (told(world).status, told(world).reason["kind"]) == ("RollbackInProgress", "protected")


def test_what_lacks_counts_in_places_and_not_in_units(world):
    weighty = MixRequest((OverrideRequest(MICRO, 4),))
    group(world, 8, own=weighty)
    start(world, mix=weighty, minimum_percent=50, warmup_seconds=60)
    world.pass_time(1)
    assert told(world).to_update == 2
    while told(world).percent < 25:
        assert told(world).to_update <= 2
        world.pass_time(0.5)
