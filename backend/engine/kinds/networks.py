"""VPCs: the cloud is brought to what their rows say; and what was made without a row is taken away."""

from __future__ import annotations

from backend.engine.kinds.kind import Kind
from backend.engine.networks import settle_vpc, take_away
from backend.store import networks

KIND = Kind("networks", networks.LEASED_VPCS, lambda settings: settings.networks_at_once, settle_vpc)
MAKINGS = Kind(
    "makings", networks.LEASED_MAKINGS, lambda settings: settings.networks_at_once, take_away, unhurried=True
)
