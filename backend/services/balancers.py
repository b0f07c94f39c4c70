"""Load balancers that are made here: made, changed and deleted; the engine brings the cloud's to what the rows say."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final, TypeVar

from backend.clock import Clock
from backend.domain import address_findings, balancer_findings, ids, launch_findings, security_group_findings
from backend.domain.balancers import (
    PUBLIC,
    BalancerKind,
    BalancerListener,
    BalancerState,
    LoadBalancer,
    TargetGroup,
    new_digits,
)
from backend.domain.names import Names
from backend.domain.scope import Scope
from backend.drivers.balancer_making import BalancerMaking, Part
from backend.drivers.balancer_plans import balancer_plan
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.drivers.errors import CloudError, OutcomeUnknown
from backend.drivers.network import SecurityGroup, Subnet
from backend.services import limits
from backend.services.catalog import asking
from backend.services.cloud_errors import finding_of
from backend.store import addresses, balancers, counting, resource_tags
from backend.store.balancers import BALANCERS, GROUPS, LISTENERS, RULES, TARGETS
from backend.store.launch_addresses import LAUNCH_ADDRESSES
from backend.store.session import Connection, Store

PROTECTION: Final = "deletion_protection.enabled"
_REQUEST: Final = timedelta(minutes=2)
"""A request that makes a balancer is over by then: an engine takes the row up."""


@dataclass(frozen=True, slots=True)
class NewBalancer:
    """A balancer as it is asked for; ``subnets`` of one network, each in a zone of its own."""

    name: str
    kind: BalancerKind
    scheme: str
    subnets: Sequence[Subnet]
    security_groups: Sequence[SecurityGroup] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


Revise = Callable[[LoadBalancer], Mapping[str, Any]]
"""Fields of a balancer by those that it has."""


def tag_id(digits: str) -> str:
    """What tags of a thing of load balancing are kept by."""
    return f"elb/{digits}"


def making_of(cloud: Cloud) -> BalancerMaking:
    """Raises BalancingLacks where balancers are made with the cloud's own tools."""
    if cloud.balancer_making is None:
        raise balancer_findings.BalancingLacks("Load balancers cannot be created in this cloud")
    return cloud.balancer_making


class BalancersIn:
    """Balancers as what has addresses in subnets, those that are being deleted among them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, scope: Scope, subnets: Collection[str]) -> bool:
        with self._store.read() as conn:
            return any(not subnets_of.isdisjoint(subnets) for subnets_of in _subnets(conn, scope))


class LoadBalancers:
    """Balancers by the 16 digits of their ARN.

    Args:
        names: how their DNS names are formed.
    """

    def __init__(self, store: Store, cloud: Cloud, catalog: Catalog, clock: Clock, names: Names | None = None) -> None:
        self._names = names or Names()
        self._store = store
        self._cloud = cloud
        self._catalog = catalog
        self._clock = clock

    def all(self, scope: Scope) -> Sequence[LoadBalancer]:
        """Those that are not being deleted, by name."""
        with self._store.read() as conn:
            found = [each for each in BALANCERS.all(conn, scope) if not each.gone]
        return sorted(found, key=lambda each: (each.name, each.id))

    def get(self, scope: Scope, balancer_id: str) -> LoadBalancer:
        """Raises BalancerNotFound."""
        with self._store.read() as conn:
            return present(conn, scope, balancer_id)

    def dns_name(self, scope: Scope, balancer: LoadBalancer) -> str:
        """Where clients find it."""
        name = balancer.name if balancer.scheme == PUBLIC else f"internal-{balancer.name}"
        public = self._public_address(scope, balancer) if self._names.tells_address else None
        address = public or balancer.address or "0.0.0.0"  # noqa: S104 - until the cloud has told one
        return self._names.of_balancer(name, balancer.id, scope.region, address)

    def _public_address(self, scope: Scope, balancer: LoadBalancer) -> str | None:
        """The public address that leads to it, where one was taken for it."""
        if balancer.scheme != PUBLIC or balancer.cloud_id is None:
            return None
        with self._store.read() as conn:
            found = LAUNCH_ADDRESSES.one(conn, scope, id=balancer.cloud_id, bound=True)
        return None if found is None else found.address

    def subnets(self, scope: Scope, shorts: Sequence[str]) -> Sequence[Subnet]:
        """Subnets by their short ids.

        Raises:
            SubnetNotFound
            CloudNotReached, NotPermitted: the cloud could not be asked.
        """
        found = []
        with asking():
            for short in shorts:
                subnet = self._catalog.subnet(scope, short)
                if subnet is None:
                    raise launch_findings.SubnetNotFound(short)
                found.append(subnet)
        return found

    def security_groups(self, scope: Scope, shorts: Sequence[str], network_id: str) -> Sequence[SecurityGroup]:
        """Groups by their short ids; the network's default one where none are named.

        Raises:
            SecurityGroupNotFound
            CloudNotReached, NotPermitted: the cloud could not be asked.
        """
        found = []
        with asking():
            if not shorts:
                every = [each for each in self._catalog.security_groups(scope) if each.name == "default"]
                if all(each.network_id != network_id for each in every):  # another process may just have made it
                    self._catalog.drop("security_groups", scope)
                    every = [each for each in self._catalog.security_groups(scope) if each.name == "default"]
                here = [each for each in every if each.network_id == network_id]
                return (here or [each for each in every if each.everywhere])[:1]
            for short in dict.fromkeys(shorts):
                group = self._catalog.security_group(scope, short)
                if group is None or not (group.everywhere or group.network_id == network_id):
                    raise security_group_findings.SecurityGroupNotFound(short)
                found.append(group)
        return found

    def create(self, scope: Scope, wanted: NewBalancer) -> LoadBalancer:
        """Make a balancer; the same settings under the same name tell the one that is there.

        The row comes first: whatever the cloud makes afterwards is found by it.

        Raises:
            BalancerExists, LimitExceeded, BalancingLacks
            AllocationMissing, AddressBusy: of the project's own address that is to lead to it.
            QuotaExceeded, CloudRefused, NoBalancing, CloudNotReached, NotPermitted: the cloud's, and nothing is kept.
        """
        making = making_of(self._cloud)
        made = self.planned(wanted)
        kept = counting.transact(self._store, lambda conn: self._add(conn, scope, made, wanted))
        if kept.id != made.id:
            return kept
        try:
            tree = making.create(scope, balancer_plan(made))
        except OutcomeUnknown:
            self._store.transact(lambda conn: balancers.pull(conn, made.id, self._clock.now()))
            return made
        except CloudError as error:
            here = self._store.transact(lambda conn: _forget(conn, scope, made.id, self._clock))
            if here is None:
                raise finding_of(error) from error
            return here

        def work(conn: Connection) -> None:
            BALANCERS.change(conn, scope, made.id, cloud_id=tree.id, address=tree.address)
            balancers.pull(conn, made.id, self._clock.now())

        self._store.transact(work)
        return replace(made, cloud_id=tree.id, address=tree.address)

    def delete(self, scope: Scope, balancer_id: str) -> None:
        """Delete a balancer with its listeners and rules; one that is gone is no fault.

        Its target groups stay, but for those of a classic balancer, which are its own and go with its instances.

        Raises:
            BalancerProtected
        """

        def work(conn: Connection) -> None:
            try:
                found = locked(conn, scope, balancer_id, self._clock)
            except balancer_findings.BalancerNotFound:
                return
            if found.attributes.get(PROTECTION) == "true":
                raise balancer_findings.BalancerProtected(balancer_id)
            for records in (RULES, LISTENERS):
                for each in records.all(conn, scope, balancer_id=balancer_id):
                    resource_tags.remove(conn, scope, tag_id(each.id))
                records.remove(conn, scope, balancer_id=balancer_id)
            balancers.refer(conn, scope, balancer_id)
            TARGETS.remove(conn, scope, group_id=balancer_id)
            GROUPS.remove(conn, scope, balancer_id=balancer_id, classic=True)
            resource_tags.remove(conn, scope, tag_id(balancer_id))
            _let_go(conn, scope, found)
            # Its name is free from now on. When it was made is told to nobody; what an engine asked for lately and
            # was not refused may still be under way, and is looked for from now on.
            since = found.created_at if found.state is BalancerState.FAILED else self._clock.now()
            gone = {"state": BalancerState.DELETING, "family": balancer_id, "created_at": since}
            BALANCERS.change(conn, scope, balancer_id, **gone)

        self._store.transact(work)

    def change(self, scope: Scope, balancer_id: str, revise: Revise | None = None, **values: Any) -> LoadBalancer:
        """Set fields of a balancer; the balancer as it is then. Attributes are set beside those that it has.

        Args:
            revise: asked for further fields while nobody else changes the balancer; it may refuse by raising.

        Raises:
            BalancerNotFound
        """

        def work(conn: Connection) -> LoadBalancer:
            found = locked(conn, scope, balancer_id, self._clock)
            whole = beside(found, values, revise)
            BALANCERS.change(conn, scope, balancer_id, **whole)
            return replace(found, **whole)

        return self._store.transact(work)

    def planned(self, wanted: NewBalancer) -> LoadBalancer:
        """A balancer as ``create`` would begin it, with an id of its own."""
        return LoadBalancer(
            id=new_digits(str(uuid.uuid4())),
            name=wanted.name,
            kind=wanted.kind,
            scheme=wanted.scheme,
            network_id=wanted.subnets[0].network_id,
            subnets=tuple(each.id for each in wanted.subnets),
            zones=tuple(each.zone for each in wanted.subnets),
            security_groups=tuple(each.id for each in wanted.security_groups),
            state=BalancerState.PROVISIONING,
            created_at=self._clock.now(),
            details=wanted.details,
        )

    def _add(self, conn: Connection, scope: Scope, made: LoadBalancer, wanted: NewBalancer) -> LoadBalancer:
        family = "classic" if made.kind is BalancerKind.CLASSIC else "v2"
        kept = BALANCERS.one(conn, scope, family=family, name=made.name)
        if kept is not None:
            tags = resource_tags.of(conn, scope, [tag_id(kept.id)]).get(tag_id(kept.id), {})
            if _settings(kept) != _settings(made) or tags != dict(wanted.tags):
                raise balancer_findings.BalancerExists(made.name)
            return kept
        most = limits.BALANCERS[made.kind]
        count = partial(BALANCERS.count, conn, scope, family=family, kind=str(made.kind))
        counting.check(conn, scope, "balancers", most, count)
        due_at = self._clock.now() + _REQUEST
        BALANCERS.add(conn, scope, made, family=family, due_at=due_at, epoch=0)
        _keep(conn, scope, made)
        resource_tags.put(conn, scope, tag_id(made.id), wanted.tags)
        return made


Kept = TypeVar("Kept", LoadBalancer, TargetGroup, BalancerListener)


def beside(
    thing: Kept, values: Mapping[str, Any], revise: Callable[[Kept], Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """Fields to be set, with attributes beside those that a thing has: requests that set others do not undo them.

    Args:
        revise: asked for further fields, by those that the thing has; it may refuse by raising.
    """
    whole = {**values, **(revise(thing) if revise is not None else {})}
    if "attributes" not in whole:
        return whole
    return {**whole, "attributes": {**thing.attributes, **whole["attributes"]}}


def _subnets(conn: Connection, scope: Scope) -> list[frozenset[str]]:
    return [frozenset(each.subnets) for each in BALANCERS.all(conn, scope)]


def present(conn: Connection, scope: Scope, balancer_id: str) -> LoadBalancer:
    """A balancer that is not being deleted. Raises BalancerNotFound."""
    found = BALANCERS.one(conn, scope, id=balancer_id)
    if found is None or found.gone:
        raise balancer_findings.BalancerNotFound(balancer_id)
    return found


def check_parts(cloud: Cloud, scope: Scope, *parts: Part) -> None:
    """Whether the cloud can give parts of a balancer. Raises BalancingLacks."""
    making = cloud.balancer_making
    for part in parts:
        lack = None if making is None else making.lacks(scope, part)
        if lack is not None:
            raise balancer_findings.BalancingLacks(lack)


def locked(conn: Connection, scope: Scope, balancer_id: str, clock: Clock) -> LoadBalancer:
    """The same, which nobody else changes until the transaction ends; an engine looks after it then."""
    pull(conn, present(conn, scope, balancer_id), clock)
    return present(conn, scope, balancer_id)


def pull(conn: Connection, balancer: LoadBalancer, clock: Clock) -> None:
    """Have an engine look after a balancer: at once, but for one that a request may be about to make."""
    over = clock.now() if balancer.cloud_id is not None else balancer.created_at + _REQUEST
    balancers.pull(conn, balancer.id, max(clock.now(), over))


def _forget(conn: Connection, scope: Scope, balancer_id: str, clock: Clock) -> LoadBalancer | None:
    """Forget a balancer that the cloud did not make; it, where an engine took it up in the meantime.

    That engine may be asking for it just now, or have asked and not heard: what is made then is found by the row.
    """
    balancers.pull(conn, balancer_id, clock.now())
    found = BALANCERS.one(conn, scope, id=balancer_id)
    if found is None or found.cloud_id is not None or balancers.taken_up(conn, scope, balancer_id):
        return found
    resource_tags.remove(conn, scope, tag_id(balancer_id))
    _let_go(conn, scope, found)
    BALANCERS.remove(conn, scope, id=balancer_id)
    return None


def _keep(conn: Connection, scope: Scope, balancer: LoadBalancer) -> None:
    """Keep an address of the project's own for a balancer that is to have it; an engine leads it there."""
    if balancer.allocation_id is None:
        return
    address = addresses.lock_address(conn, scope, balancer.allocation_id)
    if address is None:
        raise address_findings.AllocationMissing(balancer.allocation_id)
    if address.association_id is not None:
        raise address_findings.AddressBusy(address.id, address.association_id)
    addresses.ADDRESSES.change(
        conn, scope, address.id, association_id=ids.new_digits(), interface_id=balancer.interface_id
    )


def _let_go(conn: Connection, scope: Scope, balancer: LoadBalancer) -> None:
    """Let its project have its address back."""
    if balancer.allocation_id is None:
        return
    address = addresses.lock_address(conn, scope, balancer.allocation_id)
    if address is not None and address.interface_id == balancer.interface_id:
        nothing = dict.fromkeys(("association_id", "interface_id", "private_address"))
        addresses.ADDRESSES.change(conn, scope, address.id, **nothing)


def _settings(balancer: LoadBalancer) -> tuple[Any, ...]:
    """What a repeated creation must agree on. Attributes are set afterwards."""
    groups, subnets = sorted(balancer.security_groups), sorted(balancer.subnets)
    return balancer.kind, balancer.scheme, subnets, groups, balancer.wished_address, balancer.allocation_id
