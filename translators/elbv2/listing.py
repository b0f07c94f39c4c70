"""What all lists share: how they are registered, a page of one, and where the next one begins."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, Final, TypeVar

from translators import paging
from translators.elbv2.errors import validation
from translators.errors import AWSError
from translators.nouns import Asked, Naming, Noun
from translators.registry import Call, operation

T = TypeVar("T")
_MOST: Final = 400


def describes(name: str, noun: Noun[Any]) -> None:
    """Register the operation that lists a noun."""
    operation("elbv2", name)(noun.describe)


def by_names(member: str, of: Callable[[T], str], missing: Callable[[], AWSError]) -> Naming[T]:
    """Things named by ARNs or names; the refusal names none of them."""
    return Naming(member, of, lambda _: missing())


def all_named(asked: Asked, known: Mapping[str, Container[str]]) -> bool:
    """Whether things are asked for by name, and all of them are known: then nobody else need be asked."""
    return bool(asked.named) and all(
        name in known.get(member, ()) for member in asked.named for name in asked.named[member]
    )


def pages(call: Call, items: Sequence[T], _: Callable[[T], Any]) -> tuple[Sequence[T], dict[str, Any]]:
    """A page of what is listed, and the marker of the next.

    Raises:
        AWSError: the size or the marker is none.
    """
    size = call.params.get("PageSize", _MOST)
    if not 1 <= size <= _MOST:
        raise validation(f"PageSize must be between 1 and {_MOST}")  # unsourced
    start = _start(call)
    here = items[start : start + size]
    if start + size >= len(items):
        return here, {}
    return here, {"NextMarker": paging.encode(call.operation, start + size, paging.binding(call))}


def _start(call: Call) -> int:
    marker = call.params.get("Marker")
    if not marker:
        return 0
    found = paging.decode(marker, call.operation, paging.binding(call), call.service, like=0)
    return int(found)
