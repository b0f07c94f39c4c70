"""Lifecycle hooks in a run: users who put, answer and delete them, and what must hold of every wait."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from backend.domain.cluster import ClusterChange
from backend.domain.hooks import HookRequest, Result, Transition
from backend.domain.ids import short_id
from backend.domain.lifecycle_findings import ActionNotFound
from backend.domain.node import KEPT_WARM, NodeState
from backend.errors import Finding
from backend.store import nodes, tables
from backend.store.types import to_micros
from tests.simulation import hook_writes, targets
from tests.simulation.companion import Companion, Deed

if TYPE_CHECKING:
    from tests.simulation.users import User
    from tests.simulation.world import World

_HOOKS = ("warm", "check", "drain", "flush")
_LAUNCHING = frozenset(_HOOKS[:2])
_RETAINED = KEPT_WARM | {NodeState.TERMINATING_RETAINED}
_LATE = timedelta(minutes=3)
_messages = tables.outbox_tables.messages


class Waits:
    """Holds every wait that was begun or left against what was asked and answered.

    Attributes:
        asked: tokens that were told.
        answered: tokens whose answer was taken.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.asked: list[str] = []
        self.answered: set[str] = set()
        self._seen = {"seen_passages": 0, "seen_actions": 0, "seen_messages": 0}

    def look(self) -> None:
        for row in self._fresh("seen_passages"):
            fault = hook_writes.fault_of(*row[2:])
            if fault is not None:
                raise self.world.broke("6 hooks", f"node {row[1]}: {fault}")
        begun = {row[1] for row in self._fresh("seen_actions")}
        told = {json.loads(row[2])["token"] for row in self._fresh("seen_messages")}
        if begun != told:
            raise self.world.broke("11 once", f"waits {begun - told} are told to nobody, {told - begun} are none")
        self.asked += sorted(told)
        if not self.world.chaos.on:
            self._in_time()

    def _in_time(self) -> None:
        """With nothing in its way the engine lets nobody wait beyond a deadline."""
        late = to_micros(self.world.clock.now() - _LATE)
        question = "SELECT id FROM lifecycle_actions a WHERE result IS NULL AND min(heartbeat_until, until) < ?"
        found = self.world.store.database.raw.execute(question, (late,)).fetchone()
        if found is not None:
            raise self.world.broke("6 hooks", f"{found[0]} is waited for although its time is over")

    def _fresh(self, table: str) -> Sequence[tuple[str, ...]]:
        question = f"SELECT * FROM {table} WHERE seq > ? ORDER BY seq"
        rows = self.world.store.database.raw.execute(question, (self._seen[table],)).fetchall()
        if rows:
            self._seen[table] = rows[-1][0]
        return rows


class Askers(Companion):
    """What users do with hooks, and those who answer for them."""

    def __init__(self, waits: Waits, users: Sequence[User]) -> None:
        super().__init__(waits.world, users)
        self.waits = waits

    def deeds(self) -> Sequence[tuple[int, Deed]]:
        return (
            (4, self._put),
            (1, self._delete),
            (10, self._answer),
            (4, self._heartbeat),
            (1, self._retain),
            (1, self._release),
        )

    def _put(self, user: User) -> None:
        self._put_named(user, self.world.rng.choice(_HOOKS))

    def _put_named(self, user: User, name: str) -> None:
        rng = self.world.rng
        transition = Transition.LAUNCHING if name in _LAUNCHING else Transition.TERMINATING
        request = HookRequest(name, transition, rng.choice((30, 60, 600)), rng.choice(tuple(Result)))
        if self.world.targets is not None:
            request = replace(request, target=rng.choice(targets.NAMES), role="arn:aws:iam::1:role/hooks")
        user.backend.hooks.put(user.scope, user._name(), request)

    def settle_in(self) -> None:
        """Where there is somebody to tell, hooks from the beginning."""
        for user in self.users if self.world.targets is not None else ():
            for name in _HOOKS * 2:
                with contextlib.suppress(Finding):  # there may be no such cluster
                    self._put_named(user, name)

    def _delete(self, user: User) -> None:
        user.backend.hooks.delete(user.scope, user._name(), self.world.rng.choice(_HOOKS))

    def _action(self, user: User) -> tuple[str, str, str] | None:
        """(cluster, hook, token) of something that was told once, most often of late."""
        told = self.waits.asked[-12:]
        if not told:
            return None
        token = self.world.rng.choice(told)
        with self.world.store.watch() as conn:
            row = conn.execute(select(_messages.c.cluster_name, _messages.c.data, _messages.c.project_id)).all()
        found = [each for each in row if each.data.get("token") == token and each.project_id == user.scope.project_id]
        return (found[0].cluster_name, found[0].data["hook"], token) if found else None

    def _answer(self, user: User) -> None:
        action = self._action(user)
        if action is None:
            return
        cluster, hook, token = action
        result = Result.ABANDON if self.world.rng.random() < 0.2 else Result.CONTINUE
        user.backend.hooks.complete(user.scope, cluster, hook, result, token=token, server=None)
        if token in self.waits.answered:
            raise self.world.broke("6 hooks", f"{token} was answered twice")
        self.waits.answered.add(token)
        self.world.trace(f"{user.scope.project_id} {hook} {result} {token[:4]}")

    def _heartbeat(self, user: User) -> None:
        action = self._action(user)
        if action is None:
            return
        cluster, hook, token = action
        user.backend.hooks.heartbeat(user.scope, cluster, hook, token=token, server=None)
        if token in self.waits.answered:
            raise self.world.broke("6 hooks", f"{token} was answered, and is given more time")

    def _retain(self, user: User) -> None:
        user.change(user._name(), ClusterChange({"retain_abandoned": self.world.rng.random() < 0.5}))

    def _release(self, user: User) -> None:
        for server in self._retained(user):
            user.backend.nodes.terminate(user.scope, server, decrement=False)

    def _retained(self, user: User) -> list[str]:
        with self.world.store.watch() as conn:
            return [
                short_id(node.server_id)
                for cluster in user.backend.clusters.page(user.scope, limit=100).items
                for node in nodes.of_cluster(conn, cluster.cluster.id)
                if node.state in _RETAINED and node.server_id is not None
            ]

    def settle(self) -> None:
        """From now on nobody answers; what is asked is decided by its default, and that lets all go on."""
        for user in self.users:
            for view in user.backend.clusters.page(user.scope, limit=100).items:
                name = view.cluster.name
                with contextlib.suppress(Finding):  # it may be on its way out
                    user.change(name, ClusterChange({"retain_abandoned": False}))
                    for hook in user.backend.hooks.of_cluster(user.scope, name):
                        request = HookRequest(hook.name, heartbeat_seconds=30, default_result=Result.CONTINUE)
                        user.backend.hooks.put(user.scope, name, request)

    def release(self) -> None:
        """What is retained still is ended; what is so later, too."""
        for user in self.users:
            with contextlib.suppress(ActionNotFound):
                self._release(user)
