"""Where keys are kept that seal secrets: the port of a key manager, and what it gave, held in memory."""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

from backend.drivers.optional import NoLibrary
from backend.errors import KeysUnreached

T = TypeVar("T")
KEY_BYTES: Final = 32


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

    Raises:
        ManagerMisconfigured, NoLibrary
    """

    def __init__(self, open_manager: Callable[[], KeyManager], name: str) -> None:
        self._open = open_manager
        self._manager: KeyManager | None = open_manager()
        self._name = name
        self._known: dict[str, str] = {}
        self._lock = threading.Lock()

    def of(self, references: Sequence[str]) -> list[str]:
        """The keys, as a seal takes them. Raises KeysUnreached where one of them cannot be had."""
        return [self._key(reference) for reference in references]

    def put(self, key: str) -> str:
        """Keep a key of ours; its reference. Raises KeysUnreached."""
        return self._asked(lambda manager: manager.put(base64.urlsafe_b64decode(key)))

    def _key(self, reference: str) -> str:
        with self._lock:
            known = self._known.get(reference)
        if known is None:
            known = self._read(self._asked(lambda manager: manager.get(reference)), reference)
            with self._lock:
                self._known[reference] = known
        return known

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
        if len(kept) == KEY_BYTES:
            return base64.urlsafe_b64encode(kept).decode()
        try:
            text = kept.decode().strip()
            if len(base64.urlsafe_b64decode(text)) == KEY_BYTES:
                return text
        except (UnicodeDecodeError, binascii.Error, ValueError):
            pass
        raise KeysUnreached(f"what {self._name} keeps as {reference} is no key: {KEY_BYTES} bytes, or their base64")
