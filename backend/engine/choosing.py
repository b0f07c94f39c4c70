"""What the next nodes of a draft are made of, and where: zones first, then class and type of its mix. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from backend.domain.cluster import ZoneDistribution
from backend.domain.mixes import Distribution, Mix, Strategy
from backend.domain.node import ARRIVING, WARMING, Node
from backend.engine.draft import Draft
from backend.engine.snapshot import Profile
from backend.policies import allocation, placement
from backend.policies.allocation import Candidate

Allotted = dict[str, list[Profile]]
"""Zone -> what is launched there, in the order chosen."""


class Chooser:
    """Chooses for all launches of one pass; what was chosen counts from then on.

    Args:
        hung: zones that are left alone beside those where launches fail.
        beside: nodes that zones are balanced with, though they do not count.
        heeds_failures: what failed lately is put off.
    """

    def __init__(
        self, draft: Draft, hung: Collection[str] = (), beside: Iterable[Node] = (), *, heeds_failures: bool = True
    ) -> None:
        self._draft = draft
        self._spec = draft.cluster.spec
        self._mix = draft.mix
        self._hung = frozenset(hung)
        self._counts = draft.zone_counts() + Counter(node.zone for node in beside)
        self._closed = closed_places(draft) if heeds_failures else set()
        self._failures = {place: entry.failures for place, entry in draft.backoffs.items()}
        self._sides: dict[bool, dict[int, tuple[str, Profile]]] = {}
        self._orders: dict[tuple[str, bool], list[Candidate]] = {}
        self._held: Counter[tuple[str, str, bool]] = Counter()
        self._on_demand = 0
        self._leaving = {old.id for _, old in draft.pairs()}
        if self._mix is not None:
            for node in draft.counted():
                if node.id not in self._leaving:
                    self._hold(node.zone, node.instance_type, node.weight, preemptible=node.preemptible)

    def leaves(self, node: Node) -> None:
        """A node goes as soon as what is chosen next has come: its share is free."""
        if node.id not in self._leaving and not node.preemptible:
            self._on_demand -= node.weight
        self._leaving.add(node.id)

    def allot(self, units: int, most: int, zones: Sequence[str] | None = None) -> Allotted:
        """Launches that make up so many units, ``most`` of them at most; fewer where launches are put off.

        Args:
            zones: to choose among; None for all of the cluster's.
        """
        where = self._spec.zones if zones is None else zones
        if self._mix is None:
            return self._plain(min(units, most), where)
        return self._mixed(self._mix, units, most, where)

    def _plain(self, number: int, zones: Sequence[str]) -> Allotted:
        failing = {zone for zone, _ in self._closed} | self._hung
        spec = self._spec
        found = placement.spread(self._counts, zones, number, failing=failing, distribution=spec.zone_distribution)
        self._counts.update(found)
        (profile,) = self._draft.choices
        return {zone: [profile] * wanted for zone, wanted in found.items()}

    def _mixed(self, mix: Mix, units: int, most: int, zones: Sequence[str]) -> Allotted:
        found: Allotted = {}
        left, number, shut = units, 0, 0
        while left > 0 and number < most:
            spot = self._is_spot_next(mix, self._on_demand + shut)
            open_zones = [zone for zone in zones if zone not in self._hung and self._open(zone, preemptible=spot)]
            if not open_zones and (spot or not mix.wants_spot):
                break
            if not open_zones:
                # On-Demand has to wait, and nothing stands in for it; what is to be Spot does not wait with it.
                waits = min(left, self._share(mix.distribution) - self._on_demand - shut)
                left, shut = left - waits, shut + waits
                continue
            best_effort = self._spec.zone_distribution is ZoneDistribution.BEST_EFFORT
            zone = min(open_zones if best_effort else zones, key=lambda name: self._counts[name])
            if zone not in open_zones:
                self._counts[zone] += 1  # balanced-only: what falls to it waits for it
                left -= 1
                continue
            profile = self._best(mix, zone, preemptible=spot)
            found.setdefault(zone, []).append(profile)
            self._counts[zone] += profile.weight
            self._hold(zone, profile.instance_type, profile.weight, preemptible=spot)
            left, number = left - profile.weight, number + 1
        return {zone: found[zone] for zone in zones if zone in found}

    def _is_spot_next(self, mix: Mix, on_demand: int) -> bool:
        """Beyond what is desired, where launches by number and pools come to, all is of the class that is wanted."""
        if not mix.wants_spot or mix.all_spot:
            return mix.wants_spot
        return allocation.is_spot_next(self._spec.desired, on_demand, mix.distribution)

    def _share(self, share: Distribution) -> int:
        return allocation.on_demand_of(self._spec.desired, share)

    def _open(self, zone: str, *, preemptible: bool) -> list[Candidate]:
        """What may be launched in a zone now, as the strategy takes it: neither changes while launches are chosen."""
        mix, found = self._mix, self._orders.get((zone, preemptible))
        if found is None and mix is not None:
            candidates = [
                candidate_of(each, position, self._failures.get((zone, key), 0))
                for position, (key, each) in self._side(preemptible=preemptible).items()
                if (each.zones is None or zone in each.zones) and (zone, key) not in self._closed
            ]
            found = allocation.ordered(mix.spot_strategy if preemptible else mix.on_demand_strategy, candidates)
            self._orders[zone, preemptible] = found
        return found or []

    def _side(self, *, preemptible: bool) -> dict[int, tuple[str, Profile]]:
        """Rank -> key and profile of what may be launched of a class."""
        if preemptible not in self._sides:
            choices = enumerate(self._draft.choices)
            here = (
                (at, replace(each, preemptible=preemptible)) for at, each in choices if preemptible not in each.barred
            )
            self._sides[preemptible] = {at: (each.key, each) for at, each in here}
        return self._sides[preemptible]

    def _best(self, mix: Mix, zone: str, *, preemptible: bool) -> Profile:
        pools, held = None, {}
        if preemptible and mix.spot_strategy is Strategy.LOWEST_PRICE:
            pools = mix.distribution.spot_pools or allocation.USUAL_POOLS
            held = {kind: units for (here, kind, spot), units in self._held.items() if here == zone and spot}
        chosen = allocation.best(self._open(zone, preemptible=preemptible), pools, held)
        assert chosen is not None
        return self._side(preemptible=preemptible)[chosen.position][1]

    def _hold(self, zone: str, instance_type: str, units: int, *, preemptible: bool) -> None:
        self._held[zone, instance_type, preemptible] += units
        self._on_demand += 0 if preemptible else units


def candidate_of(profile: Profile, position: int, failures: int = 0) -> Candidate:
    """A profile as the allocation looks at it."""
    return Candidate(position, profile.instance_type, profile.weight, profile.cost, profile.size, failures)


def ranks(draft: Draft, mix: Mix) -> dict[tuple[str, bool], int]:
    """(instance type, preemptible) -> in which order the allocation strategy launches what may be launched."""
    candidates = [candidate_of(each, position) for position, each in enumerate(draft.choices)]
    found: dict[tuple[str, bool], int] = {}
    for preemptible, strategy in ((False, mix.on_demand_strategy), (True, mix.spot_strategy)):
        for rank, one in enumerate(allocation.ordered(strategy, candidates)):
            found.setdefault((one.instance_type, preemptible), rank)
    return found


def failing_zones(draft: Draft) -> set[str]:
    """Zones where nothing may be launched now, as the last launches failed: until the delay of one of them is over."""
    closed = closed_places(draft)
    if draft.mix is None:
        return {zone for zone, _ in closed}
    keys = {key for each in draft.choices for key in _keys(draft.mix, each)}
    zones = {zone for zone, _ in closed}
    return {zone for zone in zones if all((zone, key) in closed for key in keys)}


def _keys(mix: Mix, profile: Profile) -> Iterable[str]:
    yield profile.key
    if mix.wants_spot:
        yield replace(profile, preemptible=True).key


def closed_places(draft: Draft) -> set[tuple[str, str]]:
    """(zone, key) where the last launch failed: until its delay is over, and while one node tries it again."""
    since = draft.now - draft.settings.window.memory  # what is built for longer hangs, and tries nothing
    trying = _trying(draft, since)
    closed = set()
    for backoff in draft.failures:
        place = backoff.zone, backoff.profile_key
        if backoff.retry_at > draft.now:
            draft.wake(backoff.retry_at)
            closed.add(place)
        elif (place if draft.mix is not None else (backoff.zone, "")) in trying:
            closed.add(place)
    return closed


def _trying(draft: Draft, since: datetime) -> set[tuple[str, str]]:
    arriving = [node for node in draft.every(*ARRIVING, *WARMING) if node.created_at > since]
    if draft.mix is None:
        return {(node.zone, "") for node in arriving}
    return {(node.zone, draft.key_of(node)) for node in arriving}
