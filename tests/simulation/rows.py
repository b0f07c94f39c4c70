"""The rows as they are at one moment: what the checks read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, select

from backend.domain.activity import Activity
from backend.domain.cluster import Cluster
from backend.domain.node import Node
from backend.store import rows, tables
from tests.simulation.world import World


@dataclass
class State:
    """The rows at one moment."""

    clusters: dict[str, Cluster]
    nodes: dict[str, Node]
    activities: dict[str, Activity]


@dataclass
class Reader:
    """Reads the rows, and again only those that changed: a run is looked at after every tick."""

    world: World
    seen: dict[str, dict[str, tuple[Any, Any]]] = field(default_factory=dict)
    writes: int = -1
    state: State | None = None

    def read(self) -> State:
        with self.world.store.watch() as conn:
            writes = conn.connection.driver_connection.total_changes
            if self.state is None or writes != self.writes:
                self.writes = writes
                self.state = State(
                    self._table(conn, tables.clusters, rows.cluster_of),
                    self._table(conn, tables.nodes, rows.node_of),
                    self._table(conn, tables.activities, rows.activity_of),
                )
        return self.state

    def _table(self, conn: Any, table: Table, value_of: Callable[[Any], Any]) -> dict[str, Any]:
        before = self.seen.get(table.name, {})
        raw = {row[0]: tuple(row) for row in conn.exec_driver_sql(f"SELECT * FROM {table.name}")}
        changed = [key for key, row in raw.items() if key not in before or before[key][0] != row]
        found = {row.id: value_of(row) for row in conn.execute(select(table).where(table.c.id.in_(changed)))}
        after = {key: (row, found[key] if key in found else before[key][1]) for key, row in raw.items()}
        self.seen[table.name] = after
        return {key: value for key, (_, value) in after.items()}
