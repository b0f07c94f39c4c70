"""Launches that somebody waits for are begun, and ended as soon as the cloud has answered for every node. Pure.

Until then their nodes are beside what is desired: nothing is launched for them, and nothing is too much for them.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from backend.domain.activity import ActivityKind, ActivityStatus, Cause, CauseKind, Reason, ReasonKind
from backend.domain.direct_launches import Claim, DirectLaunch
from backend.domain.node import LeavesFor
from backend.engine.choosing import Chooser
from backend.engine.draft import Draft
from backend.engine.launches import launch
from backend.engine.launching import alike, quota_reason, waits_for_facts, within_quota
from backend.engine.snapshot import Profile

_TOO_MUCH = frozenset({LeavesFor.CAPACITY, LeavesFor.ZONE})
"""What a node leaves for that the cluster had no use for: what is desired is not raised for it."""


def launch_directly(draft: Draft) -> None:
    for each in list(draft.direct.values()):
        if each.claims:
            _look(draft, each)
        elif draft.active:
            _begin(draft, each)
        else:
            _end(draft, each, 0)


def _begin(draft: Draft, wanted: DirectLaunch) -> None:
    """What was asked for is launched as the cluster is now; where that cannot be, an entry tells why."""
    profile, spec = draft.snapshot.profile, draft.cluster.spec
    if isinstance(profile, Reason):
        _refuse(draft, wanted, profile)
    elif wanted.zone not in spec.zones:
        _refuse(draft, wanted, Reason(ReasonKind.ZONE_LEFT, {"zone": wanted.zone}))
    elif (together := spec.desired + draft.direct_capacity() + wanted.capacity) > spec.maximum:
        data = {"minimum": spec.minimum, "maximum": spec.maximum, "desired": together}
        _refuse(draft, wanted, Reason(ReasonKind.OUT_OF_BOUNDS, data))
    elif not waits_for_facts(draft):
        _launch(draft, wanted)


def _launch(draft: Draft, wanted: DirectLaunch) -> None:
    before, chosen = set(draft.nodes), _profiles(draft, wanted)
    if not chosen:
        _refuse(draft, wanted, Reason(ReasonKind.NO_TYPE_MEETS))
        return
    if within_quota(draft, len(chosen)) < len(chosen):
        _refuse(draft, wanted, quota_reason(draft, len(chosen)))
        return
    subnet, most = _subnet(draft, wanted), draft.settings.launch_batch
    for _, same in groupby(chosen, alike):
        profiles = list(same)
        for start in range(0, len(profiles), most):
            here = profiles[start : start + most]
            launch(draft, (wanted.zone, subnet), here[0], (_cause(draft, wanted),), [None] * len(here))
    made = [node for node_id, node in draft.nodes.items() if node_id not in before]
    claims = tuple(
        Claim(node.activity_id or "", node.id, node.instance_type, node.weight, node.preemptible) for node in made
    )
    draft.direct[wanted.id] = replace(wanted, claims=claims)
    draft.wake(draft.now)  # somebody waits: what the cloud answers is looked at as soon as it is written
    draft.wake(draft.now + draft.settings.launch_grace)


def _profiles(draft: Draft, wanted: DirectLaunch) -> list[Profile]:
    """What is launched, alike beside alike: of a mix what its strategies choose, even where launches failed lately."""
    if draft.mix is None:
        return [*draft.choices] * wanted.capacity
    chosen = Chooser(draft, heeds_failures=False).allot(wanted.capacity, wanted.capacity, (wanted.zone,))
    return sorted(chosen.get(wanted.zone, ()), key=alike)


def _subnet(draft: Draft, wanted: DirectLaunch) -> str | None:
    if wanted.subnet_id is not None:
        return wanted.subnet_id
    choices = (draft.snapshot.subnets or {}).get(wanted.zone, ())
    return draft.rng.choice(choices) if choices else None


def _cause(draft: Draft, wanted: DirectLaunch) -> Cause:
    return Cause(CauseKind.USER_LAUNCHED, draft.now, {"count": wanted.capacity, "zone": wanted.zone})


def _refuse(draft: Draft, wanted: DirectLaunch, reason: Reason) -> None:
    entry = draft.tell(ActivityKind.LAUNCH, ActivityStatus.FAILED, (_cause(draft, wanted),), reason)
    told = replace(wanted, claims=(Claim(entry.id, "", "", wanted.capacity),))
    _end(draft, told, wanted.capacity if wanted.retries else 0)


def _look(draft: Draft, begun: DirectLaunch) -> None:
    claims = [(each, draft.nodes.get(each.node_id)) for each in begun.claimed]
    if any(node is not None and node.server_id is None for _, node in claims):
        return  # the journal of each says in the end what came of it: a server, or why there is none
    made = sum(each.weight for each, node in claims if node is not None and node.leaves_for not in _TOO_MUCH)
    missing = sum(each.weight for each, node in claims if node is None)
    _end(draft, begun, made + (missing if begun.retries else 0))


def _end(draft: Draft, ended: DirectLaunch, more: int) -> None:
    """What is desired rises by what was made, and by what the cluster is to try itself; never above the maximum."""
    draft.direct[ended.id] = replace(ended, done_at=draft.now)
    cluster, spec = draft.cluster, draft.cluster.spec
    desired = max(spec.desired, min(spec.desired + more, spec.maximum))
    if desired != spec.desired and draft.active:
        data: dict[str, str | int] = {
            "count": ended.capacity,
            "zone": ended.zone,
            "before": spec.desired,
            "after": desired,
        }
        cause = Cause(CauseKind.USER_LAUNCHED, draft.now, data)
        cluster = replace(cluster.desiring(desired, draft.now), causes=cluster.remembering(cause))
    draft.cluster = replace(cluster, launching=any(each.done_at is None for each in draft.direct.values()))
