"""The port of networks that are made, over the simulated state: all of it is there at once."""

from __future__ import annotations

import ipaddress
import sqlite3
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from backend.domain.scope import Scope
from backend.drivers.errors import Busy, Refused
from backend.drivers.network_making import ExtraRoute, HeldAddress, MadeSubnet, NewSubnet
from backend.drivers.simulated import layout, made_networks
from backend.drivers.simulated.faults import Call
from backend.drivers.simulated.world import World


class SimulatedNetworkMaking:
    """Args: origin: of ids."""

    at_once = True

    def __init__(self, world: World, origin: uuid.UUID) -> None:
        self._world = world
        self._origin = origin

    def outward(self, scope: Scope) -> frozenset[str]:
        return frozenset({layout.default_network(scope, self._world.settings).id})

    def make_vpc(self, scope: Scope, token: str) -> str:
        identity = self._id("vpc", token)
        with self._writing("make_vpc", scope) as connection:
            connection.execute(
                "INSERT OR IGNORE INTO vpcs (id, project, region, token) VALUES (?, ?, ?, ?)",
                (identity, scope.project_id, scope.region, token),
            )
        return identity

    def find_vpc(self, scope: Scope, token: str) -> str | None:
        with self._world.call(Call("find_vpc", scope)), self._world.state.reading() as connection:
            row = connection.execute(
                "SELECT id FROM vpcs WHERE token = ? AND project = ? AND region = ?",
                (token, scope.project_id, scope.region),
            ).fetchone()
        return None if row is None else str(row[0])

    def delete_vpc(self, scope: Scope, vpc: str) -> None:
        with self._writing("delete_vpc", scope) as connection:
            if connection.execute("SELECT 1 FROM subnets WHERE vpc_id = ?", (vpc,)).fetchone():
                raise Busy(f"Router {vpc} still has ports")
            gone = connection.execute(
                "DELETE FROM vpcs WHERE id = ? AND project = ? AND region = ?", (vpc, scope.project_id, scope.region)
            ).rowcount
            if gone:
                connection.execute("DELETE FROM extra_routes WHERE vpc_id = ?", (vpc,))

    def lead_out(self, scope: Scope, vpc: str, *, outside: bool) -> None:
        with self._writing("lead_out", scope) as connection:
            connection.execute(
                "UPDATE vpcs SET outside = ? WHERE id = ? AND project = ? AND region = ?",
                (int(outside), vpc, scope.project_id, scope.region),
            )

    def make_subnet(self, scope: Scope, token: str, new: NewSubnet, *, again: bool = False) -> MadeSubnet:
        del again  # a token's subnet has one id
        made = MadeSubnet(self._id("subnet", token), self._id("network", token))
        values = (made.id, made.network_id, new.vpc, scope.project_id, scope.region, token, new.cidr, new.zone)
        with self._writing("make_subnet", scope) as connection:
            connection.execute(
                "INSERT OR IGNORE INTO subnets (id, network_id, vpc_id, project, region, token, cidr, zone, dns)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, " ".join(new.dns)),
            )
        return made

    def find_subnet(self, scope: Scope, token: str) -> Sequence[str]:
        with self._world.call(Call("find_subnet", scope)), self._world.state.reading() as connection:
            made = made_networks.found(connection, scope, token)
        return [] if made is None else [made.network_id]

    def join_subnet(self, scope: Scope, vpc: str, subnet: MadeSubnet) -> None:
        with self._writing("join_subnet", scope) as connection:
            connection.execute(
                "UPDATE subnets SET joined = 1 WHERE id = ? AND vpc_id = ? AND project = ?",
                (subnet.id, vpc, scope.project_id),
            )

    def occupied(self, scope: Scope, subnets: Collection[str]) -> bool:
        with self._world.call(Call("occupied", scope)), self._world.state.reading() as connection:
            marks = ", ".join("?" * len(subnets))
            wanted = f"SELECT network_id FROM subnets WHERE id IN ({marks})"  # noqa: S608 - marks alone
            return any(
                self._used(connection, network) for (network,) in connection.execute(wanted, [*subnets]).fetchall()
            )

    def delete_subnet(self, scope: Scope, vpc: str, subnet: MadeSubnet) -> None:
        with self._writing("delete_subnet", scope) as connection:
            block = connection.execute("SELECT cidr FROM subnets WHERE id = ?", (subnet.id,)).fetchone()
            if block and any(_lies_in(each.next_hop, block[0]) for each in self._routes(connection, scope, vpc)):
                words = "cannot be deleted, as it is required by one or more routes."
                raise Busy(f"Router interface for subnet {subnet.id} on router {vpc} {words}")
            self._end(connection, scope, subnet.network_id)

    def delete_networks(self, scope: Scope, networks: Sequence[str]) -> None:
        with self._writing("delete_networks", scope) as connection:
            for network in networks:
                self._end(connection, scope, network)

    def held_addresses(self, scope: Scope, subnets: Sequence[MadeSubnet]) -> Sequence[HeldAddress]:
        inside = [each.id for each in subnets]
        marks = ", ".join("?" * len(inside))
        of_scope = f"project = ? AND region = ? AND subnet_id IN ({marks})"
        place = (scope.project_id, scope.region, *inside)
        # The address of a server on an interface that was made before it is the interface's.
        of_servers = (
            f"SELECT address, '', id FROM servers WHERE {of_scope}"  # noqa: S608 - marks alone
            " AND held = 1 AND (gone_at IS NULL OR gone_at > ?) AND json_extract(own, '$.interface_id') IS NULL"
        )
        of_interfaces = (
            "SELECT address, id, (SELECT s.id FROM servers s WHERE s.id = server_id"  # noqa: S608 - marks alone
            f" AND (s.gone_at IS NULL OR s.gone_at > ?)) FROM interfaces WHERE {of_scope}"
        )
        with self._world.call(Call("held_addresses", scope)), self._world.state.reading() as connection:
            now = self._world.now()
            found = [*connection.execute(of_servers, (*place, now)), *connection.execute(of_interfaces, (now, *place))]
        return [HeldAddress(str(ipaddress.IPv4Address(number)), port, server or "") for number, port, server in found]

    def extra_routes(self, scope: Scope, vpc: str) -> frozenset[ExtraRoute]:
        with self._world.call(Call("extra_routes", scope)), self._world.state.reading() as connection:
            return self._routes(connection, scope, vpc)

    def add_extra_routes(self, scope: Scope, vpc: str, routes: Collection[ExtraRoute]) -> None:
        with self._writing("add_extra_routes", scope) as connection:
            blocks = connection.execute(
                "SELECT cidr FROM subnets WHERE vpc_id = ? AND project = ? AND region = ?",
                (vpc, scope.project_id, scope.region),
            ).fetchall()
            for each in routes:
                if not any(_lies_in(each.next_hop, block) for (block,) in blocks):
                    raise Refused(f"Invalid format for routes: {each}, the nexthop is not connected with router")
            connection.executemany(
                "INSERT OR IGNORE INTO extra_routes (vpc_id, cidr, next_hop) VALUES (?, ?, ?)",
                [(vpc, each.cidr, each.next_hop) for each in routes],
            )

    def remove_extra_routes(self, scope: Scope, vpc: str, routes: Collection[ExtraRoute]) -> None:
        with self._writing("remove_extra_routes", scope) as connection:
            here = self._routes(connection, scope, vpc)
            connection.executemany(
                "DELETE FROM extra_routes WHERE vpc_id = ? AND cidr = ? AND next_hop = ?",
                [(vpc, each.cidr, each.next_hop) for each in here.intersection(routes)],
            )

    def set_dns(self, scope: Scope, subnet: MadeSubnet, dns: Sequence[str]) -> None:
        with self._writing("set_dns", scope) as connection:
            connection.execute(
                "UPDATE subnets SET dns = ? WHERE id = ? AND project = ?",
                (" ".join(dns), subnet.id, scope.project_id),
            )

    @staticmethod
    def _routes(connection: sqlite3.Connection, scope: Scope, vpc: str) -> frozenset[ExtraRoute]:
        rows = connection.execute(
            "SELECT cidr, next_hop FROM extra_routes JOIN vpcs ON vpcs.id = vpc_id"
            " WHERE vpc_id = ? AND project = ? AND region = ?",
            (vpc, scope.project_id, scope.region),
        )
        return frozenset(ExtraRoute(*row) for row in rows)

    def _end(self, connection: sqlite3.Connection, scope: Scope, network: str) -> None:
        if self._used(connection, network):
            raise Busy(f"Unable to complete operation on network {network}. There are one or more ports still in use.")
        connection.execute(
            "DELETE FROM subnets WHERE network_id = ? AND project = ? AND region = ?",
            (network, scope.project_id, scope.region),
        )

    def _used(self, connection: sqlite3.Connection, network: str) -> bool:
        found = connection.execute(
            "SELECT 1 FROM servers JOIN subnets ON subnets.id = servers.subnet_id"
            " WHERE subnets.network_id = ?1 AND held = 1 AND (gone_at IS NULL OR gone_at > ?2)"
            " UNION ALL SELECT 1 FROM interfaces JOIN subnets ON subnets.id = interfaces.subnet_id"
            " WHERE subnets.network_id = ?1",
            (network, self._world.now()),
        ).fetchone()
        return found is not None

    def _id(self, what: str, token: str) -> str:
        return str(uuid.uuid5(self._origin, f"{what}/{token}"))

    @contextmanager
    def _writing(self, name: str, scope: Scope) -> Iterator[sqlite3.Connection]:
        with self._world.call(Call(name, scope)), self._world.state.writing() as connection:
            yield connection


def _lies_in(address: str, block: str) -> bool:
    return ipaddress.IPv4Address(address) in ipaddress.IPv4Network(block)
