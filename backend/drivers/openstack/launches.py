"""A request for servers in Nova's words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, Final

from backend.drivers.compute import ServerRequest
from backend.drivers.openstack import metadata as notes
from backend.drivers.openstack.disks import Disks
from backend.drivers.openstack.flavors import Offer
from backend.drivers.openstack.keys import own_name
from backend.drivers.openstack.layout import Placement

_MAC: Final = "OS-EXT-IPS-MAC:mac_addr"
_BEFORE_ALL: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_NAME: Final = 240
"""Nova takes 255 characters, and puts the number of each server behind the name."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A request whose every reference is looked up.

    Attributes:
        zone: the cloud's name.
        batch: a new uuid: the servers of one request carry it.
        installation: whose servers and ports they are; empty where nobody tells.
        public: they are to have public addresses: engines take them, as ports may be Nova's to make.
    """

    request: ServerRequest
    count: int
    offer: Offer
    placement: Placement
    zone: str
    disks: Disks
    batch: str
    installation: str = ""
    public: bool = False

    def body(self) -> Mapping[str, Any]:
        """One POST for all servers, which is accepted or refused as a whole."""
        server = self._server(notes_of=f"{self.batch}/{self.count}")
        server |= self._network()
        counts = {"min_count": self.count, "max_count": self.count, "return_reservation_id": True}
        return {"server": {**server, **counts}, **self._hints()}

    def _network(self) -> dict[str, Any]:
        """Where Nova is to put them: on a port that was made before, which has its groups, or on ports of its own."""
        request = self.request
        if request.interface_id is not None:
            return {"networks": [{"port": request.interface_id}]}
        address = {"fixed_ip": request.private_address} if request.private_address else {}
        groups = [{"name": group} for group in request.security_group_ids]
        return {
            "networks": [{"uuid": self.placement.network_id, **address}],
            **({"security_groups": groups} if groups else {}),
        }

    def body_at(self, port_id: str, number: int) -> Mapping[str, Any]:
        """The POST of one server on a port that was made for it; the groups are the port's."""
        server = self._server(notes_of=f"{self.batch}/{self.count}")
        server["metadata"][notes.PORTS] = port_id
        if self.count > 1:
            server["name"] = f"{server['name']}-{number + 1}"
        return {"server": {**server, "networks": [{"port": port_id}]}, **self._hints()}

    def document_at(self, port: Mapping[str, Any], server_id: str, number: int, at: datetime) -> Mapping[str, Any]:
        """The server as Nova would show it, which answers its creation with its id alone.

        Its status is older than any that Nova tells of it.
        """
        server = self.body_at(port["id"], number)["server"]
        addresses = [
            {"version": ip_address(each["ip_address"]).version, "addr": each["ip_address"], _MAC: port["mac_address"]}
            for each in port["fixed_ips"]
        ]
        return {
            "id": server_id,
            "name": server["name"],
            "status": "BUILD",
            "created": at.isoformat(),
            "updated": _BEFORE_ALL.isoformat(),
            "OS-EXT-AZ:availability_zone": self.zone,
            "image": {"id": server["imageRef"]} if server["imageRef"] else "",
            "key_name": self.request.key_name,
            "metadata": server["metadata"],
            "addresses": {"": addresses},
            "security_groups": [{"id": group} for group in port["security_groups"]],
        }

    def ports(self) -> Mapping[str, Any]:
        """The request that makes a port in the very subnet for each server."""
        address = {"ip_address": self.request.private_address} if self.request.private_address else {}
        port: dict[str, Any] = {
            "network_id": self.placement.network_id,
            "fixed_ips": [{"subnet_id": self.placement.real_id, **address}],
            "name": f"{port_prefix(self.installation)}{self.batch}",
        }
        if self.request.security_group_ids:
            port["security_groups"] = list(self.request.security_group_ids)
        return {"ports": [port] * self.count}

    def _hints(self) -> Mapping[str, Any]:
        group = self.request.server_group
        return {"os:scheduler_hints": {"group": group.id}} if group else {}

    def _server(self, notes_of: str) -> dict[str, Any]:
        request = self.request
        noted = {notes.BATCH: notes_of, notes.TYPE: request.flavor, notes.SUBNET: self.placement.subnet.id}
        if request.launch_id is not None:
            noted[notes.LAUNCH] = request.launch_id
            if self.installation:
                noted[notes.INSTALLATION] = self.installation
        if request.server_group is not None:
            noted[notes.GROUP] = request.server_group.id
            noted[notes.GROUP_NAME] = request.server_group.name
        if request.public_key and request.key_name:
            noted[notes.KEY] = request.key_name
        if request.preemptible:
            noted[notes.SPOT] = "true"
        if self.public:
            noted[notes.PUBLIC] = "true"
        if self.disks.root_volume:
            noted[notes.IMAGE] = request.image_id
        server: dict[str, Any] = {
            "name": _name(request.name),
            "imageRef": "" if self.disks.root_volume else request.image_id,
            "flavorRef": self.offer.flavor_id,
            "availability_zone": self.zone,
            "metadata": {**notes.encoded(request.tags), **noted, **notes.option_items(request.options)},
        }
        if request.public_key:
            server["key_name"] = own_name(request.public_key)
        elif request.key_name:
            server["key_name"] = request.key_name
        if request.user_data:
            server["user_data"] = request.user_data
        if self.disks.mapping:
            server["block_device_mapping_v2"] = list(self.disks.mapping)
        return server


PORT_NAME: Final = "coppice-"


_OLD_PORT: Final = re.compile(rf"{PORT_NAME}[0-9a-f-]{{36}}")


def port_prefix(installation: str) -> str:
    """How the names of that installation's ports begin, and of no other's."""
    return f"{PORT_NAME}{installation}-" if installation else PORT_NAME


def is_port_of(name: str, installation: str) -> bool:
    """Whether it is the name of a port that this installation made, or somebody before ports told of any."""
    return name.startswith(port_prefix(installation)) or _OLD_PORT.fullmatch(name) is not None


def _name(text: str) -> str:
    """A name that Nova takes: printable, no blanks around it."""
    printable = "".join(letter for letter in text if letter.isprintable())
    return printable.strip()[:_LONGEST_NAME].rstrip() or "server"


def numbered(servers: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Servers of one request in the order of their names' numbers."""
    return sorted(servers, key=lambda server: (len(server.get("name") or ""), server.get("name") or "", server["id"]))
