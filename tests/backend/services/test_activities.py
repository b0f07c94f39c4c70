import pytest

from backend.domain.cluster_findings import ClusterNotFound
from backend.services.activities import ActivityQuery
from backend.store import clusters, journal
from tests.factories import NOW, OTHER, SCOPE, activity


def ids(world, **query):
    found = world.backend.activities.page(SCOPE, ActivityQuery(**query), limit=10)
    return [entry.id for entry in found.items]


def test_by_name_means_the_one_that_has_it_now(world):
    first = world.group()
    gone = activity(first, "gone", ended_at=NOW)
    world.store.transact(lambda conn: journal.begin(conn, [gone]))
    world.store.transact(lambda conn: clusters.remove(conn, first.id, NOW))
    second = world.group()
    here = activity(second, "here")
    world.store.transact(lambda conn: journal.begin(conn, [here]))
    assert ids(world, cluster_name="web") == [here.id]
    assert ids(world, cluster_name="web", deleted=True) == [here.id, gone.id]
    assert ids(world) == [here.id]
    assert ids(world, ids=[gone.id], deleted=True) == [gone.id]


def test_unknown_names(world):
    world.group()
    with pytest.raises(ClusterNotFound):
        ids(world, cluster_name="x")
    assert ids(world, cluster_name="x", deleted=True) == []
    with pytest.raises(ClusterNotFound):
        world.backend.activities.page(OTHER, ActivityQuery(cluster_name="web"), limit=1)
