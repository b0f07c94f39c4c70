"""VPCs and subnets as their project makes and ends them: the cloud's one object in the request, then its row.

What is left to do at the cloud is for an engine, which is called by the row. Nothing is open in the store while the
cloud is asked: what it was asked for is remembered before, so that what a crash leaves is taken away.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final, Protocol, TypeVar
from uuid import uuid4

from backend import errors
from backend.clock import Clock
from backend.domain.ids import new_digits, short_id
from backend.domain.network_findings import (
    CidrConflict,
    CidrNeeded,
    CidrOutside,
    NetworkLimit,
    NetworkThingInUse,
    NetworkThingMissing,
    ZoneUnknown,
)
from backend.domain.networks import (
    ALLOW_ALL,
    MAIN,
    SUBNET,
    VPC,
    AclAssociation,
    Making,
    NetworkAcl,
    Progress,
    RouteAssociation,
    RouteTable,
    Subnet,
    Vpc,
    lies_in,
    overlap,
)
from backend.domain.scope import Scope
from backend.drivers import errors as cloud_errors
from backend.drivers.catalog import Catalog, PublicSubnets
from backend.drivers.cloud import Cloud
from backend.drivers.errors import CloudUnavailable
from backend.drivers.network_making import NetworkMaking, NewSubnet
from backend.services import network_limits as limits
from backend.services.catalog import asking
from backend.services.network_reader import NetworkReader, regions_own, vpc_by
from backend.store import counting, security_groups
from backend.store import networks as rows
from backend.store.session import Connection, Store

T = TypeVar("T")
MAKING_TIME: Final = timedelta(minutes=10)
"""How long the cloud may take to make one thing: what has no row by then is taken away."""

UNHEARD: Final = timedelta(minutes=2)
"""What the cloud has not made by then, after its answer was lost, it did not hear of."""


class DefaultGroups(Protocol):
    """The security groups that come and go with VPCs."""

    def make_default(self, scope: Scope, network_id: str) -> None:
        """Make the group that a VPC has by itself, by the cloud's id of the VPC; safe to repeat.

        Raises:
            Finding: the cloud will not.
        """
        ...

    def others_of(self, scope: Scope, vpc: str) -> bool:
        """Whether a VPC, by its digits, has groups beside its own."""
        ...


class Occupants(Protocol):
    """What has addresses in subnets."""

    def of(self, scope: Scope, subnets: Collection[str]) -> bool:
        """Whether anything is in one of these, given by cloud ids."""
        ...


def public_in(store: Store) -> PublicSubnets:
    """Which subnets give public addresses to launches, as a catalog asks for them."""

    def public(scope: Scope) -> frozenset[str]:
        try:
            with store.read() as conn:
                found = rows.SUBNETS.all(conn, scope, public_by_default=True)
        except errors.StoreUnavailable as error:
            raise CloudUnavailable(str(error)) from error
        return frozenset(each.cloud_id for each in found)

    return public


class PortsIn:
    """Whatever has addresses in subnets that are made here, servers among it: one question to the cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def of(self, scope: Scope, subnets: Collection[str]) -> bool:
        making = self._cloud.network_making
        with asking():
            return making is not None and making.occupied(scope, subnets)


class AllIn:
    """Occupants of several kinds as one."""

    def __init__(self, *occupants: Occupants) -> None:
        self._occupants = occupants

    def of(self, scope: Scope, subnets: Collection[str]) -> bool:
        return any(each.of(scope, subnets) for each in self._occupants)


@dataclass(frozen=True, slots=True)
class Gone:
    """What went with a VPC, by digits of ids."""

    tables: Sequence[str]
    acls: Sequence[str]


class Networks:
    """Every write may raise CloudNotReached, NotPermitted, CloudRefused or OutcomeUnclear where it asks the cloud;
    NetworkThingMissing where something does not exist, NotOurs where the cloud has it otherwise.

    Args:
        groups: the security groups of VPCs.
        occupants: what keeps subnets from going.
    """

    def __init__(  # noqa: PLR0917 - one port each
        self, store: Store, cloud: Cloud, catalog: Catalog, clock: Clock, groups: DefaultGroups, occupants: Occupants
    ) -> None:
        self._store = store
        self._cloud = cloud
        self._catalog = catalog
        self._clock = clock
        self._groups = groups
        self._occupants = occupants
        self.seen = NetworkReader(store, cloud, catalog)

    def create_vpc(self, scope: Scope, cidr: str) -> Vpc:
        """Make a VPC with its main table, its list of access and its group.

        Raises:
            NetworkLimit: the project has as many as it may.
            QuotaExceeded: at the cloud.
        """

        def check(conn: Connection) -> None:
            count = partial(rows.count_asked, conn, scope, rows.VPCS, VPC, state=rows.STANDING)
            counting.check(conn, scope, "vpc", limits.VPCS, count, NetworkLimit)

        token = self._begin(scope, VPC, check)
        making = self._making
        cloud_id = self._ask(
            scope, token, partial(making.make_vpc, scope, token), partial(making.find_vpc, scope, token)
        )
        vpc = Vpc(short_id(cloud_id), cloud_id, cidr, new_digits(), Progress.AVAILABLE, self._clock.now())
        try:
            # The group is first: of a VPC that has its row all is there, and what has none is taken away.
            self._groups.make_default(scope, cloud_id)
            self._settled(scope, token, lambda conn: _write_vpc(conn, scope, vpc))
        except errors.Finding:
            self._store.transact(lambda conn: self._abandon_vpc(conn, scope, vpc.id, token))
            raise
        self._catalog.drop("networks", scope)
        return replace(vpc, state=Progress.PENDING)

    def delete_vpc(self, scope: Scope, vpc_id: str) -> Gone:
        """End a VPC, and with it what came with it.

        Raises:
            NetworkThingInUse: subnets, gateways, tables or lists of its own, or groups are in it.
        """
        self._vpc(scope, vpc_id)
        if self._groups.others_of(scope, vpc_id):
            raise NetworkThingInUse("vpc", vpc_id)

        def work(conn: Connection) -> Gone:
            if rows.lock(conn, scope, vpc_id) is None:
                raise NetworkThingMissing("vpc", vpc_id)
            gone = _check_empty(conn, scope, vpc_id)
            rows.end(conn, scope, vpc_id, self._clock.now())
            return gone

        gone = self._store.transact(work)
        self._drop(scope)
        return gone

    def set_vpc(self, scope: Scope, vpc_id: str, **values: bool) -> None:
        """Keep attributes of a VPC: fields of it."""
        seen = self.seen.vpcs(scope, [vpc_id])
        shown = next((each for each in seen if each.id == vpc_id and each.adopted), None)
        if shown is not None and all(getattr(shown.vpc, name) == value for name, value in values.items()):
            return
        if not self._store.transact(lambda conn: _change(conn, rows.VPCS, scope, vpc_id, values)):
            raise self.seen.refusal(scope, "vpc", vpc_id)

    def set_dhcp_options(self, scope: Scope, vpc_id: str, options_id: str) -> None:
        """Give a VPC other options; empty digits are the region's own."""
        if options_id == regions_own(scope).id:
            options_id = ""

        def work(conn: Connection) -> bool:
            if options_id and not rows.lock_options(conn, scope, options_id):
                raise NetworkThingMissing("dhcp-options", options_id)
            vpc = rows.lock(conn, scope, vpc_id)
            if vpc is None:
                return False
            rows.set_options(conn, scope, vpc, options_id, self._clock.now())
            return True

        if not self._store.transact(work):
            raise self.seen.refusal(scope, "vpc", vpc_id)

    def associate_cidr(self, scope: Scope, vpc_id: str, cidr: str) -> str:
        """Give a VPC another block; the digits of its association.

        Raises:
            CidrConflict: with a block of the VPC, or a route of its tables leads a part of it somewhere.
            NetworkLimit

        Source: Amazon VPC User Guide, "VPC CIDR blocks": it may not be the same as, or larger than, the destination of
        a route in any of the VPC's tables.
        """

        def work(conn: Connection) -> str | None:
            vpc = rows.lock(conn, scope, vpc_id)
            if vpc is None:
                return None
            if any(overlap(cidr, each) for each in vpc.cidrs):
                raise CidrConflict("vpc", cidr)
            tables = rows.ROUTE_TABLES.all(conn, scope, vpc_id=vpc_id)
            if any(lies_in(led, cidr) for table in tables for led in table.routes):
                raise CidrConflict("route", cidr)
            if len(vpc.cidrs) >= limits.CIDRS_OF_VPC:
                raise NetworkLimit("cidr-association", limits.CIDRS_OF_VPC, vpc_id)
            association = new_digits()
            rows.VPCS.change(conn, scope, vpc_id, further={**vpc.further, association: cidr})
            return association

        made = self._store.transact(work)
        if made is None:
            raise self.seen.refusal(scope, "vpc", vpc_id)
        return made

    def disassociate_cidr(self, scope: Scope, association_id: str) -> tuple[Vpc, str]:
        """Take a block from a VPC; the VPC as it was, and the block.

        Raises:
            CidrNeeded: it is the first, or subnets lie in it.
        """

        def work(conn: Connection) -> tuple[Vpc, str]:
            vpcs = rows.VPCS.all(conn, scope, state=rows.STANDING)
            owner = next((each for each in vpcs if association_id in each.associations), None)
            vpc = rows.lock(conn, scope, owner.id) if owner else None
            if vpc is None or association_id not in vpc.associations:
                raise NetworkThingMissing("cidr-association", association_id)
            cidr = vpc.associations[association_id]
            subnets = rows.SUBNETS.all(conn, scope, vpc_id=vpc.id, state=rows.STANDING)
            if association_id == vpc.association_id or any(lies_in(each.cidr, cidr) for each in subnets):
                raise CidrNeeded(association_id, association_id == vpc.association_id)
            left = {key: value for key, value in vpc.further.items() if key != association_id}
            rows.VPCS.change(conn, scope, vpc.id, further=left)
            return vpc, cidr

        return self._store.transact(work)

    def create_subnet(self, scope: Scope, vpc_id: str, cidr: str, zone: str | None) -> Subnet:
        """Make a subnet of a VPC.

        Args:
            zone: name or id; None takes the first that is open.

        Raises:
            CidrOutside
            CidrConflict
            ZoneUnknown
            NetworkLimit
            QuotaExceeded: at the cloud.
        """
        placed = self._zone(scope, zone)
        vpc = self._vpc(scope, vpc_id)
        check = partial(_check_subnet, scope=scope, vpc_id=vpc_id, cidr=cidr)
        token = self._begin(scope, SUBNET, check)
        with self._store.read() as conn:
            options = rows.DHCP_OPTIONS.one(conn, scope, id=vpc.dhcp_options_id)
        dns = options.dns if options else ()
        making = self._making
        new = NewSubnet(vpc.cloud_id, cidr, placed, dns)
        make = partial(making.make_subnet, scope, token, new)
        made = self._ask(scope, token, make, partial(make, again=True))
        subnet = Subnet(
            id=short_id(made.id),
            cloud_id=made.id,
            network_id=made.network_id,
            vpc_id=vpc_id,
            cidr=cidr,
            zone=placed,
            state=Progress.AVAILABLE if making.at_once else Progress.PENDING,
            created_at=self._clock.now(),
            dns=dns,
        )

        def write(conn: Connection) -> None:
            check(conn)
            rows.SUBNETS.add(conn, scope, subnet)
            (default,) = rows.ACLS.all(conn, scope, vpc_id=vpc_id, is_default=True)
            rows.ACL_ASSOCIATIONS.add(conn, scope, AclAssociation(new_digits(), vpc_id, default.id, subnet.id))
            rows.pull(conn, vpc_id, self._clock.now())

        self._settled(scope, token, write)
        self._catalog.drop("subnets", scope)
        return subnet

    def delete_subnet(self, scope: Scope, subnet_id: str) -> None:
        """End a subnet.

        Raises:
            NetworkThingInUse: something has an address of it.
        """
        with self._store.read() as conn:
            subnet = rows.SUBNETS.one(conn, scope, id=subnet_id, state=rows.STANDING)
        if subnet is None:
            raise self.seen.refusal(scope, "subnet", subnet_id)
        if self._occupants.of(scope, [subnet.cloud_id]):
            raise NetworkThingInUse("subnet", subnet_id)

        def work(conn: Connection) -> None:
            rows.lock(conn, scope, subnet.vpc_id)
            if not _change(conn, rows.SUBNETS, scope, subnet_id, {"state": Progress.DELETING}):
                raise NetworkThingMissing("subnet", subnet_id)
            rows.ROUTE_ASSOCIATIONS.remove(conn, scope, subnet_id=subnet_id)
            rows.ACL_ASSOCIATIONS.remove(conn, scope, subnet_id=subnet_id)
            rows.pull(conn, subnet.vpc_id, self._clock.now())

        self._store.transact(work)
        self._drop(scope)

    def set_subnet(self, scope: Scope, subnet_id: str, **values: object) -> None:
        """Keep attributes of a subnet: fields of it."""
        shown = next((each for each in self.seen.subnets(scope) if each.id == subnet_id and each.adopted), None)
        if shown is not None and all(getattr(shown.subnet, name) == value for name, value in values.items()):
            return
        if not self._store.transact(lambda conn: _change(conn, rows.SUBNETS, scope, subnet_id, values)):
            raise self.seen.refusal(scope, "subnet", subnet_id)

    @property
    def _making(self) -> NetworkMaking:
        making = self._cloud.network_making
        if making is None:
            raise errors.CloudRefused("networks are made with the cloud's own tools")
        return making

    def _vpc(self, scope: Scope, vpc_id: str) -> Vpc:
        with self._store.read() as conn:
            vpc = vpc_by(conn, scope, vpc_id)
        if vpc is None:
            raise self.seen.refusal(scope, "vpc", vpc_id)
        return vpc

    def _zone(self, scope: Scope, wanted: str | None) -> str:
        with asking():
            zones = self._catalog.zones(scope)
        known = [zone.name for zone in zones]
        for zone in zones:
            if wanted in {zone.name, zone.zone_id} or (wanted is None and zone.available):
                return zone.name
        raise ZoneUnknown(wanted or "", known)

    def _begin(self, scope: Scope, kind: str, check: Callable[[Connection], Any]) -> str:
        """Remember what the cloud is about to be asked for, where nothing speaks against it; its token."""
        token, now = str(uuid4()), self._clock.now()

        def work(conn: Connection) -> None:
            check(conn)
            rows.begin(conn, scope, Making(token, kind, now), now + MAKING_TIME)

        self._making  # noqa: B018 - refuses where networks are not made
        self._store.transact(work)
        return token

    def _ask(self, scope: Scope, token: str, make: Callable[[], T], find: Callable[[], T | None]) -> T:
        """What the cloud made; where its answer was lost it is looked for, once."""
        try:
            with asking():
                try:
                    return make()
                except cloud_errors.OutcomeUnknown:
                    found = None
                    with suppress(cloud_errors.CloudError):  # which leaves what was made as unclear as before
                        found = find()
                    if found is None:
                        raise
                    return found
        except errors.Finding as found:
            # What was not heard may be under way still.
            pause = UNHEARD if isinstance(found, errors.OutcomeUnclear) else timedelta(0)
            self._store.transact(lambda conn: rows.abandon(conn, token, self._clock.now() + pause))
            raise

    def _settled(self, scope: Scope, token: str, write: Callable[[Connection], Any]) -> None:
        """Write the row of what was made; where that cannot be any more, an engine takes it away."""

        def work(conn: Connection) -> None:
            if not rows.made(conn, scope, token):
                raise errors.StaleRead(token)
            write(conn)

        try:
            self._store.transact(work)
        except errors.Finding:
            self._store.transact(lambda conn: rows.abandon(conn, token, self._clock.now()))
            raise

    def _abandon_vpc(self, conn: Connection, scope: Scope, vpc_id: str, token: str) -> None:
        """An engine takes away what was made of a VPC, at once."""
        rows.abandon(conn, token, self._clock.now())
        security_groups.end_standard(conn, scope, vpc_id, self._clock.now())

    def _drop(self, scope: Scope) -> None:
        for noun in ("networks", "subnets", "security_groups"):
            self._catalog.drop(noun, scope)


def _write_vpc(conn: Connection, scope: Scope, vpc: Vpc) -> None:
    rows.add(conn, scope, vpc)
    table = RouteTable(new_digits(), vpc.id, vpc.created_at)
    rows.ROUTE_TABLES.add(conn, scope, table)
    rows.ROUTE_ASSOCIATIONS.add(conn, scope, RouteAssociation(new_digits(), vpc.id, table.id, MAIN))
    rows.ACLS.add(conn, scope, NetworkAcl(new_digits(), vpc.id, True, vpc.created_at, ALLOW_ALL))


def _check_empty(conn: Connection, scope: Scope, vpc_id: str) -> Gone:
    """What goes with a VPC; raises NetworkThingInUse where more than that is in it."""
    tables = rows.ROUTE_TABLES.all(conn, scope, vpc_id=vpc_id)
    acls = rows.ACLS.all(conn, scope, vpc_id=vpc_id)
    own = (
        rows.SUBNETS.count(conn, scope, vpc_id=vpc_id, state=rows.STANDING)
        or rows.GATEWAYS.count(conn, scope, vpc_id=vpc_id)
        or len(tables) > 1
        or not all(acl.is_default for acl in acls)
    )
    if own:
        raise NetworkThingInUse("vpc", vpc_id)
    return Gone([each.id for each in tables], [each.id for each in acls])


def _check_subnet(conn: Connection, *, scope: Scope, vpc_id: str, cidr: str) -> None:
    vpc = rows.lock(conn, scope, vpc_id)
    if vpc is None:
        raise NetworkThingMissing("vpc", vpc_id)
    if not any(lies_in(cidr, each) for each in vpc.cidrs):
        raise CidrOutside(cidr)
    subnets = rows.SUBNETS.all(conn, scope, vpc_id=vpc_id, state=rows.STANDING)
    if any(overlap(cidr, each.cidr) for each in subnets):
        raise CidrConflict("subnet", cidr)
    if len(subnets) >= limits.SUBNETS_OF_VPC:
        raise NetworkLimit("subnet", limits.SUBNETS_OF_VPC, vpc_id)


def _change(conn: Connection, records: Any, scope: Scope, thing: str, values: Any) -> bool:
    """Set fields of one that is not on its way out."""
    if records.one(conn, scope, id=thing, state=rows.STANDING) is None:
        return False
    return bool(records.change(conn, scope, thing, **values))
