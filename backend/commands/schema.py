"""The schema by hand: brought to the present, or told why it cannot be worked with."""

from __future__ import annotations

from backend.commands import CannotDo
from backend.store import migrate as revisions
from backend.store.session import Store


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
