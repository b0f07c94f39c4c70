"""Public addresses of projects: taken, led to servers and interfaces, given back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from backend import errors
from backend.clock import Clock
from backend.domain.address_findings import (
    AddressBusy,
    AddressInUse,
    AllocationMissing,
    AssociationMissing,
    InterfaceManaged,
)
from backend.domain.addresses import ADDRESS, ADDRESSES, ElasticAddress, Holder
from backend.domain.ids import new_digits, short_id
from backend.domain.scope import Scope
from backend.drivers.address_making import AddressMaking
from backend.drivers.cloud import Cloud
from backend.services.catalog import asking
from backend.services.making import made, settled, twice
from backend.store import addresses as rows
from backend.store import counting, launch_addresses
from backend.store.balancers import BALANCERS
from backend.store.networks import count_asked
from backend.store.session import Store

_LED: Final = "led addresses"
"""Held by who leads one, before any address is: of those that lead to one place there is one."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address leads to.

    Attributes:
        server_id: cloud id of a server, by its own interface.
        interface_id, interface_cloud_id: digits and cloud id of a made interface.
    """

    private_address: str
    server_id: str | None = None
    interface_id: str | None = None
    interface_cloud_id: str | None = None

    @property
    def row(self) -> dict[str, str | None]:
        """What the row of an address says that leads there."""
        return {"server_id": self.server_id} if self.server_id else {"interface_id": self.interface_id}


class Addresses:
    """Every write may raise CloudNotReached, NotPermitted, CloudRefused or OutcomeUnclear."""

    def __init__(self, store: Store, cloud: Cloud, clock: Clock) -> None:
        self._store = store
        self._cloud = cloud
        self._clock = clock

    def list(self, scope: Scope, ids: Collection[str] | None = None) -> Sequence[ElasticAddress]:
        with self._store.read() as conn:
            if ids is None:
                return rows.ADDRESSES.all(conn, scope)
            return [*rows.ADDRESSES.of(conn, scope, ids).values()]

    def of_servers(self, scope: Scope) -> Mapping[str, str]:
        """The public address that leads to each server, by cloud id, as far as it is known here."""
        with self._store.read() as conn:
            launched = launch_addresses.LAUNCH_ADDRESSES.all(conn, scope, bound=True, ended=False, holder=Holder.SERVER)
            kept = rows.ADDRESSES.all(conn, scope)
            first = {each.id: each.server_id for each in rows.INTERFACES.all(conn, scope, device_index=0)}
        found = {each.id: each.address for each in launched if each.address is not None}
        holders = ((each.server_id or first.get(each.interface_id or ""), each.address) for each in kept)
        return found | {server: address for server, address in holders if server is not None}

    def allocate(self, scope: Scope) -> ElasticAddress:
        """Take one.

        Raises:
            LimitExceeded
            QuotaExceeded
            NetworkMissing: the cloud has no public network.
        """
        making = self._making

        def room(conn: Any) -> None:
            count = partial(count_asked, conn, scope, rows.ADDRESSES, ADDRESS)
            counting.check(conn, scope, "floatingips", ADDRESSES, count)

        ask, find = partial(making.allocate_address, scope), partial(making.find_address, scope)
        token, found = made(self._store, self._clock, scope, ADDRESS, room, ask, find)
        address = ElasticAddress(short_id(found.id), found.id, found.address, self._clock.now())
        settled(self._store, scope, token, lambda conn: rows.ADDRESSES.add(conn, scope, address))
        return address

    def release(self, scope: Scope, address_id: str) -> None:
        """Give one back.

        Raises:
            AllocationMissing
            AddressInUse
        """
        address = self._one(scope, address_id)
        if address.association_id is not None:
            raise AddressInUse(address.address)
        with asking():
            self._making.release_address(scope, address.cloud_id)
        self._store.transact(lambda conn: rows.ADDRESSES.remove(conn, scope, id=address_id))

    def associate(self, scope: Scope, address_id: str, place: Place, *, again: bool) -> str:
        """Lead one to a place; the digits of the association. An address that led there leads nowhere then.

        Args:
            again: it may be led away from elsewhere.

        Raises:
            AllocationMissing
            AddressBusy
        """
        making, association = self._making, new_digits()
        if place.server_id is not None:
            self._end_own(scope, place.server_id)
        before, others = self._store.transact(
            lambda conn: self._lead(conn, scope, address_id, place, association, again=again)
        )
        left = [*others]
        try:
            while left:
                twice(partial(making.unbind_address, scope, left[0].cloud_id))
                del left[0]
            bind = partial(
                making.bind_address,
                scope,
                before.cloud_id,
                server_id=place.server_id,
                interface_id=place.interface_cloud_id,
            )
            twice(bind)
            self._store.transact(lambda conn: self._note_led(conn, scope, address_id, place, association, others))
        except errors.Finding:
            # What the cloud may still do as before is told as before, unless somebody said something else meanwhile.
            self._store.transact(lambda conn: _put_back(conn, scope, before, association))
            for other in left:
                self._store.transact(partial(_put_back, scope=scope, before=other, written=None))
            raise
        return association

    def disassociate(self, scope: Scope, association_id: str) -> None:
        """Lead the address of an association nowhere. Raises AssociationMissing."""
        with self._store.read() as conn:
            address = rows.ADDRESSES.one(conn, scope, association_id=association_id)
        if address is None:
            raise AssociationMissing(association_id)
        making, now = self._making, self._clock.now()

        def begin(conn: Any) -> None:
            _refuse_kept(conn, scope, address)
            if rows.lock_address(conn, scope, address.id) is not None:
                rows.note_leading(conn, scope, address, now)

        def done(conn: Any) -> None:
            _put_back(conn, scope, address.free, association_id)
            rows.note_led(conn, scope, address.id, None, self._clock.now())

        self._store.transact(begin)
        twice(partial(making.unbind_address, scope, address.cloud_id))
        self._store.transact(done)

    def part(self, scope: Scope, interface_id: str) -> None:
        """Lead those nowhere that led to a made interface."""
        with self._store.read() as conn:
            found = rows.ADDRESSES.all(conn, scope, interface_id=interface_id)
        for address in found:
            self.disassociate(scope, address.association_id or "")

    def _note_led(  # noqa: PLR0917 - what was led where, and what led there before
        self,
        conn: Any,
        scope: Scope,
        address_id: str,
        place: Place,
        association: str,
        others: Sequence[ElasticAddress],
    ) -> None:
        now = self._clock.now()
        counting.hold(conn, scope, _LED)
        if not rows.note_led(conn, scope, address_id, association, now):
            for each in rows.ADDRESSES.all(conn, scope, **place.row):  # whose way there the cloud may have taken
                rows.note_leading(conn, scope, each, now)
        for each in others:
            rows.note_led(conn, scope, each.id, None, now)

    def _lead(
        self, conn: Any, scope: Scope, address_id: str, place: Place, association: str, *, again: bool
    ) -> tuple[ElasticAddress, Sequence[ElasticAddress]]:
        """The address as it was, and others that led there."""
        counting.hold(conn, scope, _LED)
        address = rows.lock_address(conn, scope, address_id)
        if address is None:
            raise AllocationMissing(address_id)
        if address.association_id is not None and not again:
            raise AddressBusy(address_id, address.association_id)
        _refuse_kept(conn, scope, address)
        found = [each.id for each in rows.ADDRESSES.all(conn, scope, **place.row) if each.id != address_id]
        held = [each for key in found if (each := rows.lock_address(conn, scope, key)) is not None]
        # Somebody may have led it elsewhere before it was held.
        others = [each for each in held if all(getattr(each, name) == value for name, value in place.row.items())]
        now = self._clock.now()
        for each in others:
            rows.put_address(conn, scope, each.free)
            rows.note_leading(conn, scope, each, now)
        led = replace(
            address,
            association_id=association,
            server_id=place.server_id,
            interface_id=place.interface_id,
            private_address=place.private_address,
        )
        rows.put_address(conn, scope, led)
        rows.note_leading(conn, scope, address, now)
        return address, others

    def _end_own(self, scope: Scope, server_id: str) -> None:
        """Give back the address that a server was launched with: another is to lead there in its place.

        Source: EC2 User Guide, "Public IPv4 addresses": an Elastic IP address takes the place of the instance's own.
        """
        now = self._clock.now()
        own = self._store.transact(lambda conn: launch_addresses.end(conn, scope, server_id, now))
        if own is not None and own.cloud_id is not None:
            twice(partial(self._making.release_address, scope, own.cloud_id))

    def _one(self, scope: Scope, address_id: str) -> ElasticAddress:
        for address in self.list(scope, [address_id]):
            return address
        raise AllocationMissing(address_id)

    @property
    def _making(self) -> AddressMaking:
        making = self._cloud.addresses
        if making is None:
            raise errors.CloudRefused("public addresses are taken with the cloud's own tools")
        return making


def _refuse_kept(conn: Any, scope: Scope, address: ElasticAddress) -> None:
    """Refuse to lead an address away from a gateway or a balancer."""
    if any(each.allocation_id == address.id and not each.gone for each in BALANCERS.all(conn, scope)):
        raise InterfaceManaged(address.interface_id or "")
    holder = rows.INTERFACES.one(conn, scope, id=address.interface_id) if address.interface_id else None
    if holder is not None and holder.gateway_id is not None:
        raise InterfaceManaged(holder.id)


def _put_back(conn: Any, scope: Scope, before: ElasticAddress, written: str | None) -> None:
    """Have an address as it was, where its association is still the one that was written since."""
    here = rows.lock_address(conn, scope, before.id)
    if here is not None and here.association_id == written:
        rows.put_address(conn, scope, before)
