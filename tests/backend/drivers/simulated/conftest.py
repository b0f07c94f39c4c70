"""A small simulated cloud in memory, and what tests ask of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backend.domain.scope import Scope
from backend.drivers.compute import ServerRequest
from backend.drivers.simulated import SimulatedCloud, SimulatedSettings
from backend.drivers.simulated.catalog.images import public_images
from tests.backend.drivers.simulated.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def scope() -> Scope:
    return Scope("project-1", "us-east-1")


@pytest.fixture
def settings() -> SimulatedSettings:
    return SimulatedSettings(seed=1)


@pytest.fixture
def simulated(clock: ManualClock, settings: SimulatedSettings) -> Iterator[SimulatedCloud]:
    simulated = SimulatedCloud.open(None, clock, settings)
    yield simulated
    simulated.close()


@pytest.fixture
def launch() -> ServerRequest:
    image = next(image for image in public_images("us-east-1") if image.architecture == "x86_64")
    return ServerRequest("web", image.id, "t3.micro", "us-east-1a", None, launch_id="launch-1")
