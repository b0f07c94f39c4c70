"""How engines hear at once of what the API wrote for them: where the database carries such calls, or its file tells.

A call is a convenience: engines look by themselves too, so one that is lost only delays. It says nothing but that
there is work; each engine looks itself what that is.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psycopg
from sqlalchemy import URL, Connection, text

from backend.clock import Clock
from backend.store import dead_peers
from backend.store.urls import in_memory, parsed

LOG = logging.getLogger(__name__)
CHANNEL: Final = "coppice_work"
_CALL: Final = text("SELECT pg_notify('coppice_work', '')")
_AGAIN_SECONDS: Final = 0.5
_ASK_SECONDS: Final = 15.0
_GLANCE_SECONDS: Final = 0.025


_WANTED: Final = "coppice_work"


def want(conn: Connection) -> None:
    """What this transaction writes is work for the engines."""
    conn.info[_WANTED] = True


def is_wanted(conn: Connection) -> bool:
    """Whether anybody said so since this was asked last."""
    return bool(conn.info.pop(_WANTED, False))


def call(conn: Connection) -> None:
    """Tell all engines that listen, once the transaction is committed; nobody where it is not."""
    if conn.dialect.name == "postgresql":
        conn.execute(_CALL)


class Listener:
    """A thread that rings when there is work.

    Args:
        url: of the database, by a way that carries such calls (no pool of transactions between).
        ring: told of each call, and of each moment since which one may have been missed.
    """

    def __init__(self, url: str, ring: Callable[[], None], clock: Clock) -> None:
        self._url, self._ring, self._clock = parsed(url), ring, clock
        self._hears = self._is_told = False

    def hears(self) -> bool:
        """Whether what is written now is heard of."""
        return self._hears

    def start(self) -> bool:
        """Listen from now on, for as long as this process lives; False where the database tells nobody."""
        listen = self._way()
        if listen is None:
            return False
        threading.Thread(target=listen, name="work-calls", daemon=True).start()
        return True

    def _way(self) -> Callable[[], None] | None:
        kind = self._url.get_backend_name()
        if kind == "postgresql":
            return self._listen
        return self._glance if kind == "sqlite" and not in_memory(self._url) else None

    def _listen(self) -> None:
        """Ask over a connection of its own; what is said while there is none is made up for by a ring at the begin."""
        address = _address(self._url)
        while True:
            try:
                with psycopg.connect(
                    address, autocommit=True, application_name="coppice-engine", **dead_peers.arguments(self._url)
                ) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._note(hears=True)
                    self._ring()
                    while True:
                        for _ in connection.notifies(timeout=_ASK_SECONDS, stop_after=1):
                            self._ring()
                        connection.execute("SELECT 1")  # a peer that is gone shows here at the latest
            except psycopg.Error as error:
                self._note(hears=False, why=" ".join(str(error).split()))
            self._clock.wait(_AGAIN_SECONDS)

    def _note(self, *, hears: bool, why: str = "") -> None:
        if not hears and not self._is_told:
            LOG.warning("calls of the API are not heard, work is looked for now and then: %s", why)
        self._hears, self._is_told = hears, not hears

    def _glance(self) -> None:
        """Ask SQLite whether any other connection has written to the file: that takes microseconds, and no lock."""
        path = Path(self._url.database or "")
        while True:
            try:
                self._compare(path)
            except (sqlite3.Error, OSError):  # whoever works on it tells
                self._hears = False
            self._clock.wait(_AGAIN_SECONDS)

    def _compare(self, path: Path) -> None:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            known, self._hears = None, True
            while True:
                (version,) = connection.execute("PRAGMA data_version").fetchone()
                if version != known:
                    self._ring()
                known = version
                self._clock.wait(_GLANCE_SECONDS)
        finally:
            connection.close()


def _address(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)
