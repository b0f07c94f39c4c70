"""Builders of snapshots and drafts for the tests of phases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from random import Random
from typing import Any

from backend.domain.activity import Activity, ActivityKind, CauseKind
from backend.domain.backoff import Backoff
from backend.domain.changes import ClusterRows
from backend.domain.cluster import Cluster
from backend.domain.node import ENDING, Health, Node, NodeState, ServerStatus
from backend.domain.profile import ProfileRef, ServerSpec
from backend.domain.refreshes import Refresh
from backend.domain.traffic import MemberHealth, Registration, RegistrationState, SourceState, TrafficSource
from backend.engine.acts.create_servers import CreateServers
from backend.engine.draft import Draft
from backend.engine.plan import Plan, make_plan
from backend.engine.settings import EngineSettings
from backend.engine.snapshot import Headroom, Profile, Snapshot
from backend.engine.telling import happenings
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


def rows(
    cluster: Cluster,
    *nodes: Node,
    backoffs: Iterable[Backoff] = (),
    registrations: Iterable[Registration] = (),
    refresh: Refresh | None = None,
) -> ClusterRows:
    return ClusterRows(
        cluster,
        {each.id: each for each in nodes},
        {(each.node_id, each.pool_id): each for each in registrations},
        {(each.zone, each.profile_key): each for each in backoffs},
        refresh=refresh,
    )


def snapshot(
    cluster: Cluster,
    *nodes: Node,
    backoffs: Iterable[Backoff] = (),
    registrations: Iterable[Registration] = (),
    refresh: Refresh | None = None,
    **values: Any,
) -> Snapshot:
    here = rows(cluster, *nodes, backoffs=backoffs, registrations=registrations, refresh=refresh)
    return Snapshot(here, **{"profile": PROFILE, "seen_until": NOW, "headroom": Headroom(), **values})


def draft(cluster: Cluster, *nodes: Node, settings: EngineSettings = SETTINGS, **values: Any) -> Draft:
    return Draft(snapshot(cluster, *nodes, **values), NOW, settings, Random(1))


def plan(cluster: Cluster, *nodes: Node, seed: int = 1, settings: EngineSettings = SETTINGS, **values: Any) -> Plan:
    return make_plan(snapshot(cluster, *nodes, **values), NOW, settings, Random(seed))


def kinds(made: Draft | Plan) -> list[str]:
    """What changes and what the cloud is told, as telling counts it, in alphabetical order."""
    return sorted(happenings(made.changes, made.acts).elements())


def launched(made: Draft | Plan) -> list[Node]:
    """The new nodes."""
    changes = made.changes
    return [each for each in changes.after.nodes.values() if each.id not in changes.before.nodes]


def launches(made: Draft | Plan) -> Counter[str]:
    """How many nodes are launched by zone; each is in one request, and has its entry."""
    new = launched(made)
    asked = [node_id for act in made.acts if isinstance(act, CreateServers) for node_id in act.node_ids]
    assert asked == [each.id for each in new]
    assert all(opened(made, each).kind is ActivityKind.LAUNCH for each in new)
    return Counter(each.zone for each in new)


def requests(made: Draft | Plan) -> list[CreateServers]:
    return [act for act in made.acts if isinstance(act, CreateServers)]


def opened(made: Draft | Plan, of: Node) -> Activity:
    """The entry that a node got."""
    (entry,) = (each for each in made.changes.entries.opened.values() if each.node_id == of.id)
    return entry


def causes(made: Draft | Plan, of: Node) -> list[CauseKind]:
    """What the entry that a node got tells."""
    return [cause.kind for cause in opened(made, of).causes]


def terminated(made: Draft | Plan) -> list[Node]:
    """Nodes that are on their way out from now on, as they were, in the order in which that was decided.

    Each that has a server has an entry for it, and is as the law of moves has it.
    """
    before, after = made.changes.before.nodes, made.changes.after.nodes
    entries = [each for each in made.changes.entries.opened.values() if each.kind is ActivityKind.TERMINATE]
    told = [before[each.node_id or ""] for each in entries]
    for was, entry in zip(told, entries, strict=True):
        now = after.get(was.id)
        assert now is None or (now.state, now.activity_id) == (NodeState.TERMINATING, entry.id)
        assert now is None or now.leaves_for is not None
    unseen = [each for each in after.values() if each.id in before and before[each.id].server_id is None]
    return told + [before[each.id] for each in unseen if each.state in ENDING and before[each.id].state not in ENDING]
