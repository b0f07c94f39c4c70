"""Internet gateways and tables of routes: rows alone. What of it the cloud has to know, an engine tells it.

A router of the cloud knows no tables: what leads to an interface, in any table that counts, it is told for all subnets.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

from backend import errors
from backend.clock import Clock
from backend.domain.ids import new_digits
from backend.domain.network_findings import (
    AddressesMapped,
    AlreadyJoined,
    MainTable,
    NetworkLimit,
    NetworkThingInUse,
    NetworkThingMissing,
    NotJoined,
    RouteDiffers,
    RouteElsewhere,
    RouteExists,
    RouteForAll,
    RouteLocal,
    RouteMissing,
    RouteWithin,
)
from backend.domain.networks import (
    EVERYWHERE,
    MAIN,
    InternetGateway,
    Route,
    RouteAssociation,
    RouteTable,
    Vpc,
    lies_in,
)
from backend.domain.scope import Scope
from backend.domain.token import ClientToken
from backend.services import network_limits as limits
from backend.services.network_reader import NetworkReader
from backend.store import client_tokens, counting
from backend.store import networks as rows
from backend.store.addresses import GATEWAYS as NAT_GATEWAYS
from backend.store.session import Connection, Store


class Mapped(Protocol):
    """Public addresses that lead into VPCs."""

    def into(self, scope: Scope, vpc_id: str) -> bool:
        """Whether any leads into a VPC, by its digits."""
        ...


class Routing:
    """Every write may raise NetworkThingMissing, and NotOurs where the cloud has the thing otherwise."""

    def __init__(self, store: Store, clock: Clock, seen: NetworkReader, mapped: Mapped) -> None:
        self._mapped = mapped
        self._store = store
        self._clock = clock
        self._seen = seen

    def create_gateway(self, scope: Scope) -> InternetGateway:
        """Raises NetworkLimit."""
        gateway = InternetGateway(new_digits(), None, self._clock.now())

        def work(conn: Connection) -> None:
            count = partial(rows.GATEWAYS.count, conn, scope)
            counting.check(conn, scope, "internet-gateway", limits.GATEWAYS, count, NetworkLimit)
            rows.GATEWAYS.add(conn, scope, gateway)

        self._store.transact(work)
        return gateway

    def delete_gateway(self, scope: Scope, gateway_id: str) -> None:
        """Raises NetworkThingInUse: it is at a VPC."""

        def work(conn: Connection) -> bool:
            gateway = rows.GATEWAYS.one(conn, scope, id=gateway_id)
            if gateway is None:
                return False
            if not rows.GATEWAYS.remove(conn, scope, id=gateway_id, vpc_id=None):
                raise NetworkThingInUse("internet-gateway", gateway_id)
            return True

        if not self._store.transact(work):
            raise self._seen.refusal(scope, "internet-gateway", gateway_id)

    def attach_gateway(self, scope: Scope, gateway_id: str, vpc_id: str) -> None:
        """Lead a VPC to the outside.

        Raises:
            AlreadyJoined: the gateway is at a VPC, or the VPC has one.
        """

        def work(conn: Connection) -> tuple[str, str] | None:
            if rows.lock(conn, scope, vpc_id) is None:
                return "vpc", vpc_id
            gateway = rows.GATEWAYS.one(conn, scope, id=gateway_id)
            if gateway is None:
                return "internet-gateway", gateway_id
            if gateway.vpc_id is not None:
                raise AlreadyJoined("internet-gateway", gateway_id, gateway.vpc_id)
            if rows.GATEWAYS.one(conn, scope, vpc_id=vpc_id) is not None:
                raise AlreadyJoined("vpc", vpc_id, gateway_id)
            if not rows.attach(conn, scope, gateway_id, vpc_id, self._clock.now()):
                raise AlreadyJoined("internet-gateway", gateway_id, vpc_id)
            return None

        self._refuse(scope, self._store.transact(work))

    def detach_gateway(self, scope: Scope, gateway_id: str, vpc_id: str) -> None:
        """Take a VPC its way out.

        Raises:
            NotJoined
            AddressesMapped: public addresses lead into the VPC.
        """
        with self._store.read() as conn:
            attached = rows.GATEWAYS.one(conn, scope, id=gateway_id, vpc_id=vpc_id) is not None
        if attached and self._mapped.into(scope, vpc_id):
            raise AddressesMapped(vpc_id)

        def work(conn: Connection) -> tuple[str, str] | None:
            if rows.lock(conn, scope, vpc_id) is None:
                return "vpc", vpc_id
            gateway = rows.GATEWAYS.one(conn, scope, id=gateway_id)
            if gateway is None:
                return "internet-gateway", gateway_id
            if gateway.vpc_id != vpc_id:
                raise NotJoined(gateway_id, vpc_id)
            rows.detach(conn, scope, gateway_id, vpc_id, self._clock.now())
            return None

        self._refuse(scope, self._store.transact(work))

    def create_table(self, scope: Scope, vpc_id: str, token: ClientToken | None) -> RouteTable:
        """Make a table; of an earlier request of the token, that one's.

        Raises:
            NetworkThingMissing: no such VPC; or the table of the token was deleted.
            NetworkLimit
            TokenReused
        """
        table = RouteTable(new_digits(), vpc_id, self._clock.now())

        def work(conn: Connection) -> RouteTable | None:
            if token and (kept := client_tokens.find(conn, scope, token)):
                if kept.fingerprint != token.fingerprint:
                    raise errors.TokenReused(token.value)
                there = rows.ROUTE_TABLES.one(conn, scope, id=kept.result)
                if there is None:  # deleted since
                    raise NetworkThingMissing("route-table", kept.result)
                return there
            if rows.lock(conn, scope, vpc_id) is None:
                return None
            if rows.ROUTE_TABLES.count(conn, scope, vpc_id=vpc_id) >= limits.ROUTE_TABLES_OF_VPC:
                raise NetworkLimit("route-table", limits.ROUTE_TABLES_OF_VPC, vpc_id)
            rows.ROUTE_TABLES.add(conn, scope, table)
            if token:
                client_tokens.add(conn, scope, token, table.id, table.created_at)
            return table

        made = self._store.transact(work)
        if made is None:
            raise self._seen.refusal(scope, "vpc", vpc_id)
        return made

    def delete_table(self, scope: Scope, table_id: str) -> None:
        """Raises NetworkThingInUse: it is a main table, or subnets have it."""

        def work(conn: Connection) -> tuple[str, str] | None:
            if self._table(conn, scope, table_id) is None:
                return "route-table", table_id
            if rows.ROUTE_ASSOCIATIONS.count(conn, scope, table_id=table_id):
                raise NetworkThingInUse("route-table", table_id)
            rows.ROUTE_TABLES.remove(conn, scope, id=table_id)
            return None

        self._refuse(scope, self._store.transact(work))

    def associate(self, scope: Scope, table_id: str, subnet_id: str) -> str:
        """Give a subnet a table; the digits of the association, which is the old one where it has the table already.

        Raises:
            AlreadyJoined: it has another.
            RouteElsewhere: it belongs to another VPC.
        """

        def work(conn: Connection) -> str | tuple[str, str]:
            table = self._table(conn, scope, table_id)
            if table is None:
                return "route-table", table_id
            subnet = rows.SUBNETS.one(conn, scope, id=subnet_id, state=rows.STANDING)
            if subnet is None:
                return "subnet", subnet_id
            if subnet.vpc_id != table.vpc_id:
                raise RouteElsewhere(table_id, "subnet", subnet_id)
            there = rows.ROUTE_ASSOCIATIONS.one(conn, scope, vpc_id=table.vpc_id, subnet_id=subnet_id)
            if there is not None and there.table_id != table_id:
                raise AlreadyJoined("subnet", subnet_id, there.id)
            if there is not None:
                return there.id
            made = RouteAssociation(new_digits(), table.vpc_id, table_id, subnet_id)
            rows.ROUTE_ASSOCIATIONS.add(conn, scope, made)
            self._led(conn, scope, table_id)
            return made.id

        told = self._store.transact(work)
        if isinstance(told, tuple):
            raise self._seen.refusal(scope, *told)
        return told

    def disassociate(self, scope: Scope, association_id: str) -> None:
        """Raises MainTable: a VPC has one."""

        def work(conn: Connection) -> tuple[str, str] | None:
            there = rows.ROUTE_ASSOCIATIONS.one(conn, scope, id=association_id)
            if there is None:
                return "route-association", association_id
            if there.subnet_id == MAIN:
                raise MainTable(association_id, associating=True)
            rows.lock(conn, scope, there.vpc_id)
            if not rows.ROUTE_ASSOCIATIONS.remove(conn, scope, id=association_id):
                return "route-association", association_id
            self._led(conn, scope, there.table_id)
            return None

        self._refuse(scope, self._store.transact(work))

    def replace_association(self, scope: Scope, association_id: str, table_id: str) -> tuple[str, bool]:
        """Give what has one table another one; digits of the new association, and whether it is of a main table.

        Raises:
            RouteElsewhere: the table belongs to another VPC.
        """

        def work(conn: Connection) -> tuple[str, str] | RouteAssociation:
            table = self._table(conn, scope, table_id)
            if table is None:
                return "route-table", table_id
            there = rows.ROUTE_ASSOCIATIONS.one(conn, scope, id=association_id)
            if there is None:
                return "route-association", association_id
            if there.vpc_id != table.vpc_id:
                raise RouteElsewhere(table_id, "route-association", association_id)
            made = RouteAssociation(new_digits(), table.vpc_id, table_id, there.subnet_id)
            rows.ROUTE_ASSOCIATIONS.remove(conn, scope, id=association_id)
            rows.ROUTE_ASSOCIATIONS.add(conn, scope, made)
            self._led(conn, scope, there.table_id, table_id)
            return made

        told = self._store.transact(work)
        if isinstance(told, tuple):
            raise self._seen.refusal(scope, *told)
        return told.id, told.subnet_id == MAIN

    def create_route(self, scope: Scope, table_id: str, route: Route, at: str | None = None) -> None:
        """Lead a block of addresses somewhere.

        Args:
            at: digits of the VPC that its interface is in, where it leads to one.

        Raises:
            RouteExists
            RouteElsewhere
            RouteWithin, RouteForAll, RouteDiffers: what a router of the cloud cannot be told.
            NetworkLimit
        """
        self._write_route(scope, table_id, route, at, replacing=False)

    def replace_route(self, scope: Scope, table_id: str, route: Route, at: str | None = None) -> None:
        """Lead a block elsewhere; as ``create_route``, but raises RouteMissing where nothing leads it yet."""
        self._write_route(scope, table_id, route, at, replacing=True)

    def delete_route(self, scope: Scope, table_id: str, cidr: str) -> None:
        """Raises RouteMissing, RouteLocal."""

        def work(conn: Connection) -> tuple[str, str] | None:
            table = self._table(conn, scope, table_id)
            if table is None:
                return "route-table", table_id
            vpc = rows.VPCS.one(conn, scope, id=table.vpc_id)
            if vpc is not None and cidr in vpc.cidrs:
                raise RouteLocal(cidr)
            if cidr not in table.routes:
                raise RouteMissing(cidr, table_id)
            left = {key: value for key, value in table.routes.items() if key != cidr}
            if cidr in table.hops:
                rows.pull(conn, table.vpc_id, self._clock.now())
            rows.ROUTE_TABLES.change(conn, scope, table_id, routes=left)
            return None

        self._refuse(scope, self._store.transact(work))

    def _write_route(self, scope: Scope, table_id: str, route: Route, at: str | None, *, replacing: bool) -> None:
        def work(conn: Connection) -> tuple[str, str] | None:
            table = self._table(conn, scope, table_id)
            if table is None:
                return "route-table", table_id
            vpc = rows.VPCS.one(conn, scope, id=table.vpc_id)
            if vpc is not None:
                _check_route(table, vpc, route, replacing=replacing)
            if route.kind == "gateway":
                gateway = rows.GATEWAYS.one(conn, scope, id=route.target)
                if gateway is None:
                    return "internet-gateway", route.target
                if gateway.vpc_id != table.vpc_id:
                    raise RouteElsewhere(table_id, "internet-gateway", route.target)
            if route.kind == "nat":
                nat = NAT_GATEWAYS.one(conn, scope, id=route.target, deleted_at=None)
                if nat is None:
                    return "nat-gateway", route.target
                if nat.vpc != table.vpc_id:
                    raise RouteElsewhere(table_id, "nat-gateway", route.target)
            if route.hop is not None and at != table.vpc_id:
                raise RouteElsewhere(table_id, "interface", route.target)
            _check_others(rows.ROUTE_TABLES.all(conn, scope, vpc_id=table.vpc_id), table, route)
            if route.hop is not None or route.cidr in table.hops:
                rows.pull(conn, table.vpc_id, self._clock.now())
            rows.ROUTE_TABLES.change(conn, scope, table_id, routes={**table.routes, route.cidr: route.words})
            return None

        self._refuse(scope, self._store.transact(work))

    def _led(self, conn: Connection, scope: Scope, *tables: str) -> None:
        """Have engines look at what counts now of tables that lead to interfaces."""
        rows.pull_led(conn, scope, tables, self._clock.now())

    def _table(self, conn: Connection, scope: Scope, table_id: str) -> RouteTable | None:
        """The table as nobody else can change it now: its VPC's row is locked."""
        found = rows.ROUTE_TABLES.one(conn, scope, id=table_id)
        if found is None or rows.lock(conn, scope, found.vpc_id) is None:
            return None
        return rows.ROUTE_TABLES.one(conn, scope, id=table_id)

    def _refuse(self, scope: Scope, missing: Sequence[str] | None) -> None:
        """Raise what a work found missing."""
        if missing is not None:
            raise self._seen.refusal(scope, *missing)


def _check_route(table: RouteTable, vpc: Vpc, route: Route, *, replacing: bool) -> None:
    inside = any(lies_in(route.cidr, each) for each in vpc.cidrs)
    if inside and route.hop is None:
        raise RouteWithin(route.cidr, interface=False)
    if not replacing and (route.cidr in table.routes or route.cidr in vpc.cidrs):
        raise RouteExists(route.cidr)
    if replacing and route.cidr not in table.routes and route.cidr not in vpc.cidrs:
        raise RouteMissing(route.cidr, table.id, replacing=True)
    if inside:
        raise RouteWithin(route.cidr, interface=True)
    if route.hop is not None and route.cidr == EVERYWHERE:
        raise RouteForAll
    if not replacing and len(table.routes) >= limits.ROUTES_OF_TABLE:
        raise NetworkLimit("route", limits.ROUTES_OF_TABLE, table.id)


def _check_others(tables: Sequence[RouteTable], table: RouteTable, route: Route) -> None:
    """Refuse a route whose block another table leads elsewhere: an interface's is the whole VPC's.

    It does not matter which subnets have the table: it may be given to them afterwards.
    """
    for other in tables:
        there = next((each for each in other.listed() if each.cidr == route.cidr), None)
        if other.id == table.id or there is None or (there.kind, there.target) == (route.kind, route.target):
            continue
        if route.hop is not None or there.hop is not None:
            raise RouteDiffers(route.cidr, other.id)
