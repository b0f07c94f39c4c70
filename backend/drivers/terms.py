"""Whether whoever asks the cloud to make something still holds what it is made for.

Who stands still between deciding and asking may have been taken for dead meanwhile, and another have made what was
about to be made. So that is looked at once more as late as it can be: right before the request leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Protocol, TypeVar

from backend.drivers.errors import NotHeld

T = TypeVar("T")


class Term(Protocol):
    """How long what a call is for is held; a lease is one."""

    @property
    def over(self) -> bool:
        """Its time is up, unless it is renewed."""

    @property
    def lost(self) -> bool:
        """Its time is up for good."""


_PRESENT: ContextVar[Term | None] = ContextVar("term", default=None)


def during(term: Term, ask: Callable[[], T]) -> T:
    """The answer of a question that is asked for what is held so long."""
    token = _PRESENT.set(term)
    try:
        return ask()
    finally:
        _PRESENT.reset(token)


def held() -> bool:
    """Whether what this is asked for is held now; what is asked for nothing that can be held counts as held."""
    term = _PRESENT.get()
    return term is None or not term.over


def check() -> None:
    """Before something is made. Raises NotHeld where that is for what is not held now."""
    if not held():
        raise NotHeld("whoever asks does not hold any more what this is for")
