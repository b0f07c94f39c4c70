"""Deliberate faults of the engine, each of which the simulation must catch: the test of the test."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import select

from backend.domain.node import SERVING, capacity
from backend.drivers import errors
from backend.engine import cluster_pass, draft, observation, pools, sweeps
from backend.engine.acts.act import ActOnServer, Result
from backend.engine.acts.create_servers import CreateServers
from backend.engine.acts.delete_server import DeleteServer
from backend.engine.acts.let_go import LetServerGo
from backend.engine.acts.members import Change, ChangeMembers
from backend.engine.phases import depart, settle
from backend.engine.phases import traffic as traffic_phase
from backend.engine.revision import Revision
from backend.policies import termination
from backend.store import leases, sightings
from backend.store.tables import clusters
from tests.simulation.moods import MEDDLING, NORMAL, OVERTAKEN, SILENT, WILD, Mood


@contextlib.contextmanager
def _put(owner: Any, name: str, value: Any) -> Iterator[None]:
    kept = owner.__dict__[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, kept)


@contextlib.contextmanager
def _add(owner: Any, name: str, value: Any) -> Iterator[None]:
    """What a class has from its parent, as one of its own."""
    setattr(owner, name, value)
    try:
        yield
    finally:
        delattr(owner, name)


def drop_the_fence() -> AbstractContextManager[None]:
    """A pass writes although its lease was lost."""

    def fence(conn: Any, lease: leases.ClusterLease) -> int | None:
        return conn.execute(select(clusters.c.generation).where(clusters.c.id == lease.cluster_id)).scalar()

    return _put(leases, "fence", fence)


def skip_adopt() -> AbstractContextManager[None]:
    """Servers of a launch whose answer was lost are not given to its nodes."""
    kept = sightings._adopt

    def adopt(conn: Any, scope: Any, strays: Any) -> Any:
        return ([], []) if len(strays) else kept(conn, scope, strays)

    return _put(sightings, "_adopt", adopt)


def launch_before_claim() -> AbstractContextManager[None]:
    """Servers are made before their nodes are written."""
    kept = cluster_pass._Pass.claim

    def claim(self: Any, conn: Any) -> Any:
        written = kept(self, conn)
        for act in self.plan.acts if written else ():
            if isinstance(act, CreateServers):
                act.carry_out(self.context.cloud, self.context.catalog)
        return written

    return _put(cluster_pass._Pass, "claim", claim)


def ignore_generation() -> AbstractContextManager[None]:
    """A plan is carried out although what it was made from has changed."""
    kept = leases.fence

    def claim(self: Any, conn: Any) -> Any:
        generation = kept(conn, self.lease)
        if generation is None:
            return False
        changes = self.plan.changes
        before, after = (
            replace(rows, cluster=replace(rows.cluster, generation=generation))
            for rows in (changes.before, changes.after)
        )
        return original(
            replace(self, plan=replace(self.plan, changes=replace(changes, before=before, after=after))), conn
        )

    original = cluster_pass._Pass.claim
    return _put(cluster_pass._Pass, "claim", claim)


def no_orphan_sweep() -> AbstractContextManager[None]:
    """Servers that nobody owns stay for ever."""

    def run(_sweep: Any) -> Any:
        yield from ()

    return _put(sweeps.ServerSweep, "run", run)


def forget_the_pending() -> AbstractContextManager[None]:
    """Nodes on their way do not count: they are launched again."""
    return _put(draft.Draft, "capacity", lambda self: capacity(self.every(*SERVING)))


def silence_is_death() -> AbstractContextManager[None]:
    """A cloud that cannot be asked has no servers, and one that cannot be asked for is gone."""
    kept = observation._ask

    def ask(question: Any, *arguments: Any) -> Any:
        answer = kept(question, *arguments)
        if not isinstance(answer, errors.CloudUnavailable):
            return answer
        return errors.ServerNotFound("no answer") if isinstance(arguments[-1], str) else []

    return _put(observation, "_ask", ask)


def no_brake() -> AbstractContextManager[None]:
    """Everything unhealthy is replaced together."""
    return _put(draft.Draft, "replaceable", lambda _self: 1000)


def ignore_protection() -> AbstractContextManager[None]:
    """Scale-in takes protected nodes too."""
    return _put(termination, "may_go", lambda node: node.counted)


def repeat_lost_launches() -> AbstractContextManager[None]:
    """A launch whose answer was lost is sent again."""
    kept = CreateServers.carry_out

    def carry_out(self: Any, cloud: Any, catalog: Any) -> Any:
        result = kept(self, cloud, catalog)
        return kept(self, cloud, catalog) if isinstance(result.error, errors.OutcomeUnknown) else result

    return _put(CreateServers, "carry_out", carry_out)


def wait_for_ever() -> AbstractContextManager[None]:
    """A launch of which nothing is ever seen is never given up."""
    return _put(settle, "is_lost", lambda _draft, _node: False)


def keep_the_token() -> AbstractContextManager[None]:
    """A detached server keeps the token, and so looks like an orphan."""
    return _put(LetServerGo, "ask", lambda _self, _cloud: None)


def forget_the_journal() -> AbstractContextManager[None]:
    """What leaves the rows keeps its entry open."""
    return _put(Revision, "end", lambda *_arguments: None)


def ask_once() -> AbstractContextManager[None]:
    """A deletion counts as asked for whatever the cloud answered, and is never asked for again."""

    def carry_out(self: Any, cloud: Any, catalog: Any) -> Any:
        return replace(ActOnServer.carry_out(self, cloud, catalog), error=None)

    stack = contextlib.ExitStack()
    stack.enter_context(_add(DeleteServer, "carry_out", carry_out))
    stack.enter_context(_put(depart, "_is_due", lambda _draft, node: node.delete_requested_at is None))
    return stack


def lose_wakes() -> AbstractContextManager[None]:
    """A change of intent during a pass is forgotten, and nothing looks again by itself."""

    def release(conn: Any, lease: leases.ClusterLease, due_at: Any) -> None:
        conn.execute(
            clusters.update()
            .where(clusters.c.id == lease.cluster_id, clusters.c.epoch == lease.epoch)
            .values(owner=None, lease_until=None, due_at=None)
        )

    return _put(leases, "release", release)


def skip_the_draining() -> AbstractContextManager[None]:
    """Members are taken out while they have connections."""
    return _put(traffic_phase, "_drains", lambda *_arguments: False)


def delete_before_removal() -> AbstractContextManager[None]:
    """Servers go while they are members of pools."""
    return _put(draft.Draft, "takes_traffic", lambda _self, _node: False)


def no_member_sweep() -> AbstractContextManager[None]:
    """Members that no node stands behind stay in their pools."""
    kept = pools._Look.record

    def record(self: Any, *arguments: Any) -> Any:
        recorded = kept(self, *arguments)
        self.strays = []
        return recorded

    return _put(pools._Look, "record", record)


def believe_in_additions() -> AbstractContextManager[None]:
    """A member counts as added whatever the cloud answered."""
    kept = ChangeMembers.carry_out

    def carry_out(self: Any, cloud: Any, catalog: Any) -> Any:
        result = kept(self, cloud, catalog)
        return Result(self) if self.change is Change.ADD else result

    stack = contextlib.ExitStack()
    stack.enter_context(_put(ChangeMembers, "carry_out", carry_out))
    stack.enter_context(_put(pools._Look, "_missing", lambda *_arguments: None))
    return stack


class Mutation(NamedTuple):
    """A deliberate fault, the mood in which it shows soonest, and a seed not far before one that shows it."""

    mutate: Callable[[], AbstractContextManager[None]]
    mood: Mood = NORMAL
    first: int = 0


MUTATIONS = (
    Mutation(drop_the_fence, OVERTAKEN, 6),
    Mutation(skip_adopt),
    Mutation(launch_before_claim),
    Mutation(ignore_generation, MEDDLING, 3),
    Mutation(no_orphan_sweep, OVERTAKEN),
    Mutation(forget_the_pending),
    Mutation(silence_is_death, SILENT, 1),
    Mutation(no_brake, first=12),
    Mutation(ignore_protection),
    Mutation(repeat_lost_launches),
    Mutation(wait_for_ever, WILD),
    Mutation(keep_the_token),
    Mutation(forget_the_journal),
    Mutation(ask_once),
    Mutation(lose_wakes, MEDDLING),
    Mutation(skip_the_draining),
    Mutation(delete_before_removal),
    Mutation(no_member_sweep, first=150),
    Mutation(believe_in_additions, WILD),
)
