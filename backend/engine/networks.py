"""Networks that projects make: the cloud is brought to what the rows of a VPC say, and what has no row is taken away.

Every call may be made twice. One that fails leaves its row as it is, and all is looked at again some seconds later.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from backend.domain.addresses import ADDRESS, ENDING, INTERFACE, JOINING, LEADING
from backend.domain.ids import short_id
from backend.domain.networks import SUBNET, VPC, Hop, Progress, Subnet, Vpc
from backend.domain.scope import Scope
from backend.drivers.address_making import AddressMaking, InterfaceMaking
from backend.drivers.errors import Busy, CloudError, QuotaExceeded, Refused
from backend.drivers.network_making import ExtraRoute, MadeSubnet, NetworkMaking
from backend.engine import extra_routes, interface_ends
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.joining import join
from backend.engine.lanes import Call, answer_of, error_of
from backend.engine.leading import lead
from backend.store import networks as rows
from backend.store import security_groups
from backend.store.networks import MakingLease, VpcLease
from backend.store.session import Connection

LOG: Final = logging.getLogger(__name__)

_MOST_REFUSALS: Final = 5
"""Of single routes: a cloud that refuses more of them has something against all."""

Steps = Generator[Sequence[Call] | Write, Any, Any]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the rows of a VPC say.

    Attributes:
        outside: it has a gateway.
        hops: block -> where it is led to, of routes to interfaces in tables that count: the main one, and of subnets.
    """

    vpc: Vpc
    subnets: Sequence[Subnet]
    outside: bool
    dns: tuple[str, ...]
    hops: Mapping[str, Hop] = field(default_factory=dict)


def settle_vpc(context: Context, lease: VpcLease) -> Job:
    """Bring the cloud to what a VPC's rows say."""
    work = _Settling(context, lease)
    plan: _Plan | None = yield Write(work.read)
    if plan is None:
        return
    lacking = yield from work.unroute(plan)  # which keeps subnets from being parted
    for subnet in plan.subnets:
        yield from work.subnet(plan, subnet)
    if plan.vpc.state is Progress.DELETING:
        yield from work.end(plan)
    elif plan.outside != plan.vpc.gateway:
        yield from work.gateway(plan)
    yield from work.route(plan, lacking)
    yield Write(work.release)


@dataclass(slots=True)
class _Settling:
    """The work on one VPC.

    Attributes:
        retry: when what could not be done is tried again; None: all is done.
        watched: routes lead to interfaces: it is looked at again, whatever comes of this.
        joined: digits of subnets that the VPC leads to.
        moved: blocks of extra routes that were taken away.
    """

    context: Context
    lease: VpcLease
    retry: timedelta | None = None
    watched: bool = False
    joined: set[str] = field(default_factory=set)
    moved: frozenset[str] = frozenset()

    @property
    def scope(self) -> Scope:
        return self.lease.scope

    @property
    def making(self) -> NetworkMaking | None:
        return self.context.cloud.network_making

    def read(self, conn: Connection) -> _Plan | None:
        if rows.LEASED_VPCS.fence(conn, self.lease) is None:
            return None
        vpc = rows.VPCS.one(conn, self.scope, id=self.lease.vpc_id)
        if vpc is None:
            return None
        options = rows.DHCP_OPTIONS.one(conn, self.scope, id=vpc.dhcp_options_id)
        subnets = rows.SUBNETS.all(conn, self.scope, vpc_id=vpc.id)
        self.joined = {each.id for each in subnets if each.state is Progress.AVAILABLE}
        hops = rows.hops(conn, self.scope, vpc.id)
        self.watched = bool(hops)
        return _Plan(
            vpc,
            subnets,
            bool(rows.GATEWAYS.count(conn, self.scope, vpc_id=vpc.id)),
            options.dns if options else (),
            hops,
        )

    def unroute(self, plan: _Plan) -> Generator[Sequence[Call] | Write, Any, frozenset[ExtraRoute]]:
        """Take away the extra routes that are wanted no more; those that are wanted and not there.

        What the cloud is about to be told is written before that: a crash leaves no route that nobody takes away.
        """
        told = frozenset(ExtraRoute(*each) for each in (plan.vpc.routed or {}).items())
        if not told and not plan.hops:
            return frozenset()
        router, near = plan.vpc.cloud_id, extra_routes.near(plan.hops, plan.subnets)
        made = [MadeSubnet(each.cloud_id, each.network_id) for each in near]
        asked: list[Callable[[NetworkMaking], object]] = [lambda making: making.extra_routes(self.scope, router)]
        if made:
            asked.append(lambda making: making.held_addresses(self.scope, made))
        answers, _ = yield from self._answers(*asked)
        if answers is None:
            return frozenset()
        there: frozenset[ExtraRoute] = answers[0]
        wanted = extra_routes.wanted(plan.hops, answers[1]) if made else frozenset()
        stale = (told & there) - wanted
        if stale:
            if not (yield from self._done(lambda making: making.remove_extra_routes(self.scope, router, stale))):
                return frozenset()
            self.moved = frozenset(each.cidr for each in stale)
            self._tell("taken away", stale)
        routed = {each.cidr: each.next_hop for each in wanted}
        if told != wanted and not (yield Write(partial(self._set_vpc, {"routed": routed}))):
            return frozenset()
        return wanted - there

    def route(self, plan: _Plan, lacking: frozenset[ExtraRoute]) -> Steps:
        """Add extra routes, as far as the VPC leads to the subnets of their next hops.

        Of several the cloud takes all or none. Where it refuses them, those that it would take come one by one, and at
        a quota those first that led elsewhere until now: one route too many keeps no other from moving.
        """
        joined = [each for each in plan.subnets if each.id in self.joined]
        ready = extra_routes.within(lacking, joined)
        error = (yield from self._add(plan, ready)) if ready else None
        if len(ready) < 2 or not _is_final(error):
            return
        refusals = 0
        for each in sorted(ready, key=lambda route: (route.cidr not in self.moved, route)):
            error = yield from self._add(plan, frozenset({each}))
            refusals += error is not None
            goes_on = error is None or (_is_final(error) and not isinstance(error, QuotaExceeded))
            if not goes_on or refusals == _MOST_REFUSALS:
                return

    def _add(self, plan: _Plan, routes: frozenset[ExtraRoute]) -> Generator[Sequence[Call], Any, CloudError | None]:
        """Add routes; why the cloud did not."""
        router = plan.vpc.cloud_id
        done, error = yield from self._answers(lambda making: making.add_extra_routes(self.scope, router, routes))
        if done is not None:
            self._tell("added", routes)
        return error

    def subnet(self, plan: _Plan, subnet: Subnet) -> Steps:
        made = MadeSubnet(subnet.cloud_id, subnet.network_id)
        router = plan.vpc.cloud_id
        if subnet.state is Progress.DELETING:
            if (yield from self._done(lambda making: making.delete_subnet(self.scope, router, made))):
                yield Write(partial(self._drop_subnet, subnet.id))
            return
        if subnet.state is Progress.PENDING and (
            yield from self._done(lambda making: making.join_subnet(self.scope, router, made))
        ):
            self.joined.add(subnet.id)
            yield Write(partial(self._set_subnet, subnet.id, {"state": Progress.AVAILABLE}))
        if subnet.dns != plan.dns and (
            yield from self._done(lambda making: making.set_dns(self.scope, made, plan.dns))
        ):
            yield Write(partial(self._set_subnet, subnet.id, {"dns": plan.dns}))

    def gateway(self, plan: _Plan) -> Steps:
        vpc, outside = plan.vpc.cloud_id, plan.outside
        if (yield from self._done(lambda making: making.lead_out(self.scope, vpc, outside=outside))):
            yield Write(partial(self._set_vpc, {"gateway": outside}))

    def end(self, plan: _Plan) -> Steps:
        if self.retry is not None:  # subnets of it are there still
            return
        if (yield from self._done(lambda making: making.delete_vpc(self.scope, plan.vpc.cloud_id))):
            self.context.held_up.over(self.lease)
            yield Write(self._forget)

    def release(self, conn: Connection) -> None:
        if rows.LEASED_VPCS.fence(conn, self.lease) is not None:
            look = self.context.settings.route_look if self.watched else None
            pauses = [each for each in (self.retry, look) if each is not None]
            if self.retry is None:
                self.context.held_up.over(self.lease)
            rows.LEASED_VPCS.release(conn, self.lease, self.context.now() + min(pauses) if pauses else None)

    def _done(self, call: Callable[[NetworkMaking], object]) -> Generator[Sequence[Call], Any, bool]:
        """Make a call; whether the cloud did it."""
        done, _ = yield from self._answers(call)
        return done is not None

    def _answers(
        self, *calls: Callable[[NetworkMaking], object]
    ) -> Generator[Sequence[Call], Any, tuple[Sequence[Any] | None, CloudError | None]]:
        """Make calls at once; their answers, None where the cloud did not do one of them, and what it said instead."""
        making = self.making
        if making is None:
            self.retry = self.context.settings.refused_retry
            return None, None
        answers = yield [Call(self.scope, partial(answer_of, call, making)) for call in calls]
        error = next((error for error in map(error_of, answers) if error is not None), None)
        if error is None:
            return list(answers), None
        scope, pause = self.scope, self.context.pause(self.lease, error)
        self.retry = min(pause, self.retry or pause)
        LOG.warning("project=%s region=%s vpc-%s waits: %s", scope.project_id, scope.region, self.lease.vpc_id, error)
        return None, error

    def _tell(self, what: str, routes: frozenset[ExtraRoute]) -> None:
        scope, vpc = self.scope, self.lease.vpc_id
        told = ", ".join(f"{each.cidr} by {each.next_hop}" for each in sorted(routes))
        LOG.info("project=%s region=%s vpc-%s routes %s: %s", scope.project_id, scope.region, vpc, what, told)

    def _drop_subnet(self, subnet_id: str, conn: Connection) -> None:
        if rows.LEASED_VPCS.fence(conn, self.lease) is not None:
            rows.SUBNETS.remove(conn, self.scope, id=subnet_id, state=Progress.DELETING)

    def _set_subnet(self, subnet_id: str, values: dict[str, object], conn: Connection) -> None:
        """Write what was done to a subnet that is still wanted."""
        if rows.LEASED_VPCS.fence(conn, self.lease) is None:
            return
        if rows.SUBNETS.one(conn, self.scope, id=subnet_id, state=rows.STANDING) is not None:
            rows.SUBNETS.change(conn, self.scope, subnet_id, **values)

    def _set_vpc(self, values: Mapping[str, object], conn: Connection) -> bool:
        """Write what is true of it, or about to be; whether it is this engine's still."""
        if rows.LEASED_VPCS.fence(conn, self.lease) is None:
            return False
        rows.VPCS.change(conn, self.scope, self.lease.vpc_id, **values)
        return True

    def _forget(self, conn: Connection) -> None:
        rows.LEASED_VPCS.forget(conn, self.lease)


def _is_final(error: CloudError | None) -> bool:
    """Whether the cloud will not do a thing as it was asked for."""
    return isinstance(error, Refused) and not isinstance(error, Busy)


def take_away(context: Context, lease: MakingLease) -> Job:
    """End what was made and found no row: it is known by a token that nobody else has.

    What is noted of an address that is led elsewhere, or of an interface that a server is launched with or that ends
    with its server, is no making: that goes on.
    """
    goes_on = {LEADING: lead, JOINING: join, ENDING: interface_ends.end}.get(lease.kind)
    if goes_on is not None:
        yield from goes_on(context, lease)
        return
    scope, cloud = lease.scope, context.cloud
    makings: dict[str, tuple[Callable[..., object], object]] = {
        VPC: (_end_vpc, cloud.network_making),
        SUBNET: (_end_subnet, cloud.network_making),
        ADDRESS: (_end_address, cloud.addresses),
        INTERFACE: (_end_interface, cloud.interfaces),
    }
    end, making = makings[lease.kind]
    if making is None:
        yield Write(partial(_put_off, lease, context.now() + context.settings.refused_retry))
        return
    (answer,) = yield [Call(scope, partial(answer_of, end, making, scope, lease.token))]
    error = error_of(answer)
    if error is None:
        if answer:
            LOG.warning(
                "project=%s region=%s %s of a request that did not end was taken away: %s",
                *(scope.project_id, scope.region, lease.kind, answer),
            )
        context.held_up.over(lease)
        yield Write(partial(_took_away, context, lease, answer))
        return
    LOG.warning("project=%s region=%s a %s without a row stays: %s", scope.project_id, scope.region, lease.kind, error)
    yield Write(partial(_put_off, lease, context.now() + context.pause(lease, error)))


def _took_away(context: Context, lease: MakingLease, made: str | Sequence[str] | None, conn: Connection) -> None:
    """Of a VPC its group is left to end."""
    if rows.LEASED_MAKINGS.fence(conn, lease) is None:
        return
    if lease.kind == VPC and isinstance(made, str):
        security_groups.end_standard(conn, lease.scope, short_id(made), context.now())
    rows.LEASED_MAKINGS.forget(conn, lease)


def _put_off(lease: MakingLease, until: datetime, conn: Connection) -> None:
    rows.LEASED_MAKINGS.release(conn, lease, until)


def _end_vpc(making: NetworkMaking, scope: Scope, token: str) -> str | None:
    found = making.find_vpc(scope, token)
    if found is not None:
        making.delete_vpc(scope, found)
    return found


def _end_subnet(making: NetworkMaking, scope: Scope, token: str) -> Sequence[str]:
    found = making.find_subnet(scope, token)
    making.delete_networks(scope, found)
    return found


def _end_address(making: AddressMaking, scope: Scope, token: str) -> str | None:
    found = making.find_address(scope, token)
    if found is None:
        return None
    making.release_address(scope, found.id)
    return found.id


def _end_interface(making: InterfaceMaking, scope: Scope, token: str) -> str | None:
    found = making.find_interface(scope, token)
    if found is not None:
        making.delete_interface(scope, found)
    return found
