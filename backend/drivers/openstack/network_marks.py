"""How networks that were made here are known at Neutron: by their names and descriptions. Pure.

The name carries the token that a thing is found by, the description whose it is and what it belongs to. Whoever owns a
network may write both: they are believed of a project's own networks alone, and nothing is ended for them that was
not asked for with that very token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_UUID: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NETWORK: Final = re.compile(
    rf"coppice:(?P<installation>[0-9a-f-]{{0,36}}):vpc=(?P<vpc>{_UUID}):zone=(?P<zone>.{{1,100}})"
)


@dataclass(frozen=True, slots=True)
class NetworkMark:
    """What the description of a network tells. ``zone``: the cloud's name."""

    installation: str
    vpc: str
    zone: str


def name_of(token: str) -> str:
    """The name of what was made with a token."""
    return f"coppice-{token}"


def of_vpc(installation: str) -> str:
    """The description of a router."""
    return f"coppice:{installation}:vpc"


def of_network(installation: str, vpc: str, zone: str) -> str:
    """The description of a network and of the subnet in it."""
    return f"coppice:{installation}:vpc={vpc}:zone={zone}"


def mark_of(document: Mapping[str, Any]) -> NetworkMark | None:
    """What a network's own description tells, None where it is not one of ours."""
    found = _NETWORK.fullmatch(document.get("description") or "")
    return None if found is None else NetworkMark(found["installation"], found["vpc"], found["zone"])


def is_of(document: Mapping[str, Any], installation: str, token: str) -> bool:
    """Whether an installation made it with that token."""
    described = str(document.get("description") or "")
    return document.get("name") == name_of(token) and described.startswith(f"coppice:{installation}:")
