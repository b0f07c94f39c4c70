"""Blocks of addresses as callers write them, in their canonical form: host bits are no part of one."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from translators.errors import AWSError

_FORM: Final = re.compile(r"[0-9A-Fa-f.:]+/[0-9]{1,3}")
"""Python's own reading takes an address alone as well, a mask in place of the length, and a zone."""


def canonical(text: str) -> str | None:
    """A block of either family; None for a text that is none."""
    if not _FORM.fullmatch(text):
        return None
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return None


def of_ipv4(text: str, member: str) -> str:
    """A block of IPv4.

    Args:
        member: the parameter that it is of, in the words of a refusal.

    Raises:
        AWSError: it is none.
    """
    found = canonical(text)
    if found is None or ":" in found:
        raise AWSError(
            "InvalidParameterValue",
            f"Value ({text[:64]}) for parameter {member} is invalid. This is not a valid CIDR block.",
        )
    return found
