"""DHCP options: rows. The servers of names among them are told to the cloud with the VPC that has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from backend.clock import Clock
from backend.domain.ids import new_digits
from backend.domain.network_findings import NetworkLimit, NetworkThingInUse, NetworkThingMissing, NotOurs
from backend.domain.networks import DhcpOptions
from backend.domain.scope import Scope
from backend.services import network_limits as limits
from backend.services.network_reader import regions_own
from backend.store import counting
from backend.store import networks as rows
from backend.store.session import Connection, Store


class DhcpOptionSets:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(self, scope: Scope, options: Mapping[str, Sequence[str]]) -> DhcpOptions:
        """Raises NetworkLimit."""
        made = DhcpOptions(new_digits(), {key: list(values) for key, values in options.items()}, self._clock.now())

        def work(conn: Connection) -> None:
            count = partial(rows.DHCP_OPTIONS.count, conn, scope)
            counting.check(conn, scope, "dhcp-options", limits.DHCP_OPTIONS, count, NetworkLimit)
            rows.DHCP_OPTIONS.add(conn, scope, made)

        self._store.transact(work)
        return made

    def delete(self, scope: Scope, options_id: str) -> None:
        """Raises NetworkThingInUse: VPCs have it; NotOurs: it is the region's own; NetworkThingMissing."""
        if options_id == regions_own(scope).id:
            raise NotOurs("dhcp-options", options_id)

        def work(conn: Connection) -> None:
            rows.lock_options(conn, scope, options_id)
            if rows.VPCS.count(conn, scope, dhcp_options_id=options_id, state=rows.STANDING):
                raise NetworkThingInUse("dhcp-options", options_id)
            if not rows.DHCP_OPTIONS.remove(conn, scope, id=options_id):
                raise NetworkThingMissing("dhcp-options", options_id)

        self._store.transact(work)
