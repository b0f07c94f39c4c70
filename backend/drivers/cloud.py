"""The ports of one cloud together: what the composition root hands to services and engine."""

from __future__ import annotations

from dataclasses import dataclass

from backend.drivers.balancing import Balancing
from backend.drivers.compute import Compute
from backend.drivers.images import Images
from backend.drivers.network import Networking


@dataclass(frozen=True, slots=True)
class Cloud:
    compute: Compute
    images: Images
    network: Networking
    balancing: Balancing
