"""Availability zones as Nova tells them, by AWS's names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from backend.clock import Clock
from backend.domain.scope import Scope
from backend.drivers.compute import Zone
from backend.drivers.openstack.declines import told
from backend.drivers.openstack.kept import Kept
from backend.drivers.openstack.rest import COMPUTE, Rest
from backend.drivers.openstack.settings import OpenStackSettings


class Zones:
    def __init__(self, rest: Rest, clock: Clock, settings: OpenStackSettings) -> None:
        self._rest = rest
        self._settings = settings
        self._age = settings.layout_age
        self._kept: Kept[Scope, Sequence[Zone]] = Kept(clock, self._ask)

    def list(self, scope: Scope) -> Sequence[Zone]:
        """The zones now, by name. The id of a zone is the cloud's own name of it."""
        return self._kept.get(scope, timedelta())

    def names(self, scope: Scope) -> Sequence[str]:
        """The zones' names, which hardly ever change."""
        return [zone.name for zone in self._kept.get(scope, self._age)]

    def _ask(self, scope: Scope) -> Sequence[Zone]:
        with told():
            listed, _ = self._rest.page(scope, COMPUTE, "/os-availability-zone", "availabilityZoneInfo")
        names = self._settings.zone_names(scope.region)
        found = {
            names.to_aws(each["zoneName"]): Zone(
                name=names.to_aws(each["zoneName"]),
                zone_id=each["zoneName"],
                available=bool((each.get("zoneState") or {}).get("available")),
            )
            for each in listed
            if each["zoneName"] != "internal"
        }
        return [found[name] for name in sorted(found)]
