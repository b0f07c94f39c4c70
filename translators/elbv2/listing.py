"""What all lists share: a page of a sorted list, and where the next one begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from translators import paging
from translators.elbv2.errors import validation
from translators.registry import Call, Result

_MOST: Final = 400


def page(call: Call, member: str, told: Sequence[Any]) -> Result:
    """The answer with a page of what is told, each of which has an ARN of its own.

    Raises:
        AWSError: the size or the marker is none.
    """
    size = call.params.get("PageSize", _MOST)
    if not 1 <= size <= _MOST:
        raise validation(f"PageSize must be between 1 and {_MOST}")  # unsourced
    start = _start(call)
    here = told[start : start + size]
    if start + size >= len(told):
        return {member: here}
    return {member: here, "NextMarker": paging.encode(call.operation, start + size, paging.binding(call))}


def _start(call: Call) -> int:
    marker = call.params.get("Marker")
    if not marker:
        return 0
    found = paging.decode(marker, call.operation, paging.binding(call), "elbv2", like=0)
    return int(found)
