"""A cloud that is not there: servers boot, fail and vanish in its own persistent state."""

from backend.drivers.simulated.cloud import SimulatedCloud
from backend.drivers.simulated.faults import Call, Effect, Fault, Faults, Moment, Where
from backend.drivers.simulated.settings import SimulatedSettings

__all__ = ["Call", "Effect", "Fault", "Faults", "Moment", "SimulatedCloud", "SimulatedSettings", "Where"]
