"""Where keys are kept that seal secrets: the port of a key manager, and what it gave, held in memory."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

from backend.drivers.aside import Aside
from backend.drivers.optional import NoLibrary
from backend.errors import KeysUnreached

T = TypeVar("T")
KEY_BYTES: Final = 32
MOST_LEFT: Final = 8
"""Looks that nobody waits for any more, at once: a manager that sends a byte now and then does not end them."""


_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")
_TEXT: Final = re.compile(rb"[ -~\s]+")
"""32 random bytes are that once in 10^13 times."""
_FEWEST_BYTES: Final = 16
"""Different ones among 32 that somebody drew: about 30 are."""


class ManagerMisconfigured(Exception):
    """The manager cannot be asked as the settings are; the text tells the operator why."""


class KeyManager(Protocol):
    """A service that keeps keys. What it keeps under a reference never changes."""

    def get(self, reference: str) -> bytes:
        """What is kept there. Raises KeysUnreached, within some seconds."""

    def put(self, secret: bytes) -> str:
        """Keep a key; its reference. Raises KeysUnreached."""


class KeptKeys:
    """Keys by their references, each asked for once: those that are held need no manager any more.

    Args:
        open_manager: by the settings as they are then, which may name another login than before; again after each
            failure. It raises ManagerMisconfigured, NoLibrary.
        name: the manager's, in words for operators.
        seconds: for all that one look asks, however many requests that is.

    Raises:
        ManagerMisconfigured, NoLibrary
    """

    def __init__(
        self, open_manager: Callable[[], KeyManager], name: str, seconds: Callable[[], float] = lambda: 30.0
    ) -> None:
        self._open = open_manager
        self._manager: KeyManager | None = open_manager()
        self._name = name
        self._seconds = seconds
        self._aside = Aside(MOST_LEFT, "key manager")
        self._known: dict[str, str] = {}

    def of(self, references: Sequence[str]) -> list[str]:
        """The keys, as a seal takes them. Raises KeysUnreached where one of them cannot be had."""
        missing = [reference for reference in references if reference not in self._known]
        if missing:
            self._in_time(lambda manager: self._ask(manager, missing))
        return [self._known[reference] for reference in references]

    def put(self, key: str) -> str:
        """Keep a key of ours; its reference. Raises KeysUnreached."""
        return self._in_time(lambda manager: manager.put(base64.urlsafe_b64decode(key)))

    def _ask(self, manager: KeyManager, references: Sequence[str]) -> None:
        for each in references:
            self._known[each] = self._read(manager.get(each), each)

    def _in_time(self, ask: Callable[[KeyManager], T]) -> T:
        """What is asked, or no more than waiting for it: libraries bound each read, and not all of an answer."""
        seconds, answer = self._seconds(), self._aside.begin(lambda: self._asked(ask))
        if answer is None:
            raise KeysUnreached(f"{self._name} does not let go of {MOST_LEFT} looks before")
        try:
            return answer.result(seconds)
        except TimeoutError:
            self._manager = None
            raise KeysUnreached(f"{self._name} has not given what it was asked for within {seconds:g} s") from None

    def _asked(self, ask: Callable[[KeyManager], T]) -> T:
        try:
            manager = self._manager = self._manager or self._open()
            return ask(manager)
        except (ManagerMisconfigured, NoLibrary) as why:
            raise KeysUnreached(str(why)) from why
        except KeysUnreached:
            self._manager = None
            raise

    def _read(self, kept: bytes, reference: str) -> str:
        """A key as 32 bytes, as managers make them, or as the text that they are in URL-safe base64."""
        text, raw = kept.strip(), kept
        if len(raw) != KEY_BYTES:
            try:
                raw = base64.b64decode(text.translate(_URL_SAFE), validate=True)
            except binascii.Error:
                raw = b""
        if len(raw) != KEY_BYTES:
            raise no_key(self._name, reference, f"{KEY_BYTES} bytes, or their base64")
        if _TEXT.fullmatch(raw):
            raise no_key(self._name, reference, f"it is text of {len(raw)} letters, and no text of a key")
        if len(set(raw)) < _FEWEST_BYTES:
            raise no_key(self._name, reference, "it is not random")
        return base64.urlsafe_b64encode(raw).decode()


def no_key(name: str, reference: str, why: str) -> KeysUnreached:
    """What a manager keeps there is something else; it is never shown."""
    return KeysUnreached(f"what {name} keeps as {reference} is no key: {why}")
