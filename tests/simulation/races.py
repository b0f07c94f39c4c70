"""What has to hold when two do something in the same moment, and in the one order in which it could go wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from backend.domain.activity import ActivityKind
from backend.domain.cluster import Cluster
from backend.domain.ids import short_id
from backend.drivers import errors
from backend.drivers.simulated.faults import Where
from backend.store import watches
from tests.simulation.calm import REACTION
from tests.simulation.coordination import WORDS
from tests.simulation.hardships import GROUP
from tests.simulation.neighbours import Neighbours


class Races(Neighbours):
    """A world at rest in which somebody is just too late."""

    def takes_in_the_late(self) -> None:
        """A server that appears while its launch is being given up is taken in."""
        scope, grace = self._user.scope, self.world.settings.launch_grace
        self.world.simulated.faults.lose_request(Where(calls=("create",)), times=1)
        cluster = self.group(1, whole=False)
        self._until(lambda: self._waits(cluster) is not None, self._in(REACTION * 4), "no launch is begun")

        def is_given_up() -> bool:
            node = self._waits(cluster)
            with self.world.store.watch() as conn:
                seen_until, _ = watches.standing(conn, scope)
            asked_at = None if node is None else node.asked_at
            return asked_at is not None and seen_until is not None and seen_until >= asked_at + grace

        def arrive(other: int) -> None:
            node = self._waits(cluster)
            assert node is not None
            self.world.trace(f"the server of launch {node.launch_id[:4]} comes late")
            self.world.ledger.repeat(node.launch_id)
            cloud = self.world.simulated.settings
            self.world.clock.wait(cloud.boot_seconds + cloud.listing_lag_seconds + 1)
            self.world.store.transact(lambda conn: watches.pull(conn, scope, self.world.clock.now()))
            self.world.tick(other)

        self._before_plan(cluster, is_given_up, arrive)
        by = self._in(grace + self._coming_up() + self.world.settings.backoff.first * 2)
        self._until(lambda: self._is_whole(cluster.id), by, f"{GROUP} is not whole")

    def heeds_the_last_word(self) -> None:
        """What was planned for a wish that was taken back meanwhile is not done."""
        cluster = self.group(1)
        self.resize(2)
        self._before_plan(cluster, lambda: True, lambda _other: self.resize(1))
        self._let(REACTION * 2)
        if len(self._of(cluster.id)) > 1:
            raise self.world.broke("8 accepted is kept", f"1 was asked for, there are {len(self._of(cluster.id))}")

    def _before_plan(self, cluster: Cluster, ready: Callable[[], bool], act: Callable[[int], None]) -> None:
        """Do that once, between what a pass over the cluster read and what it writes.

        Args:
            act: is given the engine that the pass is not of.
        """

        def listen(point: str) -> None:
            actor = self.world.chaos.actors[-1] if self.world.chaos.actors else ("", 0)
            question = "SELECT owner FROM clusters WHERE id = ?"
            (owner,) = self.world.store.database.raw.execute(question, (cluster.id,)).fetchone()
            if point == "begin" and actor[0] == "engine" and owner is not None and ready():
                self.world.chaos.listeners.remove(listen)
                with self.world.chaos.inside("meanwhile", 0):
                    act((actor[1] + 1) % len(self.world.engines))

        self.world.chaos.listeners.append(listen)

    def tells_refusals_once(self) -> None:
        """A refusal that an engine hears of when another has told it long ago is not told again."""
        cluster, scope, clock = self.group(1), self._user.scope, self.world.clock
        lease = self.world.settings.lease.total_seconds()

        def refuse(moment: str, call: Any) -> None:
            if moment == "before" and call.scope == scope:
                raise errors.NotAuthorized("the trust is gone")

        self.world.simulated.faults.hooks.append(refuse)
        slow, quick = self.world.calls
        slow.delays = (lease * 0.6,)
        self.world.store.transact(lambda conn: watches.pull(conn, scope, clock.now()))
        self.world.tick(0)
        for each in slow.open:
            each.queued = False
        quick.delays = (0.0,)
        for _ in range(20):
            clock.wait(lease / 10)
            self.world.tick(1)
        slow.delays = (0.0,)
        self.world.tick(0)
        self.world.simulated.faults.hooks.remove(refuse)
        entries = self.watcher.reader.read().activities.values()
        told = sum(one.kind is ActivityKind.HEALTH_CHECK and one.cluster_id == cluster.id for one in entries)
        if told != 1:
            raise self.world.broke("7 journal", f"one refusal is told {told} times")
        self._let(self.world.settings.refused_retry * 2)

    def outlives_an_engine(self) -> None:
        """What an engine that died had begun is taken up long before its lease ends, whatever a coordinator says."""
        cluster, settings, roll = self.group(1), self.world.settings, self.world.roll
        assert roll is not None
        word = self.world.rng.choice(WORDS)
        for name in roll.living.values():
            roll.say(name, word)
        self.world.trace(f"the coordinator tells all: {word.__name__}")
        self._all_go_on(settings.silence * 2)
        self.world.calls[0].delays = (settings.lease.total_seconds() * 2,)
        self.resize(2)
        self.world.clock.wait(1.0)  # by then it is anybody's
        self.world.tick(0)
        dead, (owner, epoch) = roll.living[0], self._holder(cluster)
        if owner != dead:
            raise self.world.broke("35 turns", f"{dead} leaves lie what is overdue, {owner} has it")
        self.world.engines[0] = self.world.new_engine(0)
        self._all_go_on(settings.silence + settings.beat * 2)
        if self._holder(cluster) == (owner, epoch):
            raise self.world.broke("33 in time", f"{dead} is dead, and still has {GROUP}")
        by = self._in(self._coming_up() * 2)
        self._until(lambda: self._is_whole(cluster.id), by, f"{GROUP} is not whole")

    def _all_go_on(self, while_: timedelta) -> None:
        """Each engine is heard of as often as it is to be."""
        for _ in range(round(while_.total_seconds())):
            self.world.clock.wait(1.0)
            for number in range(len(self.world.engines)):
                self.world.tick(number)

    def _holder(self, cluster: Cluster) -> tuple[str | None, int]:
        question = "SELECT owner, epoch FROM clusters WHERE id = ?"
        found: tuple[str | None, int] = self.world.store.database.raw.execute(question, (cluster.id,)).fetchone()
        return found

    def spares_what_was_reclaimed(self) -> None:
        """What looked like nobody's and is its owner's own by now is not ended."""
        cluster, compute, scope = self.group(1), self.world.simulated.cloud.compute, self._user.scope
        own = self._own_server()
        self.world.clock.wait(15)
        compute.adopt(scope, own, self._of(cluster.id)[0].launch_id)
        by = self._in(self.world.settings.watch_idle * 3)
        self._until(lambda: self._is_noted(own), by, "a server that nobody owns is not noted")
        compute.adopt(scope, own, None)
        self._let(self.world.settings.orphan_grace * 3)
        if not self.world.there(own):
            raise self.world.broke("12 needless kill", f"server {own} was its owner's own by then")

    def spares_the_detached(self) -> None:
        """A server that its owner detached stays, though it carries its mark again: a request that was slow."""
        cluster, compute, scope = self.group(2), self.world.simulated.cloud.compute, self._user.scope
        node = self._of(cluster.id)[0]
        assert node.server_id is not None
        effect = self._user.model.lowered((scope.project_id, GROUP), 1, decrement=True)
        with self._user.model.expects(effect):
            self._user.backend.nodes.detach(scope, GROUP, [short_id(node.server_id)], decrement=True)
        by = self._in(self._coming_up())
        self._until(lambda: len(self._of(cluster.id)) == 1, by, f"node {node.id} is not let go")
        compute.adopt(scope, node.server_id, node.launch_id)
        self._let(self.world.settings.watch_idle * 2 + self.world.settings.orphan_grace * 3)
        if not self.world.there(node.server_id):
            raise self.world.broke("12 needless kill", f"server {node.server_id} was detached")

    def believes_the_latest(self) -> None:
        """What a listing tells late takes nothing back that was seen since."""
        cluster, database = self.group(2), self.world.store.database.raw
        node = self._of(cluster.id)[0]
        assert node.server_id is not None
        self.watcher.kept.judged.add(short_id(node.server_id))
        self.world.simulated.operator.stop(node.server_id)
        by = self._in(self.world.settings.watch_idle * 2 + self._stopping() + REACTION)
        self._until(lambda: self._left(node.id), by, f"node {node.id} is not found to be down")
        self.world.simulated.faults.stale(60.0, seconds=30.0)
        database.execute("UPDATE watches SET full_due_at = due_at")
        by = self._in(self._coming_up() + self.world.settings.watch_idle * 2)
        self._until(lambda: self._is_whole(cluster.id), by, f"node {node.id} has no successor")
