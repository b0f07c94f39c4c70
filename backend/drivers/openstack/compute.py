"""The compute port on Nova.

What is safe to repeat is sent again when its answer is lost: deletions, metadata. A creation never is: its servers
carry the launch's token, and are looked for by that.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from backend.clock import Clock
from backend.domain.ids import short_id
from backend.domain.node import ServerStatus
from backend.domain.scope import Scope
from backend.drivers.compute import (
    Flavor,
    GroupPolicy,
    KeyPair,
    LoosePort,
    Quota,
    Server,
    ServerGroup,
    ServerRequest,
    Zone,
)
from backend.drivers.errors import (
    CloudError,
    CloudUnavailable,
    FlavorNotSupported,
    KeyPairNotFound,
    NetworkMissing,
    OutcomeUnknown,
    PartlyMade,
    ServerNotFound,
    SubnetNotFound,
    Unsupported,
)
from backend.drivers.installation import Installation, nobody
from backend.drivers.openstack import metadata as notes
from backend.drivers.openstack.declines import told
from backend.drivers.openstack.disks import disks
from backend.drivers.openstack.flavors import Flavors
from backend.drivers.openstack.images import OpenStackImages
from backend.drivers.openstack.keys import KeyPairs
from backend.drivers.openstack.launches import Launch, numbered
from backend.drivers.openstack.layout import Layout, Placement
from backend.drivers.openstack.network import OpenStackNetworking
from backend.drivers.openstack.ports import Launched, Ports
from backend.drivers.openstack.quotas import quotas
from backend.drivers.openstack.refusals import of_create, of_rebuild, of_server
from backend.drivers.openstack.rest import COMPUTE, VOLUME, Declined, Rest
from backend.drivers.openstack.server_groups import ServerGroups
from backend.drivers.openstack.servers import image_of, server_of, servers_of
from backend.drivers.openstack.settings import OpenStackSettings
from backend.drivers.openstack.zones import Zones

_LOOKS: Final = (0.0, 0.3, 1.0)
_BUILT: Final = ("ACTIVE", "ERROR")


class OpenStackCompute:
    def __init__(
        self,
        rest: Rest,
        clock: Clock,
        settings: OpenStackSettings,
        *,
        zones: Zones,
        images: OpenStackImages,
        networking: OpenStackNetworking,
        background: Executor | None = None,
        installation: Installation = nobody,
    ) -> None:
        self._rest = rest
        self._clock = clock
        self._settings = settings
        self._zones = zones
        self._images = images
        self._networking = networking
        self._installation = installation
        self._flavors = Flavors(rest, clock, settings, zones)
        self._keys = KeyPairs(rest, clock)
        self._groups = ServerGroups(rest)
        self._ports = Ports(rest, clock, installation, background)

    def create(self, scope: Scope, request: ServerRequest, count: int) -> Sequence[Server]:
        if count < 1:
            raise ValueError(f"a create call makes at least one server, not {count}")
        launch = self._launch(scope, request, count)
        if request.public_key:
            self._keys.put(scope, request.public_key)
        needs_port = not launch.placement.alone and request.interface_id is None
        try:
            launched = self._ports.launch(scope, launch) if needs_port else Launched(self._make(scope, launch))
        except KeyPairNotFound:
            if request.public_key:  # somebody deleted it, and the next launch makes it again
                self._keys.missed(scope, request.public_key)
            raise
        self._ports.note(scope, launched.documents)
        layout, names = self._layout(scope), self._settings.zone_names(scope.region)
        made = [replace(each, user_data=request.user_data) for each in servers_of(launched.documents, layout, names)]
        if launched.refusal is not None:
            raise PartlyMade(made, launched.refusal)
        return made

    def get(self, scope: Scope, server_id: str) -> Server:
        try:
            document = self._show(scope, server_id)
        except ServerNotFound:
            self._ports.leave(scope, [server_id])
            raise
        server = server_of(document, self._layout(scope), self._settings.zone_names(scope.region))
        if server.status is ServerStatus.DELETED:  # kept by Nova for a while, for an operator to bring it back
            raise ServerNotFound(f"Instance {server_id} is deleted.")
        return server

    def list(self, scope: Scope) -> Sequence[Server]:
        servers = [server for server in self._listed(scope, {}) if server.status is not ServerStatus.DELETED]
        self._ports.compare(scope, {server.id for server in servers})
        return servers

    def list_changed(self, scope: Scope, since: datetime, *, built: bool = False) -> Sequence[Server]:
        second = since.astimezone(UTC).replace(microsecond=0)
        which = {"status": _BUILT} if built else {}
        changed = self._listed(scope, {"changes-since": second.strftime("%Y-%m-%dT%H:%M:%SZ"), **which})
        return [server for server in changed if server.updated_at >= second]

    def on_host(self, scope: Scope, host: str) -> Sequence[str]:
        """Who is no operator is told a digest of project and host alone, which tells as much to who knows both.

        Source: nova/utils.py, ``generate_hostid``.
        """
        mark = hashlib.sha224(f"{scope.project_id}{host}".encode()).hexdigest()
        with told():
            found = list(self._rest.listing(scope, COMPUTE, "/servers/detail", "servers"))
        return sorted(str(each["id"]) for each in found if each.get("hostId") == mark)

    def delete(self, scope: Scope, server_id: str) -> None:
        try:
            self._rest.write(scope, COMPUTE, "DELETE", f"/servers/{server_id}", repeat=True)
        except Declined as declined:
            raise of_server(declined, server_id) from declined

    def start(self, scope: Scope, server_id: str) -> None:
        self._act(scope, server_id, {"os-start": None})

    def stop(self, scope: Scope, server_id: str) -> None:
        self._act(scope, server_id, {"os-stop": None})

    def reboot(self, scope: Scope, server_id: str, *, hard: bool = False) -> None:
        self._act(scope, server_id, {"reboot": {"type": "HARD" if hard else "SOFT"}})

    def suspend(self, scope: Scope, server_id: str) -> None:
        self._act(scope, server_id, {"suspend": None})

    def resume(self, scope: Scope, server_id: str) -> None:
        self._act(scope, server_id, {"resume": None})

    def rebuild(self, scope: Scope, server_id: str, image_id: str | None = None, mark: str | None = None) -> None:
        document = self._show(scope, server_id)
        own = image_of(document)
        if own is None:  # Nova would leave the volume as it is, and answer yes
            raise Unsupported("BlockDeviceMappings")
        image = self._images.bootable(scope, image_id or own)
        if image.architecture not in self._settings.architectures:
            raise FlavorNotSupported(image.architecture)
        asked: dict[str, Any] = {"imageRef": image.id}
        if mark is not None and image.id == own and notes.may_describe(document):
            asked["description"] = notes.rebuilt(mark)  # which Nova takes on together with the rebuild
        try:
            self._rest.write(scope, COMPUTE, "POST", f"/servers/{server_id}/action", {"rebuild": asked})
        except Declined as declined:
            raise of_rebuild(declined, server_id, image.id) from declined

    def adopt(self, scope: Scope, server_id: str, launch_id: str | None) -> None:
        if launch_id is not None:
            own = self._installation()
            whose = {notes.INSTALLATION: own} if own else {}
            self._put(scope, server_id, {notes.LAUNCH: launch_id, **whose})
            return
        noted = self._noted(scope, server_id)
        for key in (notes.LAUNCH, notes.INSTALLATION):
            if key in noted:
                self._remove(scope, server_id, key)

    def tag(self, scope: Scope, server_id: str, put: Mapping[str, str], remove: Sequence[str]) -> None:
        noted = self._noted(scope, server_id)
        wanted = {key: value for key, value in notes.encoded(put).items() if noted.get(key) != value}
        if wanted:
            self._put(scope, server_id, wanted)
        for key in notes.stale(noted, put, frozenset(remove) - put.keys()):
            self._remove(scope, server_id, key)

    def server_groups(self, scope: Scope) -> Sequence[ServerGroup]:
        return self._groups.list(scope)

    def create_server_group(
        self,
        scope: Scope,
        name: str,
        policy: GroupPolicy,
        partitions: int | None = None,
    ) -> ServerGroup:
        return self._groups.create(scope, name, policy)

    def delete_server_group(self, scope: Scope, group_id: str) -> None:
        self._groups.delete(scope, group_id)

    def flavors(self, scope: Scope) -> Sequence[Flavor]:
        return self._flavors.list(scope)

    def quotas(self, scope: Scope) -> Sequence[Quota]:
        return quotas(self._rest, scope)

    def key_pairs(self, scope: Scope) -> Sequence[KeyPair]:
        return self._keys.list(scope)

    def delete_key_pair(self, scope: Scope, name: str) -> None:
        self._keys.delete(scope, name)

    def zones(self, scope: Scope) -> Sequence[Zone]:
        return self._zones.list(scope)

    def _launch(self, scope: Scope, request: ServerRequest, count: int) -> Launch:
        floating = self._settings.public_addresses == "floating"
        if request.public_address and not floating:
            raise Unsupported("AssociatePublicIpAddress")
        public = request.public_by_default if request.public_address is None else request.public_address
        offer = self._flavors.offer(scope, request.flavor, preemptible=request.preemptible)
        image = self._images.bootable(scope, request.image_id)
        if image.architecture not in offer.flavor.architectures:
            raise FlavorNotSupported(image.architecture)
        volumes = bool(request.block_devices) and self._rest.offers(scope, VOLUME)
        made_of_snapshots = any(disk.snapshot for disk in request.block_devices)
        mapped = disks(
            request.block_devices,
            image.id,
            image.root_device,
            offer,
            self._settings.volume_types,
            volumes=volumes,
            snapshots=self._snapshots(scope) if volumes and made_of_snapshots else {},
        )
        placement = self._placement(scope, request)
        return Launch(
            request=replace(request, subnet_id=placement.subnet.id),
            count=count,
            offer=offer,
            placement=placement,
            zone=self._settings.zone_names(scope.region).to_cloud(request.zone),
            disks=mapped,
            batch=str(uuid.uuid4()),
            installation=self._installation(),
            public=public and floating,
        )

    def _snapshots(self, scope: Scope) -> Mapping[str, str]:
        """The cloud's ids of snapshots by their short ids."""
        with told():
            listed = [*self._rest.listing(scope, VOLUME, "/snapshots", "snapshots")]
        return {short_id(each["id"]): each["id"] for each in listed}

    def _placement(self, scope: Scope, request: ServerRequest) -> Placement:
        layout = self._networking.layout(scope, self._settings.layout_age)
        found = self._find(layout, request)
        if found is None:
            found = self._find(self._networking.layout(scope, timedelta()), request)
        if found is None and request.subnet_id is None:
            raise NetworkMissing(request.zone)
        if found is None or found.subnet.zone != request.zone:
            raise SubnetNotFound(request.subnet_id or "")
        return found

    @staticmethod
    def _find(layout: Layout, request: ServerRequest) -> Placement | None:
        return layout.by_id.get(request.subnet_id) if request.subnet_id else layout.default(request.zone)

    def _make(self, scope: Scope, launch: Launch) -> Sequence[Mapping[str, Any]]:
        try:
            answer = self._rest.write(scope, COMPUTE, "POST", "/servers", launch.body())
        except Declined as declined:
            raise of_create(declined, launch.request, launch.count) from declined
        reservation = (answer.body or {}).get("reservation_id")
        if not reservation:
            raise OutcomeUnknown(f"Nova answered {answer.status} to a creation without a reservation")
        return self._reserved(scope, reservation, launch.count)

    def _reserved(self, scope: Scope, reservation: str, count: int) -> Sequence[Mapping[str, Any]]:
        """The servers of a creation that Nova accepted: a listing may lag behind it a little."""
        asked = {"reservation_id": reservation}
        for pause in _LOOKS:
            if pause:
                self._clock.wait(pause)
            try:
                found = [*self._rest.listing(scope, COMPUTE, "/servers/detail", "servers", asked)]
            except (Declined, CloudError) as error:
                raise OutcomeUnknown(
                    f"reservation {reservation} was accepted, its servers not told: {error}"
                ) from error
            servers = {server["id"]: server for server in found}
            if len(servers) == count:
                return numbered(servers.values())
        raise OutcomeUnknown(f"reservation {reservation} shows {len(servers)} of {count} servers")

    def _show(self, scope: Scope, server_id: str) -> Mapping[str, Any]:
        try:
            document = self._rest.item(scope, COMPUTE, f"/servers/{server_id}", "server")
        except Declined as declined:
            raise of_server(declined, server_id) from declined
        if document.get("id") != server_id:
            raise CloudUnavailable(f"Nova was asked for server {server_id} and told of another")
        return document

    def _listed(self, scope: Scope, params: Mapping[str, Any]) -> Sequence[Server]:
        with told():
            documents = [*self._rest.listing(scope, COMPUTE, "/servers/detail", "servers", params)]
        self._ports.note(scope, documents)
        layout, names = self._layout(scope) if documents else None, self._settings.zone_names(scope.region)
        return servers_of(documents, layout, names)

    def _layout(self, scope: Scope) -> Layout | None:
        """The project's networks as they were lately; without them servers are told with less."""
        try:
            return self._networking.layout(scope, self._settings.layout_age)
        except CloudError:
            return None

    def loose_ports(self, scope: Scope) -> Sequence[LoosePort]:
        if not self._on_ports(scope):
            return ()
        with told():
            return self._ports.loose(scope)

    def delete_ports(self, scope: Scope, ports: Sequence[str]) -> None:
        with told():
            self._ports.delete_loose(scope, ports)

    def _on_ports(self, scope: Scope) -> bool:
        """Whether servers of the project may be on ports that were made for them."""
        layout = self._layout(scope)
        return layout is not None and not all(each.alone for each in layout.placements)

    def _act(self, scope: Scope, server_id: str, body: Mapping[str, Any]) -> None:
        try:
            self._rest.write(scope, COMPUTE, "POST", f"/servers/{server_id}/action", body)
        except Declined as declined:
            raise of_server(declined, server_id) from declined

    def _noted(self, scope: Scope, server_id: str) -> Mapping[str, str]:
        try:
            return self._rest.item(scope, COMPUTE, f"/servers/{server_id}/metadata", "metadata")
        except Declined as declined:
            if declined.status == 404:
                self._show(scope, server_id)  # whose absence is told here without its id
            raise of_server(declined, server_id) from declined

    def _put(self, scope: Scope, server_id: str, items: Mapping[str, str]) -> None:
        path = f"/servers/{server_id}/metadata"
        try:
            self._rest.write(scope, COMPUTE, "POST", path, {"metadata": dict(items)}, repeat=True)
        except Declined as declined:
            if declined.status == 404:
                self._show(scope, server_id)
            raise of_server(declined, server_id) from declined

    def _remove(self, scope: Scope, server_id: str, key: str) -> None:
        path = f"/servers/{server_id}/metadata/{quote(key, safe='')}"
        try:
            self._rest.write(scope, COMPUTE, "DELETE", path, repeat=True)
        except Declined as declined:
            if declined.status == 404:
                self._show(scope, server_id)  # the item is gone, or the server is
                return
            raise of_server(declined, server_id) from declined
