"""The test cloud (conformance/openstack) through the driver, in the service user's name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backend.clock import SystemClock
from backend.domain.scope import Scope
from backend.drivers.openstack.settings import OpenStackSettings

REGION = "RegionOne"


@pytest.fixture(scope="session")
def state() -> Path:
    return Path(os.environ["COPPICE_OPENSTACK_STATE"])


@pytest.fixture(scope="session")
def settings(state) -> OpenStackSettings:
    return OpenStackSettings(clouds_file=str(state / "clouds.yaml"), cloud="coppice")


def exports(path: Path) -> dict[str, str]:
    """The variables of a file that a shell can source."""
    lines = [line.removeprefix("export ") for line in path.read_text().splitlines() if line.startswith("export ")]
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture(scope="session")
def keys(state):
    """The variables of a user's ec2 file."""
    return lambda user: exports(state / f"ec2-{user}.env")


@pytest.fixture(scope="session")
def demo_scope(keys) -> Scope:
    return Scope(keys("demo")["OS_PROJECT_ID"], REGION)


@pytest.fixture(scope="session")
def other_project_scope(keys) -> Scope:
    return Scope(keys("other")["OS_PROJECT_ID"], REGION)


@pytest.fixture(scope="session")
def patience():
    """Waits for a condition, for two minutes of real time at most: the cloud shares the machine."""
    clock = SystemClock()

    def until(condition):
        deadline = clock.monotonic() + 120
        while not condition():
            if clock.monotonic() > deadline:
                pytest.fail("it did not come to pass within two minutes")
            clock.wait(0.3)

    return until
