"""As many nodes as are desired: launches what lacks, chooses what is too much. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from math import ceil

from backend.domain.activity import ActivityKind, ActivityStatus, Cause, CauseKind, Reason, ReasonKind
from backend.domain.backoff import NO_PROFILE
from backend.domain.cluster import Process
from backend.domain.node import (
    ARRIVING,
    ENDING,
    PARKED,
    PARKING,
    SERVING,
    WARM,
    WARMING,
    LeavesFor,
    Node,
    NodeState,
    ServerStatus,
    capacity,
)
from backend.engine.draft import REPLACED, Draft
from backend.engine.drawing import draw, may_return, room, send_back
from backend.engine.launches import launch
from backend.engine.phases.rebalance import failing_zones, termination_view
from backend.engine.revision import NO_ZONE, NOT_ASKED
from backend.policies import backoff, placement, termination, window

_WORTH_A_REQUEST = 8
_BUILDING = frozenset({None, ServerStatus.BUILDING, ServerStatus.UNKNOWN})


def meet_capacity(draft: Draft) -> None:
    if not draft.active:
        return
    lacking = -draft.surplus()
    present = draft.cluster.spec.desired - lacking
    if draft.is_above(-lacking):
        _shrink(draft, present, -lacking)
    elif lacking > 0 or draft.wishes:
        _grow(draft, present, lacking)


def _shrink(draft: Draft, present: int, surplus: int) -> None:
    if not draft.runs(Process.TERMINATE):
        return
    counted = draft.counted()
    chosen = termination.choose(counted, surplus, termination_view(draft), draft.rng)
    moved_away = any(True for _ in draft.pairs())
    decrease = Cause(CauseKind.CAPACITY_DECREASE, draft.now, {"before": present, "after": present - capacity(chosen)})
    reusable = room(draft)
    for node in chosen:
        if reusable and may_return(node) and not moved_away:
            send_back(draft, node, (*draft.cluster.causes, decrease))
            reusable -= 1
            continue
        selected = Cause(CauseKind.SELECTED_FOR_TERMINATION, draft.now, {"server": node.server_id or ""})
        act = decrease
        if moved_away and not draft.cluster.causes:
            act = Cause(CauseKind.ZONE_REBALANCE_TERMINATE, draft.now, {"server": node.server_id or ""})
        leaves_for = LeavesFor.CAPACITY if act is decrease else LeavesFor.ZONE
        draft.terminate(node, (*draft.cluster.causes, act, selected), leaves_for)
    if not any(map(termination.may_go, counted)):
        draft.note((*draft.cluster.causes, Cause(CauseKind.ALL_PROTECTED, draft.now)))


def _grow(draft: Draft, present: int, lacking: int) -> None:
    if not draft.runs(Process.LAUNCH):
        return
    if lacking > 0 and (drawn := draw(draft, lacking, _increase(draft, present, lacking), _gaps(draft))):
        present, lacking = present + drawn, lacking - drawn
        if lacking <= 0 and not draft.wishes:
            return
    if _gives_up(draft, present, lacking):
        return
    if isinstance(draft.snapshot.profile, Reason):
        _refuse(draft, draft.snapshot.profile, present, lacking)
        return
    if draft.snapshot.subnets is None:
        draft.places_wanted = True
        draft.wake(draft.now + draft.settings.cloud_retry)
        return
    failing = failing_zones(draft)
    failing |= _hung_zones(draft, failing)
    _launch_wishes(draft, failing)
    _launch_lacking(draft, failing, present, lacking)


def _gives_up(draft: Draft, present: int, lacking: int) -> bool:
    """A cluster that has a node in service did succeed in launching: it goes on trying, ever more rarely."""
    if lacking <= 0 or draft.every(*SERVING, *PARKING, *PARKED):
        return False
    rule, cluster = draft.settings.backoff, draft.cluster
    if not backoff.is_hopeless(rule, draft.failures):
        return False
    reason = Reason(ReasonKind.GIVEN_UP, {"hours": int(rule.give_up_after.total_seconds() // 3600)})
    draft.tell(ActivityKind.LAUNCH, ActivityStatus.FAILED, _increase(draft, present, lacking), reason)
    suspended = {**cluster.suspended, Process.LAUNCH: draft.now}
    draft.cluster = replace(cluster, suspended=suspended, given_up=cluster.given_up | {Process.LAUNCH})
    draft.backoffs.clear()
    return True


def _refuse(draft: Draft, reason: Reason, present: int, lacking: int) -> None:
    """The launch source is gone: told again after each delay, as a launch that failed."""
    if lacking <= 0:
        return
    waiting = [entry.retry_at for entry in draft.failures if entry.retry_at > draft.now]
    if waiting:
        draft.wake(max(waiting))
        return
    draft.tell(ActivityKind.LAUNCH, ActivityStatus.FAILED, _increase(draft, present, lacking), reason)
    draft.back_off(NO_ZONE, NO_PROFILE, refused=reason.kind not in NOT_ASKED)


def _increase(draft: Draft, present: int, lacking: int) -> tuple[Cause, ...]:
    data = {"before": present, "after": present + lacking}
    return (*draft.cluster.causes, Cause(CauseKind.CAPACITY_INCREASE, draft.now, data))


def _launch_wishes(draft: Draft, failing: set[str]) -> None:
    counts = draft.zone_counts()
    for wish in draft.wishes:
        if wish.zone is not None:
            zone = None if wish.zone in failing else wish.zone
        else:
            zone = next(iter(_spread(draft, counts, 1, failing)), None)
        if zone is not None:
            counts[zone] += 1
            draft.put(replace(draft.nodes[wish.victim.id], leaves_for=wish.leaves_for))
            _launch(draft, zone, (wish.cause,), [wish.victim.id])


def _launch_lacking(draft: Draft, failing: set[str], present: int, lacking: int) -> None:
    most = min(lacking, draft.settings.launches if _is_proven(draft) else draft.settings.first_launches)
    if most <= 0:
        return
    counts = draft.zone_counts()
    gaps = _gaps(draft)
    causes = _increase(draft, present, lacking)
    replacing = (Cause(CauseKind.REPLACING_UNHEALTHY, draft.now),)
    launched = 0
    retried = {entry.zone for entry in draft.failures}
    for zone, wanted in _spread(draft, counts, most, failing).items():
        here = min(wanted, 1) if zone in retried else wanted
        replaced = gaps[:here]
        # What heals the cluster waits for no room: it was there before, and what hangs must not keep it away.
        here = len(replaced) + _room(draft, zone, here - len(replaced), failing)
        gaps = gaps[len(replaced) :]
        launched += here
        unhealthy = [old.id for old in replaced if old.leaves_for is LeavesFor.HEALTH]
        outlived = [old.id for old in replaced if old.leaves_for is not LeavesFor.HEALTH]
        _launch(draft, zone, replacing, unhealthy)
        _launch(draft, zone, causes, [*outlived, *[None] * (here - len(replaced))])
    if launched == most < lacking:
        draft.again = True


def launch_warm(draft: Draft, number: int, causes: tuple[Cause, ...]) -> None:
    """Launches into the warm pool, as far as the cloud has room; spread over zones with the cluster's own nodes."""
    if not draft.runs(Process.LAUNCH) or isinstance(draft.snapshot.profile, Reason):
        return
    if draft.snapshot.subnets is None:
        draft.places_wanted = True
        draft.wake(draft.now + draft.settings.cloud_retry)
        return
    failing = failing_zones(draft)
    failing |= _hung_zones(draft, failing)
    counts = draft.zone_counts() + Counter(node.zone for node in draft.every(*WARMING, *WARM))
    most = min(number, draft.settings.launches if _is_proven(draft) else draft.settings.first_launches)
    retried = {entry.zone for entry in draft.failures}
    for zone, wanted in _spread(draft, counts, most, failing).items():
        here = _room(draft, zone, min(wanted, 1) if zone in retried else wanted, failing)
        _launch(draft, zone, causes, [None] * here, NodeState.WARMED_PENDING)


def _room(draft: Draft, zone: str, wanted: int, failing: set[str]) -> int:
    """How many of those wanted in a zone the cloud is asked for now. What makes room wakes the cluster."""
    rule = draft.settings.window
    if wanted <= 0:
        return 0
    since = draft.now - rule.memory
    serving = [node for node in draft.every(*SERVING, *WARM) if node.zone == zone and not node.attached]
    came_up = sum(node.created_at >= since for node in serving)
    building = sum(node.zone == zone for node in _building(draft))
    zones = len(set(draft.cluster.spec.zones) - failing)
    return window.room(rule, came_up, building, wanted, max(1, zones))


def _building(draft: Draft) -> list[Node]:
    # Neither those back from standby, nor those that were built long ago and go from the warm pool or back into it.
    arriving = [
        node for node in draft.every(*ARRIVING, *WARMING) if node.in_service_at is None and node.drawn_at is None
    ]
    return [node for node in arriving if node.server_status in _BUILDING]


def _hung_zones(draft: Draft, failing: set[str]) -> set[str]:
    """Zones where servers are built for so long that the cloud no longer works on them, and no younger one came up.

    They are left alone like those where launches fail, as long as there is another: where all are slow none hangs.
    A launch of which no server is known says nothing of its zone: whoever was to ask for it may have died, and a cloud
    that cannot be asked has no zone to blame. What was looked for in vain has failed.
    """
    hangs_after = draft.settings.window.memory
    begun: dict[str, datetime] = {}
    for node in _building(draft):
        if node.server_id is None:
            continue
        begun[node.zone] = min(node.created_at, begun.get(node.zone, node.created_at))
    hung = set()
    for zone, since in begun.items():
        if since + hangs_after > draft.now:
            draft.wake(since + hangs_after)
        elif not any(node.zone == zone and node.created_at > since for node in _came_up(draft)):
            hung.add(zone)
    return hung if set(draft.cluster.spec.zones) - failing - hung else set()


def _came_up(draft: Draft) -> list[Node]:
    up = [node for node in draft.counted() if node.server_status is ServerStatus.ACTIVE and not node.attached]
    return [*up, *draft.every(*WARM)]


def _is_proven(draft: Draft) -> bool:
    """Whether the cloud has made a server of what is launched now: until then a few launches tell as much as many."""
    profile = draft.snapshot.profile
    return not isinstance(profile, Reason) and any(
        node.server_id is not None and node.profile == profile.ref for node in draft.nodes.values()
    )


def _launch(
    draft: Draft,
    zone: str,
    causes: tuple[Cause, ...],
    replaces: Sequence[str | None],
    state: NodeState = NodeState.PENDING,
) -> None:
    """Launches of these nodes in the zone, in batches of one subnet."""
    left = list(replaces)
    if left:
        draft.wake(draft.now + draft.settings.launch_grace)
    for subnet, size in _subnets(draft, zone, len(left)):
        here, left = left[:size], left[size:]
        batch = _batch(size, draft.settings.launch_batch)
        for start in range(0, size, batch):
            launch(draft, zone, subnet, causes, here[start : start + batch], state=state)


def _batch(number: int, most: int) -> int:
    """How many a request is for; two requests, where both are worth it, are worked on side by side."""
    requests = max(ceil(number / most), min(2, number // _WORTH_A_REQUEST))
    return ceil(number / max(1, requests))


def _spread(draft: Draft, counts: Counter[str], number: int, failing: set[str]) -> dict[str, int]:
    spec = draft.cluster.spec
    return placement.spread(counts, spec.zones, number, failing=failing, distribution=spec.zone_distribution)


def _gaps(draft: Draft) -> list[Node]:
    """Nodes that went for their health or their age and that no launch replaces yet, the unhealthy first."""
    covered = {node.replaces for node in draft.nodes.values()}
    gone = [node for node in draft.every(*ENDING) if node.leaves_for in REPLACED and node.id not in covered]
    return sorted(gone, key=lambda node: node.leaves_for is not LeavesFor.HEALTH)


def _subnets(draft: Draft, zone: str, number: int) -> list[tuple[str | None, int]]:
    """(subnet, how many): each node's is drawn by chance among the cluster's in the zone."""
    choices = (draft.snapshot.subnets or {}).get(zone, ())
    if not choices:
        return [(None, number)] if number else []
    drawn = Counter(draft.rng.choice(choices) for _ in range(number))
    return [(subnet, drawn[subnet]) for subnet in choices if drawn[subnet]]
