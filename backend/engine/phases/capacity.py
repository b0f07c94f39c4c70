"""As many nodes as are desired: launches what lacks, chooses what is too much. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backend.domain.activity import ActivityKind, ActivityStatus, Cause, CauseKind, Reason, ReasonKind
from backend.domain.cluster import Process
from backend.domain.node import (
    ENDING,
    PARKED,
    PARKING,
    REBUILDING,
    SERVING,
    LeavesFor,
    Node,
    capacity,
)
from backend.engine.choosing import Chooser, failing_zones
from backend.engine.draft import REPLACED, Draft
from backend.engine.drawing import draw, may_return, room, send_back
from backend.engine.launching import (
    hung_zones,
    launch_there,
    launches_left,
    one_try_each,
    refuse,
    room_in,
    tell_quota,
    waits_for_facts,
    within_quota,
)
from backend.engine.phases.consultation import choosable
from backend.engine.phases.rebalance import termination_view
from backend.engine.snapshot import Profile
from backend.policies import backoff, termination


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
    if draft.waits_for_types():
        return
    counted, named = draft.counted(), choosable(draft, surplus)
    among = named
    if draft.claimed:  # somebody waits for them, and they are beside what is too much
        among = (frozenset(node.id for node in counted) if named is None else named) - draft.claimed
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
    if named is None and not any(map(termination.may_go, counted)):
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
            refuse(draft, draft.snapshot.profile, _increase(draft, present, lacking))
        return
    if waits_for_facts(draft):
        return
    if not draft.choices:
        if lacking > 0:
            refuse(draft, Reason(ReasonKind.NO_TYPE_MEETS), _increase(draft, present, lacking))
        return
    failing = failing_zones(draft)
    hung = hung_zones(draft, failing)
    _launch_wishes(draft, hung)
    _launch_lacking(draft, failing | hung, hung, (present, lacking))


def _gives_up(draft: Draft, present: int, lacking: int) -> bool:
    """A cluster that has a node in service did succeed in launching: it goes on trying, ever more rarely."""
    if lacking <= 0 or draft.every(*SERVING, *REBUILDING, *PARKING, *PARKED):
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


def _increase(draft: Draft, present: int, lacking: int) -> tuple[Cause, ...]:
    data = {"before": present, "after": present + lacking}
    return (*draft.cluster.causes, Cause(CauseKind.CAPACITY_INCREASE, draft.now, data))


def _launch_wishes(draft: Draft, hung: set[str]) -> None:
    if not draft.wishes:
        return
    chooser = Chooser(draft, hung)
    for wish in draft.wishes:
        if launches_left(draft) < (wish.units if draft.begun else 1):
            draft.again = draft.again or draft.begun > 0
            return  # what takes its place is launched together, by the next pass
        chooser.leaves(wish.victim)
        most = within_quota(draft, wish.units)
        if most <= 0:
            tell_quota(draft, (wish.cause,))
            continue
        allotted = chooser.allot(wish.units, most, None if wish.zone is None else (wish.zone,))
        if allotted:
            draft.put(replace(draft.nodes[wish.victim.id], leaves_for=wish.leaves_for))
        for zone, profiles in allotted.items():
            launch_there(draft, zone, profiles, (wish.cause,), [wish.victim.id] * len(profiles))


def _launch_lacking(draft: Draft, failing: set[str], hung: set[str], missing: tuple[int, int]) -> None:
    """Args:
    missing: what there is, and what lacks, in units.
    """
    present, lacking = missing
    if lacking <= 0:
        return
    pace = launches_left(draft)
    if pace <= 0:
        return
    most = within_quota(draft, pace)
    gaps = _Filling(_gaps(draft))
    causes = _increase(draft, present, lacking)
    replacing = (Cause(CauseKind.REPLACING_UNHEALTHY, draft.now),)
    launched = units = 0
    for zone, wanted in Chooser(draft, hung).allot(lacking, most).items():
        profiles = one_try_each(draft, zone, wanted)
        replaced = gaps.fill(profiles)
        # What heals the cluster waits for no room: it was there before, and what hangs must not keep it away.
        here = len(replaced) + room_in(draft, zone, len(profiles) - len(replaced), failing)
        profiles = profiles[:here]
        launched, units = launched + here, units + sum(each.weight for each in profiles)
        unhealthy = [old.id for old in replaced if old.leaves_for is LeavesFor.HEALTH]
        outlived = [old.id for old in replaced if old.leaves_for not in {LeavesFor.HEALTH, LeavesFor.REFRESH}]
        refreshed = [old.id for old in replaced if old.leaves_for is LeavesFor.REFRESH]
        others = [*outlived, *[None] * (here - len(replaced))]
        told = ((replacing, unhealthy), ((Cause(CauseKind.REFRESH_LAUNCH, draft.now),), refreshed), (causes, others))
        for why, instead in told:
            launch_there(draft, zone, profiles[: len(instead)], why, instead)
            profiles = profiles[len(instead) :]
    if units < lacking and launched == most < pace:
        tell_quota(draft, causes)
    elif launched == most and units < lacking:
        draft.again = True


class _Filling:
    """Shares what is launched out among nodes that went: several that count less may come in the place of one."""

    def __init__(self, gaps: Sequence[Node]) -> None:
        self._gaps = list(gaps)
        self._filled = 0  # of the first of them, in units

    def fill(self, profiles: Sequence[Profile]) -> list[Node]:
        """In whose place each of these comes, in turn; fewer where no place is left."""
        found = []
        for profile in profiles:
            if not self._gaps:
                break
            old = self._gaps[0]
            found.append(old)
            self._filled += profile.weight
            if self._filled >= old.weight:
                del self._gaps[0]
                self._filled = 0
        return found


def _gaps(draft: Draft) -> list[Node]:
    """Nodes that went for their health, their age or a refresh and that no launch replaces yet, the unhealthy first."""
    covered = {node.replaces for node in draft.nodes.values()}
    gone = [node for node in draft.every(*ENDING) if node.leaves_for in REPLACED and node.id not in covered]
    return sorted(gone, key=lambda node: node.leaves_for is not LeavesFor.HEALTH)
