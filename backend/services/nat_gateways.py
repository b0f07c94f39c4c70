"""NAT gateways: an interface in a subnet, and a public address that is kept for it.

What leaves a VPC leaves by its router, under the router's address: the gateway's own is kept and shown, and is the
source only where an operator sees to it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from backend import errors
from backend.clock import Clock
from backend.domain.address_findings import AddressBusy, AllocationMissing, GatewayMissing, NoWayOut
from backend.domain.addresses import GATEWAYS, REMEMBERED, ElasticAddress, MadeInterface, NatGateway
from backend.domain.ids import new_digits
from backend.domain.scope import Scope
from backend.domain.token import ClientToken
from backend.services.interfaces import Interfaces
from backend.store import addresses as rows
from backend.store import client_tokens, counting, networks
from backend.store.session import Store


class NatGateways:
    """Writes raise what making and ending interfaces raises."""

    def __init__(self, store: Store, clock: Clock, interfaces: Interfaces) -> None:
        self._store = store
        self._clock = clock
        self._interfaces = interfaces

    def list(self, scope: Scope, ids: Collection[str] | None = None) -> Sequence[NatGateway]:
        """Those there are, and those that went lately."""
        with self._store.read() as conn:
            found = rows.GATEWAYS.all(conn, scope) if ids is None else rows.GATEWAYS.of(conn, scope, ids).values()
        since = self._clock.now() - REMEMBERED
        return [each for each in found if each.deleted_at is None or each.deleted_at > since]

    def create(
        self, scope: Scope, subnet: str, allocation_id: str | None, address: str | None, token: ClientToken | None
    ) -> NatGateway:
        """Make one; of an earlier request of the token, that one's.

        Args:
            subnet: short id.
            allocation_id: of its public address; None: it is private.
            address: the private address that it is to have.

        Raises:
            AllocationMissing, AddressBusy
            NoWayOut
            LimitExceeded
            TokenReused
        """
        known = self._known(scope, token)
        if known is not None:
            return known
        if allocation_id is not None:
            with self._store.read() as conn:
                _check(rows.ADDRESSES.one(conn, scope, id=allocation_id), allocation_id)
        gateway_id = new_digits()
        words = f"Interface for NAT Gateway nat-{gateway_id}; traffic leaves under the address of the VPC's router"
        written: list[NatGateway] = []

        def write(conn: Any, interface: MadeInterface) -> None:
            written[:] = [self._write(conn, scope, gateway_id, interface, allocation_id, token)]

        self._interfaces.create(scope, subnet, address, None, words, gateway_id, beside=write)
        return written[0]

    def delete(self, scope: Scope, gateway_id: str) -> None:
        """End one; its public address stays the project's. Raises GatewayMissing."""
        gateway = next((each for each in self.list(scope, [gateway_id]) if each.deleted_at is None), None)
        if gateway is None:
            raise GatewayMissing(gateway_id)
        if self._interfaces.list(scope, [gateway.interface_id]):
            self._interfaces.delete(scope, gateway.interface_id, gateway=True)
        now = self._clock.now()

        def work(conn: Any) -> None:
            rows.GATEWAYS.change(conn, scope, gateway_id, deleted_at=now)
            if gateway.allocation_id is not None:
                address = rows.lock_address(conn, scope, gateway.allocation_id)
                if address is not None and address.interface_id == gateway.interface_id:
                    nothing = dict.fromkeys(("association_id", "interface_id", "private_address"))
                    rows.ADDRESSES.change(conn, scope, address.id, **nothing)
            old = [
                each.id
                for each in rows.GATEWAYS.all(conn, scope)
                if each.deleted_at and each.deleted_at < now - REMEMBERED
            ]
            if old:
                rows.GATEWAYS.remove(conn, scope, id=old)

        self._store.transact(work)

    def in_vpc(self, scope: Scope, vpc: str) -> bool:
        """Whether a VPC (short id) has one."""
        return any(each.vpc == vpc and each.deleted_at is None for each in self.list(scope))

    def _known(self, scope: Scope, token: ClientToken | None) -> NatGateway | None:
        if token is None:
            return None
        with self._store.read() as conn:
            kept = client_tokens.find(conn, scope, token)
            if kept is None:
                return None
            if kept.fingerprint != token.fingerprint:
                raise errors.TokenReused(token.value)
            return rows.GATEWAYS.one(conn, scope, id=kept.result)

    def _write(  # noqa: PLR0917 - one row's making
        self,
        conn: Any,
        scope: Scope,
        gateway_id: str,
        interface: MadeInterface,
        allocation_id: str | None,
        token: ClientToken | None,
    ) -> NatGateway:
        now = self._clock.now()
        if token is not None:
            if client_tokens.find(conn, scope, token) is not None:
                raise errors.StaleRead(token.value)  # another request of it was quicker: the caller asks again
            client_tokens.add(conn, scope, token, gateway_id, now)
        count = partial(rows.GATEWAYS.count, conn, scope, deleted_at=None)
        counting.check(conn, scope, "nat_gateways", GATEWAYS, count)
        public: dict[str, Any] = {}
        if allocation_id is not None:
            made = networks.VPCS.one(conn, scope, id=interface.vpc)
            if made is not None and networks.GATEWAYS.one(conn, scope, vpc_id=interface.vpc) is None:
                raise NoWayOut(interface.vpc)
            address = _check(rows.lock_address(conn, scope, allocation_id), allocation_id)
            association = new_digits()
            led = {"interface_id": interface.id, "private_address": interface.address}
            rows.ADDRESSES.change(conn, scope, allocation_id, association_id=association, **led)
            public = {
                "allocation_id": allocation_id,
                "association_id": association,
                "public_address": address.address,
            }
        gateway = NatGateway(
            gateway_id, interface.vpc, interface.subnet, now, interface.id, interface.address, **public
        )
        rows.GATEWAYS.add(conn, scope, gateway)
        return gateway


def _check(address: ElasticAddress | None, allocation_id: str) -> ElasticAddress:
    if address is None:
        raise AllocationMissing(allocation_id)
    if address.association_id is not None:
        raise AddressBusy(allocation_id, address.association_id)
    return address
