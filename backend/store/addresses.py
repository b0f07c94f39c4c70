"""Rows of public addresses, made interfaces and gateways that translate addresses."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from backend.domain.addresses import (
    ENDING,
    JOINING,
    LEADING,
    UNJOINED,
    UNLED,
    ElasticAddress,
    MadeInterface,
    NatGateway,
)
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


def put_address(conn: Connection, scope: Scope, address: ElasticAddress) -> None:
    """Write where an address leads."""
    names = ("association_id", "server_id", "interface_id", "private_address")
    ADDRESSES.change(conn, scope, address.id, **{name: getattr(address, name) for name in names})


def lock_interface(conn: Connection, scope: Scope, interface_id: str) -> MadeInterface | None:
    """An interface, likewise."""
    c = tables.made_interfaces.c
    mine = (c.id == interface_id, c.project_id == scope.project_id, c.region == scope.region)
    conn.execute(select(c.id).where(*mine).with_for_update())
    return INTERFACES.one(conn, scope, id=interface_id)


def note_leading(conn: Connection, scope: Scope, address: ElasticAddress, now: datetime) -> None:
    """The cloud is about to be told where an address leads: an engine does so where nobody says that it was."""
    _note(conn, scope, Making(address.cloud_id, LEADING, now), now + UNLED)


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


def note_joining(conn: Connection, scope: Scope, interface: MadeInterface, now: datetime) -> None:
    """The cloud is about to launch a server with an interface: an engine looks what came of it where nobody says."""
    _note(conn, scope, Making(interface.cloud_id, JOINING, now), now + UNJOINED)


def note_joined(conn: Connection, scope: Scope, interface: MadeInterface, server_id: str) -> None:
    """That server was launched with it."""
    INTERFACES.change(conn, scope, interface.id, server_id=server_id)
    MAKINGS.remove(conn, scope, id=interface.cloud_id)


def part_interface(conn: Connection, scope: Scope, interface: MadeInterface) -> None:
    """No server has it from now on, nor is any launched with it."""
    nothing = dict.fromkeys(("server_id", "attachment_id", "device_index", "attached_at"))
    INTERFACES.change(conn, scope, interface.id, **nothing, delete_on_termination=False)
    MAKINGS.remove(conn, scope, id=interface.cloud_id)


def note_ending(conn: Connection, scope: Scope, server_ids: Collection[str], at: datetime) -> None:
    """Servers are on their way out, or gone: an engine ends the interfaces that end with them."""
    for each in INTERFACES.all(conn, scope, delete_on_termination=True):
        if each.server_id in server_ids and lock_interface(conn, scope, each.id) is not None:
            _note(conn, scope, Making(each.cloud_id, ENDING, at), at)


def end_interface(conn: Connection, scope: Scope, interface: MadeInterface, now: datetime) -> None:
    """The cloud has it no more; addresses that led there lead to nothing."""
    forget_interface(conn, scope, interface)
    for each in ADDRESSES.all(conn, scope, interface_id=interface.id):
        if (here := lock_address(conn, scope, each.id)) is not None and here.interface_id == interface.id:
            put_address(conn, scope, here.free)
            note_leading(conn, scope, here, now)


def forget_interface(conn: Connection, scope: Scope, interface: MadeInterface) -> None:
    """There is none any more, nor anything to be done with it."""
    INTERFACES.remove(conn, scope, id=interface.id)
    MAKINGS.remove(conn, scope, id=interface.cloud_id)


def _note(conn: Connection, scope: Scope, making: Making, due_at: datetime) -> None:
    if not LEASED_MAKINGS.pull(conn, (making.id,), due_at):
        MAKINGS.add(conn, scope, making, due_at=due_at, epoch=0)
