"""An instance refresh: old nodes go and new ones come, as far as its preferences let them; how it ends. Pure.

The new nodes are launched as others are: ahead of an old one (a wish), or for what lacks when an old one went.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from backend.domain.activity import Cause, CauseKind, Reason
from backend.domain.cluster import Process
from backend.domain.lifecycle import told_as
from backend.domain.mixes import weighed
from backend.domain.node import (
    ARRIVING,
    REBUILDING,
    SERVING,
    TRANSITIONS,
    LeavesFor,
    Node,
    NodeState,
    move,
)
from backend.domain.refreshes import (
    Handling,
    Refresh,
    RefreshReason,
    RefreshStatus,
    RefreshStrategy,
    RollbackCause,
)
from backend.engine.draft import Draft, Wish
from backend.engine.drawing import dismiss, members
from backend.engine.fleet import Fleet, anew_from, is_outdated
from backend.policies import brake
from backend.policies import refresh as policy
from backend.policies.replacement import Arrival

STALLED_AFTER: Final = timedelta(hours=1)
LONGEST: Final = timedelta(days=14)
_PARTS: Final = ("members_percent", "members_to_update", "pool_percent", "pool_to_update")
_FAULTS: Final = {
    RollbackCause.ALARM: RefreshReason.ALARM,
    RollbackCause.OVERDUE: RefreshReason.OVERDUE,
    RollbackCause.STALLED: RefreshReason.STALLED,
}


def refresh_nodes(draft: Draft) -> None:
    refresh = draft.refresh
    if refresh is None or not draft.active:
        return
    if refresh.status is RefreshStatus.CANCELLING:
        _cancel(draft, refresh)
    elif not draft.runs(Process.INSTANCE_REFRESH):
        draft.refresh = replace(refresh, held=True)
    else:
        _advance(draft, _begun(draft, refresh))


def _begun(draft: Draft, refresh: Refresh) -> Refresh:
    """The refresh as one that is at work now; the time in which it was held is not counted against it."""
    if refresh.held:
        refresh = replace(refresh, held=False, progress_at=draft.now)
    if refresh.status is RefreshStatus.PENDING:
        status = RefreshStatus.IN_PROGRESS
        refresh = replace(refresh, status=status, started_at=draft.now, progress_at=draft.now)
    return refresh


def _advance(draft: Draft, refresh: Refresh) -> None:
    draft.refresh = refresh
    if refresh.alarms:
        draft.wake(draft.now + draft.settings.watch_idle)
    bakes = refresh.status is RefreshStatus.BAKING
    if bakes or _waits_for_types(draft, refresh):
        fault = _fault(draft, refresh)
        if fault is not None:
            _give_up(draft, refresh, *fault)
        elif bakes:
            _bake(draft, refresh)
        return
    _forgive_old(draft, refresh)
    _end_parked(draft, refresh)
    _end_followed(draft, refresh)
    fleet = Fleet(draft, refresh)
    refresh = _past_checkpoint(draft, _measured(draft, refresh, fleet), fleet)
    draft.refresh = refresh
    through, paused = _is_through(refresh, fleet), _is_paused(draft, refresh)
    pool = _old_in_pool(draft) if through and fleet.is_renewed else []
    stalls_at = None if paused or (through and not pool) else _stalls_at(draft, refresh, fleet)
    fault = _fault(draft, refresh, stalls_at)
    if fault is not None:
        _give_up(draft, refresh, *fault)
    elif pool:
        _renew_pool(draft, pool)
    elif through:
        _finish(draft, refresh)
    elif not paused and _may_replace(draft):
        _replace(draft, refresh, fleet)


def _waits_for_types(draft: Draft, refresh: Refresh) -> bool:
    """Whether the cloud has to tell first what types there are: until then no node matches the next one."""
    return refresh.skip_matching and draft.waits_for_types()


# how far it is ------------------------------------------------------------------------------------------------------


def _measured(draft: Draft, refresh: Refresh, fleet: Fleet) -> Refresh:
    """How far it has come, and what it waits for; coming nearer to the end is progress."""
    pool = _pool_scores(draft)
    percent, told = _come(fleet, [*fleet.scores, *pool])
    if fleet.back:
        percent = percent if refresh.percent is None else min(percent, refresh.percent)
        nearer = refresh.to_update is not None and told > refresh.to_update
    else:
        nearer = refresh.to_update is None or told < refresh.to_update
    parts: dict[str, Any] = dict.fromkeys(_PARTS)
    if draft.cluster.warm_pool is not None:
        parts = dict(zip(_PARTS, (*_come(fleet, fleet.scores), *_come(fleet, pool)), strict=True))
    for node in fleet.new:
        if fleet.is_fresh(node):
            draft.wake_for_arrival(node)
    return replace(
        refresh,
        percent=percent,
        to_update=told,
        reason=_waits_for(fleet),
        progress_at=draft.now if nearer else refresh.progress_at,
        **parts,
    )


def _pool_scores(draft: Draft) -> list[int]:
    """How far the warm pool is: what is old leaves it at once, and whoever comes after that is as it is to be."""
    return [0 if is_outdated(draft, node) else policy.DONE for node in members(draft)]


def _come(fleet: Fleet, scores: list[int]) -> tuple[int, int]:
    """How far these places have come, in percent, and of how many that is told."""
    if fleet.back:
        return policy.percent_back(scores), len(scores) - scores.count(0)
    return policy.percent(scores), sum(score < policy.DONE for score in scores)


def _waits_for(fleet: Fleet) -> dict[str, str] | None:
    """What it waits for, with an example; None where it goes on."""
    found = (
        (RefreshReason.AVAILABLE, [node for node in (*fleet.new, *fleet.old) if node.state in ARRIVING | REBUILDING]),
        (RefreshReason.WARMING, [node for node in fleet.new if node.state in SERVING and not fleet.is_ready(node)]),
        (RefreshReason.TERMINATING, fleet.leaving),
        (RefreshReason.PROTECTED, [node for node in fleet.old if fleet.is_guarded(node)]),
        (RefreshReason.STANDBY, fleet.parked),
    )
    for reason, nodes in found:
        example = next((node.server_id for node in nodes if node.server_id is not None), None)
        if example is not None:
            return {"kind": str(reason), "server": example}
    return None


def _past_checkpoint(draft: Draft, refresh: Refresh, fleet: Fleet) -> Refresh:
    """A checkpoint that is reached begins a pause; one that a larger fleet has not reached any more begins anew."""
    if refresh.paused_until is not None and draft.now >= refresh.paused_until:
        refresh = replace(refresh, paused_until=None, progress_at=draft.now)
    if not refresh.checkpoints or fleet.back:
        return refresh
    reached = policy.reached(fleet.scores, refresh.checkpoints)
    risen = reached is not None and (refresh.checkpoint is None or reached > refresh.checkpoint)
    refresh = replace(refresh, checkpoint=reached)
    if risen and reached != refresh.checkpoints[-1]:
        pause = timedelta(seconds=refresh.checkpoint_seconds or 0)
        refresh = replace(refresh, paused_until=draft.now + pause)
    return refresh


def _is_paused(draft: Draft, refresh: Refresh) -> bool:
    if refresh.paused_until is None or draft.now >= refresh.paused_until:
        return False
    draft.wake(refresh.paused_until)
    return True


def _is_through(refresh: Refresh, fleet: Fleet) -> bool:
    """Whether nothing is left to be done; a last checkpoint below all is the end too."""
    if fleet.is_renewed:
        return True
    return not fleet.back and bool(refresh.checkpoints) and refresh.checkpoint == refresh.checkpoints[-1]


# how it ends --------------------------------------------------------------------------------------------------------


def _fault(
    draft: Draft, refresh: Refresh, stalls_at: datetime | None = None
) -> tuple[RollbackCause, dict[str, str]] | None:
    """Why it cannot go on, and the facts.

    Args:
        stalls_at: until when something has to be done of what is left; None where that is nothing, or is put off.
    """
    ringing = next((name for name in refresh.alarms if draft.snapshot.alarms.get(name)), None)
    if ringing is not None and refresh.status is not RefreshStatus.ROLLING_BACK:
        return RollbackCause.ALARM, {"alarm": ringing}
    begun_at = refresh.rollback_at or refresh.started_at or draft.now
    if draft.now >= begun_at + LONGEST:
        return RollbackCause.OVERDUE, {}
    draft.wake(begun_at + LONGEST)
    if stalls_at is None:
        return None
    if draft.now >= stalls_at:
        reason = refresh.reason or {}
        return RollbackCause.STALLED, {"waits": reason["kind"], "server": reason["server"]} if reason else {}
    draft.wake(stalls_at)
    return None


def _stalls_at(draft: Draft, refresh: Refresh, fleet: Fleet) -> datetime:
    """Until when it has to come nearer to its end; a node that warms up is waited for, though not one after another."""
    at = (refresh.progress_at or draft.now) + STALLED_AFTER
    fresh = [node for node in fleet.new if fleet.is_fresh(node) and node.state in SERVING]
    warm_at = max((node.in_service_at + draft.warmup for node in fresh if node.in_service_at is not None), default=None)
    return at if warm_at is None else max(at, min(warm_at, at + draft.warmup) + draft.settings.arrival_patience)


def _give_up(draft: Draft, refresh: Refresh, cause: RollbackCause, facts: dict[str, str]) -> None:
    """It is over, or goes back where it is to do so by itself: nodes are made from something else from now on."""
    if refresh.auto_rollback and refresh.status is not RefreshStatus.ROLLING_BACK:
        draft.refresh = refresh.rolled_back(cause, facts, draft.now)
    else:
        back = refresh.status is RefreshStatus.ROLLING_BACK
        status = RefreshStatus.ROLLBACK_FAILED if back else RefreshStatus.FAILED
        _end(draft, refresh, status, {"kind": str(_FAULTS[cause]), **facts})
    draft.turned = draft.again = True


def _bake(draft: Draft, refresh: Refresh) -> None:
    if refresh.bakes_until is not None and draft.now < refresh.bakes_until:
        draft.wake(refresh.bakes_until)
    else:
        _succeed(draft, refresh)


def _finish(draft: Draft, refresh: Refresh) -> None:
    if refresh.status is RefreshStatus.ROLLING_BACK:
        _end(draft, refresh, RefreshStatus.ROLLED_BACK)
    elif refresh.bake_seconds:
        until = draft.now + timedelta(seconds=refresh.bake_seconds)
        draft.refresh = replace(refresh, status=RefreshStatus.BAKING, bakes_until=until, reason=None)
        draft.wake(until)
    else:
        _succeed(draft, refresh)


def _succeed(draft: Draft, refresh: Refresh) -> None:
    """What it brought is the cluster's own from now on."""
    _end(draft, refresh, RefreshStatus.SUCCESSFUL)
    if refresh.source is None:
        return
    spec, mix = replace(draft.cluster.spec, source=refresh.source), refresh.mix
    if mix is not None:
        spec = replace(spec, mix=mix)
        for node in list(draft.nodes.values()):
            draft.put(weighed(node, mix))
    draft.cluster = replace(draft.cluster, spec=spec)


def _cancel(draft: Draft, refresh: Refresh) -> None:
    """What was begun goes on by itself; whether that is waited for is its user's to say."""
    waits = (refresh.reason or {}).get("kind") != RefreshReason.CANCELLED_AT_ONCE
    until = (refresh.progress_at or draft.now) + STALLED_AFTER
    if waits and draft.now < until:
        coming = [node for node in draft.every(*ARRIVING) if node.replaces is not None or node.refresh_id == refresh.id]
        coming += draft.every(*REBUILDING)
        if coming or Fleet(draft, refresh).leaving:
            draft.wake(until)
            return
    _end(draft, refresh, RefreshStatus.CANCELLED, refresh.reason)


def _end(draft: Draft, refresh: Refresh, status: RefreshStatus, reason: Mapping[str, str] | None = None) -> None:
    draft.refresh = replace(refresh, status=status, ended_at=draft.now, reason=reason, paused_until=None)
    draft.cluster = replace(draft.cluster, refresh_id=None)


# what it does -------------------------------------------------------------------------------------------------------


def _forgive_old(draft: Draft, refresh: Refresh) -> None:
    """What the refresh was to replace stays where that is rolled back."""
    if refresh.status is RefreshStatus.ROLLING_BACK:
        for node in draft.every(*SERVING):
            if node.leaves_for is LeavesFor.REFRESH and node.refresh_id != refresh.id:
                draft.put(replace(node, leaves_for=None))


def _end_parked(draft: Draft, refresh: Refresh) -> None:
    if refresh.standby is Handling.TERMINATE and draft.runs(Process.TERMINATE):
        for node in Fleet(draft, refresh).parked:
            _terminate(draft, node)


def _end_followed(draft: Draft, refresh: Refresh) -> None:
    """Old nodes whose new ones are ready go; those that somebody protected meanwhile stay.

    So does one that counts more than all that came in its place, as the rest failed, unless enough is ready without.
    """
    if not draft.runs(Process.TERMINATE):
        return
    fleet, surplus = Fleet(draft, refresh), draft.surplus()
    bounds = policy.bounds(draft.cluster.spec.desired, refresh.minimum_percent, refresh.maximum_percent)
    spare = fleet.ready - bounds.least
    old = {node.id for node in fleet.old if _may_go(fleet, node, refresh)} & draft.succeeded()
    for new, before in list(draft.pairs()):
        if surplus <= 0:
            break
        if before.id in old and before.state in SERVING and fleet.is_ready(new):
            cost = before.weight if fleet.is_ready(before) else 0
            if before.weight > surplus and cost > spare:
                continue
            _terminate(draft, before)
            old.discard(before.id)
            surplus, spare = surplus - before.weight, spare - cost


def _old_in_pool(draft: Draft) -> list[Node]:
    return [node for node in members(draft) if is_outdated(draft, node)]


def _renew_pool(draft: Draft, old: list[Node]) -> None:
    """The warm pool's turn is after the live part: what is old leaves it at once, and the pool fills itself anew.

    Source: Auto Scaling User Guide, "How an instance refresh works".
    """
    if not draft.runs(Process.TERMINATE):
        return
    for node in old:
        if NodeState.WARMED_TERMINATING in TRANSITIONS[node.state] and not node.returns:
            dismiss(draft, node, LeavesFor.REFRESH, (Cause(CauseKind.REFRESH_TERMINATE, draft.now),))


def _may_replace(draft: Draft) -> bool:
    """Whether what goes now would be followed by something that fares better."""
    held_since = draft.cluster.held_since
    if held_since is not None and brake.holds(draft.settings.brake, held_since, draft.now):
        return False
    if not draft.runs(Process.LAUNCH, Process.TERMINATE) or isinstance(draft.snapshot.profile, Reason):
        return False
    return not draft.waits_for_types() and not draft.is_refused()


def _replace(draft: Draft, refresh: Refresh, fleet: Fleet) -> None:
    """Old nodes are put under replacement, as many as the bounds and the next checkpoint leave room for."""
    desired = draft.cluster.spec.desired
    bounds = policy.bounds(desired, refresh.minimum_percent, refresh.maximum_percent)
    spare = fleet.ready - bounds.least
    room = bounds.most - max(draft.capacity(), desired) - draft.wished()
    crowded = draft.ahead() > 0  # also by what failed, and nobody waits for
    places = len(fleet.scores)
    allowed = places if fleet.back else policy.until(places, refresh.checkpoints, refresh.checkpoint)
    allowed -= places - fleet.untouched
    moving = [*fleet.leaving, *(wish.victim for wish in draft.wishes)]
    moving += [node for node in fleet.new if not fleet.is_ready(node)]
    moving += [node for node in fleet.old if node.state in REBUILDING]
    under_way = sum(node.weight for node in moving)
    at_once = max(1, bounds.most - bounds.least)
    for node in _candidates(draft, refresh, fleet)[: max(0, allowed)]:
        cost = node.weight if fleet.is_ready(node) else 0
        # Where nothing fits between the bounds one goes at a time.
        alone = not under_way and not crowded and fleet.ready >= desired
        ahead = node.weight <= room or (alone and refresh.maximum_percent is not None)
        if spare < 0 and fleet.is_coming(node):
            draft.wake_for_arrival(node, warms=False)  # too few serve: who is about to is waited for
            continue
        if cost <= spare if cost else under_way < at_once:
            _renew(draft, refresh, node)
            spare -= cost
        elif ahead and anew_from(draft, refresh, node) is None:
            draft.wishes.append(Wish(node, Cause(CauseKind.REFRESH_LAUNCH, draft.now), LeavesFor.REFRESH))
            room -= draft.stake(node)
        elif alone:
            _renew(draft, refresh, node)
            spare -= cost
        else:
            continue  # one that counts less, or that serves nobody, may fit
        under_way += node.weight


def _candidates(draft: Draft, refresh: Refresh, fleet: Fleet) -> list[Node]:
    """Old nodes that may go, in the order in which they do: those of what was before an aborted refresh first.

    Of these those that serve nobody: nothing is lost with them.

    Source: Auto Scaling User Guide, "How an instance refresh works".
    """
    busy = {old.id for new, old in draft.pairs() if draft.arrival(new) is not Arrival.ARRIVED}
    busy |= {wish.victim.id for wish in draft.wishes}
    states = SERVING if refresh.status is not RefreshStatus.ROLLING_BACK else SERVING | ARRIVING
    free = [
        node for node in fleet.old if node.state in states and node.id not in busy and _may_go(fleet, node, refresh)
    ]
    if refresh.strategy is RefreshStrategy.REPLACE_ROOT_VOLUME:
        came = {node.id for node in free if node.state in SERVING and not _stays(draft, node)}
        free = [node for node in free if node.id not in came]
        draft.again |= bool(came)  # one move is written at a time
    return sorted(free, key=lambda node: (fleet.is_matching(node), fleet.is_ready(node)))


def _stays(draft: Draft, node: Node) -> bool:
    before = draft.before.nodes.get(node.id)
    return before is not None and before.state is node.state


def _may_go(fleet: Fleet, node: Node, refresh: Refresh) -> bool:
    return not fleet.is_guarded(node) or refresh.protected is Handling.REFRESH


def _renew(draft: Draft, refresh: Refresh, node: Node) -> None:
    """An old node goes, or stays and has its root disk written anew from what nodes are made from now."""
    wanted = anew_from(draft, refresh, node)
    if wanted is None:
        _terminate(draft, node)
        return
    moved = replace(
        move(node, NodeState.REPLACING_ROOT_VOLUME, draft.now),
        profile=wanted.ref,
        units=wanted.units,
        refresh_id=draft.made_for,
        rebuilds_to=wanted.spec.image,
        rebuilt_from=node.image_id,
        leaves_for=None,
    )
    entry = draft.open(told_as(moved), (Cause(CauseKind.REFRESH_REBUILD, draft.now),), moved)
    draft.put(replace(moved, activity_id=entry.id))
    draft.again = True


def _terminate(draft: Draft, node: Node) -> None:
    draft.terminate(node, (Cause(CauseKind.REFRESH_TERMINATE, draft.now),), LeavesFor.REFRESH)
