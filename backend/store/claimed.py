"""Every node that this database ever claimed, for as long as something made for it may turn up: what was made here.

A node's own row goes when the node does. What is found afterwards with its token, or as its member of a pool, was made
by this installation and given up by it only where the claim is told here; a restored database lacks the claims made
since.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, insert, select

from backend.domain.node import Node
from backend.store.batches import chunks
from backend.store.tables import claimed_nodes

_c = claimed_nodes.c


def note(conn: Connection, added: Sequence[Node]) -> None:
    """These nodes are claimed."""
    if added:
        conn.execute(
            insert(claimed_nodes),
            [{"node_id": node.id, "launch_id": node.launch_id, "claimed_at": node.created_at} for node in added],
        )


def launches(conn: Connection, launch_ids: Collection[str]) -> set[str]:
    """Those of the launches that nodes were claimed for."""
    found: set[str] = set()
    for chunk in chunks(sorted(launch_ids)):
        found.update(conn.execute(select(_c.launch_id).where(_c.launch_id.in_(chunk))).scalars())
    return found


_LAST = select(func.max(_c.claimed_at)).where(_c.launch_id == bindparam("launch"))


def last(conn: Connection, launch_id: str) -> datetime | None:
    """When a node was last claimed for the launch; None where none is known to have been."""
    found: datetime | None = conn.execute(_LAST, {"launch": launch_id}).scalar()
    return found


def of(conn: Connection, node_ids: Collection[str]) -> set[str]:
    """Those of the nodes that were claimed."""
    found: set[str] = set()
    for chunk in chunks(sorted(node_ids)):
        found.update(conn.execute(select(_c.node_id).where(_c.node_id.in_(chunk))).scalars())
    return found
