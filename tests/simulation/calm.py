"""What has to hold when nothing goes wrong any more: news is noticed in time, and a quiet world stays quiet."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select

from backend.domain.alarm_actions import ServerAct
from backend.domain.alarms import Comparison, Missing, WantedAlarm, Watched
from backend.domain.cluster import Cluster, ClusterChange, PlacementRequest, Process
from backend.domain.ids import short_id
from backend.domain.metric_queries import MetricStat
from backend.domain.metrics import MINUTE, floored, measured
from backend.domain.node import IN_WARM_POOL, Node, NodeState
from backend.drivers.simulated.faults import Where
from backend.errors import Finding
from backend.store import tables, wakes
from backend.store.types import from_micros
from tests.simulation.invariants import Watcher
from tests.simulation.users import ZONES, User
from tests.simulation.watched import action_of, cpu_of
from tests.simulation.world import World

# A quiet project is listed, and each of its pools, every so often; a cluster's sweep is far rarer.
QUIET = timedelta(minutes=5)
REACTION = timedelta(seconds=5)
DAY = timedelta(hours=24)
_JUDGED = timedelta(minutes=3)
"""By then an alarm of one minute has acted."""
ANY_TIME = ("stays_quiet", "notices_death", "heeds_at_once", "holds_on", "moves_house")
"""What is tried where no trial is named."""
AWHILE = (
    10.0  # seconds; what an engine does by itself, by no row, such as to hold on to its leases, is not put off by more
)


class Calm:
    """A world at rest, and what is tried with it."""

    def __init__(self, world: World, watcher: Watcher, users: Sequence[User]) -> None:
        self.world = world
        self.watcher = watcher
        self.users = users
        self.asked = 0
        self.written = 0
        self._next = 0
        world.simulated.faults.hooks.append(lambda moment, _call: self._count(moment))
        world.chaos.on_commit.append(self._commit)

    def _count(self, moment: str) -> None:
        self.asked += moment == "before"

    def _commit(self) -> None:
        self.written += 1

    def try_one(self) -> None:
        chosen = self.world.mood.trial or self.world.rng.choice(ANY_TIME)
        trial: Callable[[], None] = getattr(self, chosen)
        self._answer_in(0.0)
        self._let(timedelta(seconds=2))
        self.world.trace(f"=== calm: {trial.__name__}")
        trial()

    def stays_quiet(self) -> None:
        """With nothing to do the cloud is asked, and the store written, no oftener than the pauses say."""
        self._let(self.world.settings.watch_idle * 3)
        self.asked = self.written = 0
        before = self._looked_at()
        self._let(QUIET, steps_of=1.0)
        settings = self.world.settings
        # What is found to be empty meanwhile is looked at until then.
        watches, pools = map(max, before, self._looked_at())
        looks = watches * (QUIET / settings.watch_idle + QUIET / settings.watch_full)
        looks += pools * QUIET / settings.pool_idle
        clusters = len(self.watcher.reader.read().clusters)
        asked, written = 1.2 * looks + 4, 4 * looks + 4 * clusters + 20
        if self.world.mood.coordinated:
            written += len(self.world.engines) * (QUIET / settings.beat + 1)
        if self.asked > asked or self.written > written:
            detail = f"{self.asked} calls ({asked:.0f}) and {self.written} writes ({written:.0f}) in {QUIET}"
            raise self.world.broke("14 quiet", detail)

    def _looked_at(self) -> tuple[int, int]:
        """How many projects and pools."""
        with self.world.store.watch() as conn:
            watches, pools = (
                conn.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (tables.watches, tables.pools)
            )
        return watches, pools

    def notices_death(self) -> None:
        """A server that goes down is noticed by the next look, and its successor serves as soon as it can."""
        node = self._victim()
        if node is None or node.server_id is None:
            return
        if self.world.rng.random() < 0.5:
            self._wait_for_look()
        act = self.world.rng.choice(("stop", "break_server", "pause", "terminate"))
        self.watcher.kept.judged.add(short_id(node.server_id))
        getattr(self.world.simulated.operator, act)(node.server_id)
        settings = self.world.settings
        lag = timedelta(seconds=self.world.simulated.settings.listing_lag_seconds)
        looked_by = self._in(settings.watch_idle * 2 + lag + self._stopping() + REACTION)
        self._until(lambda: self._left(node.id), looked_by, f"{act} of node {node.id} is not noticed")
        served_by = self._in(self._coming_up() + settings.watch_idle * 2 + lag)
        self._until(lambda: self._is_whole(node.cluster_id), served_by, f"node {node.id} has no successor")

    def does_as_alarms_say(self) -> None:
        """A server that was measured above an alarm's threshold is stopped or rebooted by it soon."""
        judged = self._judged()
        if judged is None:
            return
        user, server, done = judged
        act = self.world.rng.choice((ServerAct.STOP, ServerAct.REBOOT))
        cpu = cpu_of(server)
        watched = Watched(Comparison.ABOVE, 50.0, 1, missing=Missing.IGNORE, stat=MetricStat(cpu, 60, "Average"))
        alarm = WantedAlarm("hot", watched, alarm_actions=(action_of(act),))
        user.backend.alarms.put(user.scope, alarm, lambda alarm: {})
        minute = floored(self.world.clock.now(), MINUTE)
        user.backend.metrics.put(user.scope, [measured(cpu, minute, [90.0])])
        self._until(lambda: str(act) in done, self._in(_JUDGED), f"no alarm has hot server {server} do a {act}")

    def does_what_waits(self) -> None:
        """A server that is stopped while it is rebooted is stopped once the cloud lets it be."""
        judged = self._judged()
        if judged is None:
            return
        user, server, done = judged
        servers = user.backend.servers
        servers.reboot(user.scope, list(servers.find(user.scope, [server]).values()))
        servers.stop(user.scope, list(servers.find(user.scope, [server]).values()))
        if "stop" in done:
            raise self.world.broke("33 in time", f"the cloud stops {server} while it reboots it")
        self._until(lambda: "stop" in done, self._in(REACTION * 2), f"{server}, told to be stopping, is not stopped")

    def _judged(self) -> tuple[User, str, list[str]] | None:
        """Whose a node's server is that something is to be done to, its short id, and the calls that were done to it.

        The calls are those from now on, and the list grows with them.
        """
        node = self._victim()
        if node is None or node.server_id is None:
            return None
        project = self.watcher.reader.read().clusters[node.cluster_id].project_id
        user = next(user for user in self.users if user.scope.project_id == project)
        server = short_id(node.server_id)
        self.watcher.kept.judged.add(server)
        done: list[str] = []
        self.world.simulated.faults.hooks.append(
            lambda moment, call: done.append(call.name) if moment == "after" and call.server == node.server_id else None
        )
        return user, server, done

    def heeds_at_once(self) -> None:
        """What a user asks for begins at once, whatever the engine's own deadlines."""
        clusters = [one for one in self.watcher.reader.read().clusters.values() if one.spec.maximum > 0]
        if not clusters:
            return
        cluster = self.world.rng.choice(clusters)
        user = next(user for user in self.users if user.scope.project_id == cluster.project_id)
        spec = cluster.spec
        desired = spec.desired + 1 if spec.desired < spec.maximum else spec.desired - 1
        try:
            with user.model.expects(user.model.resized((cluster.project_id, cluster.name), desired)):
                user.backend.clusters.resize(user.scope, cluster.name, desired)
        except Finding:
            return
        before = len(self._of(cluster.id))
        begun = self._free_at(cluster.id) + REACTION
        self._until(lambda: self._moves(cluster.id, before), begun, f"{cluster.name}: {desired} nodes are not begun")
        by = self._in(self._coming_up() + self.world.settings.watch_idle * 2)
        self._until(lambda: self._is_whole(cluster.id), by, f"{cluster.name}: {desired} nodes are not there")

    def holds_on(self) -> None:
        """A pass that waits long for the cloud keeps its lease: no other engine takes its cluster up."""
        # A group that keeps more than is wanted, as where all of it is protected, would have nothing to begin; one with a
        # warm pool draws from it, and goes on at once.
        clusters = [
            one
            for one in self.watcher.reader.read().clusters.values()
            if len(self._of(one.id)) <= one.spec.desired < one.spec.maximum and one.warm_pool is None
        ]
        if not clusters:
            return
        lease = self.world.settings.lease.total_seconds()
        self._answer_in(lease * 2)
        # Before it launches it asks where networks and subnets lie, what types there are, and what the quotas leave.
        answered = timedelta(seconds=lease * 2) * 5
        cluster = clusters[0]
        user = next(user for user in self.users if user.scope.project_id == cluster.project_id)
        with user.model.expects(user.model.resized((cluster.project_id, cluster.name), cluster.spec.desired + 1)):
            user.backend.clusters.resize(user.scope, cluster.name, cluster.spec.desired + 1)
        before = len(self._of(cluster.id))
        begun = self._in(answered + REACTION * 8)
        self._until(lambda: len(self._of(cluster.id)) > before, begun, "no launch is begun")
        epoch = self.watcher.reader.read().clusters[cluster.id].epoch
        self._let(timedelta(seconds=lease * 0.5))
        self.world.store.transact(lambda conn: wakes.wake(conn, [cluster.id], self.world.clock.now()))
        self._let(timedelta(seconds=lease))
        now = self.watcher.reader.read().clusters[cluster.id].epoch
        if now != epoch:
            raise self.world.broke(
                "33 in time", f"{cluster.name} was taken up again while its pass waited: {epoch} {now}"
            )

    def moves_house(self) -> None:
        """Nodes whose zones are their cluster's no more move, a few at a time, and never far beyond the maximum."""
        now = self.watcher.reader.read()
        clusters = [one for one in now.clusters.values() if one.spec.desired > 1 and not one.spec.subnets]
        if not clusters:
            return
        cluster = max(clusters, key=lambda one: one.spec.desired)
        user = next(user for user in self.users if user.scope.project_id == cluster.project_id)
        user.change(cluster.name, ClusterChange({"maximum": cluster.spec.desired}))
        used = {node.zone for node in self._of(cluster.id)}
        zone = next(zone for zone in ZONES if {zone} != used)
        user.change(cluster.name, ClusterChange({}, None, PlacementRequest(zones=(zone,))))
        by = self._in(self._coming_up() * (len(self._of(cluster.id)) + 1))
        self._until(lambda: self._is_in(cluster.id, zone), by, f"{cluster.name} does not move to {zone}")

    def outlives_outage(self) -> None:
        """A day in which the cloud cannot be asked for servers is no failure of anybody's launches."""
        node = self._victim()
        if node is None or node.server_id is None:
            return
        self.world.simulated.faults.unavailable(Where(calls=("create",)))
        self.watcher.kept.judged.add(short_id(node.server_id))
        self.world.simulated.operator.terminate(node.server_id)
        self._let(DAY, steps_of=600.0)
        self.world.simulated.faults.lift()
        served_by = self._in(self.world.settings.backoff.most * 1.5 + self._coming_up())
        self._until(lambda: self._is_whole(node.cluster_id), served_by, f"node {node.id} has no successor")

    def gives_up(self) -> None:
        """A day of launches that were all refused, in a group that has nothing, suspends Launch, and not sooner."""
        for zone in ZONES:
            self.world.simulated.faults.capacity(zone, 0)
        user, desired = self.users[0], 0
        while not desired:
            with contextlib.suppress(Finding):
                user.backend.clusters.delete(user.scope, "grey")
            user.model.told.pop((user.scope.project_id, "grey"), None)
            with contextlib.suppress(Finding):
                user.create("grey")
                desired = user.model.told[user.scope.project_id, "grey"].desired
        self.watcher.model.given_up.add(self._named(user, "grey").id)
        self._let(DAY * 0.9, steps_of=600.0)
        if Process.LAUNCH in self._named(user, "grey").suspended:
            raise self.world.broke("27 giving up", "a group gave up before its day was over")
        self._let(DAY * 0.2, steps_of=600.0)
        if Process.LAUNCH not in self._named(user, "grey").suspended:
            raise self.world.broke("27 giving up", "a group still tries after more than a day in vain")

    def _wait_for_look(self) -> None:
        """Until just before a project is looked at: its listing does not tell yet what happens now."""
        soon = self.world.clock.now() + self.world.settings.watch_idle * 2
        question = "SELECT min(due_at) FROM watches"
        while self.world.clock.now() < soon:
            (due_at,) = self.world.store.database.raw.execute(question).fetchone()
            left = 0.0 if due_at is None else (from_micros(due_at) - self.world.clock.now()).total_seconds()
            if left > 0.5:
                self.world.clock.wait(left - 0.5)
                return
            self._pass(1.0, soon)

    def _named(self, user: User, name: str) -> Cluster:
        clusters = self.watcher.reader.read().clusters.values()
        return next(one for one in clusters if one.project_id == user.scope.project_id and one.name == name)

    def bears_mass_failure(self) -> None:
        """When all servers of a group stand still together none is replaced in haste, and none at all if they go on."""
        now = self.watcher.reader.read()
        serving = {
            one.id: [n for n in self._of(one.id) if n.state is NodeState.IN_SERVICE] for one in now.clusters.values()
        }
        here = max(serving.values(), key=len, default=[])
        servers = [node.server_id for node in here if node.server_id is not None]
        if len(servers) < 2:
            return
        for server in servers:
            self.watcher.kept.judged.add(short_id(server))
            self.world.simulated.operator.pause(server)
        self._let(self.world.settings.brake.most / 2)
        self._all_serve(here, "while all of its group stood still")
        for server in servers:
            self.world.simulated.operator.recover(server)
        self._let(self.world.settings.brake.most)
        self._all_serve(here, "after its server had come back")

    def _all_serve(self, wanted: Sequence[Node], when: str) -> None:
        present = self.watcher.reader.read().nodes
        for node in wanted:
            if node.id not in present or present[node.id].state is not NodeState.IN_SERVICE:
                raise self.world.broke("10 brake", f"node {node.id} was replaced {when}")

    def _is_in(self, cluster_id: str, zone: str) -> bool:
        here = self._of(cluster_id)
        movable = [node for node in here if node.state is NodeState.IN_SERVICE and not node.protected]
        return self._is_whole(cluster_id) and all(node.zone == zone for node in movable)

    def _answer_in(self, seconds: float) -> None:
        self.world.delays = (seconds,)
        for calls in self.world.calls:
            calls.delays = (seconds,)
            for each in calls.open:
                each.hasten(self.world.clock.now())

    def _stopping(self) -> timedelta:
        cloud = self.world.simulated.settings
        return timedelta(seconds=max(cloud.stop_seconds, cloud.delete_seconds))

    def _coming_up(self) -> timedelta:
        """The longest way from a finding to a new node in service, with the old one drained first."""
        cloud, settings = self.world.simulated.settings, self.world.settings
        boot = timedelta(seconds=2 * cloud.boot_seconds + cloud.delete_seconds)
        return boot + settings.deregistration + settings.deregistration_patience + settings.delete_retry + REACTION * 4

    def _victim(self) -> Node | None:
        now = self.watcher.reader.read()
        serving = [
            node
            for node in now.nodes.values()
            if node.state is NodeState.IN_SERVICE
            and now.clusters[node.cluster_id].runs(Process.LAUNCH)
            and len(self._of(node.cluster_id)) == now.clusters[node.cluster_id].spec.desired
            and not self._replaces(now.clusters[node.cluster_id])
        ]
        return self.world.rng.choice(serving) if serving else None

    def _replaces(self, cluster: Cluster) -> bool:
        """Whether a successor may not have arrived yet: others wait for that."""
        patience = self.world.settings.arrival_patience + timedelta(seconds=cluster.spec.health_grace_seconds)
        came = [node.in_service_at for node in self._of(cluster.id) if node.replaces is not None]
        return any(at is None or at > self.world.clock.now() - patience for at in came)

    def _of(self, cluster_id: str) -> list[Node]:
        every = self.watcher.reader.read().nodes.values()
        return [node for node in every if node.cluster_id == cluster_id and node.state not in IN_WARM_POOL]

    def _left(self, node_id: str) -> bool:
        """Whether the node is on its way out, or has a successor on its way in."""
        nodes = self.watcher.reader.read().nodes
        node = nodes.get(node_id)
        followed = any(other.replaces == node_id for other in nodes.values())
        return node is None or node.state is not NodeState.IN_SERVICE or followed

    def _moves(self, cluster_id: str, before: int) -> bool:
        here = self._of(cluster_id)
        parked = {NodeState.IN_SERVICE, NodeState.STANDBY}
        still = all(node.state in parked for node in here) and len(here) == before
        serving = [node for node in here if node.state is NodeState.IN_SERVICE]
        # More than were wanted, since none may go: what is asked for now may be there already.
        enough = len(serving) >= self.watcher.reader.read().clusters[cluster_id].spec.desired
        return not still or (enough and all(node.protected for node in serving))

    def _is_whole(self, cluster_id: str) -> bool:
        here = self._of(cluster_id)
        cluster = self.watcher.reader.read().clusters[cluster_id]
        serving = [node for node in here if node.state is NodeState.IN_SERVICE]
        kept = len(serving) > cluster.spec.desired and all(node.protected for node in serving)
        return len(serving) == cluster.spec.desired or kept

    def _free_at(self, cluster_id: str) -> datetime:
        """When no engine that died holds a cluster any more: all may have come to rest before its lease ends."""
        c = tables.clusters.c
        with self.world.store.watch() as conn:
            until: datetime | None = conn.execute(select(c.lease_until).where(c.id == cluster_id)).scalar_one()
        return max(until or self._in(timedelta(0)), self._in(timedelta(0)))

    def _in(self, while_: timedelta) -> datetime:
        return self.world.clock.now() + while_

    def _until(self, holds: Callable[[], bool], deadline: datetime, otherwise: str) -> None:
        while not holds():
            if self.world.clock.now() >= deadline:
                raise self.world.broke("33 in time", otherwise)
            self._pass(1.0, deadline)

    def _let(self, while_: timedelta, steps_of: float = 2.0) -> None:
        """Time passes; all engines tick."""
        ends_at = self._in(while_)
        while self.world.clock.now() < ends_at:
            self._pass(steps_of, ends_at)

    def _pass(self, least: float, ends_at: datetime) -> None:
        """Time passes until something is due, at least so many seconds, and one engine ticks."""
        left = (ends_at - self.world.clock.now()).total_seconds()
        self.world.clock.wait(max(least, min(self.world.until_due(), left, AWHILE)))
        self.world.tick(self._next)
        self._next = (self._next + 1) % len(self.world.engines)
