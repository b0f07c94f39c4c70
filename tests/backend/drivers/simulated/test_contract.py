"""The simulated cloud holds what every driver must hold, in memory and in a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backend.domain.scope import Scope
from backend.drivers.cloud import Cloud
from backend.drivers.simulated import SimulatedCloud, SimulatedSettings
from tests.backend.drivers.addresses_contract import AddressesContract
from tests.backend.drivers.contract import CloudContract
from tests.backend.drivers.volumes_contract import VolumesContract


class TestSimulatedCloud(CloudContract, VolumesContract, AddressesContract):
    @pytest.fixture(params=["memory", "file", "no latency"])
    def cloud(self, request, tmp_path, clock) -> Iterator[Cloud]:
        path = None if request.param == "memory" else str(tmp_path / "cloud.sqlite")
        moves = ("boot", "delete", "stop", "start", "reboot", "suspend", "resume", "rebuild")
        pace = {f"{move}_seconds": 0 for move in moves}
        settings = SimulatedSettings(**(pace if request.param == "no latency" else {}))
        simulated = SimulatedCloud.open(path, clock, settings)
        yield simulated.cloud
        simulated.close()

    @pytest.fixture
    def scope(self) -> Scope:
        return Scope("project-1", "us-east-1")

    @pytest.fixture
    def other_scope(self) -> Scope:
        return Scope("project-2", "us-east-1")

    @pytest.fixture
    def until(self, clock):
        def until(condition):
            for _ in range(40):
                if condition():
                    return
                clock.wait(0.25)
            pytest.fail("it did not come to pass within ten seconds of the clock")

        return until
