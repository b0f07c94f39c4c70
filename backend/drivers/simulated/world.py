"""What the parts of one simulated cloud share."""

from __future__ import annotations

from dataclasses import dataclass

from backend.clock import Clock
from backend.drivers.simulated.faults import Faults
from backend.drivers.simulated.projects import Projects
from backend.drivers.simulated.servers import ServerTable
from backend.drivers.simulated.settings import SimulatedSettings
from backend.drivers.simulated.state import State, to_micros


@dataclass(frozen=True, slots=True)
class World:
    state: State
    clock: Clock
    settings: SimulatedSettings
    faults: Faults
    projects: Projects
    servers: ServerTable

    def now(self) -> int:
        """The present in microseconds since 1970."""
        return to_micros(self.clock.now())
