"""Why a group is as it is, what keeps it so, and what the next pass would do: planned, and not followed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Any, Final

from backend.clock import Clock
from backend.domain.activity import Activity, Reason
from backend.domain.brakes import Brake
from backend.domain.cluster import Cluster, Process
from backend.domain.node import capacity
from backend.domain.scope import Scope
from backend.engine.plan import Plan, make_plan
from backend.engine.reading import KEYLESS, read_snapshot
from backend.engine.settings import EngineSettings
from backend.engine.snapshot import Headroom, Snapshot
from backend.engine.telling import happenings
from backend.errors import KeysUnreached
from backend.store import activities, brakes, clusters, overview, quotas
from backend.store.activities import ActivityQuery
from backend.store.session import Connection, Store

_LATEST: Final = 5
_EACH: Final = 20
"""How many of one kind of thing an explanation tells."""


@dataclass(frozen=True, slots=True)
class Words:
    """AWS's words, as the group's owner reads them.

    Attributes:
        description, message: of an activity; the message is None while there is nothing to say.
        reason: why something was not done.
        instance: a server, by its id.
    """

    description: Callable[[Activity], str]
    message: Callable[[Activity], str | None]
    reason: Callable[[Reason], str]
    instance: Callable[[str], str]


def read(conn: Connection, cluster: Cluster, now: datetime, settings: EngineSettings) -> Explanation | None:
    """All that explains a group at this moment; None where it has gone just now.

    The cloud is not asked for its quotas: what it refuses for them is among what failed.
    """
    try:
        snapshot = read_snapshot(conn, cluster.id)
    except KeysUnreached:
        snapshot = read_snapshot(conn, cluster.id, keyless=True)
    if snapshot is None:
        return None
    snapshot = replace(snapshot, headroom=Headroom(), room=quotas.room_now(conn, cluster.scope))
    return Explanation(
        snapshot,
        now,
        brakes.over(conn, cluster.scope),
        overview.held(conn, cluster.id),
        overview.refused_since(conn, cluster.scope),
        activities.page(conn, cluster.scope, ActivityQuery(cluster_id=cluster.id), limit=_LATEST).items,
        make_plan(snapshot, now, settings, Random(0)),
    )


class Explanations:
    """Why groups of a project are as they are, for their owner."""

    def __init__(self, store: Store, clock: Clock, settings: EngineSettings) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings

    def of(
        self, scope: Scope, names: Iterable[str], words: Words, *, managed: bool = True
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Names, each with what ``Explanation.told`` tells, read when it is its turn; without those that are not there.

        Args:
            managed: also of groups that have an operator.
        """
        for name in names:
            with self._store.read() as conn:
                cluster = clusters.find(conn, scope, name)
                wanted = cluster is not None and (managed or cluster.spec.operator is None)
                explained = read(conn, cluster, self._clock.now(), self._settings) if cluster and wanted else None
            if explained is not None:
                yield name, explained.told(words)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was read of one group at one moment, and what the next pass would do."""

    snapshot: Snapshot
    now: datetime
    brake: Brake | None
    held: overview.Held
    refused_since: datetime | None
    latest: Sequence[Activity]
    plan: Plan

    @property
    def cluster(self) -> Cluster:
        return self.snapshot.cluster

    def document(self, words: Words) -> dict[str, Any]:
        """For the operator."""
        cluster = self.cluster
        return {
            "group": cluster.name,
            "project": cluster.project_id,
            "region": cluster.region,
            "id": cluster.id,
            **self.told(words, operator=True),
            "engine": f"{self.held.owner} until {instant(self.held.until)}" if self.held.owner else None,
        }

    def told(self, words: Words, *, operator: bool = False) -> dict[str, Any]:
        """For the group's owner, who is told nothing of the installation, unless the operator asks."""
        cluster, nodes = self.cluster, list(self.snapshot.rows.nodes.values())
        spec = cluster.spec
        return {
            "status": str(cluster.status),
            "capacity": f"{spec.desired} wanted ({spec.minimum} to {spec.maximum}), {capacity(nodes)} there",
            "nodes": dict(Counter(str(node.state) for node in nodes)),
            "blocked_by": list(self._blocks(words, operator=operator)),
            "suspended": {
                str(process): f"since {instant(at)}{', by the engine' if process in cluster.given_up else ''}"
                for process, at in sorted(cluster.suspended.items())
            },
            "backoffs": list(self._backoffs())[:_EACH],
            "waits_for_hooks": list(self._waits(words))[:_EACH],
            "refresh": self._refresh(),
            "cooldown_until": instant(cluster.cooldown_until) if _is_ahead(cluster.cooldown_until, self.now) else None,
            "next_pass": list(self._next_pass()) or ["nothing"],
            "due": instant(cluster.due_at),
            "latest": [_line(each, words) for each in self.latest],
        }

    def _blocks(self, words: Words, *, operator: bool) -> Iterator[str]:
        """What keeps the group from what is desired, the gravest first, each with what to do about it."""
        if self.brake is not None:
            why = f": {self.brake.reason}" if self.brake.reason else ""
            if operator:
                yield f"{self.brake.told()}{why} ({self.brake.lifted_by()})"
            else:
                since = instant(self.brake.since)
                yield f"the cloud's operator lets nothing be launched and nothing ended since {since}{why}"
        if self.refused_since is not None:
            yield f"the project lets the engine do nothing since {instant(self.refused_since)} (coppice grant)"
        if isinstance(self.snapshot.profile, Reason):
            yield f"nothing can be launched: {words.reason(self.snapshot.profile)}"
        for process in (Process.LAUNCH, Process.TERMINATE):
            if not self.cluster.runs(process):
                yield f"{process} is suspended (ResumeProcesses)"
        if self.cluster.held_since is not None:
            since = instant(self.cluster.held_since)
            yield f"replacement for health is held, since {since}: too much fails at once to be the servers' own fault"
        room = self.snapshot.room
        lacks = capacity(self.snapshot.rows.nodes.values()) < self.cluster.spec.desired
        if lacks and room is not None and room[0] <= 0:
            yield f"the project has as many instances as it may have in this region: {room[1]}"
        places = [each for each in self.snapshot.rows.backoffs.values() if each.retry_at > self.now]
        if places:
            soonest = min(each.retry_at for each in places)
            number = "1 place" if len(places) == 1 else f"{len(places)} places"
            yield f"launches failed in {number}, left alone for now; the next is tried {instant(soonest)}"

    def _backoffs(self) -> Iterator[str]:
        for each in sorted(self.snapshot.rows.backoffs.values(), key=lambda one: one.retry_at):
            place = f"{each.zone or 'any zone'}, {each.profile_key or 'no source'}"
            last, again = instant(each.last_failed_at), instant(each.retry_at)
            yield f"{place}: {each.failures} times, last {last}, again {again}"

    def _waits(self, words: Words) -> Iterator[str]:
        nodes = self.snapshot.rows.nodes
        for each in sorted(self.snapshot.rows.actions.values(), key=lambda one: one.due_at):
            default = f"{each.default_result} at {instant(each.due_at)}"
            node = nodes.get(each.node_id)
            server = words.instance(node.server_id) if node is not None and node.server_id else f"node {each.node_id}"
            yield f"{each.hook}: {server}, {each.result or f'unanswered, {default}'}"

    def _refresh(self) -> str | None:
        refresh = self.snapshot.rows.refresh
        return None if refresh is None else f"{refresh.id} {refresh.status}"

    def _next_pass(self) -> Iterator[str]:
        if self.snapshot.profile is KEYLESS:
            yield "nothing, before the keys can be had"
        else:
            yield from _doings(self.plan)


def _doings(plan: Plan) -> Iterator[str]:
    """What a plan does, as far as it can be made without asking the cloud."""
    for what, number in sorted(happenings(plan.changes, plan.acts).items()):
        yield f"{what} {number}"
    if plan.places_wanted or plan.types_wanted:
        yield "launches, once the cloud has told where subnets lie and what types there are"
    if plan.question is not None:
        yield "terminations, once whoever chooses the victims has answered"
    if plan.faults_wanted:
        yield f"asks the cloud why {len(plan.faults_wanted)} servers failed"


def _line(activity: Activity, words: Words) -> str:
    message = words.message(activity)
    told = f"{instant(activity.started_at)} {activity.status}: {words.description(activity)}"
    return told if not message or message in told else f"{told} {message}"


def _is_ahead(at: datetime | None, now: datetime) -> bool:
    return at is not None and at > now


def instant(at: datetime | None) -> str | None:
    """As explanations and lists of groups tell a time."""
    return None if at is None else at.isoformat(timespec="seconds")
