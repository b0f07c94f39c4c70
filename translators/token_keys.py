"""What authenticates tokens that callers are handed and show again, and that no caller makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


def no_keys() -> Sequence[bytes]:
    """Where tokens need not be safe from those who make some themselves."""
    return (b"",)


def no_others(_who: str) -> Sequence[bytes]:
    """Where keys never change."""
    return ()


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """Keys of an installation that change while it is at work.

    Attributes:
        now: the first makes tokens, all know them. It may raise KeysUnreached.
        again: those there are after another look, for a token that none of them made: another process may have a newer
            key. Named is who shows it: nobody causes looks without end. It may raise KeysUnreached.
    """

    now: Callable[[], Sequence[bytes]] = field(default=no_keys, repr=False)
    again: Callable[[str], Sequence[bytes]] = field(default=no_others, repr=False)
