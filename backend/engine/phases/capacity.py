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
from backend.engine.choosing import Chooser, failing_zones
from backend.engine.draft import REPLACED, Draft
from backend.engine.drawing import draw, may_return, room, send_back
from backend.engine.launches import launch
from backend.engine.phases.consultation import choosable
from backend.engine.phases.rebalance import termination_view
from backend.engine.revision import NO_ZONE, NOT_ASKED
from backend.engine.snapshot import Profile
from backend.policies import backoff, termination, window

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
    if draft.lacks_types:
        draft.types_wanted = True
        draft.wake(draft.now + draft.settings.cloud_retry)
        return
    counted, among = draft.counted(), choosable(draft, surplus)
    chosen = termination.choose(counted, surplus, termination_view(draft), draft.rng, among=among)
    moved_away = any(True for _ in draft.pairs())
    decrease = Cause(CauseKind.CAPACITY_DECREASE, draft.now, {"before": present, "after": present - capacity(chosen)})
    reusable = room(draft)
    for node in chosen:
        if reusable and may_return(draft, node) and not moved_away:
            send_back(draft, node, (*draft.cluster.causes, decrease))
            reusable -= 1
            continue
        selected = Cause(CauseKind.SELECTED_FOR_TERMINATION, draft.now, {"server": node.server_id or ""})
        act = decrease
        if moved_away and not draft.cluster.causes:
            act = Cause(CauseKind.ZONE_REBALANCE_TERMINATE, draft.now, {"server": node.server_id or ""})
        leaves_for = LeavesFor.CAPACITY if act is decrease else LeavesFor.ZONE
        draft.terminate(node, (*draft.cluster.causes, act, selected), leaves_for)
    if among is None and not any(map(termination.may_go, counted)):
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
        if lacking > 0:
            _refuse(draft, draft.snapshot.profile, _increase(draft, present, lacking))
        return
    if waits_for_facts(draft):
        return
    if not draft.choices:
        if lacking > 0:
            _refuse(draft, Reason(ReasonKind.NO_TYPE_MEETS), _increase(draft, present, lacking))
        return
    failing = failing_zones(draft)
    hung = _hung_zones(draft, failing)
    _launch_wishes(draft, hung)
    _launch_lacking(draft, failing | hung, hung, (present, lacking))


def waits_for_facts(draft: Draft) -> bool:
    """Whether the cloud has to tell first where the subnets lie, and what types there are."""
    draft.places_wanted = draft.places_wanted or draft.snapshot.subnets is None
    draft.types_wanted = draft.types_wanted or draft.lacks_types
    if not (draft.places_wanted or draft.lacks_types):
        return False
    draft.wake(draft.now + draft.settings.cloud_retry)
    return True


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


def _refuse(draft: Draft, reason: Reason, causes: tuple[Cause, ...], kind: ActivityKind = ActivityKind.LAUNCH) -> None:
    """The launch source is gone: told again after each delay, as a launch that failed."""
    waiting = [entry.retry_at for entry in draft.failures if entry.retry_at > draft.now]
    if waiting:
        draft.wake(max(waiting))
        return
    draft.tell(kind, ActivityStatus.FAILED, causes, reason)
    draft.back_off(NO_ZONE, NO_PROFILE, refused=reason.kind not in NOT_ASKED)


def _increase(draft: Draft, present: int, lacking: int) -> tuple[Cause, ...]:
    data = {"before": present, "after": present + lacking}
    return (*draft.cluster.causes, Cause(CauseKind.CAPACITY_INCREASE, draft.now, data))


def _launch_wishes(draft: Draft, hung: set[str]) -> None:
    if not draft.wishes:
        return
    chooser = Chooser(draft, hung)
    for wish in draft.wishes:
        chooser.leaves(wish.victim)
        allotted = chooser.allot(wish.victim.weight, wish.victim.weight, None if wish.zone is None else (wish.zone,))
        if allotted:
            draft.put(replace(draft.nodes[wish.victim.id], leaves_for=wish.leaves_for))
        for zone, profiles in allotted.items():
            _launch(draft, zone, profiles, (wish.cause,), [wish.victim.id] * len(profiles))


def _launch_lacking(draft: Draft, failing: set[str], hung: set[str], missing: tuple[int, int]) -> None:
    """Args:
    missing: what there is, and what lacks, in units.
    """
    present, lacking = missing
    most = draft.settings.launches if _is_proven(draft) else draft.settings.first_launches
    if lacking <= 0 or most <= 0:
        return
    gaps = _gaps(draft)
    causes = _increase(draft, present, lacking)
    replacing = (Cause(CauseKind.REPLACING_UNHEALTHY, draft.now),)
    launched = units = 0
    for zone, wanted in Chooser(draft, hung).allot(lacking, most).items():
        profiles = _one_try_each(draft, zone, wanted)
        replaced = gaps[: len(profiles)]
        # What heals the cluster waits for no room: it was there before, and what hangs must not keep it away.
        here = len(replaced) + _room(draft, zone, len(profiles) - len(replaced), failing)
        gaps = gaps[len(replaced) :]
        profiles = profiles[:here]
        launched, units = launched + here, units + sum(each.weight for each in profiles)
        unhealthy = [old.id for old in replaced if old.leaves_for is LeavesFor.HEALTH]
        outlived = [old.id for old in replaced if old.leaves_for not in {LeavesFor.HEALTH, LeavesFor.REFRESH}]
        refreshed = [old.id for old in replaced if old.leaves_for is LeavesFor.REFRESH]
        others = [*outlived, *[None] * (here - len(replaced))]
        told = ((replacing, unhealthy), ((Cause(CauseKind.REFRESH_LAUNCH, draft.now),), refreshed), (causes, others))
        for why, instead in told:
            _launch(draft, zone, profiles[: len(instead)], why, instead)
            profiles = profiles[len(instead) :]
    if launched == most and units < lacking:
        draft.again = True


def launch_warm(draft: Draft, number: int, causes: tuple[Cause, ...]) -> None:
    """Launches into the warm pool, as far as the cloud has room; spread over zones with the cluster's own nodes."""
    if not draft.runs(Process.LAUNCH):
        return
    if isinstance(draft.snapshot.profile, Reason):
        _refuse(draft, draft.snapshot.profile, causes, ActivityKind.WARM_LAUNCH)
        return
    if waits_for_facts(draft):
        return
    if not draft.choices:
        _refuse(draft, Reason(ReasonKind.NO_TYPE_MEETS), causes, ActivityKind.WARM_LAUNCH)
        return
    failing = failing_zones(draft)
    hung = _hung_zones(draft, failing)
    most = min(number, draft.settings.launches if _is_proven(draft) else draft.settings.first_launches)
    launched = 0
    beside = draft.every(*WARMING, *WARM)
    for zone, wanted in Chooser(draft, hung, beside).allot(most, most).items():
        profiles = _one_try_each(draft, zone, wanted)
        here = _room(draft, zone, len(profiles), failing | hung)
        launched += here
        _launch(draft, zone, profiles[:here], causes, [None] * here, state=NodeState.WARMED_PENDING)
    if launched == most < number:
        draft.again = True


def _one_try_each(draft: Draft, zone: str, wanted: list[Profile]) -> list[Profile]:
    """Of what failed in a zone lately one is tried at a time."""
    retried = {entry.profile_key for entry in draft.failures if entry.zone == zone}
    tried: set[str] = set()
    found = []
    for profile in wanted:
        if profile.key not in tried:
            found.append(profile)
        if profile.key in retried:
            tried.add(profile.key)
    return found


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
    refs = [each.ref for each in draft.choices]
    return any(node.server_id is not None and node.profile in refs for node in draft.nodes.values())


def _launch(
    draft: Draft,
    zone: str,
    profiles: Sequence[Profile],
    causes: tuple[Cause, ...],
    replaces: Sequence[str | None],
    *,
    state: NodeState = NodeState.PENDING,
) -> None:
    """Launches of these nodes in the zone, in batches of one choice and subnet."""
    if profiles:
        draft.wake(draft.now + draft.settings.launch_grace)
    alike: dict[str, tuple[Profile, list[str | None]]] = {}
    for profile, replaced in zip(profiles, replaces, strict=True):
        alike.setdefault(f"{profile.key} {profile.spec.image}", (profile, []))[1].append(replaced)
    for profile, left in alike.values():
        for subnet, size in _subnets(draft, zone, len(left)):
            here, left[:] = left[:size], left[size:]
            batch = _batch(size, draft.settings.launch_batch)
            for start in range(0, size, batch):
                launch(draft, (zone, subnet), profile, causes, here[start : start + batch], state=state)


def _batch(number: int, most: int) -> int:
    """How many a request is for; two requests, where both are worth it, are worked on side by side."""
    requests = max(ceil(number / most), min(2, number // _WORTH_A_REQUEST))
    return ceil(number / max(1, requests))


def _gaps(draft: Draft) -> list[Node]:
    """Nodes that went for their health, their age or a refresh and that no launch replaces yet, the unhealthy first."""
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
