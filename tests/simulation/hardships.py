"""What has to hold in hardship of one kind, begun in a world at rest: patience with servers, and with the cloud."""

from __future__ import annotations

import contextlib
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

from backend.domain.activity import Activity, ActivityKind, ActivityStatus, ReasonKind
from backend.domain.batch_sizes import TAG, Batch
from backend.domain.cluster import Cluster, ClusterChange, NewCluster, PlacementRequest, SourceRequest, Tag
from backend.domain.events import Event, Subject
from backend.domain.ids import balancing_id, short_id
from backend.domain.mixes import MixRequest, OverrideRequest
from backend.domain.node import Health, Node, NodeState, Notice, ServerStatus
from backend.domain.traffic import MemberHealth
from backend.drivers import errors
from backend.drivers.simulated.faults import Call, Moment, Where
from backend.engine.bell import Undisturbed
from backend.engine.inbox import Inbox
from backend.engine.measures import Unmeasured
from backend.errors import Finding
from backend.store import hosts, wakes
from backend.store.events import ListenerRecord
from tests.simulation.batches import tagged
from tests.simulation.calm import DAY, QUIET, REACTION, Calm
from tests.simulation.model import Told
from tests.simulation.users import ZONES, User

LASTING = timedelta(hours=1)
GROUP = "grey"  # none that the users know


class Hardships(Calm):
    """A world at rest, to which one thing happens; a group of its own is made for that."""

    def spares_the_young(self) -> None:
        """A user's verdict that respects the grace is carried out when that is over, and not before."""
        cluster = self.group(2, health_grace_seconds=120)
        node = self._of(cluster.id)[0]
        assert node.server_id is not None
        assert node.in_service_at is not None
        self.watcher.kept.judged.add(short_id(node.server_id))
        self._user.backend.nodes.set_health(
            self._user.scope, short_id(node.server_id), Health.UNHEALTHY, respect_grace=True
        )
        ends_at = node.in_service_at + timedelta(seconds=120)
        self._let(ends_at - REACTION - self.world.slack - self.world.clock.now(), steps_of=1.0)
        self._serves(node, "within its grace")
        self._until(lambda: self._left(node.id), ends_at + REACTION * 2, f"node {node.id}: its grace has no end")

    def avoids_a_full_zone(self) -> None:
        """What a zone has no room for is built in the others."""
        self.world.simulated.faults.capacity(self.world.rng.choice(ZONES), 0)
        self.group(3)

    def heeds_its_quota(self) -> None:
        """The cloud is asked for what its quota lets the project have, and for no more; all comes when that is lifted.

        Where it does not tell of its quotas, its refusals do.
        """
        faults, scope = self.world.simulated.faults, self._user.scope
        used = self.world.simulated.cloud.compute.quotas(scope)[0].used
        silent = self.world.rng.random() < 0.3
        asked: list[int] = []

        def note(moment: Moment, call: Call) -> None:
            if moment is Moment.BEFORE and call.name == "create" and call.scope == scope:
                asked.append(call.count)

        faults.quota(scope.project_id, used + 1)
        if silent:
            faults.unavailable(Where(calls=("quotas",)))
        faults.hooks.append(note)
        cluster = self.group(3, whole=False)
        by = self._in(self._coming_up() * 2 + QUIET)
        self._until(lambda: len(self._serving(cluster)) == 1, by, f"{GROUP} has not the one node that it may have")
        self._let(timedelta(minutes=3))
        faults.hooks.remove(note)
        if not silent and sum(asked) != 1:
            raise self.world.broke("3 bounds", f"{sum(asked)} servers were asked for where one may be had")
        told = [each.reason.kind for each in self._entries(cluster) if each.reason is not None]
        if set(told) != {ReasonKind.QUOTA}:
            raise self.world.broke("9 journal", f"of a quota the journal tells {sorted(set(told))}")
        faults.lift()
        by = self._in(self.world.settings.backoff.most + self._coming_up() * 2 + QUIET)
        self._until(lambda: self._is_whole(cluster.id), by, f"{GROUP} does not have its 3 nodes")

    def _entries(self, cluster: Cluster) -> list[Activity]:
        every = self.watcher.reader.read().activities.values()
        return [each for each in every if each.cluster_id == cluster.id]

    def gives_up_a_hung_boot(self) -> None:
        """A server that never comes up is replaced after its time."""
        self.world.simulated.faults.boot_hang(times=1)
        self.group(1, patience=self.world.settings.boot_timeout + self.world.settings.backoff.first * 1.5)

    def shrinks_evenly(self) -> None:
        """Scale-in takes from the zones with most, though another's nodes are the older ones that its rule names."""
        first, second, _ = ZONES
        cluster = self.group(2, zones=(first,), termination_rules=("OldestInstance",))
        self._settle_at(cluster, 1)
        oldest = self._serving(cluster)[0].id
        self.world.clock.wait(5)
        self._settle_at(cluster, 2)
        self._user.change(GROUP, ClusterChange({}, None, PlacementRequest(zones=(first, second))))
        for desired in (4, 2):
            self._settle_at(cluster, desired)
        if oldest in {node.id for node in self._serving(cluster)}:
            raise self.world.broke("19 zones", f"the oldest node {oldest} is not the first to go")
        if {node.zone for node in self._serving(cluster)} != {first, second}:
            raise self.world.broke("19 zones", f"of two nodes in each zone are left {self._serving(cluster)}")
        entries = self.watcher.reader.read().activities.values()
        launched = sum(one.kind is ActivityKind.LAUNCH and one.cluster_id == cluster.id for one in entries)
        if launched != 5:
            raise self.world.broke("3 bounds", f"{launched} launches for a group that went from 2 by 1 and 4 to 2")

    def _settle_at(self, cluster: Cluster, desired: int) -> None:
        self.resize(desired)
        by = self._in(self._coming_up() + REACTION)
        self._until(lambda: len(self._serving(cluster)) == desired, by, f"{GROUP} is not {desired}")

    def works_in_batches(self) -> None:
        """A group grows and shrinks by its batches, pass upon pass; one that changes meanwhile counts from the next on."""
        cluster = self.group(5)
        self._tag(Batch.LAUNCHES, 1)
        self._tag(Batch.DELETIONS, 1)
        self._becomes(cluster, 9)  # more the window may not let be built at once
        self._becomes(cluster, 2)
        self.resize(6)
        self._until(lambda: len(self._of(cluster.id)) > 2, self._in(REACTION), f"{GROUP} does not begin to grow")
        self._tag(Batch.LAUNCHES, 3)
        self._becomes(cluster, 6)
        self.resize(0)
        self._until(lambda: self._ended(cluster) > 0, self._in(REACTION), f"{GROUP} does not begin to shrink")
        self._tag(Batch.DELETIONS, 2)
        self._becomes(cluster, 0)

    def _tag(self, batch: Batch, size: int) -> None:
        tagged(self._user, GROUP, Tag(f"{TAG}{batch}", str(size), propagate=False))

    def _becomes(self, cluster: Cluster, desired: int) -> None:
        """As many are asked for and ended, one in a pass at the least, and each pass follows the one before at once."""
        self.resize(desired)
        by = self._in(timedelta(seconds=abs(len(self._of(cluster.id)) - desired)) + REACTION)
        self._until(
            lambda: len(self._of(cluster.id)) - self._ended(cluster) == desired, by, f"{GROUP} is not {desired} in time"
        )

    def _ended(self, cluster: Cluster) -> int:
        """How many nodes are there whose deletion was asked for."""
        return sum(node.delete_requested_at is not None for node in self._of(cluster.id))

    def spares_the_protected(self) -> None:
        """Scale-in takes who is not protected, whoever its rule names."""
        cluster = self.group(1, termination_rules=("OldestInstance",))
        (node,) = self._of(cluster.id)
        self.world.clock.wait(5)
        self.resize(2)
        by = self._in(self._coming_up() + REACTION)
        self._until(lambda: len(self._serving(cluster)) == 2, by, f"{GROUP} is not 2")
        assert node.server_id is not None
        servers = [short_id(node.server_id)]
        with self._user.model.expects(self._user.model.guarded(servers, protected=True)):
            self._user.backend.nodes.protect(self._user.scope, GROUP, servers, protected=True)
        self.resize(1)
        by = self._in(self._coming_up() + REACTION)
        self._until(lambda: len(self._of(cluster.id)) == 1, by, f"{GROUP} is not 1")
        self._serves(node, "though it is protected")

    def resize(self, desired: int) -> None:
        key = (self._user.scope.project_id, GROUP)
        with self._user.model.expects(self._user.model.resized(key, desired)):
            self._user.backend.clusters.resize(self._user.scope, GROUP, desired)

    def _serving(self, cluster: Cluster) -> list[Node]:
        return [node for node in self._of(cluster.id) if node.state is NodeState.IN_SERVICE]

    def goes_before_it_is_taken_back(self) -> None:
        """A server that the cloud is likely to take back goes, and not before its successor serves."""
        cluster = self.group(2, capacity_rebalance=True)
        node = self.world.rng.choice(self._serving(cluster))
        assert node.server_id is not None
        self.world.simulated.operator.notify(node.server_id, Notice.REBALANCE)

        def has_gone() -> bool:
            if len(self._serving(cluster)) < 2:
                raise self.world.broke("23 notice", f"{GROUP} has fewer than 2 nodes in service")
            return all(each.id != node.id for each in self._of(cluster.id))

        by = self._in(self.world.settings.watch_idle + self._coming_up() * 2)
        self._until(has_gone, by, "a server that is taken back stays")

    def leaves_its_host(self) -> None:
        """A node whose host is drained goes, and not before its successor serves."""
        cluster = self.group(2)
        node = self.world.rng.choice(self._serving(cluster))
        assert node.server_id is not None
        told = partial(hosts.drain, scope=self._user.scope, server_ids=[node.server_id], host="cpu-1")
        self.world.store.transact(lambda conn: told(conn, now=self.world.clock.now()))

        def has_gone() -> bool:
            if len(self._serving(cluster)) < 2:
                raise self.world.broke("23 notice", f"{GROUP} has fewer than 2 nodes in service")
            return all(each.id != node.id for each in self._of(cluster.id))

        by = self._in(self._coming_up() * 2)
        self._until(has_gone, by, "a node stays on a host that is drained")

    def leaves_its_host_by_weight(self) -> None:
        """Where those in its place come in part, a node goes when the rest has come, too, and its group never has less."""
        cluster, desired = self.group(3), 3
        light, heavy = OverrideRequest("t3.medium", 1), OverrideRequest("t3.large", desired)
        self.resize(0)
        self._until(lambda: not self._of(cluster.id), self._in(self._coming_up() * 2), f"{GROUP} is not empty")
        self._mix(heavy, light)
        self.resize(desired)
        self._until(lambda: len(self._serving(cluster)) == 1, self._in(self._coming_up() * 2), f"{GROUP} is not there")
        self._mix(light, heavy)
        (node,) = self._of(cluster.id)
        for zone, room in zip(ZONES, (1, 1, 0), strict=True):
            self.world.simulated.faults.capacity(zone, room, flavor="t3.medium")
            self.world.simulated.faults.capacity(zone, 0, flavor="t3.large")
        told = partial(hosts.drain, scope=self._user.scope, server_ids=[node.server_id], host="cpu-1")
        self.world.store.transact(lambda conn: told(conn, now=self.world.clock.now()))

        def serving() -> int:
            units = sum(each.weight for each in self._serving(cluster))
            if units < desired:
                raise self.world.broke("23 notice", f"{GROUP} has {units} units in service")
            return units

        by = self._in(self._coming_up() * 2)
        self._until(lambda: serving() == desired + 2, by, "nobody is launched in its place")
        ends_at = self._in(LASTING / 4)
        self._until(
            lambda: serving() > 0 and self.world.clock.now() >= ends_at, ends_at + REACTION, "time stands still"
        )
        self.world.simulated.faults.lift()
        by = self._in(self.world.settings.backoff.most * 1.5 + self._coming_up() * 2)
        self._until(
            lambda: serving() > 0 and node.id not in {each.id for each in self._of(cluster.id)},
            by,
            "a node stays on a host that is drained",
        )

    def _mix(self, *overrides: OverrideRequest) -> None:
        request = MixRequest(overrides, {"on_demand_percent": 100})
        self._user.change(GROUP, ClusterChange({}, SourceRequest(template_name="lt-0"), mix=request))

    def hears_of_an_end(self) -> None:
        """A server's end that the cloud tells of is noticed at once, by whatever else it tells beside."""
        cluster = self.group(2)
        node = self.world.rng.choice(self._serving(cluster))
        assert node.server_id is not None
        cloud = self.world.simulated.settings
        self.watcher.kept.judged.add(short_id(node.server_id))
        self.world.simulated.operator.terminate(node.server_id)
        self.world.clock.wait(cloud.delete_seconds + cloud.listing_lag_seconds + 1)
        now = self.world.clock.now()
        me = ListenerRecord("listener", "host", 1, now, now)
        bell = Undisturbed(self.world.clock)
        inbox = Inbox(self.world.store, self.world.clock, me, bell=bell, measures=Unmeasured())
        for server in ("0" * 36, node.server_id, node.server_id):
            inbox.put(self._user.scope.region, Event(Subject.SERVER, server))
        inbox.deliver()
        self._until(lambda: self._left(node.id), self._in(REACTION), f"the end of node {node.id} is not heard of")

    def asks_again(self) -> None:
        """A deletion that never reached the cloud is asked for again."""
        cluster = self.group(2)
        self.world.simulated.faults.lose_request(Where(calls=("delete",)), times=1)
        self.resize(1)
        by = self._in(self._coming_up() + self.world.settings.watch_full)
        self._until(lambda: len(self._of(cluster.id)) == 1, by, "a server whose deletion was lost stays")

    def keeps_to_its_own(self) -> None:
        """Whatever a user of another project does with a server's name, there is none of that name."""
        self.group(1)
        for _ in range(10):
            with contextlib.suppress(Finding):
                self.users[1].trespass()

    def ends_what_nobody_owns(self) -> None:
        """Of two servers that one launch made, as where its request was doubled, the one without a node goes."""
        node = self._of(self.group(1).id)[0]
        self.world.ledger.repeat(node.launch_id)
        settings, servers = self.world.settings, self.world.simulated.operator.servers
        by = self._in(settings.watch_idle * 3 + settings.orphan_grace * 2 + self._stopping() + REACTION)
        self._until(lambda: [one.launch_id for _, one in servers()].count(node.launch_id) == 1, by, "a double stays")
        self._serves(node, "as a double")

    def bears_the_unseen(self) -> None:
        """A server whose host does not report is no dead one."""
        node = self._of(self.group(2).id)[0]
        assert node.server_id is not None
        self.world.simulated.operator.lose_sight(node.server_id)
        self._let(self.world.settings.watch_idle * 4)
        self._serves(node, "while its host did not report")
        self.world.simulated.operator.recover(node.server_id)

    def finds_lost_answers(self) -> None:
        """Of a launch whose answer was lost the servers are found, though listings tell them late: none is made twice."""
        self.world.simulated.faults.lose_answer(Where(calls=("create",)), times=1)
        self.world.simulated.faults.stale(self.world.settings.launch_grace.total_seconds() / 4, seconds=30.0)
        cluster = self.group(1, whole=False)
        self._until(lambda: self._waits(cluster) is not None, self._in(REACTION * 4), "no launch is begun")
        self.world.store.transact(lambda conn: wakes.wake(conn, [cluster.id], self.world.clock.now()))
        by = self._in(self._coming_up() * 2)
        self._until(lambda: self._is_whole(cluster.id), by, f"{GROUP} is not whole")
        launches = [
            entry
            for entry in self.watcher.reader.read().activities.values()
            if entry.cluster_id == cluster.id and entry.kind is ActivityKind.LAUNCH
        ]
        if len(launches) != 1 or launches[0].status is not ActivityStatus.SUCCESSFUL:
            raise self.world.broke("2 no double", f"one launch, and the journal tells {launches}")

    def outlives_dead_delegation(self) -> None:
        """A project that lets nobody in for hours loses nothing, is told so once, and goes on when it does again."""
        cluster = self.group(2)
        scope = self._user.scope

        def refuse(moment: str, call: Any) -> None:
            if moment == "before" and call.scope == scope:
                raise errors.NotAuthorized("the trust is gone")

        before = {server.id for place, server in self.world.simulated.operator.servers() if place == scope}
        told = set(self.watcher.reader.read().activities)
        self.world.simulated.faults.hooks.append(refuse)
        self.resize(3)
        self._let(LASTING, steps_of=20.0)
        self._user.model.compare(scope, self.watcher.reader.read())
        lost = before - {server.id for _, server in self.world.simulated.operator.servers()}
        if lost:
            raise self.world.broke("12 needless kill", f"servers {lost} are gone while nobody could look")
        fresh = [entry for key, entry in self.watcher.reader.read().activities.items() if key not in told]
        kinds = Counter(entry.kind for entry in fresh if entry.cluster_id == cluster.id)
        tries = len(ZONES) * (LASTING / self.world.settings.backoff.most * 1.25 + 10)
        if kinds[ActivityKind.HEALTH_CHECK] != 1 or kinds[ActivityKind.LAUNCH] > tries:
            raise self.world.broke("7 journal", f"of a dead delegation the journal tells {kinds}")
        self.world.simulated.faults.hooks.remove(refuse)
        by = self._in(self.world.settings.refused_retry + self._coming_up())
        self._until(lambda: self._is_whole(cluster.id), by, f"{GROUP} does not go on when it may")

    def bears_stopping_images(self) -> None:
        """Servers that stop soon after they serve do not pile up, and are replaced for good when they no longer do."""
        least, most = self.world.rng.choice(((100, 150), (100, 150), (50, 100), (90, 110)))
        policy = {"maintenance_minimum_percent": least, "maintenance_maximum_percent": most, "warmup_seconds": 60}
        cluster = self.group(2, patience=timedelta(0), **policy)
        for _ in range(60):
            for node in self._of(cluster.id):
                if node.server_id is not None and node.server_status is ServerStatus.ACTIVE and node.in_service_at:
                    self.watcher.kept.judged.add(short_id(node.server_id))
                    self.world.simulated.operator.stop(node.server_id)
            self._let(timedelta(seconds=20), steps_of=5.0)
            if len(self._of(cluster.id)) > 4:
                raise self.world.broke("3 bounds", f"{len(self._of(cluster.id))} nodes of 2, whose servers stop")
        by = self._in(self.world.settings.backoff.most * 1.5 + self._coming_up() * 3)
        self._until(lambda: self._is_whole(cluster.id), by, f"{GROUP} does not recover")

    def bears_closed_pools(self) -> None:
        """Where the pool takes no newcomer, old nodes go no further than their cluster's pace allows at once."""
        pool = next(
            pool for pool in self.world.simulated.pools.all() if pool.scope == self._user.scope and pool.monitored
        )
        checks: dict[str, Any] = {
            "health_checks": ("EC2", "ELB"),
            "health_grace_seconds": 30,
            "maximum_lifetime_seconds": 86_400,
        }
        cluster = self.group(3, pools=(balancing_id(pool.id),), **checks)
        good = {node.id for node in self._of(cluster.id)}

        def judge() -> None:
            for each in self.world.simulated.pools.members(pool.id):
                verdict = MemberHealth.HEALTHY if each.owner in good else MemberHealth.UNHEALTHY
                if verdict is MemberHealth.UNHEALTHY and each.owner in {node.id for node in self._of(cluster.id)}:
                    node = next(node for node in self._of(cluster.id) if node.id == each.owner)
                    self.watcher.kept.judged.add(short_id(node.server_id or ""))
                self.world.simulated.pools.judge(pool.id, each.address, verdict)

        judge()
        self._let(self.world.settings.pool_idle * 2)
        self.world.clock.wait(DAY.total_seconds())
        for _ in range(60):
            judge()
            self._let(timedelta(seconds=30), steps_of=5.0)
        left = sum(node.id in good and node.state is NodeState.IN_SERVICE for node in self._of(cluster.id))
        if left < 2:
            raise self.world.broke("10 brake", f"{left} of 3 healthy nodes are left, and the pool takes no other")

    def heeds_its_pool(self) -> None:
        """A server that the pool's monitor finds sick after it was well is replaced."""
        pool = next(
            pool for pool in self.world.simulated.pools.all() if pool.scope == self._user.scope and pool.monitored
        )
        checks: dict[str, Any] = {"health_checks": ("EC2", "ELB"), "health_grace_seconds": 30}
        cluster = self.group(2, pools=(balancing_id(pool.id),), **checks)
        self._let(timedelta(seconds=30) + self.world.settings.pool_idle * 2)
        node = self._of(cluster.id)[0]
        assert node.server_id is not None
        assert node.address is not None
        self.watcher.kept.judged.add(short_id(node.server_id))
        self.world.simulated.pools.judge(pool.id, node.address, MemberHealth.UNHEALTHY)
        by = self._in(self.world.settings.pool_idle * 2 + REACTION)
        self._until(lambda: self._left(node.id), by, f"node {node.id} is sick, says its pool, and stays")

    def _waits(self, cluster: Cluster) -> Node | None:
        """The cluster's node that has no server."""
        return next((node for node in self._of(cluster.id) if node.server_id is None), None)

    def forgets_old_failures(self) -> None:
        """Failures that a success came after do not make the next one any worse."""
        for zone in ZONES:
            self.world.simulated.faults.capacity(zone, 0)
        cluster = self.group(1, whole=False)
        self._let(timedelta(hours=1), steps_of=20.0)
        self.world.simulated.faults.lift()
        by = self._in(self.world.settings.backoff.most * 1.5 + self._coming_up())
        self._until(lambda: self._is_whole(cluster.id), by, f"{GROUP} does not recover")
        self.world.simulated.faults.refuse(errors.NoCapacity("No valid host was found."), times=1)
        self.resize(2)
        by = self._in(self.world.settings.backoff.first * 4 + self._coming_up())
        self._until(lambda: self._is_whole(cluster.id), by, "a failure is waited for as if it were one of many")

    # -------------------------------------------------------------------------------------------------------------

    @property
    def _user(self) -> User:
        return self.users[0]

    def group(
        self,
        desired: int,
        *,
        pools: tuple[str, ...] = (),
        zones: tuple[str, ...] = ZONES,
        whole: bool = True,
        patience: timedelta = timedelta(0),
        **options: Any,
    ) -> Cluster:
        """A group of the first user's, once it has its nodes."""
        user, source = self._user, SourceRequest(configuration="lc-0")
        values = {"minimum": 0, "maximum": 2 * desired, "desired": desired, **options}
        wanted = NewCluster(GROUP, values, source, PlacementRequest(zones=zones), (), pools)
        told = Told(0, 2 * desired, desired, options, source, {}, set(pools))
        with user.model.expects(user.model.created((user.scope.project_id, GROUP), told)):
            user.backend.clusters.create(user.scope, wanted)
        cluster = self._named(user, GROUP)
        if whole:
            by = self._in(patience + self._coming_up() * 2 + QUIET)
            self._until(lambda: self._is_whole(cluster.id), by, f"{GROUP} does not have its {desired} nodes")
        return cluster

    def _serves(self, node: Node, when: str) -> None:
        if self._left(node.id):
            raise self.world.broke("15 grace", f"node {node.id} is replaced {when}")
