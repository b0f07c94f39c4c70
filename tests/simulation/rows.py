"""The rows as they are at one moment: what the checks read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, bindparam, select

from backend.domain.activity import Activity
from backend.domain.cluster import Cluster
from backend.domain.node import Node
from backend.store import rows, tables
from tests.simulation.history import TABLES
from tests.simulation.world import World


@dataclass
class State:
    """The rows at one moment."""

    clusters: dict[str, Cluster]
    nodes: dict[str, Node]
    activities: dict[str, Activity]


_VALUES: dict[str, Callable[[Any], Any]] = {
    "clusters": rows.cluster_of,
    "nodes": rows.node_of,
    "activities": rows.activity_of,
}
_AMONG: dict[str, Select[Any]] = {
    name: select(table).where(table.c.id.in_(bindparam("ids", expanding=True)))
    for name, table in tables.metadata.tables.items()
    if name in TABLES
}


@dataclass
class Reader:
    """Reads the rows, and again only those that changed: a run is looked at after every tick."""

    world: World
    state: State = field(default_factory=lambda: State({}, {}, {}))

    def read(self) -> State:
        changed = self.world.history.changed()
        if changed:
            with self.world.store.watch() as conn:
                self.state = State(**{name: self._table(conn, name, list(changed.get(name, ()))) for name in TABLES})
        return self.state

    def _table(self, conn: Any, name: str, changed: list[str]) -> dict[str, Any]:
        before: dict[str, Any] = getattr(self.state, name)
        if not changed:
            return before
        found = {row.id: _VALUES[name](row) for row in conn.execute(_AMONG[name], {"ids": changed})}
        kept = {key: value for key, value in before.items() if key not in changed or key in found}
        return kept | {key: found[key] for key in changed if key in found}
