import pytest

from backend.domain.cluster import Tag
from backend.domain.cluster_findings import ClusterNotFound
from backend.errors import LimitExceeded
from backend.services.tags import TagQuery
from tests.factories import OTHER, SCOPE


@pytest.fixture
def api(world):
    return world.backend.tags


def keys(api, **query):
    return [f"{name}/{tag.key}={tag.value}" for name, tag in api.page(SCOPE, TagQuery(**query), limit=99).items]


def test_put_and_remove(world, api):
    world.group("a")
    world.group("b")
    api.put(SCOPE, [("b", Tag("k", "1", True)), ("a", Tag("k", "2", True)), ("a", Tag("l", "", False))])
    assert keys(api) == ["a/k=2", "a/l=", "b/k=1"]
    api.put(SCOPE, [("a", Tag("k", "3", True))])
    assert keys(api, clusters=["a"]) == ["a/k=3", "a/l="]
    api.remove(SCOPE, [("a", "k", "other"), ("b", "k", None), ("b", "x", None)])
    assert keys(api) == ["a/k=3", "a/l="]


def test_all_or_none(world, api):
    world.group("a")
    with pytest.raises(ClusterNotFound):
        api.put(SCOPE, [("a", Tag("k", "1", True)), ("x", Tag("k", "1", True))])
    assert keys(api) == []
    with pytest.raises(ClusterNotFound):
        api.remove(OTHER, [("a", "k", None)])


def test_fifty_at_most(world, api):
    world.group("a")
    api.put(SCOPE, [("a", Tag(str(number), "", True)) for number in range(50)])
    api.put(SCOPE, [("a", Tag("7", "changed", True))])
    with pytest.raises(LimitExceeded):
        api.put(SCOPE, [("a", Tag("one more", "", True))])
    assert len(keys(api)) == 50
