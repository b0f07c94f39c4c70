"""Public addresses that lead into a VPC: while there are any, its gateway stays. Asks, and writes nothing."""

from __future__ import annotations

from backend.domain.scope import Scope
from backend.drivers.cloud import Cloud
from backend.services.catalog import asking
from backend.store import addresses, balancers, launch_addresses, networks
from backend.store.session import Store


class MappedAddresses:
    """Those that a project keeps, and those that servers were launched with."""

    def __init__(self, store: Store, cloud: Cloud) -> None:
        self._store = store
        self._compute = cloud.compute

    def into(self, scope: Scope, vpc_id: str) -> bool:
        """Whether any leads into a VPC, by its digits. Raises CloudNotReached, NotPermitted."""
        with self._store.read() as conn:
            vpc = networks.VPCS.one(conn, scope, id=vpc_id)
            led = [each for each in addresses.ADDRESSES.all(conn, scope) if each.association_id is not None]
            launched = launch_addresses.LAUNCH_ADDRESSES.all(conn, scope, ended=False)
            fronts = balancers.BALANCERS.all(conn, scope, network_id=vpc.cloud_id) if vpc else ()
            interfaces = addresses.INTERFACES.of(conn, scope, {each.interface_id or "" for each in led})
        if vpc is None:
            return False
        if any(each.vpc == vpc_id for each in interfaces.values()):
            return True
        if any(each.allocation_id is not None and not each.gone for each in fronts):
            return True
        if {each.cloud_id for each in fronts} & {each.id for each in launched if each.bound}:
            return True
        servers = {each.server_id for each in led if each.server_id is not None}
        servers |= {each.id for each in launched if each.cloud_id is not None}
        with asking():
            here = [each for each in self._compute.list(scope) if each.network_id == vpc.cloud_id]
        return any(each.public_address is not None or each.id in servers for each in here)
