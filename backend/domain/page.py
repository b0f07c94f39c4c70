"""A page of a longer list, by key and not by position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items, and the key after which the next page starts (None on the last page)."""

    items: Sequence[T]
    marker: str | None = None
