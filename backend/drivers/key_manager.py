"""Where keys are kept that seal secrets: the port of a key manager, and what it gave, held in memory."""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Sequence
from typing import Final, Protocol

from backend.errors import KeysUnreached

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
        name: the manager's, in words for operators.
    """

    def __init__(self, manager: KeyManager, name: str) -> None:
        self._manager = manager
        self._name = name
        self._known: dict[str, str] = {}
        self._lock = threading.Lock()

    def of(self, references: Sequence[str]) -> list[str]:
        """The keys, as a seal takes them. Raises KeysUnreached where one of them cannot be had."""
        return [self._key(reference) for reference in references]

    def put(self, key: str) -> str:
        """Keep a key of ours; its reference. Raises KeysUnreached."""
        return self._manager.put(base64.urlsafe_b64decode(key))

    def _key(self, reference: str) -> str:
        with self._lock:
            known = self._known.get(reference)
        if known is None:
            known = self._read(self._manager.get(reference), reference)
            with self._lock:
                self._known[reference] = known
        return known

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
