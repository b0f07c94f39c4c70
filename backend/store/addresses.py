"""Rows of public addresses, made interfaces and gateways that translate addresses."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from backend.domain.addresses import LEADING, UNLED, ElasticAddress, MadeInterface, NatGateway
from backend.domain.networks import Making
from backend.domain.scope import Scope
from backend.store import network_tables as tables
from backend.store.networks import LEASED_MAKINGS, MAKINGS
from backend.store.records import Records

ADDRESSES: Final = Records(tables.elastic_addresses, ElasticAddress)
INTERFACES: Final = Records(tables.made_interfaces, MadeInterface)
GATEWAYS: Final = Records(tables.nat_gateways, NatGateway)


def lock_address(conn: Connection, scope: Scope, address_id: str) -> ElasticAddress | None:
    """An address, its row locked: two requests do not lead it to two places."""
    c = tables.elastic_addresses.c
    mine = (c.id == address_id, c.project_id == scope.project_id, c.region == scope.region)
    conn.execute(select(c.id).where(*mine).with_for_update())
    return ADDRESSES.one(conn, scope, id=address_id)


def lock_interface(conn: Connection, scope: Scope, interface_id: str) -> MadeInterface | None:
    """An interface, likewise."""
    c = tables.made_interfaces.c
    mine = (c.id == interface_id, c.project_id == scope.project_id, c.region == scope.region)
    conn.execute(select(c.id).where(*mine).with_for_update())
    return INTERFACES.one(conn, scope, id=interface_id)


def note_leading(conn: Connection, scope: Scope, address: ElasticAddress, now: datetime) -> None:
    """The cloud is about to be told where an address leads: an engine does so where nobody says that it was."""
    if not LEASED_MAKINGS.pull(conn, (address.cloud_id,), now + UNLED):
        MAKINGS.add(conn, scope, Making(address.cloud_id, LEADING, now), due_at=now + UNLED, epoch=0)


def note_led(conn: Connection, scope: Scope, address_id: str, association_id: str | None, now: datetime) -> bool:
    """The cloud was told to lead an address as that association says; whether its row still says so.

    Whoever said something else since has told the cloud, too, before or after: an engine tells it again.
    """
    here = lock_address(conn, scope, address_id)
    if here is not None and here.association_id != association_id:
        note_leading(conn, scope, here, now)
        return False
    if here is not None:
        MAKINGS.remove(conn, scope, id=here.cloud_id, owner=None)
    return here is not None
