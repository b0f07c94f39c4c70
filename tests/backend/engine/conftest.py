"""An engine over a store in memory and a simulated cloud, and a group of two behind a pool of a load balancer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backend.domain.cluster import Cluster
from backend.domain.ids import balancing_id
from backend.drivers.simulated.pools import PoolRow
from tests.backend.engine.world import EngineWorld
from tests.factories import SCOPE


@pytest.fixture
def world() -> Iterator[EngineWorld]:
    made = EngineWorld()
    yield made
    made.close()


@pytest.fixture
def pool(world: EngineWorld) -> PoolRow:
    return world.simulated.pools.create(SCOPE, "web", port=8080)


@pytest.fixture
def group(world: EngineWorld, pool: PoolRow) -> Cluster:
    """In service, and members of the pool."""
    made = world.make(desired=2)
    world.backend.traffic.attach(SCOPE, "web", [balancing_id(pool.id)])
    world.pass_time(8)
    return made
