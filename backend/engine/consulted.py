"""When somebody outside was last asked which nodes of a cluster may go: a brake, kept in this engine's memory alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

_MOST = 10_000
"""Clusters that are remembered; of more the one that was asked for longest ago is forgotten, and may be asked for."""


@dataclass(slots=True)
class Consulted:
    """Instants by cluster id. An engine that takes a cluster over asks once too often, which costs one question."""

    most: int = _MOST
    _at: dict[str, datetime] = field(default_factory=dict)

    def at(self, cluster_id: str) -> datetime | None:
        return self._at.get(cluster_id)

    def asked(self, cluster_id: str, now: datetime) -> None:
        self._at.pop(cluster_id, None)
        self._at[cluster_id] = now
        if len(self._at) > self.most:
            del self._at[next(iter(self._at))]
