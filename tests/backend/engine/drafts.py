"""Builders of snapshots and drafts for the tests of phases."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any

from backend.domain.backoff import Backoff
from backend.domain.cluster import Cluster
from backend.domain.node import Health, Node, NodeState, ServerStatus
from backend.domain.profile import ProfileRef, ServerSpec
from backend.domain.traffic import MemberHealth, Registration, RegistrationState, SourceState, TrafficSource
from backend.engine import steps
from backend.engine.draft import Draft
from backend.engine.plan import Plan, make_plan
from backend.engine.settings import EngineSettings
from backend.engine.snapshot import Profile, Snapshot
from tests import factories
from tests.factories import NOW

SETTINGS = EngineSettings()
SOURCE = TrafficSource("pool", "web", 80, SourceState.ADDED)
PROFILE = Profile(ServerSpec(image="0" * 17, instance_type="t3.micro"), ProfileRef("lc"))


def owner(**values: Any) -> Cluster:
    """A cluster in two zones, with none desired unless said."""
    return factories.cluster(**{"minimum": 0, "maximum": 10, "desired": 0, **values})


def node(cluster: Cluster, name: str, **values: Any) -> Node:
    """A node whose server is active, in service for an hour."""
    ago = NOW - timedelta(hours=1)
    usual = {"server_status": ServerStatus.ACTIVE, "created_at": ago, "in_service_at": ago, "state_at": ago}
    return factories.node(cluster, name, **{**usual, **values})


def pending(cluster: Cluster, name: str, **values: Any) -> Node:
    """A node that was launched just now."""
    usual = {
        "state": NodeState.PENDING,
        "in_service_at": None,
        "created_at": NOW,
        "server_status": ServerStatus.BUILDING,
        "activity_id": f"activity-{name}",
    }
    return node(cluster, name, **{**usual, **values})


def sick(cluster: Cluster, name: str, **values: Any) -> Node:
    usual = {"health": Health.UNHEALTHY, "health_cause": "health_custom", "health_due_at": NOW}
    return node(cluster, name, **{**usual, **values})


def backoff(zone: str, seconds: float = 60, failures: int = 1, key: str = "configuration:lc") -> Backoff:
    return Backoff(zone, key, failures, NOW - timedelta(hours=1), NOW + timedelta(seconds=seconds))


def member(of: Node, health: MemberHealth, state: RegistrationState = RegistrationState.REGISTERED) -> Registration:
    """A node's member of SOURCE, which was healthy once."""
    return Registration(
        node_id=of.id,
        pool_id=SOURCE.pool_id,
        cluster_id=of.cluster_id,
        project_id=of.project_id,
        region=of.region,
        server_id=of.server_id or "",
        address="10.0.0.5",
        port=80,
        subnet_id=None,
        state=state,
        state_at=NOW,
        health=health,
        served=True,
    )


def snapshot(cluster: Cluster, *nodes: Node, **values: Any) -> Snapshot:
    return Snapshot(cluster, tuple(nodes), **{"profile": PROFILE, "seen_until": NOW, **values})


def draft(cluster: Cluster, *nodes: Node, settings: EngineSettings = SETTINGS, **values: Any) -> Draft:
    return Draft(snapshot(cluster, *nodes, **values), NOW, settings, Random(1))


def plan(cluster: Cluster, *nodes: Node, seed: int = 1, **values: Any) -> Plan:
    return make_plan(snapshot(cluster, *nodes, **values), NOW, SETTINGS, Random(seed))


def kinds(chosen: Any) -> list[str]:
    """The names of the steps, in order."""
    return [type(step).__name__ for step in chosen]


def launches(chosen: Any) -> Counter[str]:
    """How many nodes are launched by zone."""
    found: Counter[str] = Counter()
    for step in chosen:
        if isinstance(step, steps.Launch):
            found[step.zone] += len(step.replaces)
    return found


def terminated(chosen: Any) -> list[Node]:
    return [step.node for step in chosen if isinstance(step, steps.Terminate)]
