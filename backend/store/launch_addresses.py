"""Rows of the public addresses that servers and balancers have for life, which engines take and give back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

from sqlalchemy import Connection

from backend.domain.addresses import KEPT, ElasticAddress, Holder, LaunchAddress
from backend.domain.scope import Scope
from backend.store import network_tables as tables
from backend.store.leased import Lease, Leased
from backend.store.records import Records

LAUNCH_ADDRESSES: Final = Records(tables.launch_addresses, LaunchAddress)


@dataclass(slots=True, kw_only=True, eq=False)
class LaunchAddressLease(Lease):
    """The claimed address of a server or balancer."""

    @property
    def holder_id(self) -> str:
        return self.key[0]


LEASED: Final = Leased(tables.launch_addresses, LaunchAddressLease, key=("id",))


def want(conn: Connection, scope: Scope, ids: Collection[str], at: datetime, holder: Holder = Holder.SERVER) -> None:
    """Have an address for each of these that has no row yet."""
    known = LAUNCH_ADDRESSES.of(conn, scope, ids)
    new = [LaunchAddress(each, str(uuid4()), at, holder=holder) for each in sorted(set(ids) - known.keys())]
    LAUNCH_ADDRESSES.add(conn, scope, *new, due_at=at, epoch=0)


def keep(conn: Connection, scope: Scope, balancer: str, address: ElasticAddress, at: datetime) -> None:
    """Have a balancer without a row led to by an address that its project keeps."""
    if LAUNCH_ADDRESSES.one(conn, scope, id=balancer) is not None:
        return
    token, holder = f"{KEPT}{uuid4()}", Holder.BALANCER
    new = LaunchAddress(balancer, token, at, address.cloud_id, address.address, holder=holder)
    LAUNCH_ADDRESSES.add(conn, scope, new, due_at=at, epoch=0)


def pull(conn: Connection, scope: Scope, ids: Sequence[str], at: datetime) -> None:
    """Have the addresses of these looked at, those that have one."""
    for each in sorted(LAUNCH_ADDRESSES.of(conn, scope, ids)):
        LEASED.pull(conn, (each,), at)


def missing(conn: Connection, scope: Scope, listed: Collection[str], before: datetime, at: datetime) -> None:
    """Have those looked at whose servers a complete listing lacks, which began then."""
    every = LAUNCH_ADDRESSES.all(conn, scope, holder=Holder.SERVER)
    pull(conn, scope, [each.id for each in every if each.id not in listed and each.created_at < before], at)


def end(conn: Connection, scope: Scope, server_id: str, at: datetime) -> LaunchAddress | None:
    """Have a server's own address go, as another leads there; as it was, None where it has none."""
    LEASED.pull(conn, (server_id,), at)  # locks the row
    found = LAUNCH_ADDRESSES.one(conn, scope, id=server_id, ended=False)
    if found is not None:
        LAUNCH_ADDRESSES.change(conn, scope, server_id, ended=True, bound=False)
    return found
