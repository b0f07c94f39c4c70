"""One object of the cloud made within a request: what a crash leaves of it is taken away by an engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, TypeVar
from uuid import uuid4

from backend import errors
from backend.clock import Clock
from backend.domain.networks import Making
from backend.domain.scope import Scope
from backend.services.catalog import asking
from backend.store import networks as rows
from backend.store.session import Store

T = TypeVar("T")
_TIME: Final = timedelta(minutes=10)


def made(  # noqa: PLR0917 - where, what, and how many of it
    store: Store,
    clock: Clock,
    scope: Scope,
    kind: str,
    room: Callable[[Any], None],
    ask: Callable[[str], T],
    find: Callable[[str], T | None],
) -> tuple[str, T]:
    """Ask the cloud for one thing; the token that it was asked with, and what came of it.

    Args:
        room: asked before the cloud is; refuses where there are as many as there may be.
        ask, find: of a token.

    Raises:
        Finding: as the cloud's answer says.
    """
    token, now = str(uuid4()), clock.now()

    def begin(conn: Any) -> None:
        room(conn)
        rows.begin(conn, scope, Making(token, kind, now), now + _TIME)

    store.transact(begin)
    try:
        with asking():
            return token, ask(token)
    except errors.OutcomeUnclear:
        with asking():
            found = find(token)
        if found is None:
            raise
        return token, found
    except errors.Finding:
        store.transact(lambda conn: rows.MAKINGS.remove(conn, scope, id=token))
        raise


def settled(store: Store, scope: Scope, token: str, write: Callable[[Any], None]) -> None:
    """Write the row of what was made.

    Raises:
        OutcomeUnclear: it took so long that an engine takes it away.
        Finding: as ``write`` raises it; then an engine does, too.
    """

    def work(conn: Any) -> None:
        if not rows.made(conn, scope, token):
            raise errors.OutcomeUnclear(token)
        write(conn)

    store.transact(work)


def twice(ask: Callable[[], None]) -> None:
    """Ask for what may be asked for again; once more where an answer was lost. Raises Finding."""
    try:
        with asking():
            ask()
    except errors.OutcomeUnclear:
        with asking():
            ask()
