"""Secrets as they lie in the database: sealed with the first of the installation's keys, opened with any of them.

Fernet (AES-128-CBC and HMAC-SHA256, keys of 32 random bytes in URL-safe base64). The keys are held in memory: no secret
waits for where they are kept, and nothing that runs stops while that is away.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from backend.clock import Clock, SystemClock
from backend.domain.delegation import SecretUnreadable
from backend.errors import KeysUnreached

_AGAIN_SECONDS: Final = 5.0
"""Between two looks that unknown secrets cause: one that nothing opens is no reason to ask without end."""

_LINGER_SECONDS: Final = 60.0
"""Keys that are gone open what was read before that, and is opened only now."""


def new_key() -> str:
    """A key that nobody has."""
    return Fernet.generate_key().decode()


class KeyMissing(SecretUnreadable):
    """The installation has no key."""

    def __init__(self) -> None:
        super().__init__("no key is set in [secrets]")


@dataclass(frozen=True, slots=True)
class _Held:
    """Keys in use, the first of which seals."""

    keys: tuple[str, ...] = field(default=(), repr=False)
    fernets: tuple[Fernet, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, keys: Sequence[str]) -> _Held:
        """Raises ValueError: one is no key."""
        return cls(tuple(keys), tuple(Fernet(key) for key in keys))


class Seal:
    """Seals and opens; safe to use from many threads.

    Args:
        keys: the first one seals; none: nothing can be sealed or opened.
        again: the keys as they are now, where they may change while this process runs. It raises KeysUnreached where
            they cannot be asked for, and those that are held stay.
        lazily: they are not here yet, and asked for when one is needed first.

    Raises:
        ValueError: one is no key.
    """

    def __init__(
        self,
        keys: Sequence[str] = (),
        again: Callable[[], Sequence[str]] | None = None,
        *,
        lazily: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._held = _Held.of(keys)
        self._again = again
        self._before, self._changed_at = self._held, 0.0
        self._awaited = lazily
        self._clock = clock or SystemClock()
        self._looking = threading.Lock()
        self._looked = threading.Condition()
        self._soon: Callable[[], None] | None = None
        self._patience = 0.0
        self._needed_at: float | None = None
        self._looks = self._done = 0
        self._looked_at: float | None = None
        self._why = "they were not asked for yet" if lazily else ""

    def __repr__(self) -> str:
        return f"Seal({'with keys' if self._held.keys else 'without keys'})"

    @property
    def has_keys(self) -> bool:
        """Raises KeysUnreached."""
        return bool(self._present().keys)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys, for what is derived from them. Raises KeysUnreached."""
        return self._present().keys

    @property
    def awaits(self) -> str:
        """Why the keys are not here yet; empty where they are, or there are none."""
        return self._why if self._awaited else ""

    def look(self) -> bool:
        """Whether the keys are others than before. Raises KeysUnreached, and goes on with those that it has."""
        if self._again is None:
            return False
        seen = self._looks
        with self._looking:
            before = self._held
            if self._looks == seen:  # nobody looked while this waited
                self._look(self._again)
            return self._held.keys != before.keys

    def _look(self, again: Callable[[], Sequence[str]]) -> None:
        self._looks += 1
        try:
            keys = tuple(again())
            if self._held.keys and not keys:
                raise KeysUnreached("none is set any more")
            if keys != self._held.keys:
                found = _Held.of(keys)
                self._before, self._changed_at = self._held, self._clock.monotonic()
                self._held = found
        except ValueError as error:
            self._why = "one of them is no key"
            raise KeysUnreached(self._why) from error
        except KeysUnreached as error:
            self._why = str(error)
            raise
        else:
            self._awaited, self._why = False, ""
        finally:
            self._looked_at = self._clock.monotonic()
            with self._looked:
                self._done += 1
                self._looked.notify_all()

    def tended(self, soon: Callable[[], None], patience: float) -> None:
        """From now on another thread looks now and then, and ``soon`` has it look at once.

        Args:
            patience: seconds that who needs another key waits for it.
        """
        self._patience, self._soon = patience, soon

    def _look_in_need(self) -> None:
        """Have keys looked for, unless that was done a moment ago. Raises KeysUnreached where they cannot be had."""
        now = self._clock.monotonic()
        last = max((at for at in (self._looked_at, self._needed_at) if at is not None), default=None)
        if last is not None and now - last < _AGAIN_SECONDS:
            if self._why:
                raise KeysUnreached(self._why)
        elif self._soon is None:
            self.look()
        else:
            self._needed_at = now
            self._wait_for_look(self._soon)

    def _wait_for_look(self, soon: Callable[[], None]) -> None:
        """Raises KeysUnreached where it does not come in time, or fails."""
        with self._looked:
            seen = self._done
            soon()
            came = self._looked.wait_for(lambda: self._done != seen, self._patience)
        if self._why or not came:
            raise KeysUnreached(self._why or "they are being looked for")

    def _present(self) -> _Held:
        """What is held. Raises KeysUnreached where there should be keys that are not here yet."""
        if self._awaited:
            self._look_in_need()
        return self._held

    def close(self, secret: str) -> str:
        """The secret, sealed. Raises KeyMissing, KeysUnreached."""
        fernets = self._present().fernets
        if not fernets:
            raise KeyMissing
        return fernets[0].encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """The secret. Raises KeyMissing, SecretUnreadable, KeysUnreached.

        What no key opens was perhaps sealed by a process that has a newer one: keys are looked for again.
        """
        held = self._present()
        opened = _opened(held, sealed)
        if opened is None and self._again is not None:
            self._look_in_need()
            if self._held is not held:
                held = self._held
                opened = _opened(held, sealed)
        if opened is None and self._clock.monotonic() - self._changed_at < _LINGER_SECONDS:
            opened = _opened(self._before, sealed)
        if opened is not None:
            return opened
        if not held.keys:
            raise KeyMissing
        raise SecretUnreadable("none of the keys in [secrets] opens it")

    def is_sealed_first(self, sealed: str) -> bool:
        """Whether the first key sealed it."""
        held = self._present()
        return bool(held.fernets) and _opened(_Held(fernets=held.fernets[:1]), sealed) is not None

    def renew(self, sealed: str) -> str:
        """The same secret, sealed with the first key. Raises as ``open``."""
        return self.close(self.open(sealed))


def _opened(held: _Held, sealed: str) -> str | None:
    try:
        return MultiFernet(held.fernets).decrypt(sealed).decode() if held.fernets else None
    except (InvalidToken, TypeError, ValueError):  # the latter two of what is no text, or of other letters
        return None
