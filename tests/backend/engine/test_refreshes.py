"""Instance refreshes from their start to their end, over the simulated cloud."""

from __future__ import annotations

from collections import Counter

import pytest

from backend.domain.cluster import NewCluster, PlacementRequest, SourceRequest
from backend.domain.profile import ServerSpec
from backend.domain.refreshes import RefreshRequest
from backend.services.templates import NewVersion, TemplateRef
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
