"""A delegation that ends under a living group: told in its journal, nothing killed, taken up again when it is renewed."""

from __future__ import annotations

import random
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from backend import Backend
from backend.clock import SystemClock
from backend.domain.activity import ActivityKind, ActivityStatus
from backend.domain.cluster import NewCluster, PlacementRequest, SourceRequest
from backend.domain.profile import ServerSpec
from backend.drivers.catalog import Catalog
from backend.drivers.openstack.application_credentials import HandOver
from backend.drivers.openstack.cloud import open_cloud
from backend.drivers.openstack.owner import Owner
from backend.engine.loop import Engine, EngineSettings
from backend.store import activities, migrate, nodes, watches
from backend.store.delegations import StoredDelegations
from backend.store.secrets import Seal, new_key
from backend.store.session import Store

CLOCK = SystemClock()
PACE = EngineSettings(
    watch_idle=timedelta(seconds=1), cloud_retry=timedelta(seconds=1), refused_retry=timedelta(seconds=6)
)


@pytest.fixture
def hand(settings, store):
    """The owner of the project demo, who handed something over."""
    made = HandOver(Owner(replace(settings, cloud="demo")), StoredDelegations(store, Seal([new_key()])), CLOCK)
    made.give()
    yield made
    made.take_back()


@pytest.fixture
def store(tmp_path):
    url = f"sqlite:///{tmp_path}/store.db"
    migrate.upgrade(url)
    made = Store(url, CLOCK)
    yield made
    made.close()


def engine(settings, store, kept):
    """A new one, that knows no token."""
    only = replace(settings, access=("application_credential",), key_seconds=0.0)
    cloud = open_cloud(only, CLOCK, delegations=kept)
    catalog, rng = Catalog(cloud, CLOCK), random.Random(1)
    name = uuid.uuid4().hex
    made = Engine(store=store, cloud=cloud, catalog=catalog, clock=CLOCK, settings=PACE, rng=rng, name=name)
    return made, Backend.build(store, cloud, CLOCK)


def test_it_is_told_and_nothing_is_killed(settings, store, hand, demo_scope, patience):
    kept = hand.keeper
    one, backend = engine(settings, store, kept)
    image = next(each for each in backend.catalog.images(demo_scope) if each.name == "cirros")
    backend.configurations.create(demo_scope, "lc", ServerSpec(image=image.short_id, instance_type="m1.nano"), {})
    name, bounds = f"delegated-{uuid.uuid4()}", {"minimum": 0, "maximum": 1, "desired": 1}
    place = PlacementRequest(zones=("az1",))
    group = backend.clusters.create(demo_scope, NewCluster(name, bounds, SourceRequest(configuration="lc"), place))

    def states():
        with store.read() as conn:
            return [str(node.state) for node in nodes.of_cluster(conn, group.id)]

    def failed():
        with store.read() as conn:
            found = activities.page(
                conn, demo_scope, activities.ActivityQuery(cluster_id=group.id, deleted=True), 100
            ).items
        return [(each.kind, each.reason.data["detail"]) for each in found if each.status is ActivityStatus.FAILED]

    def refusing():
        with store.read() as conn:
            return watches.refusing(conn)

    try:
        patience(lambda: [one.tick(CLOCK.now())] and states() == ["InService"])
        hand.take_back()
        two, backend = engine(settings, store, kept)
        patience(lambda: [two.tick(CLOCK.now())] and failed())
        again = CLOCK.now() + timedelta(seconds=10)
        patience(lambda: [two.tick(CLOCK.now())] and CLOCK.now() > again)
        assert failed() == [(ActivityKind.HEALTH_CHECK, "application credential: none given")]
        assert (states(), refusing()) == (["InService"], [demo_scope])
        assert two.counters["refused"] >= 2
    finally:
        hand.give()
        three, backend = engine(settings, store, kept)
        patience(lambda: [three.tick(CLOCK.now())] and not refusing())
        backend.clusters.delete(demo_scope, name, force=True)
        patience(lambda: [three.tick(CLOCK.now())] and states() == [])
    assert len(failed()) == 1
