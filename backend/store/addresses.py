"""Rows of public addresses, made interfaces and gateways that translate addresses."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select

from backend.domain.addresses import ElasticAddress, MadeInterface, NatGateway
from backend.domain.scope import Scope
from backend.store import network_tables as tables
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
