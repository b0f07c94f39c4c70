r"""The models' regular expressions, which are Java's, as Python's. They must match a value as a whole.

Four things differ: Java joins two surrogate escapes into the character they mean, knows ``\p{L}``, its ``\w`` and
``\d`` are ASCII, and a hyphen behind one of these in brackets is a hyphen.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import lru_cache
from typing import Final

_SURROGATES: Final = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_HYPHEN: Final = re.compile(r"(?<=\\[wds])-")
_PROPERTY: Final = re.compile(r"\\p\{([A-Z][a-z]?)\}")


@lru_cache(maxsize=512)
def compiled(pattern: str) -> re.Pattern[str]:
    """A Java pattern ready for ``fullmatch``."""
    joined = _SURROGATES.sub(lambda pair: _joined(pair[1], pair[2]), pattern)
    plain = _HYPHEN.sub(r"\\-", joined)
    return re.compile(_PROPERTY.sub(lambda name: _ranges(name[1]), plain), re.ASCII)


def _joined(high: str, low: str) -> str:
    code = 0x10000 + ((int(high, 16) - 0xD800) << 10) + (int(low, 16) - 0xDC00)
    return f"\\U{code:08X}"


@lru_cache(maxsize=1)
def _categories() -> dict[str, list[tuple[int, int]]]:
    """The runs of code points of each two-letter category."""
    runs: dict[str, list[tuple[int, int]]] = {}
    start, kind = 0, unicodedata.category("\x00")
    for code in range(1, sys.maxunicode + 2):
        now = unicodedata.category(chr(code)) if code <= sys.maxunicode else ""
        if now != kind:
            runs.setdefault(kind, []).append((start, code - 1))
            start, kind = code, now
    return runs


@lru_cache(maxsize=32)
def _ranges(name: str) -> str:
    """The content of a character class for ``L``, ``Zs`` and the like; the models use them inside brackets only."""
    runs = (run for kind, found in _categories().items() if kind.startswith(name) for run in found)
    return "".join(f"\\U{low:08X}-\\U{high:08X}" for low, high in sorted(runs))
