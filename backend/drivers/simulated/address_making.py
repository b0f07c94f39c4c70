"""The ports for public addresses and made interfaces over the simulated state."""

from __future__ import annotations

import ipaddress
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from backend.domain.scope import Scope
from backend.drivers.address_making import NewInterface, Port, PublicAddress
from backend.drivers.errors import (
    AddressTaken,
    AddressUnfit,
    InterfaceInUse,
    InterfaceNotFound,
    NoAddresses,
    SecurityGroupNotFound,
    ServerNotFound,
    SubnetNotFound,
)
from backend.drivers.network import Subnet
from backend.drivers.simulated import layout, made_networks
from backend.drivers.simulated.addresses import take_private, take_public, usable
from backend.drivers.simulated.faults import Call
from backend.drivers.simulated.state import add_to_counter, counter
from backend.drivers.simulated.world import World

_OF = "id = ? AND project = ? AND region = ?"


class SimulatedAddressMaking:
    """Both ports. ``origin``: of ids."""

    def __init__(self, world: World, origin: uuid.UUID) -> None:
        self._world = world
        self._origin = origin

    def allocate_address(self, scope: Scope, token: str) -> PublicAddress:
        with self._writing("allocate_address", scope) as connection:
            known = _address(connection, scope, token)
            if known is not None:
                return known
            (number,) = take_public(connection, 1)
            identity = str(uuid.uuid5(self._origin, f"public-address/{token}"))
            connection.execute(
                "INSERT INTO public_addresses (id, project, region, token, address) VALUES (?, ?, ?, ?, ?)",
                (identity, scope.project_id, scope.region, token, number),
            )
            return PublicAddress(identity, str(ipaddress.IPv4Address(number)))

    def find_address(self, scope: Scope, token: str) -> PublicAddress | None:
        with self._world.call(Call("find_address", scope)), self._world.state.reading() as connection:
            return _address(connection, scope, token)

    def release_address(self, scope: Scope, address_id: str) -> None:
        with self._writing("release_address", scope) as connection:
            self._part(connection, scope, address_id)
            connection.execute(f"DELETE FROM public_addresses WHERE {_OF}", _key(scope, address_id))  # noqa: S608 - constant

    def bind_address(
        self, scope: Scope, address_id: str, *, server_id: str | None = None, interface_id: str | None = None
    ) -> None:
        del interface_id  # nothing in this cloud shows where it leads to
        with self._writing("bind_address", scope) as connection:
            self._part(connection, scope, address_id)
            if server_id is None:
                return
            changed = connection.execute(
                "UPDATE servers SET public_address = (SELECT address FROM public_addresses WHERE id = ?)"
                " WHERE id = ? AND project = ? AND region = ? AND (gone_at IS NULL OR gone_at > ?)",
                (address_id, server_id, scope.project_id, scope.region, self._world.now()),
            ).rowcount
            if not changed:
                raise ServerNotFound(f"Instance {server_id} could not be found.")

    def unbind_address(self, scope: Scope, address_id: str) -> None:
        with self._writing("unbind_address", scope) as connection:
            self._part(connection, scope, address_id)

    def create_interface(self, scope: Scope, token: str, new: NewInterface) -> Port:
        with self._writing("create_interface", scope) as connection:
            known = _port(connection, scope, token)
            if known is not None:
                return known
            subnet = self._subnet(connection, scope, new.subnet_id)
            groups = {group.id for group in self._world.projects.security_groups(scope)}
            for group in new.group_ids:
                if group not in groups:
                    raise SecurityGroupNotFound(f"Security group {group} not found.")
            number = self._number(connection, subnet, new.address)
            identity = str(uuid.uuid5(self._origin, f"interface/{token}"))
            mac = f"0a:{subnet.id[:2]}:" + number.to_bytes(4, "big").hex(":")
            add_to_counter(connection, f"subnet:{subnet.id}", 1)
            connection.execute(
                "INSERT INTO interfaces (id, project, region, token, subnet_id, address, mac, groups)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (identity, scope.project_id, scope.region, token, subnet.id, number, mac, " ".join(new.group_ids)),
            )
            return Port(identity, str(ipaddress.IPv4Address(number)), mac)

    def find_interface(self, scope: Scope, token: str) -> str | None:
        with self._world.call(Call("find_interface", scope)), self._world.state.reading() as connection:
            known = _port(connection, scope, token)
            return None if known is None else known.id

    def delete_interface(self, scope: Scope, interface_id: str) -> None:
        with self._writing("delete_interface", scope) as connection:
            row = connection.execute(
                f"SELECT subnet_id FROM interfaces WHERE {_OF}",  # noqa: S608 - constant
                _key(scope, interface_id),
            ).fetchone()
            if row is not None:
                add_to_counter(connection, f"subnet:{row[0]}", -1)
                connection.execute("DELETE FROM interfaces WHERE id = ?", (interface_id,))

    def change_interface(
        self,
        scope: Scope,
        interface_id: str,
        *,
        group_ids: Sequence[str] | None = None,
        source_dest_check: bool | None = None,
    ) -> None:
        del source_dest_check  # nothing passes through servers here
        with self._writing("change_interface", scope) as connection:
            if group_ids is not None:
                connection.execute(
                    f"UPDATE interfaces SET groups = ? WHERE {_OF}",  # noqa: S608 - constant
                    (" ".join(group_ids), *_key(scope, interface_id)),
                )

    def holder(self, scope: Scope, interface_id: str) -> str | None:
        with self._world.call(Call("holder", scope)), self._world.state.reading() as connection:
            return holder(connection, scope, interface_id, self._world.now())

    def attach_interface(self, scope: Scope, interface_id: str, server_id: str) -> None:
        with self._writing("attach_interface", scope) as connection:
            server = connection.execute(
                f"SELECT 1 FROM servers WHERE {_OF} AND (gone_at IS NULL OR gone_at > ?)",  # noqa: S608 - constant
                (*_key(scope, server_id), self._world.now()),
            ).fetchone()
            if server is None:
                raise ServerNotFound(f"Instance {server_id} could not be found.")
            connection.execute(
                f"UPDATE interfaces SET server_id = ? WHERE {_OF}",  # noqa: S608 - constant
                (server_id, *_key(scope, interface_id)),
            )

    def detach_interface(self, scope: Scope, interface_id: str, server_id: str) -> None:
        with self._writing("detach_interface", scope) as connection:
            connection.execute(
                f"UPDATE interfaces SET server_id = NULL WHERE {_OF} AND server_id = ?",  # noqa: S608 - constant
                (*_key(scope, interface_id), server_id),
            )

    def _subnet(self, connection: sqlite3.Connection, scope: Scope, subnet_id: str) -> Subnet:
        known = (*layout.default_subnets(scope, self._world.settings), *made_networks.subnets(connection, scope))
        for subnet in known:
            if subnet.id == subnet_id:
                return subnet
        raise SubnetNotFound(f"Subnet {subnet_id} could not be found.")

    @staticmethod
    def _number(connection: sqlite3.Connection, subnet: Subnet, wanted: str | None) -> int:
        first, last = usable(subnet.cidr)
        if wanted is None:
            if counter(connection, f"subnet:{subnet.id}") >= last - first + 1:
                raise NoAddresses(f"No more IP addresses available on network {subnet.network_id}.")
            return take_private(connection, subnet.id, subnet.cidr, 1)[0]
        number = int(ipaddress.IPv4Address(wanted))
        if not first <= number <= last:
            raise AddressUnfit(wanted)
        taken = "SELECT 1 FROM {} WHERE subnet_id = ? AND address = ?"
        for table in ("interfaces", "servers"):
            held = " AND held = 1" if table == "servers" else ""
            if connection.execute(taken.format(table) + held, (subnet.id, number)).fetchone():
                raise AddressTaken(wanted)
        return number

    @staticmethod
    def _part(connection: sqlite3.Connection, scope: Scope, address_id: str) -> None:
        """Let no server be shown with it."""
        connection.execute(
            "UPDATE servers SET public_address = NULL WHERE public_address ="
            " (SELECT address FROM public_addresses WHERE id = ? AND project = ? AND region = ?)",
            _key(scope, address_id),
        )

    @contextmanager
    def _writing(self, name: str, scope: Scope) -> Iterator[sqlite3.Connection]:
        with self._world.call(Call(name, scope)), self._world.state.writing() as connection:
            yield connection


def holder(connection: sqlite3.Connection, scope: Scope, interface_id: str, now: int) -> str | None:
    """The standing server that has an interface."""
    row = connection.execute(
        "SELECT s.id FROM interfaces i JOIN servers s ON s.id = i.server_id"
        " WHERE i.id = ? AND i.project = ? AND i.region = ? AND (s.gone_at IS NULL OR s.gone_at > ?)",
        (*_key(scope, interface_id), now),
    ).fetchone()
    return None if row is None else str(row[0])


def give(connection: sqlite3.Connection, scope: Scope, interface_id: str, server_id: str, now: int) -> int:
    """Let an interface be that of a server which is made; its address.

    Raises:
        InterfaceNotFound, InterfaceInUse
    """
    if holder(connection, scope, interface_id, now) is not None:
        raise InterfaceInUse(interface_id)
    row = connection.execute(
        f"UPDATE interfaces SET server_id = ? WHERE {_OF} RETURNING address",  # noqa: S608 - constant
        (server_id, *_key(scope, interface_id)),
    ).fetchone()
    if row is None:
        raise InterfaceNotFound(interface_id)
    return int(row[0])


def _address(connection: sqlite3.Connection, scope: Scope, token: str) -> PublicAddress | None:
    row = connection.execute(
        "SELECT id, address FROM public_addresses WHERE token = ? AND project = ? AND region = ?",
        (token, scope.project_id, scope.region),
    ).fetchone()
    return None if row is None else PublicAddress(row[0], str(ipaddress.IPv4Address(row[1])))


def _port(connection: sqlite3.Connection, scope: Scope, token: str) -> Port | None:
    row = connection.execute(
        "SELECT id, address, mac FROM interfaces WHERE token = ? AND project = ? AND region = ?",
        (token, scope.project_id, scope.region),
    ).fetchone()
    return None if row is None else Port(row[0], str(ipaddress.IPv4Address(row[1])), row[2])


def _key(scope: Scope, identity: str) -> tuple[str, str, str]:
    return identity, scope.project_id, scope.region
