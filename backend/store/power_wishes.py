"""Rows of acts on the power of servers that wait for the cloud."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from backend.domain.power import PowerAct, PowerWish
from backend.domain.scope import Scope
from backend.store.leased import Lease, Leased
from backend.store.records import Records
from backend.store.server_tables import power_wishes

POWER_WISHES: Final = Records(power_wishes, PowerWish)


@dataclass(slots=True, kw_only=True, eq=False)
class PowerLease(Lease):
    """The claimed wish of a server."""

    @property
    def server_id(self) -> str:
        return self.key[0]


LEASED: Final = Leased(power_wishes, PowerLease, key=("id",))


def ask(conn: Connection, scope: Scope, wish: PowerWish, at: datetime) -> None:
    """Have it done then, in the place of what is waiting for that server."""
    if _replace(conn, scope, wish, at):
        return
    try:
        with conn.begin_nested():
            POWER_WISHES.add(conn, scope, wish, due_at=at, epoch=0)
    except IntegrityError:  # another request of that server was quicker
        if not _replace(conn, scope, wish, at):
            raise


def _replace(conn: Connection, scope: Scope, wish: PowerWish, at: datetime) -> bool:
    """Whether something waited. A reboot takes no stop's place: both were asked for at once, and one would be lost."""
    if wish.act is PowerAct.REBOOT:
        waiting = POWER_WISHES.hold(conn, scope, id=wish.id)
        if waiting is not None and waiting.act is PowerAct.STOP:
            return True
    anew = {"act": wish.act, "asked_at": wish.asked_at, "refused_seconds": wish.refused_seconds}
    return POWER_WISHES.change(conn, scope, wish.id, **anew, due_at=at)


def done(conn: Connection, scope: Scope, wish: PowerWish) -> None:
    """This waits no more; what took its place meanwhile does."""
    POWER_WISHES.remove(conn, scope, id=wish.id, act=wish.act, asked_at=wish.asked_at)


def forget(conn: Connection, scope: Scope, server_ids: Collection[str]) -> None:
    """Nothing waits for these any more."""
    if server_ids:
        POWER_WISHES.remove(conn, scope, id=sorted(set(server_ids)))
