"""What a create request must pass before anything is made: references, architecture, quota, room, addresses."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from backend.domain.scope import Scope
from backend.drivers.compute import GroupPolicy, ServerRequest
from backend.drivers.errors import (
    FlavorNotFound,
    FlavorNotSupported,
    ImageNotFound,
    KeyPairNotFound,
    NoAddresses,
    NoCapacity,
    QuotaExceeded,
    SecurityGroupNotFound,
    ServerGroupNotFound,
    SubnetNotFound,
)
from backend.drivers.network import Subnet
from backend.drivers.simulated import layout, made_networks
from backend.drivers.simulated.addresses import usable
from backend.drivers.simulated.faults import Call, Effect, Faults
from backend.drivers.simulated.own_flavors import OwnFlavors
from backend.drivers.simulated.projects import Projects
from backend.drivers.simulated.server_groups import ServerGroups
from backend.drivers.simulated.settings import SimulatedSettings
from backend.drivers.simulated.state import counter


@dataclass(frozen=True, slots=True)
class Admitted:
    """The subnet and the security groups that an admitted request really gets."""

    subnet: Subnet
    security_group_ids: tuple[str, ...]


class Admission:
    """The rules of one cloud. Every check works within the caller's transaction."""

    def __init__(
        self,
        settings: SimulatedSettings,
        faults: Faults,
        projects: Projects,
        groups: ServerGroups,
        flavors: OwnFlavors,
    ) -> None:
        self._settings = settings
        self._faults = faults
        self._projects = projects
        self._groups = groups
        self._flavors = flavors

    def admit(self, connection: sqlite3.Connection, call: Call, request: ServerRequest, now: int) -> Admitted:
        """Pass or refuse ``call.count`` servers of a request at that instant (microseconds).

        Raises:
            ImageNotFound, FlavorNotFound, FlavorNotSupported, KeyPairNotFound, SecurityGroupNotFound, SubnetNotFound,
            ServerGroupNotFound: a reference does not hold.
            QuotaExceeded, NoCapacity, NoAddresses: it does not fit.
        """
        scope = call.scope
        self.flavor_runs_image(scope, request.flavor, request.image_id)
        known = request.public_key is not None
        if not known and request.key_name is not None and not self._projects.has_key_pair(scope, request.key_name):
            raise KeyPairNotFound(f"Invalid key_name provided: {request.key_name}")
        subnet = self._subnet(connection, scope, request)
        groups = self._security_groups(scope, request)
        self._group(connection, call, request, now)
        self._quota(connection, call)
        self._room(connection, call, request)
        if request.interface_id is None:
            self._addresses(connection, call, subnet)
        return Admitted(subnet, groups)

    def flavor_runs_image(self, scope: Scope, flavor_name: str, image_id: str) -> None:
        """Raises ImageNotFound, FlavorNotFound, FlavorNotSupported."""
        image = self._projects.image(scope, image_id)
        if image is None or not image.active:
            raise ImageNotFound(f"Image {image_id} could not be found.")
        flavor = self._flavors.named(flavor_name, layout.zone_names(scope.region, self._settings))
        if flavor is None:
            raise FlavorNotFound(f"Flavor {flavor_name} could not be found.")
        if image.architecture not in flavor.architectures:
            raise FlavorNotSupported(
                f"Architecture {image.architecture} of image {image.id} is not one of flavor {flavor.name}:"
                f" {', '.join(flavor.architectures)}."
            )

    def _subnet(self, connection: sqlite3.Connection, scope: Scope, request: ServerRequest) -> Subnet:
        subnets = [*layout.default_subnets(scope, self._settings)]
        if request.subnet_id is not None:
            subnets += made_networks.subnets(connection, scope)
        if request.zone not in layout.zone_names(scope.region, self._settings):
            raise NoCapacity(f"The requested availability zone is not available: {request.zone}")
        for subnet in subnets:
            if subnet.zone == request.zone and request.subnet_id in (None, subnet.id):
                return subnet
        if any(subnet.id == request.subnet_id for subnet in subnets):
            raise SubnetNotFound(f"Subnet {request.subnet_id} is not in availability zone {request.zone}.")
        raise SubnetNotFound(f"Subnet {request.subnet_id} could not be found.")

    def _security_groups(self, scope: Scope, request: ServerRequest) -> tuple[str, ...]:
        if not request.security_group_ids:
            return (layout.default_security_group(scope, self._settings).id,)
        known = {group.id for group in self._projects.security_groups(scope)}
        for group in request.security_group_ids:
            if group not in known:
                raise SecurityGroupNotFound(f"Security group {group} not found.")
        return tuple(dict.fromkeys(request.security_group_ids))

    def _group(self, connection: sqlite3.Connection, call: Call, request: ServerRequest, now: int) -> None:
        group = request.server_group
        if group is None:
            return
        if not self._groups.has(connection, call.scope, group.id):
            raise ServerGroupNotFound(group.name)
        zones = self._groups.zones(connection, group.id, now)
        full = group.policy is GroupPolicy.ANTI_AFFINITY and (
            zones.count(request.zone) + call.count > self._settings.apart_per_zone
        )
        elsewhere = group.policy is GroupPolicy.AFFINITY and not {*zones} <= {request.zone}
        if full or elsewhere:
            raise NoCapacity(f"No valid host was found. Server group policy {group.policy} leaves none.")

    def quota(self, connection: sqlite3.Connection, call: Call) -> tuple[int, int]:
        """How many servers the project may have there, and how many it has."""
        used = counter(connection, f"project:{call.scope.region}/{call.scope.project_id}")
        limit = self._settings.instances_per_project
        for fault in self._faults.meeting(call, Effect.QUOTA):
            limit = fault.details["instances"]
            break
        return limit, used

    def _quota(self, connection: sqlite3.Connection, call: Call) -> None:
        limit, used = self.quota(connection, call)
        if used + call.count > limit:
            detail = (
                f"Quota exceeded for instances: Requested {call.count}, but already used {used} of {limit} instances"
            )
            raise QuotaExceeded("instances", call.count, limit, detail)

    def _room(self, connection: sqlite3.Connection, call: Call, request: ServerRequest) -> None:
        limits = {f"zone:{request.zone}": self._settings.zone_capacity}
        for fault in reversed(list(self._faults.meeting(call, Effect.CAPACITY, Effect.CLOSE_ZONE))):
            key = f"zone:{request.zone}" + (f"/{fault.where.flavor}" if fault.where.flavor else "")
            limits[key] = fault.details.get("servers", 0)
        for key, limit in limits.items():
            if limit is not None and counter(connection, key) + call.count > limit:
                raise NoCapacity("No valid host was found. There are not enough hosts available.")

    def _addresses(self, connection: sqlite3.Connection, call: Call, subnet: Subnet) -> None:
        first, last = usable(subnet.cidr)
        if counter(connection, f"subnet:{subnet.id}") + call.count > last - first + 1:
            raise NoAddresses(f"No more IP addresses available on network {subnet.network_id}.")
