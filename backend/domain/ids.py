"""Ids: how the cloud's UUIDs, the account number and a launch's token are formed. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from random import Random
from uuid import UUID, uuid4

SHORT_LENGTH = 17
_SHORT = re.compile(r"[0-9a-f]{17}")


def short_id(uuid: str) -> str:
    """The first 17 hex digits of a UUID: what an AWS id carries after its prefix (``i-...``)."""
    return uuid.replace("-", "")[:SHORT_LENGTH]


def derived_uuid(*parts: str) -> str:
    """A UUID of something that has none of its own: always the same, from what it belongs to."""
    digits = _digits(parts)
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"


def derived_short(*parts: str) -> str:
    """The short id of such a UUID."""
    return _digits(parts)[:SHORT_LENGTH]


def _digits(parts: Iterable[str]) -> str:
    return hashlib.sha256("/".join(parts).encode()).hexdigest()


def balancing_id(uuid: str) -> str:
    """The first 16 hex digits of a UUID: what the ARN of a load balancer, a target group or a listener carries."""
    return uuid.replace("-", "")[:16]


def is_short_id(text: str) -> bool:
    """Whether the text can be the short id of a UUID."""
    return _SHORT.fullmatch(text) is not None


def account_id(project_id: str) -> str:
    """The 12-digit AWS account of a project: stable, derived, the same in every process."""
    digest = hashlib.sha256(f"coppice-account:{project_id}".encode()).digest()
    return f"{100_000_000_000 + int.from_bytes(digest[:8], 'big') % 900_000_000_000}"


def new_id(rng: Random) -> str:
    """A UUID from that chance, for what has to come out the same when a run is repeated."""
    return str(UUID(int=rng.getrandbits(128), version=4))


def new_digits() -> str:
    """The digits of an id of something that the cloud has no object for."""
    return uuid4().hex[:SHORT_LENGTH]


def derived_digits(*parts: str) -> str:
    """Such digits, the same each time, of something that is told though nobody made it."""
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:SHORT_LENGTH]
