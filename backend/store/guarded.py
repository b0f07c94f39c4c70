"""What is launched, user data among it, as it lies in the database: in the clear, or sealed as a whole.

Which of them a column holds is seen by its first letter, so that both may stand side by side while an installation
goes from one to the other. A version that does not know of this takes what is sealed for no JSON, and launches nothing
of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Dialect, Engine
from sqlalchemy.exc import StatementError

from backend.domain.delegation import SecretUnreadable
from backend.errors import KeysUnreached
from backend.store.secrets import KeyMissing, Seal
from backend.store.types import Document


@dataclass(frozen=True, slots=True)
class Guard:
    """How an engine's connections write and read such columns.

    Attributes:
        closes: what is written is sealed; otherwise it is in the clear, and what is sealed can be read all the same.
    """

    seal: Seal
    closes: bool = False

    def written(self, text: str) -> str:
        """Raises KeyMissing, KeysUnreached."""
        return self.seal.close(text) if self.closes else text

    def read(self, text: str) -> str:
        """Raises KeyMissing, SecretUnreadable, KeysUnreached."""
        return self.seal.open(text) if is_sealed(text) else text


def is_sealed(text: str) -> bool:
    """Whether it is sealed, and not a document in the clear."""
    return not text.startswith(("{", "["))


def guard(engine: Engine, by: Guard) -> None:
    """Have an engine's connections seal and open by it."""
    engine.dialect.coppice_guard = by  # type: ignore[attr-defined] # all that a column's type is handed is its dialect


class Guarded(Document):
    """A Document that may lie sealed."""

    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> str | None:
        text = super().process_bind_param(value, dialect)
        by: Guard | None = getattr(dialect, "coppice_guard", None)
        return text if text is None or by is None else by.written(text)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        if value is not None and is_sealed(value):
            by: Guard | None = getattr(dialect, "coppice_guard", None)
            if by is None:
                raise KeyMissing
            value = by.read(value)
        return super().process_result_value(value, dialect)


def unsealed(error: Exception) -> Exception:
    """What went wrong with a key where that was it, and not the statement in which it did."""
    cause = error.orig if isinstance(error, StatementError) else error
    return cause if isinstance(cause, KeysUnreached | SecretUnreadable) else error
