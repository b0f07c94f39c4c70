"""What the parts of one simulated cloud share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from backend.clock import Clock
from backend.drivers.errors import CloudUnavailable
from backend.drivers.simulated import regions
from backend.drivers.simulated.faults import MAKES, Call, Faults
from backend.drivers.simulated.own_flavors import OwnFlavors
from backend.drivers.simulated.projects import Projects
from backend.drivers.simulated.regions import Footings
from backend.drivers.simulated.server_groups import ServerGroups
from backend.drivers.simulated.servers import ServerTable
from backend.drivers.simulated.settings import SimulatedSettings
from backend.drivers.simulated.state import State, to_micros
from backend.drivers.simulated.volume_table import VolumeTable


@dataclass(frozen=True, slots=True)
class World:
    state: State
    clock: Clock
    settings: SimulatedSettings
    faults: Faults
    projects: Projects
    servers: ServerTable
    groups: ServerGroups
    footings: Footings
    flavors: OwnFlavors
    volumes: VolumeTable

    @contextmanager
    def call(self, call: Call) -> Iterator[None]:
        """Let the block be a call of a port: what faults do before it and after it is done.

        Raises:
            CloudUnavailable: the cloud has no such region, or a fault says so.
            RegionNotOpened: something would be made, and the account has some in as many regions as it may.
            OutcomeUnknown, Refused: as the faults say.
        """
        if not regions.has(self.settings, call.scope.region):
            raise CloudUnavailable(f"the cloud has no region {call.scope.region}")
        if self.settings.any_region and call.name in MAKES:
            self.footings.admit(call.scope)
        with self.faults.around(call):
            yield

    def now(self) -> int:
        """The present in microseconds since 1970."""
        return to_micros(self.clock.now())
