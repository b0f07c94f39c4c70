"""The schema by hand: brought to the present, or told why it cannot be worked with."""

from __future__ import annotations

import logging

from backend.clock import Clock
from backend.commands import CannotDo
from backend.store import migrate as revisions
from backend.store.away import AWAY
from backend.store.session import Store

LOG = logging.getLogger(__name__)


def wait(store: Store, clock: Clock) -> None:
    """As ``check``, once the database can be asked at all."""
    told = False
    while True:
        try:
            return check(store)
        except AWAY as error:
            if not told:
                LOG.warning("the database cannot be asked, it is waited for: %s", str(error).splitlines()[0])
            told = True
            clock.wait(1.0)


def not_ready(store: Store) -> str | None:
    """Why requests cannot be answered from the database now; None where they can."""
    try:
        return revisions.refusal(store)
    except AWAY:
        return "the database cannot be asked"


def check(store: Store) -> None:
    """Raise CannotDo where the database is not migrated, or beyond what this code knows."""
    reason = revisions.refusal(store)
    if reason is not None:
        raise CannotDo(reason)


def migrate(url: str) -> None:
    """Bring a database to the present schema. Raises CannotDo where it is beyond what this code knows."""
    try:
        revisions.upgrade(url)
    except revisions.SchemaUnknown as reason:
        raise CannotDo(str(reason)) from reason
