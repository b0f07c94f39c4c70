"""An operator who puts brakes on and takes them off, and what must hold meanwhile: nothing begins where one is on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from backend.domain.brakes import Brake
from backend.domain.node import LEAVING
from backend.store import brakes
from tests.simulation.chaos import Crash
from tests.simulation.failing_store import STORE_AWAY
from tests.simulation.rows import Reader, State
from tests.simulation.world import SCOPES, World


@dataclass(frozen=True)
class _Held:
    """What had begun when a brake was on.

    Attributes:
        nodes: every node there was, with when its deletion was asked for; what that pass asks for later is put down, too.
        leaving: those that were on their way out: a plan to end them had been written.
        epochs: the pass that each cluster was in, or had been in: what that one has begun it ends.
    """

    brake: Brake
    nodes: dict[str, datetime | None]
    leaving: Collection[str]
    epochs: Mapping[str, int]

    def holds(self, project: str) -> bool:
        return self.brake.project_id in {brakes.EVERY, project}


class Operator:
    """One for the installation."""

    def __init__(self, world: World, reader: Reader) -> None:
        self.world = world
        self.reader = reader
        self._held: dict[str, _Held] = {}

    def act(self) -> None:
        """Put a brake on, or take one off; sometimes neither."""
        if self.world.rng.random() < 0.6:
            return
        project = self.world.rng.choice((brakes.EVERY, *(scope.project_id for scope in SCOPES)))
        if project in self._held:
            self._lift(project)
        else:
            self._put(project)

    def _put(self, project: str) -> None:
        brake = Brake(project, brakes.EVERY, self.world.clock.now(), "operator", "")
        try:
            with self.world.chaos.inside("user", 0):
                brakes.put(self.world.store, brake)
        except (Crash, *STORE_AWAY) as why:
            self.world.trace(f"the operator's command died: {why!r}")
            self._undisturbed(lambda: brakes.put(self.world.store, brake))
        self.world.trace(f"the brake of {project or 'all'} is on")
        now = self.reader.read()
        nodes = {node.id: node.delete_requested_at for node in now.nodes.values()}
        leaving = {node.id for node in now.nodes.values() if node.state in LEAVING}
        self._held[project] = _Held(brake, nodes, leaving, {one.id: one.epoch for one in now.clusters.values()})

    def _lift(self, project: str) -> None:
        del self._held[project]  # from the moment on in which it may be off
        self._undisturbed(lambda: brakes.lift(self.world.store, project, brakes.EVERY))
        self.world.trace(f"the brake of {project or 'all'} is off")

    def _undisturbed(self, work: Callable[[], object]) -> None:
        was_on, self.world.chaos.on = self.world.chaos.on, False
        try:
            with self.world.chaos.inside("user", 0):  # whose commits are taken for nobody else's
                work()
        finally:
            self.world.chaos.on = was_on

    def settle(self) -> None:
        """All are off: whatever they held goes on."""
        for project in list(self._held):
            self._lift(project)

    def look(self) -> None:
        """Raise Violated where something began under a brake."""
        if self._held:
            now = self.reader.read()
            for held in self._held.values():
                self._compare(held, now)

    def _compare(self, held: _Held, now: State) -> None:
        for node in now.nodes.values():
            if not held.holds(node.project_id) or node.attached:
                continue
            if node.id not in held.nodes:
                raise self.world.broke("25 brake", f"node {node.id} is launched while an operator's brake is on")
            cluster = now.clusters[node.cluster_id]
            if node.delete_requested_at == held.nodes[node.id]:
                continue
            if cluster.epoch == held.epochs.get(cluster.id):
                if node.id in held.leaving:
                    held.nodes[node.id] = node.delete_requested_at  # which is so still when the next pass comes
            else:
                raise self.world.broke("25 brake", f"node {node.id} is ended while an operator's brake is on")
