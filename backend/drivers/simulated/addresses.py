"""Addresses of subnets and of the public pool, given out in a ring: a freed one rests before its next use."""

from __future__ import annotations

import ipaddress
import sqlite3
from functools import lru_cache

from backend.drivers.errors import AddressTaken, AddressUnfit
from backend.drivers.simulated.layout import RESERVED_ADDRESSES
from backend.drivers.simulated.state import counter, set_counter

PUBLIC_POOL = "100.64.0.0/10"
"""Shared address space (RFC 6598): looks public to clients, is routed nowhere."""

_WINDOW = 256
_HELD = {
    "address": (
        "SELECT address FROM servers WHERE held = 1 AND subnet_id = ?1 AND address BETWEEN ?2 AND ?3"
        " UNION SELECT address FROM interfaces WHERE subnet_id = ?1 AND address BETWEEN ?2 AND ?3"
    ),
    "public": (
        "SELECT public_address FROM servers WHERE held = 1 AND ?1 IS NOT NULL AND public_address BETWEEN ?2 AND ?3"
        " UNION SELECT address FROM public_addresses WHERE address BETWEEN ?2 AND ?3"
    ),
}


@lru_cache(maxsize=4096)
def usable(cidr: str) -> tuple[int, int]:
    """First and last address of a subnet that a server may have."""
    block = ipaddress.IPv4Network(cidr)
    first = int(block.network_address) + RESERVED_ADDRESSES - 1
    return first, int(block.broadcast_address) - 1


def take_private(connection: sqlite3.Connection, subnet_id: str, cidr: str, count: int) -> list[int]:
    """Free addresses of a subnet. The caller has made sure that there are enough."""
    return _take(connection, "address", subnet_id, usable(cidr), count)


def take_this(connection: sqlite3.Connection, subnet_id: str, cidr: str, address: str) -> int:
    """That very address of a subnet.

    Raises:
        AddressUnfit, AddressTaken
    """
    low, high = usable(cidr)
    wanted = int(ipaddress.IPv4Address(address))
    if not low <= wanted <= high:
        raise AddressUnfit(f"Fixed IP {address} is not a valid ip address for subnet {subnet_id}.")
    if connection.execute(_HELD["address"], (subnet_id, wanted, wanted)).fetchone():
        raise AddressTaken(f"Fixed IP address {address} is already in use.")
    return wanted


def take_public(connection: sqlite3.Connection, count: int) -> list[int]:
    return _take(connection, "public", "pool", usable(PUBLIC_POOL), count)


def _take(connection: sqlite3.Connection, kind: str, pool: str, bounds: tuple[int, int], count: int) -> list[int]:
    low, high = bounds
    pointer = f"next-{kind}:{pool}"
    start = counter(connection, pointer)
    start = start if low <= start <= high else low
    found: list[int] = []
    for first, last in ((start, high), (low, start - 1)):
        cursor = first
        while cursor <= last and len(found) < count:
            end = min(last, cursor + max(_WINDOW, 2 * (count - len(found))) - 1)
            held = {row[0] for row in connection.execute(_HELD[kind], (pool, cursor, end))}
            found += [address for address in range(cursor, end + 1) if address not in held][: count - len(found)]
            cursor = end + 1
    if found:
        set_counter(connection, pointer, found[-1] + 1)
    return found
