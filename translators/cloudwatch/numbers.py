"""Numbers as CloudWatch takes them, and as its texts, which are Java's, show them."""

from __future__ import annotations

import math
from typing import Final

_MOST: Final = 2.0**360
_PLAIN: Final = (1e-3, 1e7)


def in_range(number: float) -> bool:
    """Whether a value may be measured: no NaN, no infinity, nothing beyond 2^360."""
    return math.isfinite(number) and abs(number) <= _MOST


def java(number: float) -> str:
    """``3.0``, ``4.6970851655476665E108``, ``NaN``: as Java writes a double."""
    number = float(number)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if number == 0 or _PLAIN[0] <= abs(number) < _PLAIN[1]:
        plain = repr(number)
        return plain if "e" not in plain else f"{number:.17f}".rstrip("0")
    digits, _, exponent = f"{number!r}".partition("e")
    if not exponent:
        sign = "-" if number < 0 else ""
        whole, _, fraction = digits.lstrip("-").partition(".")
        every = (whole + ("" if fraction == "0" else fraction)).lstrip("0")
        power = len(whole) - 1 if whole.strip("0") else -(len(fraction) - len(fraction.lstrip("0"))) - 1
        rest = every[1:].rstrip("0") or "0"
        return f"{sign}{every[0]}.{rest}E{power}"
    if "." not in digits:
        digits += ".0"
    return f"{digits}E{int(exponent)}"
