"""Auto Scaling's operations over a store in memory and a simulated cloud."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

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
        try:
            answer = world.call(operation, **params)
        except Exception as error:  # noqa: BLE001 - told as the gateway tells it
            told = translate(error, "autoscaling")
            if told is None:
                raise
            return told
        pytest.fail(f"{operation} was answered: {answer}")

    return ask
