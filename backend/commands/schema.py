"""The schema: brought to the present by hand, and who may not work with it told why, at its start and ever after."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from backend.clock import Clock
from backend.commands import CannotDo
from backend.store import failures
from backend.store import migrate as revisions
from backend.store.away import AWAY, SAYS_NO
from backend.store.session import Store
from backend.store.urls import DatabaseMisnamed, in_memory, obstacle, parsed

LOG = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 60.0
"""How long a running process goes on by what it saw of the schema: others may migrate it at any time."""


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


class Watched:
    """What a process that runs sees of the schema: others bring it further, and it may be more than this code knows.

    What is new is logged once.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._looked_at: float | None = None
        self._reason: str | None = None
        self._told: str | None = None

    def refusal(self) -> str | None:
        """Why its work has to end; None where it may go on. The database is asked once a minute, if it can be."""
        now = self._clock.monotonic()
        if self._looked_at is None or now - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = now
            try:
                self._reason = self._look()
            except AWAY as error:
                LOG.debug("the schema was not looked at: %s", error)
        return self._reason

    def not_ready(self) -> str | None:
        """Why requests cannot be answered from the database now; None where they can."""
        try:
            return self._look()
        except AWAY:
            return "the database cannot be asked"

    def _look(self) -> str | None:
        present, known = revisions.stands_at(self._store), revisions.head()
        reason = revisions.refused(present)
        if present != self._told:
            self._told = present
            if reason is not None:
                LOG.critical("%s", reason)
            elif revisions.is_beyond(present, known):
                LOG.info(
                    "the schema stands at %s, newer than %s that is known here, and can be worked with", present, known
                )
        return reason


class Ending:
    """Has a process end when it is told to, and when the schema has become none that it can work with.

    Attributes:
        status: of the process: whether it was told to.
    """

    def __init__(self, told: Callable[[], bool], watched: Watched) -> None:
        self._told, self._watched = told, watched
        self.status = 0

    def is_set(self) -> bool:
        if self.status or self._told():
            return True
        if self._watched.refusal() is None:
            return False
        LOG.critical("what is under way is brought to its end or given back, and then this process ends")
        self.status = 1
        return True


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
