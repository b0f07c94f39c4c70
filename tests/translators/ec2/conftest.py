"""EC2 over a simulated cloud in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.factories import World
from tests.translators.ec2.wire import Asking


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


@pytest.fixture
def aws(world: World) -> Asking:
    return Asking(world)


@pytest.fixture
def image(world: World) -> str:
    """The id of some x86_64 image."""
    return f"ami-{world.image()}"
