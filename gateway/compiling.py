"""What is compiled from a shape and kept, though shapes contain themselves; knows no shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


def kept(made: dict[K, V], key: K, later: V, make: Callable[[], V]) -> V:
    """Make what is not there yet, and keep it.

    Args:
        made: all that is kept.
        key: of what is to be made.
        later: stands for it while it is made, and where it contains itself for ever: it asks for it again when it is
            used. Where making fails nothing is kept, so that whoever asks again is told again.
        make: makes it, and raises what it likes.
    """
    made[key] = later
    try:
        found = make()
    except BaseException:
        del made[key]
        raise
    made[key] = found
    return found
