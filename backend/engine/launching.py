"""How launches are made of what was decided: how many at once, where, in which requests; for all who launch. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from math import ceil

from backend.domain.activity import ActivityKind, ActivityStatus, Cause, Reason, ReasonKind
from backend.domain.backoff import NO_PROFILE
from backend.domain.cluster import Process
from backend.domain.node import (
    ARRIVING,
    SERVING,
    WARM,
    WARMING,
    Node,
    NodeState,
    ServerStatus,
)
from backend.drivers.compute import Quota
from backend.engine.choosing import Chooser, failing_zones
from backend.engine.draft import Draft
from backend.engine.drawing import members
from backend.engine.launches import launch
from backend.engine.revision import NO_ZONE, NOT_ASKED
from backend.engine.snapshot import Profile
from backend.policies import window

_WORTH_A_REQUEST = 8
_BUILDING = frozenset({None, ServerStatus.BUILDING, ServerStatus.UNKNOWN})


def waits_for_facts(draft: Draft) -> bool:
    """Whether the cloud has to tell first where the subnets lie, what types there are, and how much there may be."""
    draft.quotas_wanted = draft.quotas_wanted or draft.snapshot.headroom is None
    draft.places_wanted = draft.places_wanted or draft.snapshot.subnets is None
    if draft.places_wanted:
        draft.wake(draft.now + draft.settings.cloud_retry)
    return draft.waits_for_types() or draft.places_wanted or draft.quotas_wanted


def refuse(draft: Draft, reason: Reason, causes: tuple[Cause, ...], kind: ActivityKind = ActivityKind.LAUNCH) -> None:
    """The launch source is gone: told again after each delay, as a launch that failed."""
    waiting = [entry.retry_at for entry in draft.failures if entry.retry_at > draft.now]
    if waiting:
        draft.wake(max(waiting))
        return
    draft.tell(kind, ActivityStatus.FAILED, causes, reason)
    draft.back_off(NO_ZONE, NO_PROFILE, refused=reason.kind not in NOT_ASKED)


def within_quota(draft: Draft, most: int) -> int:
    """How many of so many nodes the project may have now: by our own quota, and by the cloud's.

    Of several types that may be launched the smallest counts; what is too large for what is left is refused there.
    """
    bounds = [most, *(left // need for _, left, need in _quotas(draft))]
    return min(bounds if draft.room is None else [*bounds, draft.room])


def _quotas(draft: Draft) -> list[tuple[Quota, int, int]]:
    """Quotas of the cloud's: how much is left of each, and how much of it a node takes at the least."""
    headroom = draft.snapshot.headroom
    if headroom is None:
        return []
    types = {each.instance_type for each in draft.choices}
    needs = {
        each.resource: min((headroom.need(each.resource, one) for one in types), default=0) for each in headroom.quotas
    }
    return [
        (each, max(0, draft.left[each.resource]), needs[each.resource])
        for each in headroom.quotas
        if needs[each.resource] > 0
    ]


def tell_quota(draft: Draft, causes: tuple[Cause, ...], kind: ActivityKind = ActivityKind.LAUNCH) -> None:
    """The project may have no more nodes: told again after each delay, as a launch that failed."""
    standing = draft.backoffs.get((NO_ZONE, NO_PROFILE))
    if standing is not None and standing.retry_at > draft.now:
        draft.wake(standing.retry_at)
        return
    draft.tell(kind, ActivityStatus.FAILED, causes, quota_reason(draft, 1))
    draft.back_off(NO_ZONE, NO_PROFILE, refused=True)


def quota_reason(draft: Draft, requested: int) -> Reason:
    """Why a launch of more nodes than there may be failed."""
    told: dict[str, str | int] = {"resource": "instances", "requested": requested, "limit": 0, "type": ""}
    clouds = min(_quotas(draft), key=lambda quota: quota[1] // quota[2], default=None)
    if draft.snapshot.room is not None and (clouds is None or (draft.room or 0) <= clouds[1] // clouds[2]):
        return Reason(ReasonKind.QUOTA, {**told, "limit": draft.snapshot.room[1]})
    if clouds is None:
        return Reason(ReasonKind.QUOTA, told)
    quota, _, need = clouds
    return Reason(
        ReasonKind.QUOTA, {**told, "resource": quota.resource, "requested": requested * need, "limit": quota.limit}
    )


def launches_left(draft: Draft) -> int:
    """How many nodes more this pass launches: what replaces, what lacks and what warms share them.

    Where others had them all the next pass follows at once.
    """
    most = draft.settings.launches if is_proven(draft) else draft.settings.first_launches
    left = max(0, most - draft.begun)
    if not left and draft.begun:
        draft.again = True
    return left


def launch_warm(draft: Draft, number: int, causes: tuple[Cause, ...]) -> None:
    """Launches into the warm pool, as far as the cloud has room; spread over zones with the cluster's own nodes."""
    if not draft.runs(Process.LAUNCH):
        return
    if isinstance(draft.snapshot.profile, Reason):
        refuse(draft, draft.snapshot.profile, causes, ActivityKind.WARM_LAUNCH)
        return
    if waits_for_facts(draft):
        return
    if not draft.choices:
        refuse(draft, Reason(ReasonKind.NO_TYPE_MEETS), causes, ActivityKind.WARM_LAUNCH)
        return
    failing = failing_zones(draft)
    hung = hung_zones(draft, failing)
    pace = min(number, launches_left(draft))
    if pace <= 0:
        return
    most = within_quota(draft, pace)
    if most < pace:
        tell_quota(draft, causes, ActivityKind.WARM_LAUNCH)
    launched = 0
    beside = members(draft)
    for zone, wanted in Chooser(draft, hung, beside).allot(most, most).items():
        profiles = one_try_each(draft, zone, wanted)
        here = room_in(draft, zone, len(profiles), failing | hung)
        launched += here
        launch_there(draft, zone, profiles[:here], causes, [None] * here, state=NodeState.WARMED_PENDING)
    if launched == pace < number:
        draft.again = True


def launch_there(
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
    draft.begun += len(profiles)
    together: dict[tuple[str, str], tuple[Profile, list[str | None]]] = {}
    for profile, replaced in zip(profiles, replaces, strict=True):
        together.setdefault(alike(profile), (profile, []))[1].append(replaced)
    for profile, left in together.values():
        for subnet, size in _subnets(draft, zone, len(left)):
            here, left[:] = left[:size], left[size:]
            batch = _batch(size, draft.settings.launch_batch)
            for start in range(0, size, batch):
                launch(draft, (zone, subnet), profile, causes, here[start : start + batch], state=state)


def alike(profile: Profile) -> tuple[str, str]:
    """Equal for what one request can be for."""
    return profile.key, profile.spec.image or ""


def one_try_each(draft: Draft, zone: str, wanted: list[Profile]) -> list[Profile]:
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


def room_in(draft: Draft, zone: str, wanted: int, failing: set[str]) -> int:
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


def is_proven(draft: Draft) -> bool:
    """Whether the cloud has made a server of what is launched now: until then a few launches tell as much as many."""
    refs = [each.ref for each in draft.choices]
    return any(node.server_id is not None and node.profile in refs for node in draft.nodes.values())


def _building(draft: Draft) -> list[Node]:
    # Neither those back from standby, nor those that were built long ago and go from the warm pool or back into it.
    arriving = [
        node for node in draft.every(*ARRIVING, *WARMING) if node.in_service_at is None and node.drawn_at is None
    ]
    return [node for node in arriving if node.server_status in _BUILDING]


def hung_zones(draft: Draft, failing: set[str]) -> set[str]:
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


def _batch(number: int, most: int) -> int:
    """How many a request is for; two requests, where both are worth it, are worked on side by side."""
    requests = max(ceil(number / most), min(2, number // _WORTH_A_REQUEST))
    return ceil(number / max(1, requests))


def _subnets(draft: Draft, zone: str, number: int) -> list[tuple[str | None, int]]:
    """(subnet, how many): each node's is drawn by chance among the cluster's in the zone."""
    choices = (draft.snapshot.subnets or {}).get(zone, ())
    if not choices:
        return [(None, number)] if number else []
    drawn = Counter(draft.rng.choice(choices) for _ in range(number))
    return [(subnet, drawn[subnet]) for subnet in choices if drawn[subnet]]
