"""How a database that cannot be asked, or takes no writes, shows itself."""

from __future__ import annotations

from typing import Final

from sqlalchemy import false, update
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

from backend.errors import StoreUnavailable
from backend.store import failures
from backend.store.engine_tables import engines
from backend.store.session import Store

AWAY: Final = (StoreUnavailable, OperationalError, InterfaceError, NoConnection)
"""What is raised then, before, in or after a COMMIT: whether it was done is not known.

A store says StoreUnavailable, and CommitUnknown where it may have been done; the others are a driver's own, of what
the store cannot place: it may be a fault of ours too.
"""

SAYS_NO: Final = (*AWAY, DBAPIError)
"""What is raised by a database that cannot be asked, or refuses, for whatever reason: wrong password, missing right."""


def takes_no_writes(store: Store) -> str | None:
    """The database's words where it can be read and not written, as one from which another has taken over; else None.

    It is asked to change no row.
    """
    try:
        store.transact(lambda conn: conn.execute(update(engines).where(false()).values(draining=False)))
    except StoreUnavailable as why:
        return why.detail
    except DBAPIError as why:
        return failures.words(why)
    return None
