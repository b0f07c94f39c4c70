"""The port that tells what servers had to do: measured by the cloud, by the minute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from backend.domain.scope import Scope


@dataclass(frozen=True, slots=True)
class Load:
    """What a server had to do in a minute.

    Attributes:
        cpu_percent: of all its processors together, 0 to 100.
    """

    cpu_percent: float


class Loads(Protocol):
    """Every call may raise CloudUnavailable and NotAuthorized."""

    def loads(self, scope: Scope, server_ids: Sequence[str], minute: datetime) -> Mapping[str, Load]:
        """What each of these servers had to do in the minute that began then; what was not measured is not told."""
