from __future__ import annotations

from collections.abc import Iterator

import pytest

from backend import errors
from backend.services.resource_tags import ResourceTags
from tests.factories import OTHER, SCOPE, World


@pytest.fixture
def tags() -> Iterator[ResourceTags]:
    world = World()
    yield world.backend.resource_tags
    world.close()


def test_all_resources_or_none(tags: ResourceTags) -> None:
    tags.put(SCOPE, ["b"], {f"k{number}": "" for number in range(50)})
    with pytest.raises(errors.LimitExceeded):
        tags.put(SCOPE, ["a", "b"], {"x": "1"})
    assert tags.of(SCOPE, ["a"]) == {}
    tags.put(SCOPE, ["a", "b"], {"k1": "1"})
    assert tags.of(SCOPE, ["a"]) == {"a": {"k1": "1"}}


def test_removal_by_key_and_value(tags: ResourceTags) -> None:
    tags.put(SCOPE, ["a"], {"x": "1", "y": "2", "z": ""})
    tags.remove(SCOPE, ["a", "nil"], {"x": "other", "y": None, "z": ""})
    assert tags.all(SCOPE) == {"a": {"x": "1"}}
    tags.remove(OTHER, ["a"], None)
    assert tags.all(SCOPE) == {"a": {"x": "1"}}
    tags.remove(SCOPE, ["a"], None)
    assert tags.all(SCOPE) == {}
