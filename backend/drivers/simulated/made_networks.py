"""VPCs and subnets of the state that projects made; every function works within the caller's connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from backend.domain.networks import room_of
from backend.domain.scope import Scope
from backend.drivers.network import Network, Subnet
from backend.drivers.network_making import MadeSubnet

_OF_SCOPE = "project = ? AND region = ?"


def networks(connection: sqlite3.Connection, scope: Scope) -> Sequence[Network]:
    """The scope's VPCs; a router has no block of addresses of its own."""
    rows = connection.execute(f"SELECT id FROM vpcs WHERE {_OF_SCOPE} ORDER BY id", _place(scope))  # noqa: S608 - constant
    return [Network(identity, "", "0.0.0.0/0", made=True) for (identity,) in rows]


def subnets(connection: sqlite3.Connection, scope: Scope) -> Sequence[Subnet]:
    """The scope's made subnets, with every address free."""
    rows = connection.execute(
        f"SELECT id, vpc_id, cidr, zone FROM subnets WHERE {_OF_SCOPE} ORDER BY id",  # noqa: S608 - constant
        _place(scope),
    )
    return [
        Subnet(identity, "", vpc, cidr, zone, free_addresses=room_of(cidr), made=True)
        for identity, vpc, cidr, zone in rows
    ]


def found(connection: sqlite3.Connection, scope: Scope, token: str) -> MadeSubnet | None:
    """The subnet that was made with a token."""
    row = connection.execute(
        f"SELECT id, network_id FROM subnets WHERE token = ? AND {_OF_SCOPE}",  # noqa: S608 - constant
        (token, *_place(scope)),
    ).fetchone()
    return None if row is None else MadeSubnet(*row)


def _place(scope: Scope) -> tuple[str, str]:
    return scope.project_id, scope.region
