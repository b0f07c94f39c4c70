"""A cluster's nodes as its instance refresh sees them: what is to go, what has come, and how far that is. Pure."""

from __future__ import annotations

from functools import cached_property

from backend.domain.activity import Reason
from backend.domain.matching import matches
from backend.domain.node import ENDING, PARKED, PARKING, SERVING, Health, LeavesFor, Node, ServerStatus, capacity
from backend.domain.refreshes import Handling, Refresh, RefreshStatus, RefreshStrategy
from backend.domain.traffic import MemberHealth
from backend.engine.draft import Draft
from backend.engine.snapshot import Profile
from backend.policies import refresh as policy
from backend.policies.replacement import Arrival


class Fleet:
    """What is told of the nodes as they are in the draft; made anew where these have changed.

    Attributes:
        back: the refresh is rolled back: what it made is old.
        old: counted nodes that are to be replaced, oldest first; not those that are left alone.
        new: counted nodes that are as they are to be.
        parked: nodes in standby, or on their way there, that are to be replaced and not left alone.
        leaving: nodes on their way out for the refresh whose servers are not gone yet.
        ready: what is there to be used, in units.
    """

    def __init__(self, draft: Draft, refresh: Refresh) -> None:
        self._draft = draft
        self._refresh = refresh
        self._ready: dict[str, bool] = {}
        self.back = refresh.status is RefreshStatus.ROLLING_BACK
        counted = draft.counted()
        stale = [node for node in counted if self._is_old(node)]
        self.old = [node for node in stale if not self._is_ignored(node)]
        self.new = [node for node in counted if not self._is_old(node)]
        parked = [] if refresh.standby is Handling.IGNORE else draft.every(*PARKED, *PARKING)
        self.parked = [node for node in parked if self._is_old(node)]
        self.leaving = [node for node in draft.every(*ENDING) if _is_leaving(node)]
        self.ready = capacity(node for node in counted if self.is_ready(node))
        self._followed = {node.replaces for node in self.new if node.replaces is not None}

    def _is_old(self, node: Node) -> bool:
        return _is_old(self._draft, self._refresh, node)

    def is_matching(self, node: Node) -> bool:
        """Whether a node is made from what the next one will be."""
        return _is_matching(self._draft, node)

    def is_guarded(self, node: Node) -> bool:
        """Whether a node's protection keeps the refresh from it."""
        return _is_guarded(self._draft, self._refresh, node)

    def _is_ignored(self, node: Node) -> bool:
        return self.is_guarded(node) and self._refresh.protected is Handling.IGNORE

    def is_fresh(self, node: Node) -> bool:
        """Whether a node has come with the refresh, or with its rollback, and has to warm up."""
        if not self.back:
            return node.refresh_id == self._refresh.id
        since = self._refresh.rollback_at
        if node.refresh_id == self._refresh.id or since is None:
            return False
        rebuilt_at = node.in_service_at if self._refresh.strategy is RefreshStrategy.REPLACE_ROOT_VOLUME else None
        return max(node.created_at, rebuilt_at or node.created_at) >= since

    def is_ready(self, node: Node) -> bool:
        """Whether a node is there to be used."""
        known = self._ready.get(node.id)
        if known is None:
            known = self._ready[node.id] = self._is_there(node)
        return known

    def _is_there(self, node: Node) -> bool:
        if node.state not in SERVING or node.health is not Health.HEALTHY:
            return False
        return self._draft.arrival(node, warms=self.is_fresh(node)) is Arrival.ARRIVED

    def is_coming(self, node: Node) -> bool:
        """Whether a node is about to be ready: it serves, and a pool has neither taken it in yet nor refused it.

        That is over after the patience with pools at the latest.
        """
        if node.state not in SERVING or node.health is not Health.HEALTHY or self.is_ready(node):
            return False
        return not any(each.health is MemberHealth.UNHEALTHY for each in self._draft.registered(node))

    @cached_property
    def scores(self) -> list[int]:
        """How far each place of the fleet is: of a new node, or of an old one that no new one follows yet."""
        there = {node.id for node in (*self.old, *self.leaving)}
        gaps = sum(node.id not in self._followed for node in self.leaving)
        lacking = max(0, self._draft.cluster.spec.desired - self._draft.capacity())
        missing = -(-lacking // self._draft.heaviest_choice)  # in nodes, as all places are
        return [self._score(node, there) for node in self.new] + [0] * (self.untouched + max(gaps, missing))

    @property
    def is_renewed(self) -> bool:
        """Whether no place is left that is not as it is to be."""
        return all(score == policy.DONE for score in self.scores)

    def _score(self, node: Node, there: set[str]) -> int:
        if node.state not in SERVING:
            return 0
        if not self.is_ready(node):
            return policy.COMING
        return policy.WARM if node.replaces in there else policy.DONE

    @cached_property
    def untouched(self) -> int:
        """How many places there are of which nothing is begun."""
        return sum(node.id not in self._followed for node in (*self.old, *self.parked))


def _is_guarded(draft: Draft, refresh: Refresh, node: Node) -> bool:
    """Not in a rollback where the cluster protects all that is new by itself: nobody asked for that of what goes."""
    by_itself = draft.cluster.spec.protect_new and node.refresh_id == refresh.id
    return node.protected and not (by_itself and refresh.status is RefreshStatus.ROLLING_BACK)


def anew_from(draft: Draft, refresh: Refresh, node: Node) -> Profile | None:
    """What a node's root disk is to be written anew from; None where the node is replaced as a whole.

    Only a server that runs is told so, and only where what is made now has a node of that type.
    """
    if refresh.strategy is not RefreshStrategy.REPLACE_ROOT_VOLUME or node.state not in SERVING:
        return None
    if node.health is not Health.HEALTHY or node.server_status is not ServerStatus.ACTIVE:
        return None
    found = (each for each in draft.choices if each.instance_type == node.instance_type and each.spec.image is not None)
    return next(found, None)


def is_outdated(draft: Draft, node: Node) -> bool:
    """Whether a refresh is under way that is to be rid of a node: nothing brings it into service meanwhile."""
    refresh = draft.refresh
    if refresh is None or not refresh.active or refresh.status is RefreshStatus.CANCELLING:
        return False
    return _is_old(draft, refresh, node)


def _is_old(draft: Draft, refresh: Refresh, node: Node) -> bool:
    back, made = refresh.status is RefreshStatus.ROLLING_BACK, node.refresh_id == refresh.id
    if back or made:
        return back and made
    return not (refresh.skip_matching and _is_matching(draft, node))


def _is_matching(draft: Draft, node: Node) -> bool:
    profile = draft.snapshot.profile
    if isinstance(profile, Reason):
        return False
    if draft.mix is not None:
        return draft.profile_of(node) is not None
    return matches(node, profile.ref)


def _is_leaving(node: Node) -> bool:
    gone = node.server_id is None or node.server_status is ServerStatus.DELETED
    return node.leaves_for is LeavesFor.REFRESH and not gone
