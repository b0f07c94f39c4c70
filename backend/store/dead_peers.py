"""A database's host that dies says nothing: how soon a connection to it is given up, also while an answer is awaited.

By itself the system would wait for a quarter of an hour for what was sent, and for hours where nothing is. A database
that is slow is no dead host: its system acknowledges what it gets, however long it takes to answer.
"""

from __future__ import annotations

import socket
from typing import Any, Final

from sqlalchemy import URL, Engine, event

_IDLE_SECONDS: Final = 5
_INTERVAL_SECONDS: Final = 2
_PROBES: Final = 3
_UNACKNOWLEDGED_MS: Final = 15_000

LIBPQ: Final = {
    "connect_timeout": 5,
    "keepalives_idle": _IDLE_SECONDS,
    "keepalives_interval": _INTERVAL_SECONDS,
    "keepalives_count": _PROBES,
    "tcp_user_timeout": _UNACKNOWLEDGED_MS,
}
"""As PostgreSQL's own library is told it. On sockets of one machine it has no meaning, and does no harm."""


def arguments(url: URL) -> dict[str, Any]:
    """What a connection to this database is opened with; what the URL says itself stays."""
    if url.get_backend_name() != "postgresql":
        return {}
    return {name: value for name, value in LIBPQ.items() if name not in url.query}


def notice(engine: Engine) -> None:
    """Have connections of this engine notice it, too, where their driver takes no such arguments."""
    if engine.dialect.name in {"mysql", "mariadb"}:
        event.listen(engine, "connect", _of_pymysql)


def _of_pymysql(connection: Any, _record: Any) -> None:
    watch(connection._sock)  # noqa: SLF001 - it has no other way


def watch(connection: socket.socket) -> None:
    """Ask the peer of a TCP connection for a sign of life, and give up a peer that gives none."""
    if connection.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _IDLE_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _INTERVAL_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS)
