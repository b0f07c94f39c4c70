from __future__ import annotations

import pytest

from backend import errors
from tests.factories import SCOPE, World


def test_listings_are_kept_until_they_are_asked_for_afresh(world: World) -> None:
    catalog = world.backend.catalog
    assert catalog.key_pairs(SCOPE) == []
    world.simulated.projects.create_key_pair(SCOPE, "k")
    assert catalog.key_pairs(SCOPE) == []
    assert [pair.name for pair in catalog.key_pairs(SCOPE, fresh=True)] == ["k"]
    assert [pair.name for pair in catalog.key_pairs(SCOPE)] == ["k"]


@pytest.mark.parametrize("noun", ["images", "flavors", "key_pairs", "zones", "networks", "subnets", "security_groups"])
def test_a_cloud_that_does_not_answer_is_a_finding(world: World, noun: str) -> None:
    world.simulated.faults.unavailable()
    with pytest.raises(errors.CloudNotReached):
        getattr(world.backend.catalog, noun)(SCOPE, fresh=True)
    world.simulated.faults.lift()
    assert getattr(world.backend.catalog, noun)(SCOPE) is not None
