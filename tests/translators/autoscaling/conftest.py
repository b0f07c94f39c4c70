"""Auto Scaling's operations over a store in memory and a simulated cloud."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backend.errors import Finding
from tests.factories import World
from translators.errors import AWSError, translate


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


@pytest.fixture
def refused(world):
    """The error that a request is answered with."""

    def ask(operation: str, **params) -> AWSError:
        with pytest.raises((AWSError, Finding)) as found:
            world.call(operation, **params)
        told = translate(found.value, "autoscaling")
        assert told is not None, found.value
        return told

    return ask
