"""Client tokens in the hands of requests: one at a time makes what a token stands for. Asks no cloud."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from backend import errors
from backend.clock import Clock
from backend.domain.scope import Scope
from backend.domain.token import ClientToken
from backend.store import client_tokens
from backend.store.session import Store

LONGEST: Final = timedelta(minutes=2)
"""A request that made nothing for so long is dead: no call to a cloud takes as long."""
SURE: Final = timedelta(minutes=1)
"""What a cloud has not made by then, after its answer was lost, it did not hear of."""
_UNCLEAR: Final = "unclear"


@dataclass(slots=True)
class Claim:
    """A client token in the hands of one request.

    Attributes:
        held_at: since when, which tells it from other requests of the token.
        result: ids of what was made under it.
        again: an earlier request brought it.
        unclear: that one ended without knowing what came of it.
    """

    token: ClientToken
    held_at: datetime
    result: Sequence[str] = ()
    again: bool = False
    unclear: bool = False


class Tokens:
    """The client tokens of a store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def claim(self, scope: Scope, token: ClientToken) -> Claim:
        """The token, which is the request's from now on where it is new.

        Raises:
            TokenReused: it came with another request before.
            StaleRead: another request brought it a moment ago.
        """
        now = self._clock.now()

        def work(conn: Any) -> Claim:
            kept = client_tokens.find(conn, scope, token)
            if kept is None:
                client_tokens.add(conn, scope, token, [], now)
                return Claim(token, now)
            if kept.fingerprint != token.fingerprint:
                raise errors.TokenReused(token.value)
            unclear = kept.result == _UNCLEAR
            return Claim(token, kept.created_at, [] if unclear else kept.result, again=True, unclear=unclear)

        return self._store.transact(work)

    def is_at_work(self, claim: Claim, made: int, wanted: int) -> bool:
        """Whether an earlier request of the token may still make something, which has made so many of what it wanted.

        Where its answer was lost, whatever there is ends the wait; otherwise only all of it does.
        """
        age = self._clock.now() - claim.held_at
        if claim.unclear:
            return age < SURE and not made
        return age < LONGEST and made < wanted

    def hold(self, scope: Scope, claim: Claim, made: Sequence[str] = ()) -> None:
        """Hold the token on, with what was made by now. Raises StaleRead where another request took it over."""
        self._hold(scope, claim, list(made))

    def hold_unclear(self, scope: Scope, claim: Claim) -> None:
        """Nobody knows what came of it: it is looked for when the token comes again. Raises StaleRead."""
        self._hold(scope, claim, _UNCLEAR)

    def made(self, scope: Scope, claim: Claim) -> Sequence[str]:
        """What the record tells of the token now."""
        with self._store.read() as conn:
            kept = client_tokens.find(conn, scope, claim.token)
        return kept.result if kept and isinstance(kept.result, list) else []

    def give_back(self, scope: Scope, claim: Claim) -> None:
        """The request was refused and did nothing."""
        self._store.transact(lambda conn: client_tokens.forget(conn, scope, claim.token))

    def _hold(self, scope: Scope, claim: Claim, result: Any) -> None:
        now = self._clock.now()
        held = self._store.transact(
            lambda conn: client_tokens.hold(conn, scope, claim.token, held_at=claim.held_at, now=now, result=result)
        )
        if not held:
            raise errors.StaleRead(claim.token.value)
        claim.held_at = now
