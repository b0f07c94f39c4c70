"""Nodes move from zones that are no longer the cluster's, and from full zones to empty ones. Pure.

The new node is launched first; the old one goes when it has arrived (retire).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from backend.domain.activity import Cause, CauseKind
from backend.domain.cluster import Process
from backend.domain.node import SERVING, Health, LeavesFor, Node, capacity
from backend.engine.choosing import failing_zones, ranks
from backend.engine.draft import Draft, Wish
from backend.policies import placement, termination
from backend.policies.replacement import Arrival, margin


def rebalance(draft: Draft) -> None:
    if not draft.active or not draft.runs(Process.AZ_REBALANCE, Process.LAUNCH, Process.TERMINATE):
        return
    if not _is_calm(draft):
        return
    room = margin(draft.cluster.spec.maximum) - draft.ahead() - draft.wished()
    _migrate(draft, room)
    if not draft.wishes:
        _even_out(draft, room)


def _is_calm(draft: Draft) -> bool:
    """Nothing else is going on: no mass failure, capacity is met, and what is on its way is on its way for this."""
    if draft.cluster.held_since is not None:  # what is well stays where it is
        return False
    pending = capacity(node for node in draft.counted() if node.state not in SERVING)
    following = capacity(new for new, _ in draft.pairs() if new.state not in SERVING)
    surplus = draft.surplus()
    return surplus >= 0 and not draft.is_above(surplus) and pending == following


def _movable(draft: Draft) -> list[Node]:
    # A successor that arrived and retired nobody has become capacity like any other: its pair is void.
    busy = {one.id for new, old in draft.pairs() if draft.arrival(new) is not Arrival.ARRIVED for one in (new, old)}
    busy |= {wish.victim.id for wish in draft.wishes}
    return [
        node
        for node in draft.every(*SERVING)
        if not node.protected and node.health is Health.HEALTHY and node.id not in busy
    ]


def _migrate(draft: Draft, room: int) -> None:
    zones = draft.cluster.spec.zones
    strays = [node for node in _movable(draft) if node.zone not in zones]
    left = Counter(node.zone for node in strays)
    data: dict[str, str | int] = {"zones": ",".join(sorted(left)), "count": len(strays)}
    for node in strays:
        if room <= 0:
            break
        room -= draft.stake(node)
        draft.wishes.append(Wish(node, Cause(CauseKind.ZONE_MIGRATION, draft.now, data), LeavesFor.ZONE))


def _even_out(draft: Draft, room: int) -> None:
    failing = failing_zones(draft)
    zones = [zone for zone in draft.cluster.spec.zones if zone not in failing]
    counts = draft.zone_counts()
    for new, old in draft.pairs():
        if draft.arrival(new) is not Arrival.ARRIVED:
            counts[old.zone] -= old.weight
    movable = _by_zone(_movable(draft))
    going: dict[str, Iterator[Node]] = {}
    moves: list[tuple[Node, str, str]] = []
    # A move is worth it where it leaves the zones nearer to each other, whatever comes for what goes.
    heaviest = draft.heaviest()
    moving = 0
    while moving < room:
        gap = placement.imbalance(counts, zones)
        if gap is None or gap[2] < 2 * heaviest:
            break
        short, long, _ = gap
        if long not in going:
            going[long] = _leaving_order(draft, movable.get(long, []))
        victim = next(going[long], None)
        if victim is None:
            break
        counts[long] -= victim.weight
        counts[short] += victim.weight
        moving += draft.stake(victim)
        moves.append((victim, short, long))
    data = {
        "short_zones": ",".join(sorted({short for _, short, _ in moves})),
        "long_zones": ",".join(sorted({long for _, _, long in moves})),
    }
    for victim, short, _ in moves:
        cause = Cause(CauseKind.ZONE_REBALANCE_LAUNCH, draft.now, data)
        draft.wishes.append(Wish(victim, cause, LeavesFor.ZONE, short))


def _by_zone(nodes: list[Node]) -> dict[str, list[Node]]:
    found: dict[str, list[Node]] = {}
    for node in nodes:
        found.setdefault(node.zone, []).append(node)
    return found


def _leaving_order(draft: Draft, candidates: list[Node]) -> Iterator[Node]:
    """The nodes of one zone that may move, as the cluster's rules would have them go: asked for once a zone."""
    return iter(termination.choose(candidates, capacity(candidates), termination_view(draft), draft.rng))


def termination_view(draft: Draft) -> termination.TerminationView:
    spec = draft.cluster.spec
    mix = draft.mix
    view = None if mix is None else termination.MixView(spec.desired, mix.distribution, ranks(draft, mix))
    source = spec.source if draft.refresh is None else draft.refresh.makes(spec.source)
    return termination.TerminationView(spec.termination_rules, source, draft.now, draft.snapshot.configurations, view)
