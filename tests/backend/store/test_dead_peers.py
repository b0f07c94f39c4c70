"""Connections to a database whose host dies are given up within seconds, by what they are opened with."""

import socket

import pytest
from sqlalchemy import make_url

from backend.clock import SystemClock
from backend.store import dead_peers
from backend.store.session import Store

POSTGRESQL = "postgresql+psycopg://u:p@192.0.2.1/coppice"


def _opened_with(url: str) -> dict[str, object]:
    """What the driver is given for a new connection, without opening it."""
    store = Store(url, SystemClock())
    given: dict[str, object] = {}

    def connect(*_words: object, **named: object) -> None:
        given.update(named)
        raise store.engine.dialect.loaded_dbapi.OperationalError("not now")

    store.engine.dialect.connect = connect  # type: ignore[method-assign]
    with pytest.raises(Exception, match="not now"), store.engine.connect():
        pass
    return given


def test_postgresql_is_given_up_within_seconds() -> None:
    given = _opened_with(POSTGRESQL)
    assert {name: given[name] for name in dead_peers.LIBPQ} == dead_peers.LIBPQ


def test_what_the_url_says_stays() -> None:
    assert _opened_with(f"{POSTGRESQL}?connect_timeout=30&tcp_user_timeout=1000")["connect_timeout"] == "30"
    assert "connect_timeout" not in dead_peers.arguments(make_url(f"{POSTGRESQL}?connect_timeout=30"))


def test_mariadb_is_given_up_as_soon() -> None:
    store = Store("mysql+pymysql://u:p@192.0.2.1/coppice", SystemClock())

    class Connection:
        def __init__(self, connection: socket.socket) -> None:
            self._sock = connection

    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as opened:
        for listener in store.engine.pool.dispatch.connect:
            if listener is dead_peers._of_pymysql:
                listener(Connection(opened), None)
        assert opened.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 5
        assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 3
        assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 15_000


def test_sockets_of_one_machine_are_left_alone() -> None:
    one, two = socket.socketpair()
    with one, two:
        dead_peers.watch(one)
        assert one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0
