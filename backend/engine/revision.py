"""The rows of a cluster as they are being changed, and the journal of it: where each move of a node is told once. Pure.

A plan changes all rows of a cluster, the end of a pass those that its acts were about.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from backend.domain import ids, mixes
from backend.domain.activity import (
    Activity,
    ActivityKind,
    ActivityStatus,
    Cause,
    CauseKind,
    Reason,
    ReasonKind,
    begun,
    over,
)
from backend.domain.backoff import NO_PROFILE
from backend.domain.changes import Changes, ClusterRows, Ending, Entries, MemberKey, Place
from backend.domain.cluster import Cluster, ClusterStatus, Process
from backend.domain.direct_launches import DirectLaunch
from backend.domain.hooks import Hook, Transition
from backend.domain.lifecycle import WAITS, Action, Left, asked, begin, message, told_as
from backend.domain.messages import EVERYWHERE, Message
from backend.domain.mixes import Mix
from backend.domain.node import IN_WARM_POOL, LeavesFor, Node, NodeState, move
from backend.domain.refreshes import FORWARD, Refresh
from backend.domain.scope import Scope
from backend.domain.traffic import Registration, RegistrationState
from backend.engine.settings import EngineSettings
from backend.policies import backoff, cooldown

NO_ZONE = ""
"""The zone of backoffs of launches that were refused before one was chosen."""
NOT_ASKED = frozenset({ReasonKind.NOT_AUTHORIZED, ReasonKind.LAUNCH_LOST, ReasonKind.CLOUD_UNREACHED})
"""Reasons of failed launches that tell nothing about the launch: the cloud let nobody ask, or nobody heard it."""
_WAITED = frozenset({NodeState.TERMINATING_WAIT, NodeState.TERMINATING_PROCEED})


def _end_of(node: Node) -> NodeState:
    """The state in which the end of a node begins."""
    return NodeState.WARMED_TERMINATING if node.state in IN_WARM_POOL else NodeState.TERMINATING


class Revision:
    """Rows as they become.

    Attributes:
        before: as they were.
        cluster, nodes, registrations, backoffs, actions, direct, refresh: as they are to be; ``nodes`` oldest first.
        entries: what the journal tells.
        goes: the cluster is gone.
        overdue: actions, by token, whose time is over.
        again: what follows from the changes is to be looked at at once.
    """

    def __init__(self, before: ClusterRows, now: datetime, settings: EngineSettings, rng: Random) -> None:
        self.before = before
        self.now = now
        self.settings = settings
        self.rng = rng
        self.cluster: Cluster = before.cluster
        self.nodes: dict[str, Node] = dict(before.nodes)
        self.registrations: dict[MemberKey, Registration] = dict(before.registrations)
        self.backoffs = dict(before.backoffs)
        self.actions: dict[str, Action] = dict(before.actions)
        self.direct: dict[str, DirectLaunch] = dict(before.direct)
        self.refresh: Refresh | None = before.refresh
        self._brought: Mix | None = None if before.refresh is None else before.refresh.mix
        self._tokens: dict[str, list[str]] = {}  # of the actions of each node that waits
        for action in before.actions.values():
            self._tokens.setdefault(action.node_id, []).append(action.id)
        self.entries = Entries()
        self.overdue: set[str] = set()
        self.goes = False
        self.again = False
        self._failed: dict[Place, bool] = {}

    @property
    def scope(self) -> Scope:
        return self.cluster.scope

    @property
    def mix(self) -> Mix | None:
        """What nodes are mixed of that are made now: what a refresh under way brings, where it brings a mix."""
        if self._brought is not None and self.refresh is not None and self.refresh.status in FORWARD:
            return self._brought
        return self.cluster.spec.mix

    @property
    def changes(self) -> Changes:
        before = self.before
        after = replace(
            before,
            cluster=self.cluster,
            nodes=self.nodes,
            registrations=self.registrations,
            backoffs=self.backoffs,
            actions=self.actions,
            direct=self.direct,
            refresh=self.refresh,
        )
        entries = replace(self.entries, messages=[*self.entries.messages, *self._asking()])
        return Changes(before, after, entries, self.now, self.goes, frozenset(self.overdue))

    def _asking(self) -> list[Message]:
        """What is told of the actions that begin: to the target of each, and to all who listen."""
        hooks = {hook.name: hook for hook in self.before.hooks}
        found = []
        for action in self.actions.values():
            if action.id not in self.before.actions:
                hook, node = hooks[action.hook], self.nodes[action.node_id]
                targets = (EVERYWHERE,) if hook.target is None else (hook.target, EVERYWHERE)
                found += [message(self.cluster, hook, node, action, target) for target in targets]
        return found

    def delay(self, pool_id: str) -> timedelta:
        """How long members of a pool drain."""
        return self.before.delays.get(pool_id, self.settings.deregistration)

    def put(self, node: Node) -> Node:
        """A node as it is to be, or a new one."""
        self.nodes[node.id] = node
        return node

    def new_id(self) -> str:
        """A UUID from the pass's own chance."""
        return ids.new_id(self.rng)

    # what becomes of a node ------------------------------------------------------------------------------------------

    def enter_service(self, node: Node) -> Node:
        """A new node takes the cluster's protection; one from standby keeps its own. Verdicts of users stand for both.

        Source: Auto Scaling User Guide, "Use instance scale-in protection": reset only by detaching and, for what is
        launched or attached or leaves a warm pool, set to the group's; "Temporarily remove instances": in standby the
        health status stays what it was.
        """
        self.end(node.activity_id, ActivityStatus.SUCCESSFUL)
        entered = move(node, NodeState.IN_SERVICE, self.now)
        if node.in_service_at is None and not node.attached:
            entered = replace(entered, protected=self.cluster.spec.protect_new)
            self.forgive(node)
            if node.replaces is None:
                self.cool_down()
        return self.put(entered)

    def park(self, node: Node) -> Node:
        """A node has come to standby."""
        self.end(node.activity_id, ActivityStatus.SUCCESSFUL)
        return self.put(move(node, NodeState.STANDBY, self.now))

    def warm(self, node: Node, state: NodeState) -> Node:
        """A node is ready in the warm pool."""
        self.end(node.activity_id, ActivityStatus.SUCCESSFUL)
        if not node.returns:
            self.forgive(node)
        return self.put(move(node, state, self.now))

    def terminate(self, node: Node, causes: Collection[Cause], leaves_for: LeavesFor) -> Node:
        """A node is on its way out; what it was on its way to is cancelled.

        The end of what never had a server is told by its launch's own entry.
        """
        reason = Reason(ReasonKind.CLUSTER_DELETED if self.cluster.force_delete else ReasonKind.SUPERSEDED)
        self.end(node.activity_id, ActivityStatus.CANCELLED, reason)
        self.stop_waiting(node)
        gone = replace(move(node, _end_of(node), self.now), leaves_for=leaves_for)
        entry = None if node.server_id is None else self.open(told_as(gone), causes, node).id
        return self.put(replace(gone, activity_id=entry))

    def fail_launch(self, node: Node, reason: Reason) -> None:
        """A node never came into service: its server, if it has one, goes, and its place is left alone for a while."""
        self.end(node.activity_id, ActivityStatus.FAILED, reason)
        self.stop_waiting(node)
        self.back_off(node.zone, self.key_of(node), refused=reason.kind not in NOT_ASKED)
        if node.server_id is None:
            del self.nodes[node.id]
        else:
            gone = move(node, _end_of(node), self.now)
            self.put(replace(gone, leaves_for=LeavesFor.FAILED_LAUNCH))

    def fail_rebuild(self, node: Node, reason: Reason) -> None:
        """The root disk of a node cannot be written anew: it goes, and another is launched in its place.

        Where the cluster may not end anybody it stays as it is, out of service, until that may be.

        Source: Auto Scaling User Guide, "Replace root volumes during instance refresh".
        """
        if self.cluster.status is ClusterStatus.ACTIVE and not self.cluster.runs(Process.TERMINATE):
            return
        self.end(node.activity_id, ActivityStatus.FAILED, reason)
        cause = Cause(CauseKind.REFRESH_TERMINATE, self.now)
        self.terminate(replace(node, activity_id=None, rebuilds_to=None), (cause,), LeavesFor.REFRESH)
        self.again = True

    def forget(self, node: Node) -> None:
        """A node has left: its server is gone or no longer ours."""
        self.end(node.activity_id, ActivityStatus.SUCCESSFUL)
        self.stop_waiting(node)
        if node.leaves_for is LeavesFor.CAPACITY and node.activity_id is not None and node.state not in _WAITED:
            self.cool_down()
        del self.nodes[node.id]

    # what a node waits for -------------------------------------------------------------------------------------------

    def asked(self, node: Node, transition: Transition) -> list[Hook]:
        """The hooks that hold a node on its way: those that there were when it set out."""
        begun_at = node.set_out_at if transition is Transition.LAUNCHING else node.state_at
        return asked(self.before.hooks, transition, begun_at)

    def wait(self, node: Node, transition: Transition) -> bool:
        """Let a node wait for the answers of the hooks that hold it; False where there is none.

        Source: Auto Scaling User Guide, "Scaling cooldowns": one begins when connections are drained, hooks or not.
        """
        hooks = self.asked(node, transition)
        if not hooks:
            return False
        for hook in hooks:
            action = begin(hook, node, self.new_id(), self.now)
            self.actions[action.id] = action
            self._tokens.setdefault(node.id, []).append(action.id)
        if node.leaves_for is LeavesFor.CAPACITY and node.activity_id is not None:
            self.cool_down()
        if node.activity_id is not None:
            self.entries.waiting[node.activity_id] = transition
        self.put(move(node, WAITS[node.state], self.now, node.activity_id))
        return True

    def awaited(self, node: Node) -> list[Action]:
        """The actions that a node waits for."""
        return [self.actions[token] for token in self._tokens.get(node.id, ())]

    def stop_waiting(self, node: Node) -> None:
        """Nobody waits for answers about a node any more; what began just now was never asked."""
        for token in self._tokens.pop(node.id, ()):
            del self.actions[token]

    def go_on(self, node: Node, left: Left) -> Node:
        """A node leaves its wait."""
        self.stop_waiting(node)
        if left.cancelled is not None:
            self.end(node.activity_id, ActivityStatus.CANCELLED, left.cancelled)
        if left.proceeds and node.activity_id is not None:
            self.entries.proceeding.add(node.activity_id)
        if left.opened is not None:
            self.entries.opened[left.opened.id] = left.opened
        return self.put(left.node)

    # what is told ----------------------------------------------------------------------------------------------------

    def open(self, kind: ActivityKind, causes: Collection[Cause], node: Node) -> Activity:
        """The entry of a move of a node that begins now."""
        entry = begun(self.new_id(), self.cluster, kind, tuple(causes), self.now).about(node)
        self.entries.opened[entry.id] = entry
        return entry

    def tell(
        self, kind: ActivityKind, status: ActivityStatus, causes: Collection[Cause], reason: Reason | None = None
    ) -> Activity:
        """An entry that ends as it begins."""
        entry = over(self.new_id(), self.cluster, kind, status, causes=tuple(causes), at=self.now, reason=reason)
        self.entries.opened[entry.id] = entry
        return entry

    def note(self, causes: Collection[Cause]) -> None:
        """Something decided without a node: told once for each request."""
        kind, status = ActivityKind.NOTE, ActivityStatus.CANCELLED
        entry = over(self.new_id(), self.cluster, kind, status, causes=tuple(causes), at=self.now)
        self.entries.notes.append(entry)

    def end(self, entry_id: str | None, status: ActivityStatus, reason: Reason | None = None) -> None:
        """End an entry, where there is one that is still open."""
        if entry_id is None:
            return
        opened = self.entries.opened.get(entry_id)
        if opened is None:
            self.entries.ended.setdefault(entry_id, Ending(status, reason))
        elif opened.ended_at is None:
            ended = replace(opened, status=status, progress=100, ended_at=self.now, reason=reason)
            self.entries.opened[entry_id] = ended

    def remark(self, entry_id: str | None, reason: Reason | None) -> None:
        """What keeps an entry open; None where nothing does any more that needs to be told."""
        if entry_id is not None:
            self.entries.remarks[entry_id] = reason

    # what becomes of the cluster -------------------------------------------------------------------------------------

    def cool_down(self) -> None:
        """A change of capacity finished."""
        own, standing = self.cluster.own_cooldown_seconds, self.cluster.cooldown_until
        seconds = self.cluster.spec.cooldown_seconds if own is None else own
        self.cluster = replace(self.cluster, cooldown_until=cooldown.until(self.now, seconds, standing))

    def back_off(self, zone: str, profile_key: str, *, refused: bool) -> None:
        """Launches failed in this place: one failure more, however many nodes of this revision tell of it.

        Args:
            refused: the cloud was asked and did not do it, and not only away.
        """
        place = zone, profile_key
        if place not in self._failed or (refused and not self._failed[place]):
            self._failed[place] = refused
            rule, standing = self.settings.backoff, self.before.backoffs.get(place)
            failed = backoff.failed_again(rule, standing, place, self.now, self.rng, refused=refused)
            self.backoffs[place] = failed
        self.again = True

    def key_of(self, node: Node) -> str:
        """What backoffs of launches like that of a node are kept by."""
        if node.profile is None:
            return NO_PROFILE
        if self.mix is None:
            return node.profile.key
        return mixes.key(node.profile.key, node.instance_type, preemptible=node.preemptible)

    def forgive(self, came: Node) -> None:
        """A launch succeeded: what failed elsewhere was not in vain, and what failed just now stands.

        Of a mix only what the node is of is forgiven in its zone: another type may lack room there still.
        """
        mixed, own = self.mix is not None, self.key_of(came)
        for place, entry in list(self.backoffs.items()):
            if place in self._failed:
                continue
            if place[0] == NO_ZONE or (place[0] == came.zone and (not mixed or place[1] == own)):
                del self.backoffs[place]
            else:
                self.backoffs[place] = replace(entry, refusals=0, failing=timedelta(0))

    def register(self, key: MemberKey, state: RegistrationState, due_at: datetime | None) -> None:
        """A registration is in that state from now on."""
        was = self.registrations[key]
        self.registrations[key] = replace(was, state=state, state_at=self.now, due_at=due_at)

    def put_off(self, key: MemberKey, until: datetime) -> None:
        """What was asked of the cloud for a registration is asked again then."""
        self.registrations[key] = replace(self.registrations[key], due_at=until)
