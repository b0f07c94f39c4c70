"""Secrets as they lie in the database: sealed with the first of the installation's keys, opened with any of them.

Fernet (AES-128-CBC and HMAC-SHA256, keys of 32 random bytes in URL-safe base64).
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from backend.domain.delegation import SecretUnreadable


def new_key() -> str:
    """A key that nobody has."""
    return Fernet.generate_key().decode()


class KeyMissing(SecretUnreadable):
    """The installation has no key."""

    def __init__(self) -> None:
        super().__init__("no key is set in [secrets]")


class Seal:
    """Seals and opens.

    Args:
        keys: the first one seals; none: nothing can be sealed or opened.

    Raises:
        ValueError: one is no key.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys]) if keys else None

    def __repr__(self) -> str:
        return f"Seal({'with keys' if self._fernet else 'without keys'})"

    @property
    def has_keys(self) -> bool:
        return self._fernet is not None

    def close(self, secret: str) -> str:
        """The secret, sealed. Raises KeyMissing."""
        if self._fernet is None:
            raise KeyMissing
        return self._fernet.encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """The secret. Raises KeyMissing, SecretUnreadable."""
        if self._fernet is None:
            raise KeyMissing
        try:
            return self._fernet.decrypt(sealed).decode()
        except (InvalidToken, TypeError, ValueError) as error:  # the latter two of what is no text, or of other letters
            raise SecretUnreadable("none of the keys in [secrets] opens it") from error

    def renew(self, sealed: str) -> str:
        """The same secret, sealed with the first key. Raises as ``open``."""
        return self.close(self.open(sealed))
