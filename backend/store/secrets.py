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
"""Between two looks that one unknown secret causes, or that fail: who opens nothing is not asked without end."""
_MOST_LOST: Final = 1000
"""Secrets that are known to be opened by nothing."""


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

    def by_key(self) -> dict[str, Fernet]:
        """In their order."""
        return dict(zip(self.keys, self.fernets, strict=True))


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
        self._ever = self._held.by_key()
        self._lost: dict[str, float] = {}
        self._awaited = lazily
        self._clock = clock or SystemClock()
        self._looking = threading.Lock()
        self._looked = threading.Condition()
        self._soon: Callable[[], None] | None = None
        self._patience = 0.0
        self._in_vain_at: float | None = None
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
                self._ever = found.by_key() | {key: each for key, each in self._ever.items() if key not in keys}
                self._held, self._lost = found, {}
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
        """Have a look that begins now end. Raises KeysUnreached where it fails, or has failed a moment ago."""
        if self._why and self._was_just(self._looked_at):
            raise KeysUnreached(self._why)
        if self._soon is None:
            self.look()
            return
        if self._was_just(self._in_vain_at):
            raise KeysUnreached("they are being looked for")
        with self._looked:
            begun = self._looks
            self._soon()
            came = self._looked.wait_for(lambda: self._done > begun, self._patience)
        if not came:
            self._in_vain_at = self._clock.monotonic()
        if self._why or not came:
            raise KeysUnreached(self._why or "they are being looked for")

    def _was_just(self, at: float | None) -> bool:
        return at is not None and self._clock.monotonic() - at < _AGAIN_SECONDS

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

        What no key opens was perhaps sealed by a process that has a newer one, and is unreadable only when a look for
        keys that began after it was met has found none. A key that was taken away meanwhile opens as long as this
        process runs: what was read before that may be opened only now.
        """
        self._present()
        opened = self._opened(sealed)
        if opened is None and self._again is not None and not self._was_just(self._lost.get(sealed)):
            self._look_in_need()
            opened = self._opened(sealed)
            if opened is None:
                self._keep_lost(sealed)
        if opened is not None:
            return opened
        if not self._held.keys:
            raise KeyMissing
        raise SecretUnreadable("none of the keys in [secrets] opens it")

    def _opened(self, sealed: str) -> str | None:
        return _opened(tuple(self._ever.values()), sealed)

    def _keep_lost(self, sealed: str) -> None:
        if len(self._lost) >= _MOST_LOST:
            self._lost = {}  # a new one: other threads may be reading the old
        self._lost[sealed] = self._clock.monotonic()

    def is_sealed_first(self, sealed: str) -> bool:
        """Whether the first key sealed it."""
        held = self._present()
        return _opened(held.fernets[:1], sealed) is not None

    def renew(self, sealed: str) -> str:
        """The same secret, sealed with the first key. Raises as ``open``."""
        return self.close(self.open(sealed))


def _opened(fernets: Sequence[Fernet], sealed: str) -> str | None:
    try:
        return MultiFernet(fernets).decrypt(sealed).decode() if fernets else None
    except (InvalidToken, TypeError, ValueError):  # the latter two of what is no text, or of other letters
        return None
