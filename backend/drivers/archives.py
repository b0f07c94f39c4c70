"""Where old records go before they are deleted: the port, what it may say instead, and the text that they become."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol


class NotArchived(Exception):
    """It was not kept, or nobody knows whether it was; keeping it again does no harm."""


@dataclass(frozen=True, slots=True)
class Sheaf:
    """Some records of one kind, as JSON lines.

    Attributes:
        name: ``activities/2026-10-18/20261018T120000000000Z-0123456789ab.jsonl``: by kind, day and instant of the
            oldest, and by what is in it, so that the same records make the same sheaf.
        content: a JSON object a line, instants as ISO 8601 in UTC.
    """

    name: str
    content: bytes


class Archive(Protocol):
    """Keeps sheaves. A record may be in several: after a crash it is kept again."""

    def keep(self, sheaf: Sheaf) -> None:
        """Keep it for good, over one of the same name.

        Raises:
            NotArchived
        """


def sheaf_of(kind: str, oldest: datetime, records: Sequence[Mapping[str, Any]]) -> Sheaf:
    """The sheaf of records."""
    lines = [json.dumps(record, ensure_ascii=False, separators=(",", ":"), default=_told) for record in records]
    content = "".join(f"{line}\n" for line in lines).encode()
    at = oldest.astimezone(UTC)
    mark = hashlib.sha256(content).hexdigest()[:12]
    return Sheaf(f"{kind}/{at:%Y-%m-%d}/{at:%Y%m%dT%H%M%S%f}Z-{mark}.jsonl", content)


def _told(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    raise TypeError(type(value).__name__)
