"""Groups as an operator sees them: those of all projects, and why one is as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Any, Final

from backend.clock import Clock
from backend.commands import CannotDo
from backend.commands.line import Document, Rows
from backend.domain.activity import Activity, Reason
from backend.domain.brakes import Brake
from backend.domain.cluster import Cluster, Process
from backend.domain.node import ARRIVING, ENDING, SERVING, capacity
from backend.engine.plan import Plan, make_plan
from backend.engine.reading import read_snapshot
from backend.engine.settings import EngineSettings
from backend.engine.snapshot import Headroom, Snapshot
from backend.engine.telling import happenings
from backend.store import activities, brakes, overview
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
    """

    description: Callable[[Activity], str]
    message: Callable[[Activity], str | None]
    reason: Callable[[Reason], str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which groups; None and empty: all, from the first on."""

    project: str | None = None
    region: str | None = None
    after: str = ""
    most: int = 100


def listed(store: Store, clock: Clock, wanted: Wanted) -> Rows:
    """A row for each, by project, region and name. Raises CannotDo."""
    after = None
    if wanted.after:
        project, _, rest = wanted.after.partition("/")
        region, _, name = rest.partition("/")
        if not name:
            raise CannotDo(f"{wanted.after} is no PROJECT/REGION/GROUP")
        after = (project, region, name)
    with store.read() as conn:
        found = overview.page(conn, wanted.most, project=wanted.project, region=wanted.region, after=after)
        ids = [cluster.id for cluster in found]
        states, waiting = overview.states(conn, ids), overview.waiting(conn, ids, clock.now())
        held = {scope: brakes.over(conn, scope) for scope in {cluster.scope for cluster in found}}
    return [
        {
            "project": cluster.project_id,
            "region": cluster.region,
            "group": cluster.name,
            "desired": cluster.spec.desired,
            "in_service": _sum(states[cluster.id], SERVING),
            "coming": _sum(states[cluster.id], ARRIVING),
            "going": _sum(states[cluster.id], ENDING),
            "due": _instant(cluster.due_at),
            "notes": list(_notes(cluster, held[cluster.scope], backs_off=cluster.id in waiting)),
        }
        for cluster in found
    ]


def _sum(states: Mapping[str, int], among: frozenset[Any]) -> int:
    return sum(number for state, number in states.items() if state in among)


def _notes(cluster: Cluster, brake: Brake | None, *, backs_off: bool) -> Iterator[str]:
    if brake is not None:
        yield "brake"
    if str(cluster.status) != "active":
        yield str(cluster.status)
    if cluster.suspended:
        yield "suspended: " + " ".join(sorted(map(str, cluster.suspended)))
    if backs_off:
        yield "backing off"
    if cluster.held_since is not None:
        yield "mass failure"
    if cluster.refresh_id is not None:
        yield "refresh"


def explain(
    store: Store, clock: Clock, settings: EngineSettings, words: Words, which: tuple[str, str | None]
) -> Document:
    """Why a group is as it is, what keeps it so, and what the next pass would do.

    Args:
        which: the group's name or id, and the project where several have one of that name.

    Raises:
        CannotDo: there is none, or there are several.
    """
    name, project = which
    with store.read() as conn:
        cluster = _one(conn, name, project)
        snapshot = read_snapshot(conn, cluster.id)
        if snapshot is None:
            raise CannotDo(f"{name} has gone just now")
        told = _Told(
            snapshot,
            clock.now(),
            brakes.over(conn, cluster.scope),
            overview.held(conn, cluster.id),
            overview.refused_since(conn, cluster.scope),
            activities.page(conn, cluster.scope, ActivityQuery(cluster_id=cluster.id), limit=_LATEST).items,
        )
    # The cloud is not asked for its quotas: what it refuses for them is among what failed.
    plan = make_plan(replace(snapshot, headroom=Headroom()), told.now, settings, Random(0))
    return told.document(plan, words)


def _one(conn: Connection, name: str, project: str | None) -> Cluster:
    found = overview.named(conn, name, project, None, _EACH)
    if not found:
        raise CannotDo(f"there is no group {name}{f' of project {project}' if project else ''}")
    if len(found) > 1:
        told = ", ".join(f"{each.project_id}/{each.region} ({each.id})" for each in found)
        raise CannotDo(f"several have a group {name}: {told}; --project or the id names one")
    return found[0]


@dataclass(frozen=True, slots=True)
class _Told:
    """What was read of one group at one moment."""

    snapshot: Snapshot
    now: datetime
    brake: Brake | None
    held: overview.Held
    refused_since: datetime | None
    latest: Sequence[Activity]

    @property
    def cluster(self) -> Cluster:
        return self.snapshot.cluster

    def document(self, plan: Plan, words: Words) -> Document:
        cluster, nodes = self.cluster, list(self.snapshot.rows.nodes.values())
        spec = cluster.spec
        states: dict[str, int] = {}
        for node in nodes:
            states[str(node.state)] = states.get(str(node.state), 0) + 1
        return {
            "group": cluster.name,
            "project": cluster.project_id,
            "region": cluster.region,
            "id": cluster.id,
            "status": str(cluster.status),
            "capacity": f"{spec.desired} wanted ({spec.minimum} to {spec.maximum}), {capacity(nodes)} there",
            "nodes": states,
            "blocked_by": list(self._blocks(words)),
            "suspended": {
                str(process): f"since {_instant(at)}{', by the engine' if process in cluster.given_up else ''}"
                for process, at in sorted(cluster.suspended.items())
            },
            "backoffs": list(self._backoffs())[:_EACH],
            "waits_for_hooks": list(self._waits())[:_EACH],
            "refresh": self._refresh(),
            "cooldown_until": _instant(cluster.cooldown_until) if _is_ahead(cluster.cooldown_until, self.now) else None,
            "next_pass": list(_doings(plan)) or ["nothing"],
            "due": _instant(cluster.due_at),
            "engine": f"{self.held.owner} until {_instant(self.held.until)}" if self.held.owner else None,
            "latest": [_line(each, words) for each in self.latest],
        }

    def _blocks(self, words: Words) -> Iterator[str]:
        """What keeps the group from what is desired, the gravest first, each with what to do about it."""
        if self.brake is not None:
            why = f": {self.brake.reason}" if self.brake.reason else ""
            yield f"{brake_words(self.brake)}{why} (coppice resume-all)"
        if self.refused_since is not None:
            yield f"the project lets the engine do nothing since {_instant(self.refused_since)} (coppice grant)"
        if isinstance(self.snapshot.profile, Reason):
            yield f"nothing can be launched: {words.reason(self.snapshot.profile)}"
        for process in (Process.LAUNCH, Process.TERMINATE):
            if not self.cluster.runs(process):
                yield f"{process} is suspended (ResumeProcesses)"
        if self.cluster.held_since is not None:
            since = _instant(self.cluster.held_since)
            yield f"replacement for health is held, since {since}: too much fails at once to be the servers' own fault"
        places = [each for each in self.snapshot.rows.backoffs.values() if each.retry_at > self.now]
        if places:
            soonest = min(each.retry_at for each in places)
            number = "1 place" if len(places) == 1 else f"{len(places)} places"
            yield f"launches failed in {number}, left alone for now; the next is tried {_instant(soonest)}"

    def _backoffs(self) -> Iterator[str]:
        for each in sorted(self.snapshot.rows.backoffs.values(), key=lambda one: one.retry_at):
            place = f"{each.zone or 'any zone'}, {each.profile_key or 'no source'}"
            last, again = _instant(each.last_failed_at), _instant(each.retry_at)
            yield f"{place}: {each.failures} times, last {last}, again {again}"

    def _waits(self) -> Iterator[str]:
        for each in sorted(self.snapshot.rows.actions.values(), key=lambda one: one.due_at):
            default = f"{each.default_result} at {_instant(each.due_at)}"
            yield f"{each.hook}: node {each.node_id}, {each.result or f'unanswered, {default}'}"

    def _refresh(self) -> str | None:
        refresh = self.snapshot.rows.refresh
        return None if refresh is None else f"{refresh.id} {refresh.status}"


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


def brake_words(brake: Brake) -> str:
    """Where a brake is on, since when, and whose word it was."""
    project = f"project {brake.project_id}" if brake.project_id else "all projects"
    region = f"region {brake.region}" if brake.region else "all regions"
    return f"the brake of {project} in {region} is on since {_instant(brake.since)}, by {brake.set_by}"


def _line(activity: Activity, words: Words) -> str:
    message = words.message(activity)
    told = f"{_instant(activity.started_at)} {activity.status}: {words.description(activity)}"
    return told if not message or message in told else f"{told} {message}"


def _is_ahead(at: datetime | None, now: datetime) -> bool:
    return at is not None and at > now


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")
