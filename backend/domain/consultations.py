"""Questions to somebody outside who chooses the nodes that go when capacity shrinks. Values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backend.domain.cluster import Cluster
from backend.domain.node import Node
from backend.domain.scope import Scope

CONSULTANTS = ("https:", "http:")
"""What a termination rule begins with that is somebody's address."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which nodes of a cluster may go.

    Attributes:
        id: of this question.
        target: who is asked.
        capacity: how much is to go, as the cluster would choose itself: by zone, and whether it is preemptible.
        nodes: those that it would choose, each with a server.
    """

    id: str
    target: str
    cluster: Cluster
    capacity: Mapping[tuple[str, bool], int]
    nodes: Sequence[Node]

    @property
    def scope(self) -> Scope:
        return self.cluster.scope


def consultant_of(rules: Sequence[str]) -> str | None:
    """Whom a cluster asks; None where its rules alone decide."""
    return rules[0] if rules and rules[0].startswith(CONSULTANTS) else None
