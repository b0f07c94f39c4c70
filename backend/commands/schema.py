"""The schema by hand: brought to the present, or told why it cannot be worked with."""

from __future__ import annotations

import logging
from typing import Any

from backend.clock import Clock
from backend.commands import CannotDo
from backend.store import failures
from backend.store import migrate as revisions
from backend.store.away import AWAY, SAYS_NO
from backend.store.session import Store
from backend.store.urls import DatabaseMisnamed, in_memory, obstacle, parsed

LOG = logging.getLogger(__name__)


def wait(store: Store, clock: Clock) -> None:
    """As ``check``, once the database can be asked at all."""
    told = False
    while True:
        try:
            return _check(store)
        except AWAY as error:
            if not told:
                LOG.warning("the database cannot be asked, it is waited for: %s", _why(error, str(store.engine.url)))
            told = True
            clock.wait(1.0)


def not_ready(store: Store) -> str | None:
    """Why requests cannot be answered from the database now; None where they can."""
    try:
        return revisions.refusal(store)
    except AWAY:
        return "the database cannot be asked"


def check(store: Store) -> None:
    """Raise CannotDo where the database cannot be asked, is not migrated, or is beyond what this code knows."""
    try:
        _check(store)
    except SAYS_NO as error:
        raise CannotDo(f"the database cannot be asked: {_why(error, str(store.engine.url))}") from error


def _check(store: Store) -> None:
    reason = revisions.refusal(store)
    if reason is not None:
        raise CannotDo(reason)


def migrate(url: str) -> dict[str, Any]:
    """Bring a database to the present schema.

    Returns:
        The revision where it stood before (None: nowhere), the one where it stands now, and how many were done.

    Raises:
        CannotDo: it cannot be opened or asked, refuses, or is beyond what this code knows.
    """
    check_url(url)
    try:
        before = revisions.current(url)
        revisions.upgrade(url)
        now = revisions.current(url)
    except (revisions.SchemaUnknown, revisions.MigratedElsewhere) as reason:
        raise CannotDo(str(reason)) from reason
    except SAYS_NO as error:
        raise CannotDo(f"the database says: {_why(error, url)}") from error
    done = sum(revisions.is_beyond(each, before) for each in revisions.revisions())
    return {"before": before, "revision": now, "done": done}


def check_url(url: str) -> None:
    """Raise CannotDo where no database can be opened by that URL, or none that other processes see, too."""
    try:
        memory = in_memory(parsed(url))
    except DatabaseMisnamed as reason:
        raise CannotDo(str(reason)) from reason
    if memory:
        raise CannotDo("a database in memory is seen by no other process: sqlite:///some/file")


def _why(error: Exception, url: str) -> str:
    """The database's words, and what stands in the way of its file."""
    found = obstacle(parsed(url))
    return f"{failures.words(error)} ({found})" if found else failures.words(error)
