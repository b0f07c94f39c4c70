"""Lifecycle hooks as requests make and delete them, and answers to what nodes wait for; each change one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from backend.clock import Clock
from backend.domain.cluster import Cluster
from backend.domain.hooks import HEARTBEAT_SECONDS, Hook, HookRequest, Result, Transition, needs_role
from backend.domain.ids import short_id
from backend.domain.lifecycle import Action, Decided
from backend.domain.lifecycle_findings import ActionNotFound, HookIncomplete, HookNotFound, TargetUnreached
from backend.domain.quotas import Quota
from backend.domain.scope import Scope
from backend.services.telling import Trial
from backend.store import clusters, intents, lifecycle, nodes, quotas
from backend.store.session import Connection, Store


def nobody(scope: Scope, target: str, *, cluster_id: str, cluster_name: str) -> None:
    """The trial where there is nobody to publish to."""
    raise TargetUnreached(target)


class Hooks:
    """Puts, deletes and lists lifecycle hooks, and takes answers to their actions.

    Args:
        trial: publishes test messages to targets.
        everywhere: the operator named targets that hear of every cluster.
    """

    def __init__(self, store: Store, clock: Clock, trial: Trial = nobody, *, everywhere: bool = False) -> None:
        self._store = store
        self._clock = clock
        self._trial = trial
        self._everywhere = everywhere

    def put(self, scope: Scope, name: str, request: HookRequest) -> None:
        """Make a hook, or change what is named of the one that has this name; what waits already is not touched.

        Raises:
            ClusterNotFound, ClusterDeleting
            HookIncomplete: it is new and has no transition, or no role for its target.
            LimitExceeded: the cluster has 50 others.
            TargetUnreached: its target did not take the test message.
        """
        with self._store.read() as conn:
            seen = clusters.get(conn, scope, name)
            known = lifecycle.HOOKS.one(conn, scope, cluster_id=seen.id, name=request.name)
        if known is None:
            check_new(request)
            role = request.role
        else:
            role = replace(known, **request.values).role
        self.try_targets(scope, (seen.id, seen.name), (replace(request, role=role),))
        now = self._clock.now()

        def work(conn: Connection) -> None:
            cluster = intents.lock(conn, scope, name)
            standing = lifecycle.HOOKS.one(conn, scope, cluster_id=cluster.id, name=request.name)
            if standing is not None:
                values = request.values
                if values.get("transition", standing.transition) is not standing.transition:
                    values["created_at"] = now  # it holds what begins from now on, like a new one
                if values:
                    lifecycle.HOOKS.change(conn, scope, standing.id, **values)
            else:
                present = lifecycle.HOOKS.count(conn, scope, cluster_id=cluster.id)
                quotas.check(conn, scope, Quota.HOOKS, present + 1)
                lifecycle.HOOKS.add(conn, scope, made(cluster, request, now))
            clusters.change(conn, cluster.id, now, hooked=True)

        self._store.transact(work)

    def try_targets(self, scope: Scope, cluster: tuple[str, str], requests: Sequence[HookRequest]) -> None:
        """Publish a test message to the target of each hook that has one.

        Args:
            cluster: id and name.

        Raises:
            TargetUnreached
        """
        for request in requests:
            if request.target:
                try:
                    self._trial(scope, request.target, cluster_id=cluster[0], cluster_name=cluster[1])
                except TargetUnreached as found:
                    raise TargetUnreached(request.target, request.role) from found

    def delete(self, scope: Scope, name: str, hook: str) -> None:
        """Delete a hook; nodes that it holds come no further into service, or go on leaving.

        Raises:
            ClusterNotFound, HookNotFound

        Source: DeleteLifecycleHook: outstanding actions are completed first, "ABANDON for launching instances, CONTINUE
        for terminating instances".
        """
        now = self._clock.now()

        def work(conn: Connection) -> None:
            cluster = clusters.lock(conn, scope, name)
            standing = lifecycle.HOOKS.one(conn, scope, cluster_id=cluster.id, name=hook)
            if standing is None:
                raise HookNotFound(hook, name)
            for action in lifecycle.ACTIONS.all(conn, scope, cluster_id=cluster.id, hook=hook):
                if action.result is None:
                    launching = action.transition is Transition.LAUNCHING
                    result = Result.ABANDON if launching else Result.CONTINUE
                    answered = action.answered(result, Decided.HOOK_DELETED)
                    lifecycle.decide(conn, cluster, answered, now, everywhere=self._everywhere)
            lifecycle.HOOKS.remove(conn, scope, id=standing.id)
            left = lifecycle.HOOKS.count(conn, scope, cluster_id=cluster.id)
            clusters.change(conn, cluster.id, now, hooked=bool(left))

        self._store.transact(work)

    def of_cluster(self, scope: Scope, name: str, among: Sequence[str] = ()) -> list[Hook]:
        """The hooks of a cluster by name; ``among``: only those of these names, unknown ones are left out.

        Raises:
            ClusterNotFound
        """
        with self._store.read() as conn:
            found = lifecycle.hooks(conn, clusters.get(conn, scope, name))
        return [hook for hook in found if not among or hook.name in among]

    def complete(
        self, scope: Scope, name: str, hook: str, result: Result, *, token: str | None, server: str | None
    ) -> None:
        """Answer an action; the last answer that its node waits for lets it go on.

        Args:
            token, server: which action: by its token, which has to fit the server where that is named too.

        Raises:
            ClusterNotFound
            ActionNotFound: none is waited for any more, or it has run out of time.
        """
        now = self._clock.now()

        def work(conn: Connection, cluster: Cluster, action: Action) -> None:
            lifecycle.decide(conn, cluster, action.answered(result), now, everywhere=self._everywhere)

        self._on_action(scope, (name, hook), (token, server), now, work)

    def heartbeat(self, scope: Scope, name: str, hook: str, *, token: str | None, server: str | None) -> None:
        """Ask for more time for an action; never beyond its end.

        It is no intent: the engine looks when the old time is over, and a pass that is under way goes on.

        Raises:
            ClusterNotFound, ActionNotFound
        """
        now = self._clock.now()

        def work(conn: Connection, _cluster: Cluster, action: Action) -> None:
            lifecycle.prolong(conn, action.prolonged(now))

        self._on_action(scope, (name, hook), (token, server), now, work)

    def _on_action(
        self,
        scope: Scope,
        names: tuple[str, str],
        which: tuple[str | None, str | None],
        now: datetime,
        act: Callable[[Connection, Cluster, Action], None],
    ) -> None:
        """Run a write on an action that is waited for, its cluster locked first."""
        name, hook = names
        token, server = which

        def work(conn: Connection) -> None:
            cluster = clusters.lock(conn, scope, name)
            asked = {"id": token} if token is not None else {"node_id": _node_of(conn, scope, cluster, server)}
            action = lifecycle.ACTIONS.one(conn, scope, cluster_id=cluster.id, hook=hook, **asked)
            if action is None or not action.is_open(now):
                raise ActionNotFound(token, server)
            if token is not None and server is not None:
                node = nodes.get(conn, action.node_id)
                if node is None or node.server_id is None or short_id(node.server_id) != server:
                    raise ActionNotFound(token, server)
            act(conn, cluster, action)

        self._store.transact(work)


def _node_of(conn: Connection, scope: Scope, cluster: Cluster, server: str | None) -> str:
    """The id of a cluster's node by its server; nothing's where there is none."""
    node = nodes.by_servers(conn, scope, [server]).get(server) if server is not None else None
    return node.id if node is not None and node.cluster_id == cluster.id else ""


def check_new(request: HookRequest) -> Transition:
    """The transition that a new hook holds.

    Raises:
        HookIncomplete: it has none, or no role for its target.
    """
    if request.transition is None:
        raise HookIncomplete(request.name)
    if not request.role and needs_role(request.target or ""):
        raise HookIncomplete(request.name, lacks_role=True)
    return request.transition


def made(cluster: Cluster, request: HookRequest, now: datetime) -> Hook:
    """A new hook as asked for.

    Raises:
        HookIncomplete
    """
    transition = check_new(request)
    usual = Hook(
        id=str(uuid4()),
        project_id=cluster.project_id,
        region=cluster.region,
        cluster_id=cluster.id,
        name=request.name,
        transition=transition,
        heartbeat_seconds=HEARTBEAT_SECONDS,
        default_result=Result.ABANDON,
        target=None,
        role=None,
        metadata=None,
        created_at=now,
    )
    return replace(usual, **request.values)
