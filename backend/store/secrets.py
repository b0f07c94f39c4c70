"""Secrets as they lie in the database: sealed with the first of the installation's keys, opened with any of them.

Fernet (AES-128-CBC and HMAC-SHA256, keys of 32 random bytes in URL-safe base64). The keys are held in memory: no secret
waits for where they are kept, and nothing that runs stops while that is away.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
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


class KeysWanted(KeysUnreached):
    """Keys are to be looked for, and nobody may wait here: who asked ends what others wait for, and begins anew.

    Attributes:
        wait: for them; it may raise KeysUnreached, SecretUnreadable.
    """

    def __init__(self, wait: Callable[[], object]) -> None:
        super().__init__("they are being looked for")
        self.wait = wait


_UNWAITING: Final = ContextVar("_UNWAITING", default=False)


@contextmanager
def without_waiting() -> Iterator[None]:
    """Within this a seal raises KeysWanted where it would look for keys."""
    before = _UNWAITING.set(True)
    try:
        yield
    finally:
        _UNWAITING.reset(before)


@dataclass(frozen=True, slots=True)
class Ring:
    """Keys, the first of which seals, and those of before, which open as well. It asks nobody and never changes.

    Raises:
        ValueError: one is no key.
    """

    keys: tuple[str, ...] = field(default=(), repr=False)
    gone: tuple[str, ...] = field(default=(), repr=False)
    _fernets: tuple[Fernet, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_fernets", tuple(Fernet(key) for key in (*self.keys, *self.gone)))

    def then(self, keys: Sequence[str]) -> Ring:
        """Others in the place of its keys: what was read before may be opened only now. Raises ValueError."""
        return Ring(tuple(keys), tuple(key for key in (*self.keys, *self.gone) if key not in keys))

    def close(self, secret: str) -> str:
        """The secret, sealed. Raises KeyMissing."""
        if not self.keys:
            raise KeyMissing
        return self._fernets[0].encrypt(secret.encode()).decode()

    def opened(self, sealed: str) -> str | None:
        """The secret; None where none of them opens it."""
        return _opened(self._fernets, sealed)

    def seals(self, sealed: str) -> bool:
        """Whether its first key sealed that."""
        return bool(self.keys) and _opened(self._fernets[:1], sealed) is not None


def _opened(fernets: Sequence[Fernet], sealed: str) -> str | None:
    try:
        return MultiFernet(fernets).decrypt(sealed).decode() if fernets else None
    except (InvalidToken, TypeError, ValueError):  # the latter two of what is no text, or of other letters
        return None


class Seal:
    """The ring as it is now, for many threads; where it does not do, others are looked for, and waited for.

    Args:
        keys: the first one seals; none: nothing can be sealed or opened.
        again: the keys as they are now, where they may change while this process runs. It raises KeysUnreached where
            they cannot be asked for, and those that are held stay.
        lazily: they are not here yet, and asked for when one is needed first.

    Attributes:
        awaits: why the keys are not here yet; empty where they are, or there are none.

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
        self.awaits = "they were not asked for yet" if lazily else ""
        self._ring = Ring(tuple(keys))
        self._again = again
        self._clock = clock or SystemClock()
        self._looking = threading.Lock()
        self._next: Future[Ring] = Future()  # what comes of the look that begins next
        self._soon: Callable[[], object] = self.look
        self._patience: float | None = None
        self._in_vain: tuple[float, str] | None = None
        self._lost: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"Seal({'with keys' if self._ring.keys else 'without keys'})"

    @property
    def has_keys(self) -> bool:
        """Raises KeysUnreached."""
        return bool(self.keys)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys, for what is derived from them. Raises KeysUnreached."""
        return self._present().keys

    def close(self, secret: str) -> str:
        """The secret, sealed. Raises KeyMissing, KeysUnreached."""
        return self._present().close(secret)

    def open(self, sealed: str) -> str:
        """The secret. Raises KeyMissing, SecretUnreadable, KeysUnreached.

        What no key opens was perhaps sealed by a process that has a newer one, and is unreadable only when a look for
        keys that began after it was met has found none.
        """
        opened = self._present().opened(sealed)
        if opened is None and self._again is not None and not self._was_just(self._lost.get(sealed)):
            opened = self._renewed(lambda: self.open(sealed)).opened(sealed)
            if opened is None:
                self._keep_lost(sealed)
        if opened is not None:
            return opened
        if not self._ring.keys:
            raise KeyMissing
        raise SecretUnreadable("none of the keys in [secrets] opens it")

    def keys_again(self, who: str) -> tuple[str, ...]:
        """Those of a look that begins now, for what was made with none that were known. Raises KeysUnreached.

        Args:
            who: shows it, and may be making it up: where a look was in vain, they cause no other for some seconds.
        """
        before = self._present()  # others than were tried, perhaps: many may show such things at once
        if self._again is None or self._was_just(self._lost.get(who)):
            return before.keys
        found = self._renewed(lambda: self.keys_again(who))
        if found.keys == before.keys:
            self._keep_lost(who)
        return found.keys

    def is_sealed_first(self, sealed: str) -> bool:
        """Whether the first key sealed it. Raises KeysUnreached."""
        return self._present().seals(sealed)

    def renew(self, sealed: str) -> str:
        """The same secret, sealed with the first key. Raises as ``open``."""
        return self.close(self.open(sealed))

    def look(self) -> bool:
        """Whether the keys are others than before. Raises KeysUnreached, and goes on with those that it has."""
        if self._again is None:
            return False
        before, next_one = self._ring, self._next
        with self._looking:
            if next_one is self._next:  # none has begun while this waited
                self._look(self._again)
        return next_one.result().keys != before.keys

    def tended(self, soon: Callable[[], None], patience: float) -> None:
        """From now on another thread looks now and then, and ``soon`` has it look at once.

        Args:
            patience: seconds that who needs another key waits for it.
        """
        self._soon, self._patience = soon, patience

    def _look(self, again: Callable[[], Sequence[str]]) -> None:
        looked, self._next = self._next, Future()
        try:
            ring = self._ring_of(again)
        except KeysUnreached as error:
            self._in_vain = (self._clock.monotonic(), str(error))
            self.awaits = self.awaits and str(error)
            looked.set_exception(error)
        except Exception:
            looked.set_exception(KeysUnreached("a look for them failed"))
            raise
        else:
            self._ring, self.awaits, self._in_vain = ring, "", None
            looked.set_result(ring)

    def _ring_of(self, again: Callable[[], Sequence[str]]) -> Ring:
        try:
            keys = tuple(again())
            if self._ring.keys and not keys:
                raise KeysUnreached("none is set any more")
            return self._ring if keys == self._ring.keys else self._ring.then(keys)
        except ValueError as error:
            raise KeysUnreached("one of them is no key") from error

    def _present(self) -> Ring:
        """What is held. Raises KeysUnreached where there should be keys that are not here yet."""
        return self._renewed(self._present) if self.awaits else self._ring

    def _renewed(self, wanted: Callable[[], object]) -> Ring:
        """What a look that begins now finds. Raises KeysUnreached where it fails, or one was in vain a moment ago.

        Args:
            wanted: what it is for, to be done where one may wait. Raises KeysWanted where one may not.
        """
        in_vain, looked = self._in_vain, self._next
        if in_vain is not None and self._was_just(in_vain[0]):
            raise KeysUnreached(in_vain[1])
        if _UNWAITING.get():
            raise KeysWanted(wanted)
        self._soon()
        try:
            return looked.result(self._patience)
        except TimeoutError:
            why = "they are being looked for"
            self._in_vain = (self._clock.monotonic(), why)
            raise KeysUnreached(why) from None

    def _was_just(self, at: float | None) -> bool:
        return at is not None and self._clock.monotonic() - at < _AGAIN_SECONDS

    def _keep_lost(self, sealed: str) -> None:
        if len(self._lost) >= _MOST_LOST:
            self._lost = {}  # a new one: other threads may be reading the old
        self._lost[sealed] = self._clock.monotonic()
