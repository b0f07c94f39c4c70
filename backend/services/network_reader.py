"""What a project has of networks: rows of what Coppice made, and beside them what the cloud has otherwise (adopted).

What is adopted is told as if it were a VPC with all that belongs to one, under ids that are derived from the cloud's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol, TypeVar

from backend.domain.ids import derived_digits, short_id
from backend.domain.network_findings import NetworkThingMissing, NotOurs
from backend.domain.networks import (
    ALLOW_ALL,
    EVERYWHERE,
    MAIN,
    AclAssociation,
    DhcpOptions,
    InternetGateway,
    NetworkAcl,
    Progress,
    RouteAssociation,
    RouteTable,
    Subnet,
    Vpc,
    room_of,
)
from backend.domain.scope import Scope
from backend.drivers import network as drivers
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.errors import Finding
from backend.services.catalog import asking
from backend.store import networks as rows
from backend.store.addresses import GATEWAYS as NAT_GATEWAYS
from backend.store.session import Connection, Store

_UNTOLD: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SeenVpc:
    """A VPC. ``adopted``: the cloud's, and shown; ``default``: servers go there when none is named."""

    vpc: Vpc
    adopted: bool = False
    default: bool = False
    name: str = ""

    @property
    def id(self) -> str:
        return self.vpc.id


@dataclass(frozen=True, slots=True)
class SeenSubnet:
    """A subnet, with how many addresses it has left."""

    subnet: Subnet
    free: int
    adopted: bool = False
    default: bool = False
    name: str = ""

    @property
    def id(self) -> str:
        return self.subnet.id


@dataclass(frozen=True, slots=True)
class SeenTable:
    """A table of routes with what has it.

    Attributes:
        local: the blocks of its VPC.
        gateways: digits of the gateways that its VPC has, those that translate addresses among them.
    """

    table: RouteTable
    associations: Sequence[RouteAssociation]
    local: Sequence[str]
    gateways: frozenset[str] = frozenset()
    adopted: bool = False

    @property
    def id(self) -> str:
        return self.table.id


@dataclass(frozen=True, slots=True)
class SeenGateway:
    """A gateway. ``ready``: it leads to the outside by now."""

    gateway: InternetGateway
    ready: bool = True
    adopted: bool = False

    @property
    def id(self) -> str:
        return self.gateway.id


@dataclass(frozen=True, slots=True)
class SeenAcl:
    """A list of access with what has it."""

    acl: NetworkAcl
    associations: Sequence[AclAssociation] = field(default_factory=tuple)
    adopted: bool = False

    @property
    def id(self) -> str:
        return self.acl.id


class Seen(Protocol):
    """What is told of one thing."""

    @property
    def id(self) -> str: ...

    @property
    def adopted(self) -> bool: ...


S = TypeVar("S", bound=Seen)
T = TypeVar("T")


class NetworkReader:
    """Reads. ``ids`` are digits of those that are meant, None for all: rows alone are read where they know all these.

    Where the cloud is asked, CloudNotReached, NotPermitted or CloudRefused may be raised; its listing may be some
    seconds old unless it is asked for ``fresh``.
    """

    def __init__(self, store: Store, cloud: Cloud, catalog: Catalog) -> None:
        self._store = store
        self._cloud = cloud
        self._catalog = catalog

    @property
    def makes(self) -> bool:
        """Whether the cloud's networks are made here at all."""
        return self._cloud.network_making is not None

    def vpcs(self, scope: Scope, ids: Collection[str] | None = None, *, fresh: bool = False) -> list[SeenVpc]:
        with self._store.read() as conn:
            own = [SeenVpc(each) for each in rows.VPCS.all(conn, scope, state=rows.STANDING)]
        return _known(own, ids) or [*own, *self._adopted(scope, fresh=fresh)]

    def subnets(self, scope: Scope, ids: Collection[str] | None = None, *, fresh: bool = False) -> list[SeenSubnet]:
        with self._store.read() as conn:
            own = rows.SUBNETS.all(conn, scope, state=rows.STANDING)
        # How many addresses are left is for the cloud to say: of what is not in its listing yet, none is taken.
        listed = {each.id: each for each in self._listed_subnets(scope, fresh=fresh)}
        seen = [
            SeenSubnet(each, listed[each.cloud_id].free_addresses if each.cloud_id in listed else room_of(each.cidr))
            for each in own
        ]
        return _known(seen, ids) or [*seen, *(_seen_subnet(each) for each in listed.values() if not each.made)]

    def route_tables(self, scope: Scope, ids: Collection[str] | None = None, *, fresh: bool = False) -> list[SeenTable]:
        with self._store.read() as conn:
            vpcs = {each.id: each for each in rows.VPCS.all(conn, scope, state=rows.STANDING)}
            tables = rows.ROUTE_TABLES.all(conn, scope)
            associations = _grouped(rows.ROUTE_ASSOCIATIONS.all(conn, scope), lambda each: each.table_id)
            gateways = _grouped(rows.GATEWAYS.all(conn, scope), lambda each: each.vpc_id or "")
            nats = _grouped(NAT_GATEWAYS.all(conn, scope, deleted_at=None), lambda each: each.vpc)
        own = [
            SeenTable(
                table,
                associations.get(table.id, ()),
                vpcs[table.vpc_id].cidrs,
                frozenset(
                    {each.id for each in gateways.get(table.vpc_id, ())}
                    | {each.id for each in nats.get(table.vpc_id, ())}
                ),
            )
            for table in tables
            if table.vpc_id in vpcs
        ]
        return _known(own, ids) or [*own, *self._adopted_tables(scope, fresh=fresh)]

    def gateways(self, scope: Scope, ids: Collection[str] | None = None, *, fresh: bool = False) -> list[SeenGateway]:
        with self._store.read() as conn:
            open_ = {each.id for each in rows.VPCS.all(conn, scope, gateway=True)}
            found = rows.GATEWAYS.all(conn, scope)
        at_once = bool(self._cloud.network_making and self._cloud.network_making.at_once)
        own = [SeenGateway(each, ready=at_once or each.vpc_id in open_) for each in found]
        if done := _known(own, ids):
            return done
        adopted = self._adopted(scope, fresh=fresh)
        outward = self._outward(scope) if adopted else frozenset()
        return [
            *own,
            *(
                SeenGateway(InternetGateway(_gateway_of(each.vpc), each.id, _UNTOLD), adopted=True)
                for each in adopted
                if each.vpc.cloud_id in outward
            ),
        ]

    def acls(self, scope: Scope, ids: Collection[str] | None = None, *, fresh: bool = False) -> list[SeenAcl]:
        with self._store.read() as conn:
            vpcs = {each.id for each in rows.VPCS.all(conn, scope, state=rows.STANDING)}
            found = rows.ACLS.all(conn, scope)
            associations = _grouped(rows.ACL_ASSOCIATIONS.all(conn, scope), lambda each: each.acl_id)
        own = [SeenAcl(each, associations.get(each.id, ())) for each in found if each.vpc_id in vpcs]
        if done := _known(own, ids):
            return done
        subnets = _grouped(
            [each for each in self._listed_subnets(scope, fresh=fresh) if not each.made], lambda each: each.network_id
        )
        return [
            *own,
            *(_adopted_acl(each, subnets.get(each.vpc.cloud_id, ())) for each in self._adopted(scope, fresh=fresh)),
        ]

    def dhcp_options(self, scope: Scope) -> list[DhcpOptions]:
        """The region's own first."""
        with self._store.read() as conn:
            own = rows.DHCP_OPTIONS.all(conn, scope)
        return [regions_own(scope), *own]

    def refusal(self, scope: Scope, kind: str, thing: str) -> Finding:
        """Why a thing that has no row cannot be changed: there is none, or it is adopted."""
        kinds: Mapping[str, Callable[[Scope], Iterable[Seen]]] = {
            "vpc": self.vpcs,
            "subnet": self.subnets,
            "route-table": self.route_tables,
            "internet-gateway": self.gateways,
            "network-acl": self.acls,
        }
        ask = kinds.get(kind)
        listed = ask(scope) if ask else ()
        adopted = {each.id for each in listed if each.adopted}
        if kind == "route-association":
            adopted = {one.id for each in self.route_tables(scope) if each.adopted for one in each.associations}
        elif kind == "acl-association":
            adopted = {one.id for each in self.acls(scope) if each.adopted for one in each.associations}
        return NotOurs(kind, thing) if thing in adopted else NetworkThingMissing(kind, thing)

    def _adopted(self, scope: Scope, *, fresh: bool) -> list[SeenVpc]:
        if fresh:
            self._catalog.drop("networks", scope)
        with asking():
            listed = self._catalog.networks(scope)
        return [_seen_vpc(each, scope) for each in listed if not each.made]

    def _listed_subnets(self, scope: Scope, *, fresh: bool) -> Sequence[drivers.Subnet]:
        if fresh:
            self._catalog.drop("subnets", scope)
        with asking():
            return self._catalog.subnets(scope)

    def _outward(self, scope: Scope) -> frozenset[str]:
        with asking():
            return frozenset(self._catalog.outward(scope))

    def _adopted_tables(self, scope: Scope, *, fresh: bool) -> list[SeenTable]:
        adopted = self._adopted(scope, fresh=fresh)
        outward = self._outward(scope) if adopted else frozenset()
        return [_adopted_table(each.vpc, outside=each.vpc.cloud_id in outward) for each in adopted]


def regions_own(scope: Scope) -> DhcpOptions:
    """The options that AWS has in each region."""
    domain = "ec2.internal" if scope.region == "us-east-1" else f"{scope.region}.compute.internal"
    options = {"domain-name": [domain], "domain-name-servers": ["AmazonProvidedDNS"]}
    return DhcpOptions(derived_digits("dhcp-options", scope.project_id, scope.region), options, _UNTOLD)


def vpc_by(conn: Connection, scope: Scope, vpc_id: str) -> Vpc | None:
    """A VPC that is not on its way out."""
    return rows.VPCS.one(conn, scope, id=vpc_id, state=rows.STANDING)


def _known(own: list[S], ids: Collection[str] | None) -> list[S]:
    """Those of these ids, where all of them are rows; none else."""
    if ids is None:
        return []
    found = [each for each in own if each.id in ids]
    return found if len(found) == len(set(ids)) else []


def _grouped(items: Iterable[T], key: Callable[[T], str]) -> Mapping[str, Sequence[T]]:
    found: dict[str, list[T]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found


def _seen_vpc(network: drivers.Network, scope: Scope) -> SeenVpc:
    vpc = Vpc(
        id=network.short_id,
        cloud_id=network.id,
        cidr=network.cidr,
        association_id=derived_digits(network.id),
        state=Progress.AVAILABLE,
        created_at=_UNTOLD,
        dhcp_options_id=regions_own(scope).id,
    )
    return SeenVpc(vpc, adopted=True, default=network.default, name=network.name)


def _seen_subnet(subnet: drivers.Subnet) -> SeenSubnet:
    told = Subnet(
        id=subnet.short_id,
        cloud_id=subnet.id,
        network_id="",
        vpc_id=short_id(subnet.network_id),
        cidr=subnet.cidr,
        zone=subnet.zone,
        state=Progress.AVAILABLE,
        created_at=_UNTOLD,
        public_by_default=subnet.public_by_default,
    )
    return SeenSubnet(told, subnet.free_addresses, adopted=True, default=subnet.zone_default, name=subnet.name)


def _gateway_of(vpc: Vpc) -> str:
    return derived_digits("internet-gateway", vpc.cloud_id)


def _adopted_table(vpc: Vpc, *, outside: bool) -> SeenTable:
    table_id = derived_digits("route-table", vpc.cloud_id)
    gateway = _gateway_of(vpc)
    routes = {EVERYWHERE: {"kind": "gateway", "target": gateway}} if outside else {}
    main = RouteAssociation(derived_digits("route-association", vpc.cloud_id), vpc.id, table_id, MAIN)
    table = RouteTable(table_id, vpc.id, _UNTOLD, routes)
    return SeenTable(table, [main], vpc.cidrs, frozenset({gateway}), adopted=True)


def _adopted_acl(seen: SeenVpc, subnets: Sequence[drivers.Subnet]) -> SeenAcl:
    acl = NetworkAcl(derived_digits("network-acl", seen.vpc.cloud_id), seen.id, True, _UNTOLD, ALLOW_ALL)
    joined = [
        AclAssociation(derived_digits("acl-association", each.id), seen.id, acl.id, each.short_id) for each in subnets
    ]
    return SeenAcl(acl, joined, adopted=True)
