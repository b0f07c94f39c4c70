"""Words of enumerations as rows hold them: one that only a newer Coppice knows is told as that, and never guessed."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from backend.errors import NewerWord

W = TypeVar("W", bound=StrEnum)


def known(kind: type[W], said: str) -> W:
    """The word of that enumeration.

    Raises:
        NewerWord: this version has no such word. Two versions may be at work on one database: what it stands in is left
            to the other one.
    """
    try:
        return kind(said)
    except ValueError:
        raise NewerWord(kind.__name__, said) from None
