"""Services over a store in memory and a simulated cloud."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.factories import World


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()
