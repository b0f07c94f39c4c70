"""Deliberate faults of passes, looks and acts: of claims, answers and what becomes of them."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from backend.domain.node import SERVING, capacity
from backend.drivers import errors, terms
from backend.drivers.cloud import Cloud
from backend.engine import cluster_pass, delegation, draft, loose_ports, observation, pools, sweeps
from backend.engine.acts.act import ActOnServer, Result
from backend.engine.acts.create_servers import CreateServers
from backend.engine.acts.delete_server import DeleteServer
from backend.engine.acts.let_go import LetServerGo
from backend.engine.acts.members import Change, ChangeMembers
from backend.engine.acts.take_in import TakeServerIn
from backend.engine.phases import depart, settle
from backend.engine.phases import traffic as traffic_phase
from backend.engine.replacing import Replacing
from backend.engine.revision import Revision
from backend.policies import termination
from backend.policies.replacement import Arrival
from backend.store import leases, sightings
from backend.store.tables import clusters
from tests.simulation.putting import add, put


def drop_the_fence() -> AbstractContextManager[None]:
    """A pass writes although its lease was lost."""

    def fence(conn: Any, lease: leases.ClusterLease) -> int | None:
        return conn.execute(select(clusters.c.generation).where(clusters.c.id == lease.cluster_id)).scalar()

    return put(leases, "fence", fence)


def makes_what_it_held() -> AbstractContextManager[None]:
    """Who stood still for so long that another has the work by now makes what it was about to make."""
    return put(terms, "held", lambda: True)


def skip_adopt() -> AbstractContextManager[None]:
    """Servers of a launch whose answer was lost are not given to its nodes."""
    kept = sightings._adopt

    def adopt(conn: Any, scope: Any, strays: Any) -> Any:
        return ([], []) if len(strays) else kept(conn, scope, strays)

    return put(sightings, "_adopt", adopt)


def launch_before_claim() -> AbstractContextManager[None]:
    """Servers are made before their nodes are written."""
    kept = cluster_pass._Pass.claim

    def claim(self: Any, conn: Any) -> Any:
        written = kept(self, conn)
        for act in self.plan.acts if written else ():
            if isinstance(act, CreateServers):
                act.carry_out(self.context.cloud, self.context.catalog)
        return written

    return put(cluster_pass._Pass, "claim", claim)


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
    return put(cluster_pass._Pass, "claim", claim)


def no_orphan_sweep() -> AbstractContextManager[None]:
    """Servers that nobody owns stay for ever."""

    def run(_sweep: Any) -> Any:
        yield from ()

    return put(sweeps.ServerSweep, "run", run)


def no_port_sweep() -> AbstractContextManager[None]:
    """Ports that no server has stay for ever."""

    def run(_sweep: Any) -> Any:
        yield from ()

    return put(loose_ports.PortSweep, "run", run)


def ends_young_ports() -> AbstractContextManager[None]:
    """A port whose server is still to come counts as one that none has."""
    kept = loose_ports.PortSweep._note

    def note(sweep: Any, _old: Any, conn: Any) -> None:
        kept(sweep, [port.id for port in sweep.context.cloud.compute.loose_ports(sweep.scope)], conn)

    return put(loose_ports.PortSweep, "_note", note)


def looks_at_ports_once() -> AbstractContextManager[None]:
    """Ports go without a second look."""
    return put(loose_ports.PortSweep, "_judge", lambda _self, ripe, _loose, _conn: list(ripe))


def forget_the_pending() -> AbstractContextManager[None]:
    """Nodes on their way do not count: they are launched again."""
    return put(draft.Draft, "capacity", lambda self: capacity(self.every(*SERVING)))


def silence_is_death() -> AbstractContextManager[None]:
    """A cloud that cannot be asked has no servers, and one that cannot be asked for is gone."""
    kept = observation.answer_of

    def ask(question: Any, *arguments: Any) -> Any:
        answer = kept(question, *arguments)
        if not isinstance(answer, errors.CloudUnavailable):
            return answer
        return errors.ServerNotFound("no answer") if arguments and isinstance(arguments[-1], str) else []

    return put(observation, "answer_of", ask)


def no_brake() -> AbstractContextManager[None]:
    """Everything unhealthy is replaced together."""
    return put(draft.Draft, "replaceable", lambda _self: 1000)


def ignore_protection() -> AbstractContextManager[None]:
    """Scale-in takes protected nodes too."""
    return put(termination, "may_go", lambda node: node.counted)


def repeat_lost_launches() -> AbstractContextManager[None]:
    """A launch whose answer was lost is sent again."""
    kept = CreateServers.carry_out

    def carry_out(self: Any, cloud: Any, catalog: Any) -> Any:
        result = kept(self, cloud, catalog)
        return kept(self, cloud, catalog) if isinstance(result.error, errors.OutcomeUnknown) else result

    return put(CreateServers, "carry_out", carry_out)


def wait_for_ever() -> AbstractContextManager[None]:
    """A launch of which nothing is ever seen is never given up."""
    return put(settle, "is_lost", lambda _draft, _node: False)


def keep_the_token() -> AbstractContextManager[None]:
    """A detached server keeps the token, and so looks like an orphan."""
    return put(LetServerGo, "ask", lambda _self, _cloud: None)


def forget_the_journal() -> AbstractContextManager[None]:
    """What leaves the rows keeps its entry open."""
    return put(Revision, "end", lambda *_arguments: None)


def ask_once() -> AbstractContextManager[None]:
    """A deletion counts as asked for whatever the cloud answered, and is never asked for again."""

    def carry_out(self: Any, cloud: Any, catalog: Any) -> Any:
        return replace(ActOnServer.carry_out(self, cloud, catalog), error=None)

    stack = contextlib.ExitStack()
    stack.enter_context(add(DeleteServer, "carry_out", carry_out))
    stack.enter_context(put(depart, "_is_due", lambda _draft, node: node.delete_requested_at is None))
    return stack


def lose_wakes() -> AbstractContextManager[None]:
    """A change of intent during a pass is forgotten, and nothing looks again by itself."""

    def release(conn: Any, lease: leases.ClusterLease, due_at: Any) -> None:
        conn.execute(
            clusters.update()
            .where(clusters.c.id == lease.cluster_id, clusters.c.epoch == lease.epoch)
            .values(owner=None, lease_until=None, due_at=None)
        )

    return put(leases, "release", release)


def skip_the_draining() -> AbstractContextManager[None]:
    """Members are taken out while they have connections."""
    return put(traffic_phase, "_drains", lambda *_arguments: False)


def delete_before_removal() -> AbstractContextManager[None]:
    """Servers go while they are members of pools."""
    return put(draft.Draft, "takes_traffic", lambda _self, _node: False)


def no_member_sweep() -> AbstractContextManager[None]:
    """Members that no node stands behind stay in their pools."""
    kept = pools._Look.record

    def record(self: Any, *arguments: Any) -> Any:
        recorded = kept(self, *arguments)
        self.doomed = []
        return recorded

    return put(pools._Look, "record", record)


def believe_in_additions() -> AbstractContextManager[None]:
    """A member counts as added whatever the cloud answered."""
    kept = ChangeMembers.carry_out

    def carry_out(self: Any, cloud: Any, catalog: Any) -> Any:
        result = kept(self, cloud, catalog)
        return Result(self) if self.change is Change.ADD else result

    stack = contextlib.ExitStack()
    stack.enter_context(put(ChangeMembers, "carry_out", carry_out))
    stack.enter_context(put(pools._Look, "_missing", lambda *_arguments: None))
    return stack


def takes_anybody_s() -> AbstractContextManager[None]:
    """What another installation made counts as this one's."""
    return put(Cloud, "made", lambda _self, found: found.installation is not None)


def piles_up_successors() -> AbstractContextManager[None]:
    """A successor that goes bad gets one of its own, beside the node that it was to replace."""
    kept = Replacing.__init__

    def init(self: Any, draft_: Any) -> None:
        kept(self, draft_)
        self.extra = set()

    return put(Replacing, "__init__", init)


def counts_anybody_as_arrived() -> AbstractContextManager[None]:
    """A successor has arrived as soon as it is in service, whatever its pools say."""
    return put(draft.Draft, "arrival", lambda *_arguments, **_named: Arrival.ARRIVED)


def tells_every_refusal() -> AbstractContextManager[None]:
    """That a project refuses is not remembered."""
    return put(leases, "refused_watch", lambda *_arguments: None)


def readmits_nobody() -> AbstractContextManager[None]:
    """A project that refused once counts as refusing for ever."""
    return put(delegation, "note_readmitted", lambda *_arguments: None)


def sets_no_deadlines() -> AbstractContextManager[None]:
    """A plan asks for no other time to be looked at than what is to be done by it."""
    return put(draft.Draft, "wake", lambda *_arguments: None)


def parks_nobody() -> AbstractContextManager[None]:
    """Nodes on their way into standby do not get there."""
    return put(Revision, "park", lambda *_arguments: None)


def lets_nobody_go() -> AbstractContextManager[None]:
    """A server that was detached stays with its node."""
    return put(LetServerGo, "done", lambda *_arguments: None)


def takes_nobody_in() -> AbstractContextManager[None]:
    """A server that is attached never comes into service."""
    return put(TakeServerIn, "done", lambda *_arguments: None)
