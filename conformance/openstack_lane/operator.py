"""The cloud under the server in its operator's and its owner's hands, and what has to hold afterwards."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from conformance.fleet import Fleet, unique
from conformance.openstack import lifecycle
from conformance.openstack.cloud import connect, state_folder
from conformance.openstack.settings import settle
from conformance.product import PATIENCE, TENANT, until

LAUNCH = "coppice:launch"
"""Metadata of every server that a group launched."""
GROUP = "aws:autoscaling:groupName"
"""Metadata of those that are members of one."""
PORT = "coppice-"
"""How the names of ports begin that were made for such servers."""


def short(uuid: str) -> str:
    """The instance id of one of the cloud's servers."""
    return f"i-{uuid.replace('-', '')[:17]}"


class Operator:
    """Who runs the cloud, and who owns the project, with OpenStack's own clients."""

    def __init__(self) -> None:
        self.admin = connect("admin")
        self.owner = connect(TENANT)
        self.project = self.owner.current_project_id
        self._settings = settle(state_folder(), None)

    def servers(self, group: str | None = None) -> list[Any]:
        """Servers of groups (of one group), as the cloud tells them."""
        found = [server for server in self.owner.compute.servers(details=True) if LAUNCH in server.metadata]
        return [server for server in found if group in (None, server.metadata.get(GROUP))]

    def uuid(self, instance_id: str) -> str:
        """The cloud's id of an instance."""
        (found,) = [one.id for one in self.owner.compute.servers() if short(one.id) == instance_id]
        return str(found)

    def ports(self) -> list[Any]:
        """Ports that servers of the project are on, and those that were made for one."""
        every = self.owner.network.ports(project_id=self.project)
        return [port for port in every if port.name.startswith(PORT) or str(port.device_owner).startswith("compute:")]

    @contextlib.contextmanager
    def pool(self) -> Iterator[Any]:
        """A pool behind a listener of a load balancer of the project's."""
        octavia = self.owner.load_balancer
        subnet = self.owner.network.find_subnet("private-az1")
        balancer = octavia.create_load_balancer(name=unique("front"), vip_subnet_id=subnet.id)

        def settled() -> None:
            octavia.wait_for_load_balancer(balancer.id, interval=0.3, wait=60 * PATIENCE)

        try:
            settled()
            more = {"protocol": "HTTP", "load_balancer_id": balancer.id}
            listener = octavia.create_listener(name="front", protocol_port=80, **more)
            settled()
            made = octavia.create_pool(
                name=unique("pool"), protocol="HTTP", lb_algorithm="ROUND_ROBIN", listener_id=listener.id
            )
            settled()
            yield made
        finally:
            settled()
            octavia.delete_load_balancer(balancer.id, cascade=True)

    def members(self, pool: Any) -> list[Any]:
        return list(self.owner.load_balancer.members(pool))

    def kill(self, *names: str) -> None:
        """kill -9 of services of the cloud."""
        with lifecycle.alone(self._settings):
            lifecycle.kill(self._settings, lifecycle.named(self._settings, names))

    def start(self, *names: str) -> None:
        """Start services, and wait until they are ready."""
        with lifecycle.alone(self._settings):
            lifecycle.resume(self._settings, lifecycle.named(self._settings, names))

    @contextlib.contextmanager
    def instance_quota(self) -> Iterator[Callable[[int], None]]:
        """Sets how many servers the project may have; without limit again afterwards."""
        try:
            yield lambda most: self.admin.compute.update_quota_set(self.project, instances=most)
        finally:
            self.admin.compute.update_quota_set(self.project, instances=-1)

    @contextlib.contextmanager
    def host_disabled(self, host: str) -> Iterator[None]:
        """A zone's one host takes no servers meanwhile."""
        (service,) = [one for one in self.admin.compute.services(binary="nova-compute") if one.host == host]
        self.admin.compute.disable_service(service)
        try:
            yield
        finally:
            self.admin.compute.enable_service(service)


@dataclass(frozen=True, slots=True)
class Census:
    """Instance ids: of the members, of all servers of groups, and of the servers that ports of groups are on.

    Attributes:
        wanted: how many there are to be of each.
        told: each server's id, status, launch and group.
    """

    wanted: int
    members: Counter[str]
    servers: Counter[str]
    ports: Counter[str]
    told: list[tuple[str, str, str, str]]

    def __bool__(self) -> bool:
        return self.members.total() == self.wanted and self.members == self.servers == self.ports

    def __repr__(self) -> str:
        """What differs."""
        parts = {
            "servers without a member": self.servers - self.members,
            "members without a server": self.members - self.servers,
            "ports without a server": self.ports - self.servers,
            "servers without a port": self.servers - self.ports,
        }
        told = "; ".join(f"{what}: {', '.join(sorted(ids.elements()))}" for what, ids in parts.items() if ids)
        return f"{self.members.total()} of {self.wanted} members; {told or 'all agree'}; servers: {self.told}"


def converged(fleet: Fleet, operator: Operator, name: str, count: int) -> list[str]:
    """The group has come to ``count`` members: one server each, one port each, and no other of either.

    Who they are may change after the group first has its number: zones that failed are made up for, then filled again.
    """
    fleet.settle(name, count, seconds=60)

    def census() -> Census:
        servers = operator.servers()
        return Census(
            wanted=count,
            members=Counter(fleet.ids(name)),
            servers=Counter(short(server.id) for server in servers),
            ports=Counter(short(port.device_id) for port in operator.ports()),
            told=[(one.id, one.status, one.metadata[LAUNCH], one.metadata.get(GROUP, "")) for one in servers],
        )

    try:
        found = until(f"{name}: every member is one server on one port, and there is no other", census, 60, pause=1)
    except AssertionError as late:
        raise AssertionError(f"{late}\n{fleet.instances(name)}\n{fleet.story(name, 40)}") from None
    assert isinstance(found, Census)
    assert [group for *_, group in found.told] == [name] * count
    launched = [
        activity["Description"]
        for activity in fleet.activities(name)
        if activity["Description"].startswith("Launching a new EC2 instance: i-")
        and activity["StatusCode"] == "Successful"
    ]
    assert len(launched) == len(set(launched)), "each was launched once"
    return sorted(found.members)
