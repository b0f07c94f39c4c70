"""What happened to one cluster between two looks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from backend.domain.activity import Activity, ActivityKind, CauseKind
from backend.domain.cluster import Cluster
from backend.domain.node import Node
from tests.simulation.rows import State
from tests.simulation.world import World


class Step(NamedTuple):
    """What happened between two looks, in a cluster whose users asked for nothing in between."""

    world: World
    cluster: Cluster
    before: State
    now: State

    def nodes(self) -> Iterator[tuple[Node | None, Node]]:
        """The cluster's nodes, each with what it was."""
        for node in self.now.nodes.values():
            if node.cluster_id == self.cluster.id:
                yield self.before.nodes.get(node.id), node

    def directly_launched(self) -> set[str]:
        """Nodes that users launched by number."""
        return {
            entry.node_id or ""
            for entry in self.now.activities.values()
            if entry.kind is ActivityKind.LAUNCH
            and entry.causes[0].kind is CauseKind.USER_LAUNCHED
            and "before" not in entry.causes[0].data
        }

    def opened(self, kind: ActivityKind) -> Iterator[Activity]:
        for entry in self.now.activities.values():
            if entry.cluster_id == self.cluster.id and entry.kind is kind and entry.id not in self.before.activities:
                yield entry
