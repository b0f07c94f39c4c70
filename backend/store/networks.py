"""Rows of networks: VPCs, which engines take up, and all that is in them. A VPC's row locked keeps its parts apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select, update

from backend.domain.networks import (
    AclAssociation,
    DhcpOptions,
    Hop,
    InternetGateway,
    Making,
    NetworkAcl,
    Progress,
    RouteAssociation,
    RouteTable,
    Subnet,
    Vpc,
)
from backend.domain.scope import Scope
from backend.store import network_tables as tables
from backend.store import security_groups
from backend.store.leased import Lease, Leased
from backend.store.records import R, Records

VPCS: Final = Records(tables.vpcs, Vpc)
SUBNETS: Final = Records(tables.subnets, Subnet)
GATEWAYS: Final = Records(tables.internet_gateways, InternetGateway)
ROUTE_TABLES: Final = Records(tables.route_tables, RouteTable)
ROUTE_ASSOCIATIONS: Final = Records(tables.route_associations, RouteAssociation)
ACLS: Final = Records(tables.network_acls, NetworkAcl)
ACL_ASSOCIATIONS: Final = Records(tables.acl_associations, AclAssociation)
DHCP_OPTIONS: Final = Records(tables.dhcp_options, DhcpOptions)
MAKINGS: Final = Records(tables.makings, Making)

STANDING: Final = (Progress.PENDING, Progress.AVAILABLE)
"""What there is, in the eyes of the project."""


@dataclass(slots=True, kw_only=True, eq=False)
class VpcLease(Lease):
    """A claimed VPC."""

    @property
    def vpc_id(self) -> str:
        return self.key[0]


@dataclass(slots=True, kw_only=True, eq=False)
class MakingLease(Lease):
    """Something claimed that the cloud was asked for and that found no row."""

    kind: str

    @property
    def token(self) -> str:
        return self.key[0]


LEASED_VPCS: Final = Leased(tables.vpcs, VpcLease, key=("id",))
LEASED_MAKINGS: Final = Leased(tables.makings, MakingLease, key=("id",))


def lock(conn: Connection, scope: Scope, vpc_id: str) -> Vpc | None:
    """A VPC that is not on its way out, its row locked: who writes what is in it holds this first."""
    c = tables.vpcs.c
    mine = (c.id == vpc_id, c.project_id == scope.project_id, c.region == scope.region)
    if conn.execute(select(c.id).where(*mine).with_for_update()).first() is None:
        return None
    return VPCS.one(conn, scope, id=vpc_id, state=STANDING)


def add(conn: Connection, scope: Scope, vpc: Vpc) -> None:
    """Write a new VPC, of which all is there."""
    VPCS.add(conn, scope, vpc, due_at=None, epoch=0)


def end(conn: Connection, scope: Scope, vpc_id: str, at: datetime) -> None:
    """Put a VPC on its way out, with what came with it; engines take it from the cloud from then on."""
    VPCS.change(conn, scope, vpc_id, state=Progress.DELETING)
    for records in (ROUTE_ASSOCIATIONS, ROUTE_TABLES, ACL_ASSOCIATIONS, ACLS):
        records.remove(conn, scope, vpc_id=vpc_id)
    security_groups.end_standard(conn, scope, vpc_id, at)
    pull(conn, vpc_id, at)


def pull(conn: Connection, vpc_id: str, at: datetime) -> None:
    """Have an engine bring the cloud to what the rows of a VPC say."""
    LEASED_VPCS.pull(conn, (vpc_id,), at)


def attach(conn: Connection, scope: Scope, gateway_id: str, vpc_id: str, at: datetime) -> bool:
    """Give a gateway that is at no VPC to one, which engines lead to the outside; False where another was quicker.

    The VPC counts as closed whatever its row said: the cloud may have closed it, and nobody wrote that down.
    """
    c = tables.internet_gateways.c
    free = (c.id == gateway_id, c.project_id == scope.project_id, c.region == scope.region, c.vpc_id.is_(None))
    if not conn.execute(update(tables.internet_gateways).where(*free).values(vpc_id=vpc_id)).rowcount:
        return False
    VPCS.change(conn, scope, vpc_id, gateway=False)
    pull(conn, vpc_id, at)
    return True


def detach(conn: Connection, scope: Scope, gateway_id: str, vpc_id: str, at: datetime) -> None:
    """Take a gateway from a VPC, which engines close: it counts as led to the outside, as the cloud may have led it."""
    GATEWAYS.change(conn, scope, gateway_id, vpc_id=None)
    VPCS.change(conn, scope, vpc_id, gateway=True)
    pull(conn, vpc_id, at)


def hops(conn: Connection, scope: Scope, vpc_id: str) -> dict[str, Hop]:
    """Block -> where it is led to, of the routes to interfaces in the tables that count in a VPC."""
    counting = {each.table_id for each in ROUTE_ASSOCIATIONS.all(conn, scope, vpc_id=vpc_id)}
    found: dict[str, Hop] = {}
    for table in ROUTE_TABLES.all(conn, scope, vpc_id=vpc_id):
        found |= table.hops if table.id in counting else {}
    return found


def pull_led(conn: Connection, scope: Scope, tables: Iterable[str], at: datetime) -> None:
    """The same of VPCs whose tables of these digits lead to interfaces: which tables count there is about to change."""
    for table in ROUTE_TABLES.of(conn, scope, [*tables]).values():
        if table.hops:
            pull(conn, table.vpc_id, at)


def set_options(conn: Connection, scope: Scope, vpc: Vpc, options_id: str, at: datetime) -> None:
    """Give a VPC other DHCP options; engines tell the cloud.

    Its subnets count as told the servers of names that they had by the options before: the cloud may have been told
    these, and nobody wrote that down.
    """
    known = DHCP_OPTIONS.of(conn, scope, (vpc.dhcp_options_id, options_id))
    before, after = (known[each].dns if each in known else () for each in (vpc.dhcp_options_id, options_id))
    for subnet in SUBNETS.all(conn, scope, vpc_id=vpc.id, state=STANDING) if before != after else ():
        SUBNETS.change(conn, scope, subnet.id, dns=before)
    VPCS.change(conn, scope, vpc.id, dhcp_options_id=options_id)
    pull(conn, vpc.id, at)


def lock_options(conn: Connection, scope: Scope, options_id: str) -> bool:
    """Whether there are such options, their row locked: they stay while a VPC is given them."""
    c = tables.dhcp_options.c
    mine = (c.id == options_id, c.project_id == scope.project_id, c.region == scope.region)
    return conn.execute(select(c.id).where(*mine).with_for_update()).first() is not None


def begin(conn: Connection, scope: Scope, making: Making, until: datetime) -> None:
    """Remember what the cloud is about to be asked for; an engine takes it away when it has no row by then."""
    MAKINGS.add(conn, scope, making, due_at=until, epoch=0)


def count_asked(conn: Connection, scope: Scope, records: Records[R], kind: str, **equal: object) -> int:
    """How many there are of what the cloud makes, with those that it was asked for and that have no row yet.

    In one statement: what gets its row meanwhile is counted once.
    """
    there, asked = records.counted(scope, **equal), MAKINGS.counted(scope, kind=kind)
    return int(conn.execute(select(there + asked)).scalar_one())


def abandon(conn: Connection, token: str, at: datetime) -> None:
    """Nobody will make a row of it: an engine takes it away then."""
    LEASED_MAKINGS.pull(conn, (token,), at)


def made(conn: Connection, scope: Scope, token: str) -> bool:
    """What was asked for has its row from now on; False where an engine has begun to take it away."""
    return bool(MAKINGS.remove(conn, scope, id=token, owner=None))
