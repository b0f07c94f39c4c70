"""Limits that are counted: who asks whether there is room for more is alone until what it makes of that is written.

Each transaction counts what others have committed. So whoever counts writes one row of the limit first, of a project in
a region, and the next one waits there and then counts what the first one made. All who count do so, however far the
limit is: how many count at once is known to nobody, so no distance from it would be enough. What is waited for is one
short transaction, in which no cloud is asked. It is written, not only locked, for a cluster of databases (Galera) finds
out about writes alone.

The row of a limit is taken after what the thing is made in (a topic, a cluster) and before what is made: whoever has
it locks nothing else that is held by who waits for it. Where the cloud makes the thing first, what it was asked for is
a row as well, and counts (``networks.count_asked``). What is held anyhow by all who make more of its parts (a cluster,
a VPC, a balancer, a role) needs no such row.

Of what the cloud lists (volumes, snapshots, images, tags of servers) nothing is held: others make it with the cloud's
own tools as well, and the cloud has quotas of its own. Nor of what flows: of messages that wait, are in flight or lie
in queues a moment's more is let through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy.dialects import mysql, postgresql

from backend.domain.scope import Scope
from backend.errors import LimitExceeded
from backend.store.account_tables import limit_holds as table
from backend.store.session import Connection, Store

T = TypeVar("T")

_times: Final = table.c.times
_ON_POSTGRESQL: Final = postgresql.insert(table).on_conflict_do_update(
    index_elements=[table.c.project_id, table.c.region, table.c.name], set_={"times": _times + 1}
)
_ON_MARIADB: Final = mysql.insert(table).on_duplicate_key_update(times=_times + 1)


def check(  # noqa: PLR0917 - what is counted, and how it is refused
    conn: Connection,
    scope: Scope,
    what: str,
    most: int,
    count: Callable[[], int],
    refusal: Callable[[str, int], Exception] = LimitExceeded,
) -> None:
    """Have room for one more, which nobody else takes until the transaction ends.

    Args:
        what: the limit's name, as its refusal tells it.
        count: how many there are.

    Raises:
        LimitExceeded: or another refusal, there are as many as there may be.
    """
    hold(conn, scope, what)
    if count() >= most:
        raise refusal(what, most)


def transact(store: Store, work: Callable[[Connection], T]) -> T:
    """As ``store.transact``, of what is told as it is where it is there already, by its name or by its token.

    Another request of the same may have made the last one that there may be, while this one waited to count.
    """
    try:
        return store.transact(work)
    except LimitExceeded:
        return store.transact(work)


def hold(conn: Connection, scope: Scope, what: str) -> None:
    """Count alone: nobody else holds this limit of the project in the region until the transaction ends."""
    if conn.dialect.name == "sqlite":  # who writes there is alone
        return
    taken = {"project_id": scope.project_id, "region": scope.region, "name": what, "times": 1}
    conn.execute(_ON_POSTGRESQL if conn.dialect.name == "postgresql" else _ON_MARIADB, taken)
