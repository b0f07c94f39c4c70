"""Whether the objects of an answer have the members that recorded ones always had, and none that is empty beyond these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

_EMPTY: tuple[Any, ...] = ("", [], {})
_MOSTLY = 0.75
"""A member that so large a part of the recorded objects have may be there and empty."""
_KINDS: dict[str, Any] = {
    # botocore reads policies that stand in a text.
    "text": (str, dict),
    "int": int,
    "bool": bool,
    "list": list,
    "structure": dict,
    "timestamp": datetime,
}


def objects(answer: Any, path: str) -> list[dict[str, Any]]:
    """The objects that a path such as ``Reservations[].Instances[]`` leads to."""
    found = [answer]
    for part in path.split(".") if path else ():
        name, listed = part.removesuffix("[]"), part.endswith("[]")
        found = [one[name] for one in found if isinstance(one, dict) and name in one]
        if listed:
            found = [item for items in found for item in items]
    return [one for one in found if isinstance(one, dict)]


def unlike(shape: Mapping[str, Any], answer: Any) -> Iterator[str]:
    """How the objects of an answer differ from those of a shape row, one line a member."""
    mostly = {name for name, count in shape["sometimes"].items() if count >= _MOSTLY * shape["seen"]}
    told: set[str] = set()
    for one in objects(answer, shape["path"]):
        told |= {f"{name}: not there, always recorded" for name in shape["always"] if name not in one}
        told |= {
            f"{name}: {value!r}, recorded left out where it is empty"
            for name, value in one.items()
            if value in _EMPTY and name in shape["sometimes"] and name not in mostly
        }
        told |= {
            f"{name}: {one[name]!r} is no {kind}"
            for name, kind in shape["kinds"].items()
            if name in one and kind in _KINDS and not isinstance(one[name], _KINDS[kind])
        }
    yield from sorted(told)
