"""A plan in the making: the revision of a whole cluster, what is to be asked of the cloud, and when to look again.

What phases read of it, and where they add to it. Decides nothing. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from random import Random

from backend.domain.activity import Cause, Reason
from backend.domain.backoff import NO_PROFILE, Backoff
from backend.domain.cluster import ClusterStatus, Process
from backend.domain.consultations import Question
from backend.domain.ids import short_id
from backend.domain.node import ENDING, REBUILDING, SERVING, Health, LeavesFor, Node, NodeState, ServerStatus, capacity
from backend.domain.profile import ProfileRef
from backend.domain.refreshes import FORWARD
from backend.domain.traffic import MemberHealth, Registration, RegistrationState, TrafficSource
from backend.drivers.balancing import Target
from backend.engine.acts.act import Act
from backend.engine.acts.members import Change, ChangeMembers
from backend.engine.offers import asks_types, expand
from backend.engine.revision import Revision
from backend.engine.settings import EngineSettings
from backend.engine.snapshot import Profile, Snapshot
from backend.policies.refresh import bounds as refresh_bounds
from backend.policies.replacement import LAUNCH_FIRST, Arrival, Newcomer, Pace, arrival, pace

BALANCER_CHECK = "ELB"
_ARRIVALS = {
    MemberHealth.HEALTHY: Arrival.ARRIVED,
    MemberHealth.INITIAL: Arrival.COMING,
    MemberHealth.UNHEALTHY: Arrival.FAILED,
}

REPLACED = frozenset({LeavesFor.HEALTH, LeavesFor.LIFETIME, LeavesFor.NOTICE, LeavesFor.HOST, LeavesFor.REFRESH})
"""What nodes leave for that others are launched in place of."""

_WELL = frozenset({LeavesFor.LIFETIME, LeavesFor.NOTICE, LeavesFor.HOST})
"""What nodes have to go for that do their work until then."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Nodes that are to be launched before another goes.

    Attributes:
        zone: where they must be, None for anywhere.
        rest: what still lacks in its place where a part of that has come, in units; None where nothing has.
    """

    victim: Node
    cause: Cause
    leaves_for: LeavesFor
    zone: str | None = None
    rest: int | None = None

    @property
    def units(self) -> int:
        """What is to be launched."""
        return self.victim.weight if self.rest is None else self.rest


def _is_of_image(node: Node, profile: Profile) -> bool:
    """Whether a node's root disk is of the image that a profile has now."""
    if node.own_image is not None:
        return node.own_image == profile.spec.image
    seen = None if node.image_id is None else short_id(node.image_id)
    return profile.own_image is None or profile.own_image == seen


class Draft(Revision):
    """A plan in the making.

    Attributes:
        acts: what the cloud is to be told, in the order it was chosen.
        wishes: launches wanted beside what the capacity lacks.
        wakes: instants at which something may have to be done.
        places_wanted: launches wait to be told where the cluster's subnets lie.
        types_wanted: launches wait to be told what types the cloud offers.
        quotas_wanted: launches wait to be told how much the cloud lets the project have.
        left: of each thing that it does, how much that still is.
        question: somebody outside is to choose who goes.
        faults_wanted: nodes whose servers went into error, for reasons that the cloud is to be asked for.
        room: how many nodes more the project may have; None where that keeps nothing back.
        begun: how many nodes it launches by now, without those that users launch by number.
        turned: what nodes are made from is no longer what was read: the rest is planned in the next pass.
    """

    def __init__(self, snapshot: Snapshot, now: datetime, settings: EngineSettings, rng: Random) -> None:
        super().__init__(snapshot.rows, now, settings, rng)
        self.snapshot = snapshot
        self.wishes: list[Wish] = []
        self.wakes: list[datetime] = []
        self.places_wanted = False
        self.types_wanted = False
        self.quotas_wanted = False
        self.left = {each.resource: each.left for each in snapshot.headroom.quotas} if snapshot.headroom else {}
        self.question: Question | None = None
        self.faults_wanted: list[Node] = []
        self.turned = False
        self.room = None if snapshot.room is None else snapshot.room[0]
        self.begun = 0
        self._acts: list[Act] = []
        self._members: dict[tuple[str, Change], list[Target]] = {}
        self._registered: dict[str, list[Registration]] = {}
        for registration in snapshot.registrations:
            self._registered.setdefault(registration.node_id, []).append(registration)

    @property
    def active(self) -> bool:
        return self.cluster.status is ClusterStatus.ACTIVE

    def runs(self, *processes: Process) -> bool:
        return all(self.cluster.runs(process) for process in processes)

    @property
    def failures(self) -> list[Backoff]:
        """The backoffs of what would be launched now: another profile starts afresh."""
        profile = self.snapshot.profile
        if self.snapshot.mixed:
            begins = tuple({f"{each.ref.key}:" for each in self.snapshot.mixed})
            return [
                each for each in self.backoffs.values() if each.profile_key.startswith(begins) or not each.profile_key
            ]
        key = NO_PROFILE if isinstance(profile, Reason) else profile.ref.key
        return [each for each in self.backoffs.values() if each.profile_key == key]

    # what may be launched --------------------------------------------------------------------------------------------

    @cached_property
    def choices(self) -> Sequence[Profile]:
        """What the next nodes may be made from, by rank; of a mix those of a type that the cloud is known to offer."""
        if self.mix is not None:
            return expand(self.snapshot)
        profile = self.snapshot.profile
        return () if isinstance(profile, Reason) else (profile,)

    @property
    def lacks_types(self) -> bool:
        """Whether what the cloud offers has to be known for a launch, and is not."""
        mix = self.mix
        return mix is not None and self.snapshot.types is None and asks_types(mix, self.snapshot)

    def profile_of(self, node: Node) -> Profile | None:
        """What a node was to be made from, where that is still among what may be launched."""
        found = self._by_made.get((node.profile, node.instance_type)) or self._by_made.get((node.profile, None))
        if found is None or not _is_of_image(node, found):
            return None
        return replace(found, preemptible=node.preemptible)

    @cached_property
    def _by_made(self) -> dict[tuple[ProfileRef | None, str | None], Profile]:
        """(what it is made from, its type where it is one of a mix) -> the first such choice."""
        found: dict[tuple[ProfileRef | None, str | None], Profile] = {}
        for each in self.choices:
            found.setdefault((each.ref, each.instance_type if each.mixed else None), each)
        return found

    # what is added ---------------------------------------------------------------------------------------------------

    def waits_for_types(self) -> bool:
        """Whether the cloud has to tell first what types there are: it is asked, and again after a while."""
        if not self.lacks_types:
            return False
        self.types_wanted = True
        self.wake(self.now + self.settings.cloud_retry)
        return True

    def wake(self, at: datetime | None) -> None:
        if at is not None:
            self.wakes.append(at)

    def act(self, act: Act) -> None:
        """The cloud is told, once all is claimed."""
        self._acts.append(act)

    def has_room_for_members(self, pool_id: str) -> bool:
        """Whether this pass changes another member of a pool; where it does not, another pass follows at once."""
        told = sum(len(targets) for (pool, _), targets in self._members.items() if pool == pool_id)
        if told < self.settings.registrations:
            return True
        self.again = True
        return False

    def change_member(self, change: Change, member: Registration) -> None:
        """The same of all members of one pool, in one act."""
        target = Target(member.node_id, member.address, member.port, member.subnet_id)
        self._members.setdefault((member.pool_id, change), []).append(target)

    @property
    def acts(self) -> list[Act]:
        members = [
            ChangeMembers(self.scope, pool_id, change, tuple(targets))
            for (pool_id, change), targets in self._members.items()
        ]
        return [*self._acts, *members]

    # what there is ---------------------------------------------------------------------------------------------------

    def every(self, *states: NodeState) -> list[Node]:
        return [node for node in self.nodes.values() if node.state in states]

    def counted(self) -> list[Node]:
        return [node for node in self.nodes.values() if node.counted]

    def capacity(self) -> int:
        """What counts towards the desired capacity, in its units."""
        return capacity(self.nodes.values())

    def zone_counts(self) -> Counter[str]:
        """What counts in each zone, in units."""
        counts: Counter[str] = Counter()
        for node in self.nodes.values():
            if node.counted:
                counts[node.zone] += node.weight
        return counts

    def registered(self, node: Node) -> Sequence[Registration]:
        """What was registered for a node with the cluster's traffic sources, or kept out of them."""
        return self._registered.get(node.id, ())

    def takes_traffic(self, node: Node) -> bool:
        """Whether a node that is to go has to wait: members of it are still in pools that can be told so."""
        if all(each.state is RegistrationState.SKIPPED for each in self.registered(node)):
            return False
        longest = max((self.delay(each.pool_id) for each in self.registered(node)), default=timedelta(0))
        given_up_at = node.state_at + longest + self.settings.deregistration_patience
        if self.now >= given_up_at:
            return False
        self.wake(given_up_at)
        return True

    # how it stands with replacement ----------------------------------------------------------------------------------

    @property
    def pace(self) -> Pace:
        """A refresh that goes faster takes the rest with it: what it made and what fails has its turn meanwhile."""
        desired = self.cluster.spec.desired
        own = pace(desired, *self.maintenance)
        if self.refresh is None:
            return own
        bounds = refresh_bounds(desired, self.refresh.minimum_percent, self.refresh.maximum_percent)
        return replace(own, at_once=max(own.at_once, bounds.most - bounds.least))

    @property
    def maintenance(self) -> tuple[int | None, int | None]:
        """The percentages of the maintenance policy, or those that the project has for clusters without one."""
        spec = self.cluster.spec
        if spec.maintenance_minimum_percent is None and self.snapshot.launch_first:
            return LAUNCH_FIRST
        return spec.maintenance_minimum_percent, spec.maintenance_maximum_percent

    @property
    def made_for(self) -> str | None:
        """The refresh that nodes which are launched now are made for."""
        return self.refresh.id if self.refresh is not None and self.refresh.status in FORWARD else None

    def pairs(self) -> Iterator[tuple[Node, Node]]:
        """(new, old): nodes that were launched ahead of the departure of another that still counts."""
        for new in self.nodes.values():
            if new.replaces is not None and new.counted:
                old = self.nodes.get(new.replaces)
                if old is not None and old.counted:
                    yield new, old

    def succeeded(self) -> set[str]:
        """Old nodes whose place is taken: as much as they count has arrived, or all that comes.

        Several that count less may follow one. Where the rest of them failed, one that is well and has to go for its
        time or its host stays for the rest to be launched again, unless there is enough without it.
        """
        arrived: Counter[str] = Counter()
        awaited = set()
        for new, old in self.pairs():
            told = self.arrival(new)
            if told is Arrival.ARRIVED:
                arrived[old.id] += new.weight
            elif told is Arrival.COMING:
                awaited.add(old.id)
        taken = {each for each, units in arrived.items() if each not in awaited or units >= self.nodes[each].weight}
        short = [
            each
            for each in arrived
            if each in taken and arrived[each] < self.nodes[each].weight and self.has_to_go(self.nodes[each]) in _WELL
        ]
        if short:
            taken.difference_update(short)
            spare = self.capacity() - self._ahead_of(taken) - self.direct_capacity() - self.cluster.spec.desired
            for each in short:
                left = spare + arrived[each] - self.nodes[each].weight
                if left >= 0:
                    taken.add(each)
                    spare = left
        return taken

    def shortfalls(self) -> dict[str, int]:
        """Old nodes that wait though all that came in their place has arrived -> what lacks there, in units."""
        taken, lacks, unsettled = self.succeeded(), dict[str, int](), set()
        for new, old in self.pairs():
            if self.arrival(new) is not Arrival.ARRIVED:
                unsettled.add(old.id)
            lacks[old.id] = lacks.get(old.id, old.weight) - new.weight
        return {each: units for each, units in lacks.items() if each not in taken | unsettled}

    def has_to_go(self, node: Node) -> LeavesFor | None:
        """Why a node is to go whatever the capacity is."""
        if node.health is Health.UNHEALTHY:
            return LeavesFor.HEALTH
        if self.outlived(node):
            return LeavesFor.LIFETIME
        if node.notice is not None and self.cluster.spec.capacity_rebalance:
            return LeavesFor.NOTICE
        return None if node.drained_from is None else LeavesFor.HOST

    @property
    def warmup(self) -> timedelta:
        """How long a new node is in service before it counts."""
        if self.refresh is not None and self.refresh.active:
            return timedelta(seconds=self.refresh.warmup_seconds)
        spec = self.cluster.spec
        return timedelta(seconds=spec.health_grace_seconds if spec.warmup_seconds is None else spec.warmup_seconds)

    def arrival(self, new: Node, *, warms: bool = True) -> Arrival:
        """Whether a node does what the one did that it replaces.

        Args:
            warms: it has to be in service for a while before it counts.
        """
        newcomer = Newcomer(
            new.in_service_at if new.state in SERVING else None,
            new.health is Health.HEALTHY,
            [self._arrival_in(new, source) for source in self.cluster.sources if source.wanted],
            self.warmup if warms else timedelta(0),
            self.settings.arrival_patience,
        )
        return arrival(newcomer, self.now)

    def _arrival_in(self, new: Node, source: TrafficSource) -> Arrival:
        found = next((each for each in self.registered(new) if each.pool_id == source.pool_id), None)
        if found is None:
            adds = self.runs(Process.ADD_TO_LOAD_BALANCER)
            return Arrival.COMING if adds else Arrival.ARRIVED
        if found.state is RegistrationState.SKIPPED:
            return Arrival.ARRIVED
        if found.state is not RegistrationState.REGISTERED:
            return Arrival.COMING
        if BALANCER_CHECK not in self.cluster.spec.health_checks:
            return Arrival.ARRIVED
        if found.health is MemberHealth.UNKNOWN:  # nobody looks, or nobody has yet
            seen = found.state_at + self.settings.pool_idle <= self.now
            return Arrival.ARRIVED if seen else Arrival.COMING
        return _ARRIVALS[found.health]

    def wake_for_arrivals(self) -> None:
        """Look again when a node on its way may have come, as far as time alone tells."""
        for new in self.every(*SERVING):
            if new.replaces is not None:
                self.wake_for_arrival(new)

    def wake_for_arrival(self, new: Node, *, warms: bool = True) -> None:
        """The same of one node; ``warms``: see ``arrival``."""
        if new.state not in SERVING or self.arrival(new, warms=warms) is not Arrival.COMING:
            return
        warm_at = (new.in_service_at or self.now) + (self.warmup if warms else timedelta(0))
        told = [each.state_at + self.settings.pool_idle for each in self.registered(new)]
        for at in (warm_at, warm_at + self.settings.arrival_patience, *told):
            if at > self.now:
                self.wake(at)

    def ahead(self) -> int:
        """Capacity beyond the desired that is meant to be: nodes on their way, for one that goes after them."""
        return self._ahead_of(self.succeeded())

    def _ahead_of(self, taken: set[str]) -> int:
        """The same, where these old nodes' places are taken."""
        return capacity(
            new for new, old in self.pairs() if old.id not in taken or self.arrival(new) is not Arrival.ARRIVED
        )

    def surplus(self) -> int:
        """Capacity above the desired that nothing is meant to come of; below zero, what lacks."""
        return self.capacity() - self.ahead() - self.direct_capacity() - self.cluster.spec.desired

    def direct_capacity(self) -> int:
        """Capacity beyond the desired that was asked for by number, and of which it is not known yet what is made."""
        return capacity(self.nodes[node_id] for node_id in sorted(self.claimed & self.nodes.keys()))

    @property
    def claimed(self) -> frozenset[str]:
        """The nodes of launches by number of which it is not known yet what is made."""
        under_way = [launch for launch in self.direct.values() if launch.done_at is None]
        return frozenset(each.node_id for launch in under_way for each in launch.claimed)

    def heaviest(self) -> int:
        """What the node counts that counts most, of those there are and those that may be launched."""
        there = max((node.weight for node in self.nodes.values() if node.counted), default=1)
        return max(there, self.heaviest_choice)

    @property
    def heaviest_choice(self) -> int:
        """What the node counts that counts most of those that may be launched."""
        return 1 if self.mix is None else max((each.weight for each in self.choices), default=1)

    def stake(self, node: Node) -> int:
        """What may come in the place of a node that is replaced, in units: no less than it counts."""
        return self._stake(node.weight)

    def _stake(self, units: int) -> int:
        return units + self.heaviest_choice - 1

    def is_above(self, surplus: int) -> bool:
        """Whether one node less would still do: weights may leave a surplus that is smaller than any node."""
        return surplus > 0 and any(node.counted and node.weight <= surplus for node in self.nodes.values())

    def under_replacement(self) -> int:
        """What nodes under replacement count: they are gone, or going, and as much has not arrived in their place yet.

        A successor that failed is none: it is replaced in its turn. One that its pools refuse, and nobody replaces, is
        beside the one it was launched ahead of for good, and holds up the next.
        """
        come: dict[Arrival, Counter[str]] = {each: Counter() for each in Arrival}
        ahead = {new.id for new, _ in self.pairs()}
        for node in self.counted():
            if node.replaces is not None:
                told = self.arrival(node)
                refused = told is Arrival.FAILED and node.health is Health.HEALTHY and node.id in ahead
                come[Arrival.COMING if refused else told][node.replaces] += node.weight
        followed, arrived = come[Arrival.COMING], come[Arrival.ARRIVED]
        leaving = {
            node.id: max(0, node.weight - arrived[node.id]) for node in self.every(*ENDING) if self._leaves_a_gap(node)
        }
        missing = self.cluster.spec.desired + self.direct_capacity() - self.capacity() if self.failures else 0
        rebuilding = {node.id: node.weight for node in self.every(*REBUILDING)}
        under_way = {**followed, **leaving, **rebuilding}
        lacking = sum(weight for node_id, weight in under_way.items() if not self._has_followed(node_id, arrived))
        return max(lacking, missing)

    def _has_followed(self, node_id: str, arrived: Mapping[str, int]) -> bool:
        """Whether as much as a node counts has arrived in its place; what one counted that is gone is not known."""
        node = self.nodes.get(node_id)
        return node is not None and arrived.get(node_id, 0) >= node.weight

    def is_refused(self) -> bool:
        """Whether the pools never took a successor: the next one would fare no better."""
        return any(
            node.replaces is not None and node.health is Health.HEALTHY and self.arrival(node) is Arrival.FAILED
            for node in self.counted()
        )

    def _leaves_a_gap(self, node: Node) -> bool:
        return node.leaves_for in REPLACED and node.server_status is not ServerStatus.DELETED

    def outlived(self, node: Node) -> bool:
        lifetime = self.cluster.spec.maximum_lifetime_seconds
        return lifetime is not None and (self.now - node.created_at).total_seconds() >= lifetime

    def replaceable(self) -> int:
        """What more may be put under replacement now, in units; where anything may, one that counts more may, too."""
        return max(0, self.pace.at_once - self.under_replacement() - self.wished())

    def wished(self) -> int:
        """What may come for the wishes, in units."""
        return sum(self._stake(wish.units) for wish in self.wishes)
